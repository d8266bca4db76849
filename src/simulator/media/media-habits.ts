/** How the media servers treat files and those who bring them; tests change it through `faults.media`. */

/** Times are seconds by the simulator's clock. */
export interface MediaHabits {
  /** How long a file can be fetched. @default 30 days */
  readonly lifetimeSeconds: number
  /** The status of a download whose path has ended. @default 410 */
  readonly goneStatus: 403 | 404 | 410
  /** How long a client may go by the hosts that it was told. @default 1 hour */
  readonly ttlSeconds: number
  /** How long a token lets its holder upload. @default 6 hours */
  readonly authTtlSeconds: number
  /** All files together; the oldest are forgotten beyond it. @default 256 MiB */
  readonly maxBytes: number
  /** The largest file. @default 100 MiB */
  readonly maxFileBytes: number
  /** Hosts that clients are told of before the one that is there, e.g. `localhost:1`. @default none */
  readonly deadHosts: readonly string[]
}

const MIB = 1024 * 1024
const DAY_SECONDS = 86_400

/** The servers as they should be. @source the times: whatsmeow `mediaconn.go`, whatsapp-rust `iq/mediaconn.rs` */
export const GOOD_MEDIA_HABITS: MediaHabits = {
  lifetimeSeconds: 30 * DAY_SECONDS,
  goneStatus: 410,
  ttlSeconds: 3_600,
  authTtlSeconds: 21_600,
  maxBytes: 256 * MIB,
  maxFileBytes: 100 * MIB,
  deadHosts: [],
}
