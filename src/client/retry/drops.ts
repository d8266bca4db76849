/** Requests for a message that were not granted, by reason: counted, and logged more rarely the more there are. */
import type { LogFields, Logger } from '../../base/logger.ts'

/**
 * Why: the message is not known (any more), it was not written to this device, the device is not listed and sent no keys,
 * it was answered often enough, too many wait already, its keys do not verify, it has no keys on the server, or the server
 * refused the answer.
 */
export type ResendDrop =
  | 'not-found'
  | 'not-theirs'
  | 'unknown-device'
  | 'too-often'
  | 'too-many'
  | 'bad-keys'
  | 'no-keys'
  | 'refused'

/** See the file comment. */
export class ResendDrops {
  readonly #logger: Logger
  readonly #counts = new Map<ResendDrop, number>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Counts one. Returns `false`, for whoever decides by it. */
  drop(reason: ResendDrop, fields: LogFields): false {
    const total = this.total(reason) + 1
    this.#counts.set(reason, total)
    // the first, the second, the fourth: a storm must not become one in the log
    if ((total & (total - 1)) === 0)
      this.#logger.warn({ ...fields, drop: reason, total }, 'a message was not sent again')
    return false
  }

  /** How many were dropped for this reason since the client was opened. */
  total(reason: ResendDrop): number {
    return this.#counts.get(reason) ?? 0
  }
}
