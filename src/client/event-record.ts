/**
 * Durable events as the store keeps them, and back. An event about messages keeps no content: it refers to the message
 * rows, so that content is stored once and read with the newest understanding of it. Each message has one event at most
 * that refers to it, and goes with that event.
 */
import { StorageError } from '../base/errors.ts'
import { utf8Bytes, utf8Text } from '../base/bytes.ts'
import { letOthersRun } from '../base/turn.ts'
import type { EventRow, MessageKey, MessageRow } from '../persistence/contract/index.ts'
import { DURABLE_VERSIONS, isDurableType } from './events/registry.ts'
import type { DurableEvent, DurablePayloads, DurableType, MessagePayload } from './events.ts'
import { loadContract } from './events/load-contract.ts'
import { messagePayload } from './message-record.ts'
import { fromJson, recordBody, toJson, unreadableRecord, withVersion } from './state/record-kind.ts'

const RECORD_VERSION = 1

/** Messages of one event that are read without a break: a millisecond or so. */
const READ_AT_ONCE = 50

/** The stored value of a payload. */
export function encodePayload(type: DurableType, payload: DurablePayloads[DurableType]): Uint8Array {
  return withVersion(RECORD_VERSION, type === 'message' ? new Uint8Array(0) : utf8Bytes(storedJson(payload)))
}

/** A message as an event of several refers to it. */
type StoredKey = readonly [chat: string, sender: string, id: string]

function storedJson(payload: DurablePayloads[DurableType]): string {
  if (!('messages' in payload)) return toJson(payload)
  const messages = payload.messages.map(({ chat, sender, id }): StoredKey => [chat, sender.jid, id])
  return toJson({ ...payload, messages })
}

/** The messages whose content an event tells: they are kept as long as it is. */
export function messagesOf({ type, message, value }: EventRow): readonly MessageKey[] {
  if (message !== undefined) return [message]
  if (type !== 'history.chunk') return []
  try {
    return keysIn(parsePayload(recordBody('event', RECORD_VERSION, value)))
  } catch {
    // nobody can say which messages it had
    return []
  }
}

function keysIn(payload: unknown): readonly MessageKey[] {
  const { messages } = (payload ?? {}) as { readonly messages?: unknown }
  if (!Array.isArray(messages)) throw unreadableRecord('event')
  return messages.map((entry: unknown) => {
    if (!isStoredKey(entry)) throw unreadableRecord('event')
    const [chat, sender, id] = entry
    return { chat, sender, id }
  })
}

function isStoredKey(entry: unknown): entry is StoredKey {
  return Array.isArray(entry) && entry.length === 3 && entry.every((part) => typeof part === 'string')
}

/** Reads a message row that an event refers to. */
export type ReadMessage = (key: MessageKey) => Promise<MessageRow | undefined>

/**
 * The event of a stored row.
 *
 * @param onUnreadable - told of a message that cannot be read, where the event tells of others, too, and is given without it
 * @throws {StorageError} `WATON_STORE_RECORD` when it cannot be read, `WATON_STORE_RECORD_NEWER` when a newer waton wrote it
 */
export async function decodeEvent(
  row: EventRow,
  readMessage: ReadMessage,
  onUnreadable?: (key: MessageKey, error: StorageError) => void,
): Promise<DurableEvent> {
  const body = recordBody('event', RECORD_VERSION, row.value)
  const contract = await loadContract()
  const { seq, type, version, at } = row
  // what a newer waton wrote is refused for that, whatever it looks like
  const isNewer = isDurableType(type) && version > DURABLE_VERSIONS[type]
  // a message is read from its row, with the understanding of today
  const isMessage = type === 'message' && version <= DURABLE_VERSIONS.message
  const readOne = (key: MessageKey | undefined): Promise<MessagePayload> =>
    readMessagePayload(seq, key, readMessage)
  const payload = isMessage
    ? contract.read(type, DURABLE_VERSIONS.message, await readOne(row.message))
    : contract.read(
        type,
        version,
        isNewer ? undefined : await withMessages(type, parsePayload(body), { readOne, onUnreadable }),
      )
  if (!isDurableType(type)) throw unreadableRecord('event')
  return { seq, type, version: DURABLE_VERSIONS[type], at, payload } as DurableEvent
}

async function readMessagePayload(
  seq: number,
  key: MessageKey | undefined,
  readMessage: ReadMessage,
): Promise<MessagePayload> {
  const message = key && (await readMessage(key))
  if (message !== undefined) return messagePayload(message)
  throw new StorageError(
    'WATON_STORE_RECORD',
    'an event refers to a message that is not in the store; restore the store from a backup',
    { details: { seq } },
  )
}

/** The payload of an event of several messages has their keys; all others are what they are. */
async function withMessages(
  type: string,
  payload: unknown,
  {
    readOne,
    onUnreadable,
  }: {
    readonly readOne: (key: MessageKey) => Promise<MessagePayload>
    readonly onUnreadable: ((key: MessageKey, error: StorageError) => void) | undefined
  },
): Promise<unknown> {
  if (type !== 'history.chunk') return payload
  const messages: MessagePayload[] = []
  for (const [index, key] of keysIn(payload).entries()) {
    if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await letOthersRun()
    try {
      const payload = await readOne(key)
      // one that has come by itself since has an event of its own
      if (payload.origin === 'history') messages.push(payload)
    } catch (error) {
      const isOfRow = error instanceof StorageError && error.code === 'WATON_STORE_RECORD'
      if (!isOfRow || onUnreadable === undefined) throw error
      // the others are as good as they were
      onUnreadable(key, error)
    }
  }
  return { ...(payload as object), messages }
}

/** The payload as it was written, in the version that it was written with. */
function parsePayload(body: Uint8Array): unknown {
  try {
    return fromJson(utf8Text(body))
  } catch (cause) {
    throw unreadableRecord('event', cause)
  }
}
