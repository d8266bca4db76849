/**
 * Stanzas in a form in which two runs can be compared: ids are named by their role, content that is random by nature is
 * replaced by its kind and size, and everything else stays as it is, byte by byte. What cannot be taken apart as expected
 * stays as it is too, and so becomes a difference.
 *
 * @source of the layouts: Signal's `WhisperTextProtocol.proto`; `ADVSignedDeviceIdentity` of the WhatsApp schema
 */
import { toHex } from '../../../src/base/bytes.ts'
import { childOf, childrenOf } from '../../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../../src/protocol/binary/node.ts'
import type { TracedStanza } from '../../../src/simulator/trace.ts'
import { readFields } from './protobuf-fields.ts'

/** A stanza of which every part is comparable text. */
export interface CanonicalNode {
  readonly tag: string
  readonly attrs: Readonly<Record<string, string>>
  /** Children in order, or the content as text; absent when there is none. */
  readonly content?: readonly CanonicalNode[] | string
}

/** What a stanza is about, in one line: `iq get encrypt count`, `receipt inactive`, `ack notification devices`. */
export function nameOf(stanza: BinaryNode | CanonicalNode): string {
  const { tag, attrs, content } = stanza
  const first = Array.isArray(content) ? (content as readonly CanonicalNode[])[0]?.tag : undefined
  const words: Record<string, readonly (string | undefined)[]> = {
    iq: [attrs.type, attrs.xmlns, first],
    ack: [attrs.class, attrs.type],
    receipt: [attrs.type ?? 'delivered'],
    ib: [first],
    call: [first],
    presence: [attrs.type ?? (attrs.name === undefined ? 'without a name' : 'with a name')],
  }
  const said = (words[tag] ?? [attrs.type]).filter((word) => word !== undefined)
  return [tag, ...said].join(' ')
}

/** Ids by where they come from: the scenario, the server, or the client under test. */
export class IdNames {
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  readonly #chosen: ReadonlySet<string>

  /** @param chosen - ids that the scenario gave; they are the same in both runs */
  constructor(chosen: ReadonlySet<string>) {
    this.#chosen = chosen
  }

  /** Learns the id of a stanza that the server sent, if the client has to answer it by that id. */
  learn(stanza: BinaryNode): void {
    const { id, type } = stanza.attrs
    const isAnswer = stanza.tag === 'ack' || (stanza.tag === 'iq' && type !== 'get' && type !== 'set')
    if (id === undefined || isAnswer || this.#names.has(id)) return
    this.#names.set(id, `the id of ${this.#next(nameOf(stanza))}`)
  }

  /** The name of an id that the client wrote. */
  nameOf(id: string, use: string): string {
    if (this.#chosen.has(id)) return id
    const known = this.#names.get(id)
    if (known === undefined) {
      const name = use === 'message' ? this.#next(shapeOf(id)) : `a fresh ${shapeOf(id)}`
      // asked for a second time it is not fresh, except where an answer repeats a message's id
      this.#names.set(id, use === 'message' ? name : `${name}, used again`)
      return name
    }
    return known
  }

  #next(kind: string): string {
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    return `${kind} #${String(count)}`
  }
}

/** How an id is made. */
function shapeOf(id: string): string {
  if (/^\d{1,5}\.\d{1,5}-\d+$/.test(id)) return 'id like 12345.12345-1'
  if (/^3EB0[0-9A-F]{18}$/.test(id)) return 'id like 3EB0 and 18 hexadecimal digits'
  return `id of ${String(id.length)} characters`
}

interface CanonicalContext {
  readonly ids: IdNames
  /** The server's clock when the stanza arrived. */
  readonly atMs: number
}

/** The comparable form of one stanza of the client. */
export function canonical({ node, atMs }: Pick<TracedStanza, 'node' | 'atMs'>, ids: IdNames): CanonicalNode {
  return canonicalNode(node, node.tag, { ids, atMs })
}

function canonicalNode(node: BinaryNode, path: string, context: CanonicalContext): CanonicalNode {
  const attrs: Record<string, string> = {}
  for (const [name, value] of Object.entries(node.attrs))
    attrs[name] = canonicalAttribute(`${path}@${name}`, value, context)
  const content = canonicalContent(node, path, context)
  return content === undefined ? { tag: node.tag, attrs } : { tag: node.tag, attrs, content }
}

function canonicalAttribute(path: string, value: string, { ids, atMs }: CanonicalContext): string {
  switch (path) {
    case 'iq@id':
    case 'ack@id':
    case 'receipt@id':
    case 'call@id':
    case 'receipt>list>item@id':
    case 'iq>usync@sid':
      return ids.nameOf(value, path)
    case 'message@id':
      return ids.nameOf(value, 'message')
    case 'ib>unified_session@id':
      return sessionId(value, atMs)
    case 'iq>tokens>token@t':
      // the one time that comes from the client's own clock
      return /^\d{10}$/.test(value) ? 'seconds' : value
    default:
      return value
  }
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000
const SESSION_OFFSET_MS = 3 * 24 * 60 * 60 * 1000
/** Clients know the server's time to the second, plus the time that passed since they learned it. */
const SESSION_TOLERANCE_MS = 60_000

/** The unified session id is the server's time within the week that begins on Monday. */
function sessionId(value: string, atMs: number): string {
  const expected = (atMs + SESSION_OFFSET_MS) % WEEK_MS
  const distance = Math.abs(Number(value) - expected)
  const isNear = Math.min(distance, WEEK_MS - distance) <= SESSION_TOLERANCE_MS
  return /^\d{1,9}$/.test(value) && isNear ? 'milliseconds of the week by the server clock' : value
}

function canonicalContent(
  node: BinaryNode,
  path: string,
  context: CanonicalContext,
): CanonicalNode['content'] {
  const { content } = node
  if (content === undefined) return undefined
  if (typeof content === 'string') return JSON.stringify(content)
  if (content instanceof Uint8Array) return canonicalBytes(node, content, path)
  if (path === 'iq>list') return preKeys(node) ?? content.map((child) => nested(child, path, context))
  return content.map((child) => nested(child, path, context))
}

function nested(child: BinaryNode, path: string, context: CanonicalContext): CanonicalNode {
  return canonicalNode(child, `${path}>${child.tag}`, context)
}

/** Bytes that are random, or contain something random, by where they stand. Everything else is compared as it is. */
function canonicalBytes(node: BinaryNode, bytes: Uint8Array, path: string): string {
  switch (path) {
    case 'message>participants>to>enc':
    case 'message>enc':
      return ciphertext(node.attrs.type, bytes)
    case 'message>device-identity':
    case 'iq>pair-device-sign>device-identity':
      return fields(bytes, { 4: signature })
    case 'iq>rotate>skey>signature':
      return sized('signature', bytes)
    case 'iq>rotate>skey>value':
    case 'iq>link_code_companion_reg>link_code_pairing_wrapped_companion_ephemeral_pub':
    case 'iq>link_code_companion_reg>link_code_pairing_wrapped_key_bundle':
    case 'message>reporting>reporting_token':
      return sized('random', bytes)
    default:
      return toHex(bytes)
  }
}

/** `<list>` of an upload: the ids in full, the keys by their size. */
function preKeys(list: BinaryNode): string | undefined {
  const keys = childrenOf(list)
  const ids: number[] = []
  for (const key of keys) {
    const id = bytesOf(childOf(key, 'id'))
    const value = bytesOf(childOf(key, 'value'))
    if (
      key.tag !== 'key' ||
      childrenOf(key)
        .map(({ tag }) => tag)
        .join() !== 'id,value'
    )
      return undefined
    if (id?.length !== 3 || value?.length !== 32 || Object.keys(key.attrs).length > 0) return undefined
    ids.push(Number.parseInt(toHex(id), 16))
  }
  const first = ids[0] ?? 0
  if (!ids.every((id, index) => id === first + index)) return undefined
  return `keys ${String(first)} to ${String(first + ids.length - 1)}, 32 random bytes each`
}

function bytesOf(node: BinaryNode | undefined): Uint8Array | undefined {
  return node?.content instanceof Uint8Array ? node.content : undefined
}

type Describe = (value: bigint | Uint8Array) => string

const sized = (kind: string, bytes: Uint8Array): string => `${String(bytes.length)} ${kind} bytes`
const sizedField =
  (kind: string): Describe =>
  (value) =>
    typeof value === 'bigint' ? String(value) : sized(kind, value)
const signature = sizedField('signature')

/** A key with its type byte in front. */
const publicKey: Describe = (value) =>
  value instanceof Uint8Array && value.length === 33 && value[0] === 5 ? '05 and 32 random bytes' : 'no key'

/** Lengths differ by the random padding, so only their form is compared. */
const blocks: Describe = (value) =>
  value instanceof Uint8Array && value.length > 0 && value.length % 16 === 0 ? 'random blocks' : 'no blocks'

const anyNumber: Describe = (value) => (typeof value === 'bigint' ? 'a number' : 'no number')

/** The fields in the order in which they were written, `describe`d or in hexadecimal. */
function fields(bytes: Uint8Array, describe: Readonly<Record<number, Describe>>): string {
  try {
    return readFields(bytes)
      .map(({ number, value }) => {
        const plain = (): string => (typeof value === 'bigint' ? String(value) : toHex(value))
        return `${String(number)}=${describe[number]?.(value) ?? plain()}`
      })
      .join('; ')
  } catch {
    return `no protobuf: ${toHex(bytes)}`
  }
}

const MAC_BYTES = 8

/** A Signal message: version, fields, and for `msg` the authentication code. */
function ciphertext(type: string | undefined, bytes: Uint8Array): string {
  const version = `version ${toHex(bytes.subarray(0, 1))}`
  if (type === 'msg') return `${version}; ${signalMessage(bytes.subarray(1))}`
  if (type !== 'pkmsg') return toHex(bytes)
  const inner: Describe = (value) =>
    value instanceof Uint8Array
      ? `{version ${toHex(value.subarray(0, 1))}; ${signalMessage(value.subarray(1))}}`
      : String(value)
  // which one-time key the server hands out depends on how many were asked for before
  return `${version}; ${fields(bytes.subarray(1), { 1: anyNumber, 2: publicKey, 4: inner })}`
}

function signalMessage(bytes: Uint8Array): string {
  const mac = bytes.subarray(bytes.length - MAC_BYTES)
  const body = fields(bytes.subarray(0, bytes.length - MAC_BYTES), { 1: publicKey, 4: blocks })
  return `${body}; mac ${sized('random', mac)}`
}
