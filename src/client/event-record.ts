/**
 * Durable events as the store keeps them, and back. An event about a message keeps no content: it refers to the message
 * row, so that content is stored once and read with the newest understanding of it.
 */
import { StorageError } from '../base/errors.ts'
import { utf8Bytes, utf8Text } from '../base/bytes.ts'
import type { EventRow, MessageRow } from '../persistence/contract/index.ts'
import type { DurableEvent, DurablePayloads, DurableType } from './events.ts'
import { messagePayload } from './message-record.ts'
import { fromJson, recordBody, toJson, unreadableRecord, withVersion } from './state/record-kind.ts'

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
  const event = { seq: row.seq, type: row.type as DurableType, version: row.version, at: row.at }
  if (row.type !== 'message') return { ...event, payload: parsePayload(body) } as DurableEvent
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

function parsePayload(body: Uint8Array): unknown {
  try {
    return fromJson(utf8Text(body))
  } catch (cause) {
    throw unreadableRecord('event', cause)
  }
}
