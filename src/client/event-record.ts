/**
 * Durable events as the store keeps them, and back. An event about a message keeps no content: it refers to the message
 * row, so that content is stored once and read with the newest understanding of it.
 */
import { StorageError } from '../base/errors.ts'
import { utf8Bytes, utf8Text } from '../base/bytes.ts'
import type { EventRow, MessageRow } from '../persistence/contract/index.ts'
import { DURABLE_VERSIONS, isDurableType } from './events/registry.ts'
import type { DurableEvent, DurablePayloads, DurableType, MessagePayload } from './events.ts'
import { loadContract } from './events/load-contract.ts'
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
  const contract = await loadContract()
  const { seq, type, version, at } = row
  // a message is read from its row, with the understanding of today; its event has nothing but the version
  const isMessage = type === 'message' && version <= DURABLE_VERSIONS.message
  const payload = isMessage
    ? contract.read(type, DURABLE_VERSIONS.message, await readMessagePayload(row, readMessage))
    : contract.read(type, version, type === 'message' ? undefined : parsePayload(body))
  if (!isDurableType(type)) throw unreadableRecord('event')
  return { seq, type, version: DURABLE_VERSIONS[type], at, payload } as DurableEvent
}

async function readMessagePayload(row: EventRow, readMessage: ReadMessage): Promise<MessagePayload> {
  const message = await readMessage(row)
  if (message !== undefined) return messagePayload(message)
  throw new StorageError(
    'WATON_STORE_RECORD',
    'an event refers to a message that is not in the store; restore the store from a backup',
    { details: { seq: row.seq } },
  )
}

/** The payload as it was written, in the version that it was written with. */
function parsePayload(body: Uint8Array): unknown {
  try {
    return fromJson(utf8Text(body))
  } catch (cause) {
    throw unreadableRecord('event', cause)
  }
}
