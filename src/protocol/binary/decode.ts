/**
 * Bytes to stanza. The frames come from the network: every length, depth and count is checked before anything is made
 * from it, and whatever the bytes are, the result is a stanza or a `ProtocolError`. Text forms of JIDs are those of
 * Baileys.
 *
 * @source Baileys 7.0.0-rc14 `WABinary/decode.js`
 */
import { inflateSync } from 'node:zlib'
import { ProtocolError } from '../../base/errors.ts'
import { SERVER_HOSTED, SERVER_HOSTED_LID, SERVER_LID, SERVER_USER } from '../jid.ts'
import { dictionaryWords, singleByteWords } from './dictionary.ts'
import type { BinaryNode, NodeContent } from './node.ts'
import { Reader } from './reader.ts'
import * as tags from './tags.ts'

/**
 * Most bytes that a compressed frame may expand to. A frame is at most 16 MiB and a large one (the participants of
 * hundreds of groups) expands about threefold; a hostile one a thousandfold.
 */
export const MAX_INFLATED_BYTES: number = 64 * 1024 * 1024
/**
 * Most stanzas and attributes in one frame, counted together. One costs at least two bytes on the wire and about a hundred
 * in memory. The largest real answers (every participant of every group) have some hundred thousand.
 */
export const MAX_ITEMS = 2_000_000

/**
 * The stanza in a frame.
 *
 * @param frame - the flag byte, then the stanza, plain or (flag 2) compressed with zlib. The result refers to this
 *   memory: do not write to it afterwards
 * @returns the stanza; content that was bytes is a `Uint8Array` over the frame's memory, content that was a word, packed
 *   or a JID is text
 * @throws {ProtocolError} `WATON_NODE_MALFORMED` (details: `offset`, `reason`), `WATON_NODE_INFLATE`,
 *   `WATON_NODE_TOO_LARGE`; nothing else, whatever the bytes
 */
export function decodeNode(frame: Uint8Array): BinaryNode {
  const flags = frame[0]
  if (flags === undefined) throw new Reader(frame, 0).truncated()
  const reader = (flags & tags.FLAG_COMPRESSED) === 0 ? new Reader(frame, 1) : new Reader(inflate(frame), 0)
  const node = readNode(reader, 1)
  if (reader.remaining > 0) throw reader.malformed('bytes are left over behind it')
  return node
}

function inflate(frame: Uint8Array): Uint8Array {
  try {
    return inflateSync(frame.subarray(1), { maxOutputLength: MAX_INFLATED_BYTES })
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new ProtocolError(
      'WATON_NODE_INFLATE',
      'the stanza cannot be decompressed: it is damaged or too large',
      {
        details: { lengthBytes: frame.length, limitBytes: MAX_INFLATED_BYTES, reason },
        cause,
      },
    )
  }
}

function readNode(reader: Reader, depth: number): BinaryNode {
  if (depth > tags.MAX_DEPTH) throw tooLarge('levels', tags.MAX_DEPTH)
  const size = readListSize(reader, reader.byte())
  const tag = readText(reader, reader.byte(), 0)
  if (size === 0 || tag === '') throw reader.malformed('a stanza has no tag')
  const attributes = (size - 1) >> 1
  if (reader.charge(1 + attributes) > MAX_ITEMS) throw tooLarge('items', MAX_ITEMS)
  const attrs: Record<string, string> = {}
  for (let count = attributes; count > 0; count--) {
    const name = readText(reader, reader.byte(), 0)
    setAttribute(attrs, name, readText(reader, reader.byte(), 0))
  }
  return (size & 1) === 1 ? { tag, attrs } : { tag, attrs, content: readContent(reader, depth) }
}

/** A plain assignment, except for the one name that would change the object's prototype instead. */
function setAttribute(attrs: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') {
    Object.defineProperty(attrs, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    attrs[name] = value
  }
}

function readContent(reader: Reader, depth: number): NodeContent {
  const tag = reader.byte()
  switch (tag) {
    case tags.LIST_EMPTY:
      return []
    case tags.LIST_8:
    case tags.LIST_16:
      return readChildren(reader, readListSize(reader, tag), depth)
    case tags.BINARY_8:
      return reader.bytes(reader.byte())
    case tags.BINARY_20:
      return reader.bytes(reader.uint20())
    case tags.BINARY_32:
      return reader.bytes(reader.uint32())
    default:
      return readText(reader, tag, 0)
  }
}

function readChildren(reader: Reader, size: number, depth: number): readonly BinaryNode[] {
  // Not allocated at once: the size is only a claim until its stanzas have been read.
  const children: BinaryNode[] = []
  for (let count = size; count > 0; count--) children.push(readNode(reader, depth + 1))
  return children
}

function readListSize(reader: Reader, tag: number): number {
  switch (tag) {
    case tags.LIST_EMPTY:
      return 0
    case tags.LIST_8:
      return reader.byte()
    case tags.LIST_16:
      return reader.uint16()
    default:
      throw reader.malformed('a list was expected')
  }
}

/** The text that starts with this tag. `nesting` counts the JIDs around it. */
function readText(reader: Reader, tag: number, nesting: number): string {
  if (tag < tags.DICTIONARY_0) return singleByteWords()[tag] ?? ''
  switch (tag) {
    case tags.BINARY_8:
      return reader.text(reader.byte())
    case tags.BINARY_20:
      return reader.text(reader.uint20())
    case tags.BINARY_32:
      return reader.text(reader.uint32())
    case tags.HEX_8:
    case tags.NIBBLE_8:
      return reader.packed(tag)
    default:
      return tag < tags.DICTIONARY_0 + tags.DICTIONARY_COUNT
        ? readWord(reader, tag)
        : readJid(reader, tag, nesting)
  }
}

function readWord(reader: Reader, tag: number): string {
  const word = dictionaryWords()[tag - tags.DICTIONARY_0]?.[reader.byte()]
  if (word === undefined) throw reader.malformed('a word is not in the dictionary')
  return word
}

function readJid(reader: Reader, tag: number, nesting: number): string {
  if (nesting >= tags.MAX_JID_NESTING) throw tooLarge('JIDs in a JID', tags.MAX_JID_NESTING)
  switch (tag) {
    case tags.JID_PAIR:
      return readJidPair(reader, nesting + 1)
    case tags.AD_JID:
      return readDeviceJid(reader, nesting + 1)
    case tags.FB_JID: {
      const user = readText(reader, reader.byte(), nesting + 1)
      const device = reader.uint16()
      return `${user}:${String(device)}@${readText(reader, reader.byte(), nesting + 1)}`
    }
    case tags.INTEROP_JID: {
      const user = readText(reader, reader.byte(), nesting + 1)
      const device = reader.uint16()
      const network = reader.uint16()
      return `${String(network)}-${user}:${String(device)}@${readText(reader, reader.byte(), nesting + 1)}`
    }
    default:
      throw reader.malformed('a value starts with an unknown tag')
  }
}

function readJidPair(reader: Reader, nesting: number): string {
  const user = readText(reader, reader.byte(), nesting)
  const server = readText(reader, reader.byte(), nesting)
  if (server === '') throw reader.malformed('a JID has no server')
  return `${user}@${server}`
}

function readDeviceJid(reader: Reader, nesting: number): string {
  const suffix = domainSuffix(reader.byte())
  const device = reader.byte()
  const user = readText(reader, reader.byte(), nesting)
  return device === 0 ? user + suffix : `${user}:${String(device)}${suffix}`
}

/** The text behind the user in the JID of a device. Unknown domains are phone numbers, as in all known clients. */
function domainSuffix(domain: number): string {
  switch (domain) {
    case tags.DOMAIN_LID:
      return `@${SERVER_LID}`
    case tags.DOMAIN_HOSTED:
      return `@${SERVER_HOSTED}`
    case tags.DOMAIN_HOSTED_LID:
      return `@${SERVER_HOSTED_LID}`
    default:
      return `@${SERVER_USER}`
  }
}

function tooLarge(what: string, limit: number): ProtocolError {
  return new ProtocolError(
    'WATON_NODE_TOO_LARGE',
    `the stanza has more than ${String(limit)} ${what}, which no real one has`,
    {
      details: { limit },
    },
  )
}
