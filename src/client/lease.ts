/**
 * Keeps the claim on the account (promise G6): renews it three times within its life. When that has failed for a whole
 * life, the account may be somebody else's at any moment, so the connection must go; it comes back as soon as the store
 * says that nobody has taken the account.
 */
import { sleep } from '../base/clock.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { StorageError, describeError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Claim } from '../persistence/contract/index.ts'

/** What a lease is kept with. */
export interface LeaseOptions {
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
  readonly leaseMs: number
  /** How long {@link Lease.ensure} waits for the store. */
  readonly timeoutMs: number
  /** Somebody else has the account. */
  readonly onLost: (error: StorageError) => void
  /** It could not be renewed for too long. */
  readonly onLapsed: (error: StorageError) => void
}

/** What a store says when the account has another owner. */
const OWNERSHIP_LOST: ReadonlySet<string> = new Set(['WATON_STORE_OWNERSHIP_LOST', 'WATON_STORE_FENCED'])

/** Whether the account belongs to somebody else now. */
export function isOwnershipLost(error: unknown): error is StorageError {
  return error instanceof StorageError && OWNERSHIP_LOST.has(error.code)
}

/** See the file comment. */
export class Lease {
  readonly #options: LeaseOptions
  #renewal: Timer | undefined
  #expiry: Timer | undefined
  #isLapsed = false
  #isStopped = false

  /** Starts with a claim that was just made. */
  constructor(options: LeaseOptions) {
    this.#options = options
    this.#schedule()
    this.#held(options.clock.nowMs())
  }

  /** Throws when the lease has lapsed: for whoever began while it still held. @throws {StorageError} `WATON_STORE_LEASE` */
  check(): void {
    if (this.#isLapsed) throw lapsed()
  }

  /** Renews no more. */
  stop(): void {
    this.#isStopped = true
    this.#renewal?.cancel()
    this.#expiry?.cancel()
  }

  /**
   * Before a socket is opened: when the lease has lapsed, the store is asked first.
   *
   * @throws {StorageError} `WATON_STORE_OWNERSHIP_LOST`, `WATON_STORE_LEASE`, or what the store says
   */
  async ensure(signal: AbortSignal): Promise<void> {
    if (!this.#isLapsed) return
    const { clock, timeoutMs } = this.#options
    const inTime = new AbortController()
    const giveUp = (): void => {
      inTime.abort()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      const renewed = this.#renewOnce().then(() => true)
      const late = sleep(clock, timeoutMs, inTime.signal).then(() => false)
      if (!(await Promise.race([renewed, late]))) throw lapsed()
    } finally {
      giveUp()
      signal.removeEventListener('abort', giveUp)
    }
  }

  async #renewOnce(): Promise<void> {
    const { claim, clock } = this.#options
    const askedAtMs = clock.nowMs()
    await claim.renew(askedAtMs)
    this.#held(askedAtMs)
  }

  /** From the moment of asking: the store may have counted from then. */
  #held(sinceMs: number): void {
    if (this.#isStopped) return
    const { clock, leaseMs } = this.#options
    this.#isLapsed = false
    this.#expiry?.cancel()
    this.#expiry = clock.schedule(Math.max(0, sinceMs + leaseMs - clock.nowMs()), () => {
      this.#lapse()
    })
  }

  #lapse(): void {
    this.#isLapsed = true
    this.#options.logger.error({}, 'the account could not be kept: its lease has ended')
    this.#options.onLapsed(lapsed())
  }

  #schedule(): void {
    const { clock, leaseMs } = this.#options
    this.#renewal = clock.schedule(Math.floor(leaseMs / 3), () => {
      void this.#renew()
    })
  }

  async #renew(): Promise<void> {
    try {
      await this.#renewOnce()
    } catch (error) {
      this.#options.logger.error({ reason: describeError(error) }, 'the lease of the account was not renewed')
      if (isOwnershipLost(error)) {
        this.stop()
        this.#options.onLost(error)
      }
    }
    if (!this.#isStopped) this.#schedule()
  }
}

function lapsed(): StorageError {
  return new StorageError(
    'WATON_STORE_LEASE',
    'the claim on the account could not be renewed for as long as it holds, so the connection was closed; it comes back when the store answers',
    { retryable: true },
  )
}
