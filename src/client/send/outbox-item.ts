/**
 * One message on its way out, as the outbox keeps it. The states go forward only:
 *
 * ```
 * queued -> encrypted -> acknowledged -> delivered -> read
 *        \-> failed   \-> failed
 * ```
 *
 * From `encrypted` on the row holds the finished stanza: sending it again repeats the same ciphertext, byte for byte.
 */
import type { OutboxRow } from '../../persistence/contract/index.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { parseJid } from '../../protocol/jid.ts'
import type { StanzaExtras } from '../../protocol/message/stanza-facts.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import { jsonRecord, unreadableRecord, wrongField } from '../state/record-kind.ts'
import type { RecordKind } from '../state/record-kind.ts'

/** How far a sent message got. */
export type OutboxState = 'queued' | 'encrypted' | 'acknowledged' | 'delivered' | 'read' | 'failed'

/** The states that still need the network. */
export const UNFINISHED_STATES: readonly OutboxState[] = ['queued', 'encrypted']

const RANK: Readonly<Record<OutboxState, number>> = {
  queued: 0,
  encrypted: 1,
  acknowledged: 2,
  delivered: 3,
  read: 4,
  failed: 5,
}

/** Whether a message in state `from` can move on to `to`. */
export function advances(from: OutboxState, to: OutboxState): boolean {
  return from !== 'failed' && RANK[to] > RANK[from]
}

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
  /** The encoded stanza, from `encrypted` on. */
  readonly stanza?: Uint8Array
  /** Why it failed: a stable code and the server's number. */
  readonly failure?: { readonly code: string; readonly serverCode?: number }
}

/** What to do about a message that cannot be read any more. */
const SEND_AGAIN = 'It was given up: send the message again under a new id'

const BODY: RecordKind<OutboxBody> = jsonRecord(
  'outbox',
  1,
  (parsed) => {
    const { to, message, stanzaType, extras, stanza, failure } = parsed
    if (typeof to !== 'string' || typeof stanzaType !== 'string' || !(message instanceof Uint8Array)) {
      throw wrongField('a message')
    }
    return {
      to,
      message,
      stanzaType,
      ...(extras === undefined ? {} : { extras: extrasOf(extras) }),
      ...(stanza instanceof Uint8Array ? { stanza } : {}),
      ...(failure === undefined ? {} : { failure: failureOf(failure) }),
    }
  },
  { wayOut: SEND_AGAIN },
)

function extrasOf(value: unknown): StanzaExtras {
  if (typeof value !== 'object' || value === null) throw wrongField('what a stanza says')
  return value
}

function failureOf(value: unknown): NonNullable<OutboxBody['failure']> {
  const { code, serverCode } = value as { code?: unknown; serverCode?: unknown }
  if (typeof code !== 'string') throw wrongField('a code')
  return { code, ...(typeof serverCode === 'number' ? { serverCode } : {}) }
}

function isOutboxState(state: string): state is OutboxState {
  return Object.hasOwn(RANK, state)
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
    value = BODY.encode(body)
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
    body = BODY.decode(value)
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

/** What is left of an item whose row cannot be read: it keeps the place it had reached, and fails if it was not yet sent. */
export function salvagedItem(row: OutboxRow, code: string): OutboxItem {
  const { id, chat, position, state, at } = row
  const isSent = isOutboxState(state) && !UNFINISHED_STATES.includes(state)
  const body = { to: chat, message: new Uint8Array(0), stanzaType: 'text' }
  if (isSent && state !== 'failed') return { id, chat, position, state, at, body }
  return { id, chat, position, state: 'failed', at, body: { ...body, failure: { code } } }
}
