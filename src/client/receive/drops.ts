/**
 * What was dropped on purpose, by reason: things that only the own phone, or only an author, may say and that somebody
 * else said. Each is logged with how often it happened; nothing of it reaches the store.
 */
import type { LogFields, Logger } from '../../base/logger.ts'

/** Why something was dropped. */
export type DropReason =
  | 'not-from-own-phone'
  | 'edit-of-another-author'
  | 'deletion-of-another-author'
  | 'sender-key-of-another-chat'

/** See the file comment. */
export class Drops {
  readonly #logger: Logger
  readonly #counts = new Map<DropReason, number>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Counts and logs one. */
  drop(reason: DropReason, fields: LogFields): void {
    const total = this.total(reason) + 1
    this.#counts.set(reason, total)
    this.#logger.warn(
      { ...fields, drop: reason, total },
      'a message that its sender may not write was dropped',
    )
  }

  /** How many were dropped for this reason since the client was opened. */
  total(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0
  }
}
