/**
 * How much of the disk the event log takes, by a rule of thumb that every back end is close to: the values, and something
 * for the other columns and the index of each row.
 */
import type { Change, EventRow, MessageRow } from '../../persistence/contract/index.ts'
import { messagesOf } from '../event-record.ts'
import { messageSlot } from './unit.ts'

/** The columns of a row beside its value, its key in the index, and what the pages leave free. */
const ROW_BYTES = 200

/** What an event takes, without its message. */
export function eventSizeBytes({ value }: EventRow): number {
  return value.length + ROW_BYTES
}

/** What a message takes. */
export function messageSizeBytes({ value }: MessageRow): number {
  return value.length + ROW_BYTES
}

/** What was committed since the account was opened. */
export interface Written {
  /** Of events and messages. */
  logBytes: number
  /** The newest event of them. */
  upTo: number
  /** Ciphertext hashes. */
  hashes: number
}

/**
 * Adds one commit. A message counts with the event that tells of it, as it does when both are forgotten: what this account
 * sends has none, and one that is only written anew is counted already.
 */
export function countChanges(written: Written, changes: readonly Change[]): void {
  const told = new Set<string>()
  for (const change of changes) {
    if (change.op === 'append-event') {
      written.logBytes += eventSizeBytes(change.row)
      written.upTo = change.row.seq
      for (const message of messagesOf(change.row)) told.add(messageSlot(message))
    } else if (change.op === 'recognise') written.hashes += 1
  }
  for (const change of changes)
    if (change.op === 'put-message' && told.has(messageSlot(change.row)))
      written.logBytes += messageSizeBytes(change.row)
}
