/**
 * Stanza to bytes. The choice between words, packed text, JIDs and raw text is made as Baileys makes it, so that the
 * bytes are the same, under one rule: what is written reads back as what was given. Where Baileys' bytes would not (see
 * {@link encodeNode}), the text is written raw.
 *
 * @source Baileys 7.0.0-rc14 `WABinary/encode.js`
 */
import { UsageError } from '../../base/errors.ts'
import {
  MAX_DEVICE,
  MAX_FOREIGN_DEVICE,
  parseDevice,
  SERVER_GROUP,
  SERVER_HOSTED,
  SERVER_HOSTED_LID,
  SERVER_INTEROP,
  SERVER_LID,
  SERVER_MESSENGER,
  SERVER_USER,
} from '../jid.ts'
import { LONGEST_PACKABLE_WORD, LONGEST_WORD, wordCodes } from './dictionary.ts'
import type { BinaryNode } from './node.ts'
import { packedTag } from './packed.ts'
import * as tags from './tags.ts'
import { Writer } from './writer.ts'

/** Serves every stanza: encoding is synchronous and never re-enters. */
const writer = new Writer()

/**
 * The bytes of a stanza, uncompressed, with the flag byte in front.
 *
 * They equal those of Baileys' `encodeBinaryNode`, except where Baileys' own bytes read back as something else: text
 * with an `@` that is no JID (`a:b@c`, `name@`), device numbers on servers whose form has none (`1:2@g.us`), users with
 * a `_`, and words such as `constructor`. A device number of 0 is not kept, as everywhere.
 *
 * @returns a new array that the caller owns
 * @throws {UsageError} `WATON_NODE_INVALID` for an empty tag, an attribute that is not text, or content that is not a
 *   list of stanzas, bytes or text; `WATON_NODE_DEVICE` for a device number above 255; `WATON_NODE_TOO_LARGE` for more
 *   than 65535 items in a list or more than 64 levels
 */
export function encodeNode(node: BinaryNode): Uint8Array {
  writer.reset()
  writer.byte(0)
  writeNode(node, 1)
  return writer.take()
}

function writeNode(node: BinaryNode, depth: number): void {
  checkShape(node, depth)
  const { tag, attrs, content } = node
  const names = Object.keys(attrs)
  let present = 0
  for (const name of names) if (isPresent(attrs[name], tag, name)) present++
  writeListStart(2 * present + (content === undefined ? 1 : 2), tag)
  writeName(tag)
  for (const name of names) {
    const value = attrs[name]
    if (typeof value !== 'string') continue
    writeName(name)
    writeText(value, 0)
  }
  if (content !== undefined) writeContent(content, node, depth)
}

/** Callers without a type checker pass anything; what slips through here would shift every later byte of the stanza. */
function checkShape(node: unknown, depth: number): void {
  if (depth > tags.MAX_DEPTH) {
    throw new UsageError('WATON_NODE_TOO_LARGE', 'the stanza is nested too deep; does it contain itself?', {
      details: { limit: tags.MAX_DEPTH },
    })
  }
  const { tag, attrs } = (node ?? {}) as { tag?: unknown; attrs?: unknown }
  if (typeof tag !== 'string' || tag === '') {
    throw new UsageError(
      'WATON_NODE_INVALID',
      'a stanza needs a tag: make stanzas with node(tag, attributes, content)',
    )
  }
  if (typeof attrs !== 'object' || attrs === null) {
    throw new UsageError(
      'WATON_NODE_INVALID',
      `<${tag}> needs attributes: an object, empty when there are none`,
      {
        details: { tag },
      },
    )
  }
}

/** Whether the attribute is written; `undefined` and `null` are left out. Anything else that is not text is refused. */
function isPresent(value: unknown, tag: string, name: string): boolean {
  if (typeof value === 'string') return true
  if (value === undefined || value === null) return false
  throw new UsageError(
    'WATON_NODE_INVALID',
    `the attribute "${name}" of <${tag}> is a ${typeof value}, not text: convert it, or make the stanza with node()`,
    { details: { tag, attribute: name } },
  )
}

function writeContent(content: unknown, parent: BinaryNode, depth: number): void {
  if (typeof content === 'string') {
    writeText(content, 0)
  } else if (content instanceof Uint8Array) {
    writer.binary(content)
  } else if (Array.isArray(content)) {
    writeListStart(content.length, parent.tag)
    for (const child of content as readonly BinaryNode[]) writeNode(child, depth + 1)
  } else {
    throw new UsageError(
      'WATON_NODE_INVALID',
      `the content of <${parent.tag}> is a ${typeof content}: it must be a list of stanzas, bytes, text or absent`,
      { details: { tag: parent.tag } },
    )
  }
}

function writeListStart(size: number, tag: string): void {
  if (size > tags.MAX_LIST_SIZE) {
    throw new UsageError(
      'WATON_NODE_TOO_LARGE',
      `<${tag}> has more items than a list can hold: use several stanzas`,
      {
        details: { tag, items: size, limit: tags.MAX_LIST_SIZE },
      },
    )
  }
  writer.list(size)
}

/** Tags and attribute names: nearly always words. */
function writeName(text: string): void {
  if (!writeWord(text)) writeText(text, 0)
}

/**
 * Any text. Baileys looks for a word, packs, tries a JID, and writes raw; the order here is another, for speed, with the
 * same result: no word has an `@`, and words that could be packed have at most four characters (tests watch over both).
 */
function writeText(text: string, nesting: number): void {
  const { length } = text
  if (length <= LONGEST_PACKABLE_WORD && writeWord(text)) return
  const tag = packedTag(text, 0, length)
  if (tag !== 0) {
    writer.packed(tag, text, 0, length)
    return
  }
  const at = text.indexOf('@')
  if (at >= 0) {
    if (nesting < tags.MAX_JID_NESTING && writeJid(text, at, nesting)) return
  } else if (length <= LONGEST_WORD && writeWord(text)) {
    return
  }
  writer.raw(text)
}

function writeWord(text: string): boolean {
  const code = wordCodes().get(text)
  if (code === undefined) return false
  if (code < 0x100) writer.byte(code)
  else writer.twoBytes(tags.DICTIONARY_0 + (code >> 8) - 1, code & 0xff)
  return true
}

/** Writes the text as a JID when that form keeps all of it. `at` is the place of its first `@`. */
function writeJid(text: string, at: number, nesting: number): boolean {
  const server = serverOf(text, at)
  if (server === '') return false
  const colon = text.indexOf(':')
  if (colon >= 0 && colon < at) return writeDeviceJid(text, server, { colon, at, nesting })
  writer.byte(tags.JID_PAIR)
  if (at === 0) writer.byte(tags.LIST_EMPTY)
  else writePart(text, 0, at)
  writeText(server, nesting + 1)
  return true
}

/** What stands behind the `@`; the usual servers without cutting them out. */
function serverOf(text: string, at: number): string {
  switch (text.length - at - 1) {
    case SERVER_USER.length:
      if (text.endsWith(SERVER_USER)) return SERVER_USER
      break
    case SERVER_LID.length:
      if (text.endsWith(SERVER_LID)) return SERVER_LID
      break
    case SERVER_GROUP.length:
      if (text.endsWith(SERVER_GROUP)) return SERVER_GROUP
      break
    default:
  }
  return text.slice(at + 1)
}

/** A part of a JID; the usual one, a number, is written without cutting it out. */
function writePart(text: string, start: number, end: number): void {
  const tag = end - start > LONGEST_PACKABLE_WORD ? packedTag(text, start, end) : 0
  if (tag === 0) writeText(text.slice(start, end), 0)
  else writer.packed(tag, text, start, end)
}

function domainOf(server: string): number | undefined {
  switch (server) {
    case SERVER_USER:
      return tags.DOMAIN_USER
    case SERVER_LID:
      return tags.DOMAIN_LID
    case SERVER_HOSTED:
      return tags.DOMAIN_HOSTED
    case SERVER_HOSTED_LID:
      return tags.DOMAIN_HOSTED_LID
    default:
      return undefined
  }
}

/** Where the separators of a JID are, and how many JIDs are around it. */
interface Place {
  readonly colon: number
  readonly at: number
  readonly nesting: number
}

function writeDeviceJid(text: string, server: string, { colon, at, nesting }: Place): boolean {
  const device = parseDevice(text.slice(colon + 1, at))
  if (device === undefined) return false
  // Inside other text it is no address: a device 0 must be kept there, and a high one is nobody's mistake.
  if (nesting > 0 && (device === 0 || device > MAX_DEVICE)) return false
  const domain = domainOf(server)
  if (domain === undefined) return writeForeignJid(text.slice(0, colon), device, server)
  if (device > MAX_DEVICE) {
    throw new UsageError(
      'WATON_NODE_DEVICE',
      `device numbers on ${server} end at ${String(MAX_DEVICE)}: the JID cannot be sent`,
      {
        details: { device, server },
      },
    )
  }
  writer.byte(tags.AD_JID)
  writer.twoBytes(domain, device)
  writePart(text, 0, colon)
  return true
}

/** People of other networks have two-byte device numbers; on the interoperability server their user is `network-user`. */
function writeForeignJid(user: string, device: number, server: string): boolean {
  if (device > MAX_FOREIGN_DEVICE) return false
  if (server === SERVER_MESSENGER) {
    writer.byte(tags.FB_JID)
    writeText(user, 0)
    writer.twoBytes(device >>> 8, device & 0xff)
    writeText(server, 0)
    return true
  }
  const dash = user.indexOf('-')
  const network = parseDevice(user.slice(0, Math.max(dash, 0)))
  if (server !== SERVER_INTEROP || network === undefined || network > MAX_FOREIGN_DEVICE) return false
  writer.byte(tags.INTEROP_JID)
  writeText(user.slice(dash + 1), 0)
  writer.twoBytes(device >>> 8, device & 0xff)
  writer.twoBytes(network >>> 8, network & 0xff)
  writeText(server, 0)
  return true
}
