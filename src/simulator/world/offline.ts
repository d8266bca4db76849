/**
 * How the server treats what waits for a device that is away, and the bad habits that real servers were seen with. One
 * object for all devices; tests change it through `simulator.faults.offline`.
 */

/** See the file comment. */
export interface OfflineHabits {
  /** Stanzas of the backlog sent before the first pull. @default 5 */
  readonly primer: number
  /** Stanzas sent for one pull at most, whatever the client asks for. @default no limit */
  readonly batchLimit: number
  /** What the announcement says waits; `as-it-is` is the truth, and 0 announces even when nothing waits. */
  readonly announced: 'as-it-is' | number
  /** Pulls that get lost from now on. @default 0 */
  readonly lostPulls: number
  /** Whether the end of the backlog is told. @default true */
  readonly endMarker: boolean
  /**
   * Whether a stanza that the client refuses with an error stays, comes again at each login, and holds back all behind it.
   *
   * @default false
   */
  readonly keepsRefused: boolean
  /** Whether stanzas that never waited say `offline="0"`. @default false */
  readonly liveSaysZero: boolean
  /** How long a stanza waits before it is thrown away, in milliseconds. @default 14 days */
  readonly retentionMs: number
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * A server without bad habits.
 *
 * @source whatsapp-rust `src/client/offline_batch.rs`: a primer of about 5; whatsmeow's event buffer: 14 days. Bad habits:
 *   Baileys #2779 (`keepsRefused`), #2810 (`endMarker`, `liveSaysZero`), whatsapp-rust #125 (`batchLimit`)
 */
export const GOOD_HABITS: OfflineHabits = {
  primer: 5,
  batchLimit: Number.MAX_SAFE_INTEGER,
  announced: 'as-it-is',
  lostPulls: 0,
  endMarker: true,
  keepsRefused: false,
  liveSaysZero: false,
  retentionMs: 14 * DAY_MS,
}
