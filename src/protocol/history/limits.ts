/** How large the parts of a piece of history may be. */

const KIB = 1024
const MIB = 1024 * KIB

/** See each. What is larger than its limit is passed over and said so, unless it says that it is refused. */
export interface HistoryLimits {
  /** All of it, decompressed; more is refused. @default 512 MiB */
  readonly totalBytes: number
  /** One message. @default 2 MiB */
  readonly messageBytes: number
  /** One of anything else, and all that a chat says of itself. @default 512 KiB */
  readonly fieldBytes: number
  /** Messages of a chat that does not say first which it is; more are refused. @default 1 MiB */
  readonly heldBytes: number
  /** Parts that are damaged; more are refused: it is no history then. @default 100 */
  readonly damagedParts: number
}

/** What holds where a caller does not say otherwise. */
export const DEFAULT_HISTORY_LIMITS: HistoryLimits = {
  totalBytes: 512 * MIB,
  messageBytes: 2 * MIB,
  fieldBytes: 512 * KIB,
  heldBytes: MIB,
  damagedParts: 100,
}
