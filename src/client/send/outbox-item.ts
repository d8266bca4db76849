/**
 * One message on its way out, as the outbox keeps it; `states.ts` says through which states it goes. From `encrypted`
 * until the server has it the row holds the finished stanza: sending it again repeats the same ciphertext, byte for byte.
 */
import { concatBytes, uint32Bytes, uintFromBytes, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import type { OutboxRow } from '../../persistence/contract/index.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { parseJid } from '../../protocol/jid.ts'
import type { StanzaExtras } from '../../protocol/message/stanza-facts.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import {
  fromJson,
  recordBody,
  toJson,
  unreadableRecord,
  withVersion,
  wrongField,
} from '../state/record-kind.ts'
import { isOutboxState, isUnfinished } from './states.ts'
import type { OutboxState } from './states.ts'

/** See the file comment. */
export interface OutboxItem {
  readonly id: string
  /** The chat by its canonical address: what order and identity go by. */
  readonly chat: string
  readonly position: number
  readonly state: OutboxState
  readonly at: number
  readonly body: OutboxBody
}

/** The part of an item that only waton reads. */
export interface OutboxBody {
  /** The chat as the caller wrote it: the wire keeps to that form of address. */
  readonly to: string
  /** The serialised `Message`. */
  readonly message: Uint8Array
  /** The stanza's `type` attribute. */
  readonly stanzaType: string
  /** What else the stanza says about it. */
  readonly extras?: StanzaExtras
  /** What its sender asked for, as `input-hash.ts` says it; absent in rows of former versions. */
  readonly input?: Uint8Array
  /** The encoded stanza, while it is `encrypted`. */
  readonly stanza?: Uint8Array
  /** Why it failed: a stable code and the server's number. */
  readonly failure?: OutboxFailure
  /** What went wrong so far, when something did. */
  readonly trouble?: OutboxTrouble
}

/** Why a message failed for good. */
export interface OutboxFailure {
  readonly code: string
  /** The number that the server refused it with. */
  readonly serverCode?: number
}

/** What has kept a message so far. */
export interface OutboxTrouble {
  /** Attempts that failed. */
  readonly attempts: number
  /** Since when there is trouble: what the end of patience is counted from. */
  readonly sinceMs: number
  /** What the last attempt failed with. */
  readonly code: string
  readonly serverCode?: number
  /** The server's codes that were repaired: each is, once. */
  readonly repaired?: readonly number[]
  /** Whether a repair has to come before the next attempt. */
  readonly isRepairDue?: boolean
  /** When the server refused it last, by its clock. */
  readonly refusedAtSeconds?: number
  /** Whether a refusal that may have been an earlier one was answered with a repetition. */
  readonly isDoubted?: boolean
}

/** What to do about a message that cannot be read any more. */
const SEND_AGAIN = 'It was given up: send the message again under a new id'

/** Version 1 was JSON with base64 in it. */
const VERSION = 2

/** Before each of the two lengths. */
const LENGTH_BYTES = 4

/**
 * A body as bytes: what is small as JSON, then the message, then the stanza up to the end; the first two with their
 * lengths before them.
 */
function encodeBody({ message, stanza, ...small }: OutboxBody): Uint8Array {
  const head = utf8Bytes(toJson(small))
  const parts = [uint32Bytes(head.length), head, uint32Bytes(message.length), message]
  return withVersion(VERSION, stanza === undefined ? concatBytes(...parts) : concatBytes(...parts, stanza))
}

function decodeBody(value: Uint8Array): OutboxBody {
  const body = recordBody('outbox', VERSION, value, SEND_AGAIN)
  try {
    return value[0] === 1 ? bodyOf(parsedJson(body)) : bodyOf(unpacked(body))
  } catch (cause) {
    throw unreadableRecord('outbox', cause, SEND_AGAIN)
  }
}

function parsedJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return fromJson(utf8Text(bytes)) as Readonly<Record<string, unknown>>
}

function unpacked(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const head = partOf(bytes)
  const message = partOf(bytes.subarray(LENGTH_BYTES + head.length))
  const stanza = bytes.subarray(2 * LENGTH_BYTES + head.length + message.length)
  return { ...parsedJson(head), message, ...(stanza.length === 0 ? {} : { stanza }) }
}

/** The part at the beginning, without its length. */
function partOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length < LENGTH_BYTES) throw wrongField('a length')
  const length = uintFromBytes(bytes.subarray(0, LENGTH_BYTES))
  if (length > bytes.length - LENGTH_BYTES) throw wrongField('a length within the record')
  return bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
}

function bodyOf(parsed: Readonly<Record<string, unknown>>): OutboxBody {
  const { to, message, stanzaType, extras, input, stanza, failure, trouble } = parsed
  if (typeof to !== 'string' || typeof stanzaType !== 'string' || !(message instanceof Uint8Array)) {
    throw wrongField('a message')
  }
  return {
    to,
    message,
    stanzaType,
    ...(extras === undefined ? {} : { extras: extrasOf(extras) }),
    ...(input instanceof Uint8Array ? { input } : {}),
    ...(stanza instanceof Uint8Array ? { stanza } : {}),
    ...(failure === undefined ? {} : { failure: failureOf(failure) }),
    ...(trouble === undefined ? {} : { trouble: troubleOf(trouble) }),
  }
}

function extrasOf(value: unknown): StanzaExtras {
  const { mediaType, meta, edit, hidesFailure } = value as Readonly<Record<string, unknown>>
  return {
    ...(typeof mediaType === 'string' ? { mediaType } : {}),
    ...(typeof meta === 'object' && meta !== null ? { meta: textsOf(meta) } : {}),
    ...(typeof edit === 'string' ? { edit } : {}),
    ...(hidesFailure === true ? { hidesFailure } : {}),
  }
}

function textsOf(record: object): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function failureOf(value: unknown): OutboxFailure {
  const { code, serverCode } = value as { code?: unknown; serverCode?: unknown }
  if (typeof code !== 'string') throw wrongField('a code')
  return { code, ...(typeof serverCode === 'number' ? { serverCode } : {}) }
}

function troubleOf(value: unknown): OutboxTrouble {
  const { attempts, sinceMs, repaired, isRepairDue, refusedAtSeconds, isDoubted } = value as Readonly<
    Record<string, unknown>
  >
  if (typeof attempts !== 'number' || typeof sinceMs !== 'number') throw wrongField('a number')
  return {
    ...failureOf(value),
    attempts,
    sinceMs,
    ...(Array.isArray(repaired) ? { repaired: repaired.filter((one) => typeof one === 'number') } : {}),
    ...(isRepairDue === true ? { isRepairDue } : {}),
    ...(typeof refusedAtSeconds === 'number' ? { refusedAtSeconds } : {}),
    ...(isDoubted === true ? { isDoubted } : {}),
  }
}

/**
 * The encoded form of bodies at hand, and the other way round: an item goes through its states within moments, most of
 * which change nothing but the state column. Both are immutable.
 */
const encoded = new WeakMap<OutboxBody, Uint8Array>()
const decoded = new WeakMap<Uint8Array, OutboxBody>()

/** The store row of an item. */
export function outboxRow(item: OutboxItem): OutboxRow {
  const { id, chat, position, state, at, body } = item
  let value = encoded.get(body)
  if (value === undefined) {
    value = encodeBody(body)
    remember(body, value)
  }
  return { id, chat, position, state, at, value }
}

/** The item of a store row. @throws {StorageError} `WATON_STORE_RECORD` */
export function outboxItem(row: OutboxRow): OutboxItem {
  const { id, chat, position, state, at, value } = row
  if (!isOutboxState(state)) throw unreadableRecord('outbox', undefined, SEND_AGAIN)
  let body = decoded.get(value)
  if (body === undefined) {
    body = decodeBody(value)
    remember(body, value)
  }
  return { id, chat, position, state, at, body }
}

function remember(body: OutboxBody, value: Uint8Array): void {
  encoded.set(body, value)
  decoded.set(value, body)
}

/**
 * The item of a row that is still to be sent, looked at closely enough to know that sending it can succeed.
 *
 * @throws {StorageError} `WATON_STORE_RECORD`
 */
export function sendableItem(row: OutboxRow): OutboxItem {
  const item = outboxItem(row)
  const { to, message, stanza } = item.body
  try {
    parseJid(to)
    if (stanza === undefined) decodeMessage(message)
    else decodeNode(stanza)
  } catch (cause) {
    throw unreadableRecord('outbox', cause, SEND_AGAIN)
  }
  return item
}

/** The item with its stanza, `encrypted`. */
export function withStanza(item: OutboxItem, stanza: Uint8Array): OutboxItem {
  const { value } = outboxRow(item)
  const body = { ...item.body, stanza }
  // all else is written already
  if (item.body.stanza === undefined && value[0] === VERSION) remember(body, concatBytes(value, stanza))
  return { ...item, state: 'encrypted', body }
}

/** The item without its stanza: the server has it, or it is to be encrypted anew. */
export function withoutStanza(item: OutboxItem, state: OutboxState): OutboxItem {
  const { stanza, ...body } = item.body
  if (stanza === undefined) return { ...item, state }
  const { value } = outboxRow(item)
  // the stanza is what it ends with
  if (value[0] === VERSION) remember(body, value.slice(0, value.length - stanza.length))
  return { ...item, state, body }
}

/** What is left of an item whose row cannot be read: it keeps the place it had reached, and fails if it was not yet sent. */
export function salvagedItem(row: OutboxRow, code: string): OutboxItem {
  const { id, chat, position, state, at } = row
  const isOver = isOutboxState(state) && !isUnfinished(state)
  const body = { to: chat, message: new Uint8Array(0), stanzaType: 'text' }
  if (isOver && state !== 'failed') return { id, chat, position, state, at, body }
  return { id, chat, position, state: 'failed', at, body: { ...body, failure: { code } } }
}
