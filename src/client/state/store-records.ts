/** What is kept of the store itself: how large, whether it is a copy, and what in it is damaged. See `records.ts` for all kinds. */
import { integer } from './record-fields.ts'
import { bytesRecord, jsonRecord, textRecord } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** The mark of a copy. */
export interface BackupStamp {
  readonly madeAtMs: number
}

/** How much of the disk the event log takes, with its messages, up to an event. */
export interface LogSize {
  readonly sizeBytes: number
  readonly upTo: number
}

/**
 * Marks a copy that was not opened yet, under `SELF`; see `incarnation.ts`. One that cannot be read is a stamp all the
 * same.
 */
export const BACKUP_STAMP: RecordKind<BackupStamp> = jsonRecord(
  'backup-stamp',
  1,
  (parsed) => ({ madeAtMs: integer(parsed.madeAtMs) }),
  { rebuild: () => Promise.resolve({ madeAtMs: 0 }) },
)

/** The size of the event log, under `SELF`. A lost one is counted again. */
export const EVENT_LOG_SIZE: RecordKind<LogSize> = jsonRecord('event-log-size', 1, (parsed) => ({
  sizeBytes: integer(parsed.sizeBytes),
  upTo: integer(parsed.upTo),
}))

/** The bytes of records that could not be read, by `kind/key`: kept for whoever can still make something of them. */
export const QUARANTINE: RecordKind<Uint8Array> = bytesRecord('quarantine')

/** What is written to find out whether the store can be written, under `SELF`. */
export const STORE_PROBE: RecordKind<string> = textRecord('store-probe')
