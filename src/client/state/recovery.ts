/**
 * Waits for a store that failed to write: asks it again and again, with growing pauses, until it writes or until it has
 * taken too long. It decides nothing else: what is held back meanwhile and taken again afterwards is told by callbacks.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import type { StorageError } from '../../base/errors.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import { isAtFault } from './account-state.ts'

/** What a recovery works with. */
export interface RecoveryOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Writes something; rejects while the store cannot be written. */
  readonly probe: () => Promise<void>
  /** The store can be written again. */
  readonly onHealed: () => void
  /** It has not been healed in time, or came to nothing. */
  readonly onHopeless: (error: StorageError) => void
}

/** The pause before the first question; it doubles from there, give or take a quarter. */
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 2_000

/**
 * How long a connection may wait for its store. A server that gets no answers for longer may take the device for dead,
 * and what it has delivered by then would only be kept in memory.
 */
export const MAX_WAIT_MS = 20_000

/** Failures this long after the last one are a new trouble with all the time in the world. */
const CALM_MS = 60_000

/** See the file comment. */
export class StoreRecovery {
  readonly #options: RecoveryOptions
  #run: AbortController | undefined
  #error: StorageError | undefined
  /** When the present trouble began; it is not over with one probe that was written. */
  #sinceMs: number | undefined
  #lastMs = 0
  #attempt = 0

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** The store has failed. Nothing more happens when that is known already. */
  failed(error: StorageError): void {
    const nowMs = this.#options.clock.nowMs()
    if (this.#sinceMs === undefined || nowMs - this.#lastMs > CALM_MS) {
      this.#sinceMs = nowMs
      this.#attempt = 0
    }
    this.#lastMs = nowMs
    this.#error = error
    if (this.#run !== undefined) return
    const run = new AbortController()
    this.#run = run
    void this.#wait(run)
  }

  /** Something of what was lost is durable now: the trouble is over. */
  succeeded(): void {
    this.#sinceMs = undefined
  }

  /** Nobody waits for the store any more. */
  stop(): void {
    this.#run?.abort()
    this.#run = undefined
  }

  async #wait(run: AbortController): Promise<void> {
    const { clock, logger, onHealed, onHopeless } = this.#options
    const deadlineMs = (this.#sinceMs ?? clock.nowMs()) + MAX_WAIT_MS
    for (;;) {
      const leftMs = deadlineMs - clock.nowMs()
      if (leftMs > 0) await sleep(clock, Math.min(this.#pauseMs(), leftMs), run.signal)
      if (this.#run !== run) return
      const error = this.#error
      if (error !== undefined && clock.nowMs() >= deadlineMs) {
        this.stop()
        onHopeless(error)
        return
      }
      if (await this.#isHealed(run, deadlineMs)) break
      if (this.#run !== run) return
    }
    if (this.#run !== run) return
    this.#run = undefined
    logger.info({}, 'the store can be written again')
    onHealed()
  }

  /** A store whose commit failed because of what was in it is well. */
  async #isHealed(run: AbortController, deadlineMs: number): Promise<boolean> {
    const { clock, logger, probe } = this.#options
    if (isAtFault(this.#error)) return true
    const patience = new AbortController()
    const end = (): void => {
      patience.abort()
    }
    run.signal.addEventListener('abort', end, { once: true })
    try {
      const written = probe().then(() => true)
      const late = sleep(clock, Math.max(1, deadlineMs - clock.nowMs()), patience.signal).then(() => false)
      return await Promise.race([written, late])
    } catch (error) {
      logger.warn({ reason: describeError(error) }, 'the store still fails')
      return false
    } finally {
      run.signal.removeEventListener('abort', end)
      patience.abort()
    }
  }

  #pauseMs(): number {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#attempt, MAX_PAUSE_MS)
    this.#attempt += 1
    return Math.floor(pauseMs * 0.75) + randomInteger(this.#options.random, Math.ceil(pauseMs / 2))
  }
}
