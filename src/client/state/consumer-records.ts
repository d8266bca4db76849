/** What is kept of durable consumers: see `records.ts` for all kinds. */
import { integer, integers, optional, text } from './record-fields.ts'
import { jsonRecord, recordBody, unreadableRecord, withVersion } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** Events that a consumer was cut off from. */
export interface LostStretch {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** How far a durable consumer got: everything up to `low` is finished. */
export interface ConsumerProgress {
  readonly low: number
  /** Finished events above it, in records of version 1; since version 2 they are {@link CONSUMER_AHEAD}. */
  readonly finished?: readonly number[]
  /** What it will never see, because it was behind for so long that the log had to be cut; until it has been told. */
  readonly lost?: LostStretch
}

/** An event that a consumer could not handle. */
export interface DeadLetterRecord {
  readonly seq: number
  /** What the last attempt failed with. */
  readonly reason: string
  /** Attempts so far; 0 when it was not counted yet. */
  readonly attempts: number
  /** When it was given up, in milliseconds since the epoch; 0 when it was not noted yet. */
  readonly atMs: number
  /** Somebody asked for another round of attempts. */
  readonly isRetrying: boolean
}

/** Durable consumers by name. Without its progress a consumer would skip events or repeat all of them. */
export const CONSUMER: RecordKind<ConsumerProgress> = jsonRecord(
  'consumer',
  2,
  (parsed): ConsumerProgress => ({
    low: integer(parsed.low),
    ...optional('finished', parsed.finished, integers),
    ...optional('lost', parsed.lost, (value) => {
      const { from, to, count } = value as Record<string, unknown>
      return { from: integer(from), to: integer(to), count: integer(count) }
    }),
  }),
  { onUnreadable: 'refuse', wayOut: 'Restore the store from a backup, or give the consumer another name' },
)

/**
 * Events above a consumer's low-water mark, by `name:chunk`: one bit for each of the 1,024 of a chunk, the lowest first.
 * Without one its events are handled again.
 */
export const CONSUMER_AHEAD: RecordKind<Uint8Array> = {
  kind: 'consumer-ahead',
  encode: (bits) => withVersion(1, bits),
  decode(stored) {
    const bits = recordBody('consumer-ahead', 1, stored)
    if (bits.length !== 128) throw unreadableRecord('consumer-ahead')
    return bits
  },
}

/** Events that a consumer gave up on, by `name:seq`. */
export const DEAD_LETTER: RecordKind<DeadLetterRecord> = jsonRecord('dead-letter', 2, (parsed) => ({
  seq: integer(parsed.seq),
  reason: text(parsed.reason),
  attempts: parsed.attempts === undefined ? 0 : integer(parsed.attempts),
  atMs: parsed.atMs === undefined ? 0 : integer(parsed.atMs),
  isRetrying: parsed.isRetrying === true,
}))
