/**
 * Durable events as the store keeps them, and back. An event about a message keeps no content: it refers to the message
 * row, so that content is stored once and read with the newest understanding of it.
 */
import { StorageError } from '../base/errors.ts'
import { utf8Bytes, utf8Text } from '../base/bytes.ts'
import type { EventRow, MessageRow } from '../persistence/contract/index.ts'
import { DURABLE_VERSIONS, isDurableType } from './events/registry.ts'
import type { DurableEvent, DurablePayloads, DurableType } from './events.ts'
import { messagePayload } from './message-record.ts'
import {
  fromJson,
  recordBody,
  toJson,
  unreadableRecord,
  withVersion,
  wrongField,
} from './state/record-kind.ts'

const RECORD_VERSION = 1

/** The stored value of a payload. */
export function encodePayload(type: DurableType, payload: DurablePayloads[DurableType]): Uint8Array {
  return withVersion(RECORD_VERSION, type === 'message' ? new Uint8Array(0) : utf8Bytes(toJson(payload)))
}

/** Reads the message row that an event refers to. */
export type ReadMessage = (row: EventRow) => Promise<MessageRow | undefined>

/**
 * The event of a stored row.
 *
 * @throws {StorageError} `WATON_STORE_RECORD` when it cannot be read, `WATON_STORE_RECORD_NEWER` when a newer waton wrote it
 */
export async function decodeEvent(row: EventRow, readMessage: ReadMessage): Promise<DurableEvent> {
  const body = recordBody('event', RECORD_VERSION, row.value)
  const type = knownType(row)
  const event = { seq: row.seq, type, version: row.version, at: row.at }
  if (type !== 'message') return { ...event, payload: parsePayload(type, body) } as DurableEvent
  const message = await readMessage(row)
  if (message === undefined) {
    throw new StorageError(
      'WATON_STORE_RECORD',
      'an event refers to a message that is not in the store; restore the store from a backup',
      {
        details: { seq: row.seq },
      },
    )
  }
  return { ...event, payload: messagePayload(message) } as DurableEvent
}

/** @throws {StorageError} `WATON_STORE_RECORD_NEWER` when this version does not know events like this */
function knownType({ type, version, seq }: EventRow): DurableType {
  if (isDurableType(type) && version <= DURABLE_VERSIONS[type]) return type
  throw new StorageError(
    'WATON_STORE_RECORD_NEWER',
    'an event was written by a newer waton; use that version or newer to read it',
    { details: { seq, type, version } },
  )
}

/** Texts without which nobody could place the event. */
const REQUIRED_TEXTS: Readonly<Partial<Record<DurableType, readonly string[]>>> = {
  'message.undecryptable': ['id', 'chat', 'reason'],
  'message.receipt': ['chat', 'status'],
  'send.failed': ['id', 'chat', 'code'],
}

function parsePayload(type: DurableType, body: Uint8Array): unknown {
  try {
    const payload = fromJson(utf8Text(body))
    if (typeof payload !== 'object' || payload === null) throw wrongField('an event')
    const texts = REQUIRED_TEXTS[type] ?? []
    const fields = payload as Readonly<Record<string, unknown>>
    if (!texts.every((name) => typeof fields[name] === 'string')) throw wrongField('the texts of an event')
    return payload
  } catch (cause) {
    throw unreadableRecord('event', cause)
  }
}
