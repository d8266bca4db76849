/**
 * Keeps one connection alive: connects, watches it end, decides by `ending.ts` whether and when to come back. It owns
 * the state machine; what happens on an open connection is the business of `login.ts`.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { ClosedError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { reconnectDelayMs } from '../../transport/backoff.ts'
import type { ClientState, CloseReason } from '../events.ts'
import { STORE_FAILED, actionAfter, endingOfError } from './ending.ts'
import type { Ending } from './ending.ts'
import { StateMachine } from './machine.ts'

/** One run from connecting to the end. */
export type RunOnce = (run: {
  readonly signal: AbortSignal
  readonly move: (state: ClientState) => void
}) => Promise<Ending>

/** What the supervisor works with. */
export interface SupervisorOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly runOnce: RunOnce
  /** Whether the store can be written again; rejects while it cannot. Asked before coming back to a store that failed. */
  readonly tryStore?: () => Promise<void>
  readonly onState: (state: ClientState, previous: ClientState, reason: CloseReason | undefined) => void
}

/** A connection that stayed open this long counts as stable, and the back-off starts anew. */
const STABLE_MS = 30_000

/** What a stop means when nobody says otherwise. */
const STOPPED: CloseReason = { reason: 'closed', retrying: false }

/** Restarts that the server may ask for in a row before they wait like any other failure. */
const MAX_RESTARTS = 3

/** See the file comment. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #machine: StateMachine
  #reason: CloseReason | undefined
  #opened: Deferred<void> = deferred()
  #abort = new AbortController()
  #verdict = STOPPED
  #loop: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#machine = new StateMachine((state, previous) => {
      this.#changed(state, previous)
    })
  }

  get state(): ClientState {
    return this.#machine.state
  }

  /** Starts if need be, and resolves when the client is open. Rejects with why it will never be. */
  connect(): Promise<void> {
    if (this.#loop === undefined) {
      this.#opened = deferred()
      this.#opened.promise.catch(ignore)
      this.#abort = new AbortController()
      this.#verdict = STOPPED
      this.#loop = this.#run(this.#abort.signal).finally(() => {
        this.#loop = undefined
      })
    }
    return this.#opened.promise
  }

  /**
   * Stops for good, also out of a sleeping back-off, and resolves when the connection is gone.
   *
   * @param reason - what to tell when it is not the user who stops
   */
  async stop(reason: CloseReason = STOPPED): Promise<void> {
    if (!this.#abort.signal.aborted) this.#verdict = reason
    this.#abort.abort()
    await this.#loop
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options
    let failures = 0
    let restarts = 0
    let ending: Ending = { reason: 'not-started', retrying: true, immediate: true }
    while (ending.retrying && !isAborted(signal)) {
      const startedAtMs = clock.nowMs()
      this.#machine.move('connecting')
      ending = await this.#once(signal)
      if (isAborted(signal) || !ending.retrying) break
      this.#reason = ending
      if (clock.nowMs() - startedAtMs >= STABLE_MS) failures = 0
      restarts = ending.immediate ? restarts + 1 : 0
      const isImmediate = ending.immediate && restarts <= MAX_RESTARTS
      if (!isImmediate) failures += 1
      const delayMs = isImmediate ? 0 : reconnectDelayMs(failures, random)
      logger.info({ reason: ending.reason, serverCode: ending.serverCode, delayMs }, 'coming back')
      this.#machine.move('waiting')
      ending = await this.#pause(ending, delayMs, signal)
    }
    this.#stopped(isAborted(signal) ? this.#verdict : ending)
  }

  /**
   * Waits for its turn, and for a store that has failed: without one nothing can be received or sent, so that no socket is
   * opened until it can be written again. Returns another ending when that will never be.
   */
  async #pause(ending: Ending, pauseMs: number, signal: AbortSignal): Promise<Ending> {
    const { clock, random, logger, tryStore } = this.#options
    if (pauseMs > 0) await sleep(clock, pauseMs, signal)
    if (ending.reason !== STORE_FAILED || tryStore === undefined) return ending
    for (let attempt = 1; !isAborted(signal); attempt += 1) {
      try {
        await Promise.race([tryStore(), aborted(signal)])
        return ending
      } catch (error) {
        const next = endingOfError(error)
        if (!next.retrying) return next
        const delayMs = reconnectDelayMs(attempt, random)
        logger.warn({ code: errorCode(error), delayMs }, 'the store still fails')
        await sleep(clock, delayMs, signal)
      }
    }
    return ending
  }

  async #once(signal: AbortSignal): Promise<Ending> {
    const { logger, runOnce } = this.#options
    try {
      return await runOnce({
        signal,
        move: (state) => {
          this.#machine.move(state)
        },
      })
    } catch (error) {
      logger.warn({ code: errorCode(error), reason: describeError(error) }, 'the connection failed')
      return endingOfError(error)
    }
  }

  #stopped(reason: CloseReason): void {
    this.#reason = reason
    this.#machine.move('closing')
    this.#machine.move('closed')
    this.#opened.reject(
      new ClosedError('WATON_CLIENT_CLOSED', `the client stopped: ${reason.reason}`, {
        details: { reason: reason.reason, serverCode: reason.serverCode },
        action: actionAfter(reason),
      }),
    )
  }

  #changed(state: ClientState, previous: ClientState): void {
    this.#options.logger.info({ state, previous, reason: this.#reason?.reason }, 'client state changed')
    if (state === 'open') {
      this.#reason = undefined
      this.#opened.resolve()
    }
    // whoever calls connect() while the client is on its way back waits for the next time it is open
    if (previous === 'open') {
      this.#opened = deferred()
      this.#opened.promise.catch(ignore)
    }
    this.#options.onState(
      state,
      previous,
      state === 'waiting' || state === 'closed' ? this.#reason : undefined,
    )
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

function ignore(): void {
  // nobody has to wait for the client to open
}
