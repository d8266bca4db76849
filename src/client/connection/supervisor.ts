/**
 * Keeps one connection alive: connects, watches it end, and comes back when and if the ending says so. It owns the state
 * machine and the back-off; what an end means is in `ending.ts`, what happens on an open connection in `login.ts`.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { reconnectDelayMs } from '../../transport/backoff.ts'
import type { ClientState, CloseReason } from '../events.ts'
import { closeReason, closedError, endingFor, endingOfError } from './ending.ts'
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

/** Restarts that the server may ask for in a row before they wait like any other failure. */
const MAX_RESTARTS = 3

/** How much further in the series of pauses an ending begins whose pace is `slowly`. @source whatsapp-rust, for 429 */
const SLOW_STEPS = 5

/** Final ends in a row after which even an explicit `connect()` waits its turn: a loop must not hammer the server. */
const FREE_RETRIES = 2

/** What a stop means when nobody says otherwise. */
const STOPPED: CloseReason = closeReason(endingFor('closed'))

/** See the file comment. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #machine: StateMachine
  #reason: CloseReason | undefined
  #opened: Deferred<void> = deferred()
  #abort = new AbortController()
  #verdict = STOPPED
  #loop: Promise<void> | undefined
  #isNotifying = false
  /** When the present connection became open. */
  #openSinceMs: number | undefined
  /** Connections in a row that were lost before they were stable. */
  #failures = 0
  #restarts = 0
  /** Final ends in a row. */
  #refusals = 0

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
      this.#renewOpened()
      this.#abort = new AbortController()
      this.#verdict = STOPPED
      this.#loop = this.#run(this.#abort.signal)
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

  /** What made earlier attempts hopeless has changed: the next one waits for nothing. */
  forgive(): void {
    this.#failures = 0
    this.#refusals = 0
  }

  async #run(signal: AbortSignal): Promise<void> {
    // whoever hears of an end hears all of it before the next beginning
    if (this.#isNotifying) await Promise.resolve()
    if (this.#refusals >= FREE_RETRIES && !isAborted(signal)) await this.#holdBack(signal)
    let ending = endingFor('closed')
    while (!isAborted(signal)) {
      this.#openSinceMs = undefined
      this.#machine.move('connecting')
      ending = await this.#once(signal)
      if (isAborted(signal)) break
      this.#startOverIfStable(ending)
      if (!ending.retrying) break
      ending = await this.#wait(ending, this.#pauseMs(ending), signal)
      if (!ending.retrying) break
    }
    if (!isAborted(signal)) this.#refusals += 1
    this.#stopped(isAborted(signal) ? this.#verdict : closeReason(ending))
  }

  /** A program that connects again whenever it is told that it is hopeless gets slower and slower. */
  async #holdBack(signal: AbortSignal): Promise<void> {
    const reason = this.#reason ?? STOPPED
    const delayMs = reconnectDelayMs(this.#refusals + SLOW_STEPS, this.#options.random)
    await this.#wait({ ...reason, retrying: true, pace: 'slowly' }, delayMs, signal)
  }

  #startOverIfStable({ pace }: Ending): void {
    const { clock } = this.#options
    const wasStable = this.#openSinceMs !== undefined && clock.nowMs() - this.#openSinceMs >= STABLE_MS
    if (!wasStable) return
    this.#refusals = 0
    this.#restarts = 0
    // a server that asks for patience is not told by one good connection that it has had enough
    if (pace !== 'slowly') this.#failures = 0
  }

  #pauseMs({ pace, notBeforeMs }: Ending): number {
    const { clock, random } = this.#options
    this.#restarts = pace === 'at once' ? this.#restarts + 1 : 0
    if (pace === 'at once' && this.#restarts <= MAX_RESTARTS) return 0
    this.#failures += 1
    const pauseMs = reconnectDelayMs(this.#failures + (pace === 'slowly' ? SLOW_STEPS : 0), random)
    return pauseMs + Math.max(0, (notBeforeMs ?? 0) - clock.nowMs())
  }

  /** Returns another ending when what is waited for will never be. */
  async #wait(ending: Ending, delayMs: number, signal: AbortSignal): Promise<Ending> {
    const { clock, logger } = this.#options
    const { reason, serverCode } = ending
    this.#reason = { ...closeReason(ending), retryAtMs: clock.nowMs() + delayMs }
    logger.info({ reason, serverCode, delayMs }, 'coming back')
    this.#machine.move('waiting')
    if (delayMs > 0) await sleep(clock, delayMs, signal)
    return ending.reason === 'store-failed' ? this.#waitForStore(ending, signal) : ending
  }

  /** Without a store nothing can be received or sent, so that no socket is opened until it can be written again. */
  async #waitForStore(ending: Ending, signal: AbortSignal): Promise<Ending> {
    const { clock, random, logger, tryStore } = this.#options
    if (tryStore === undefined) return ending
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
    this.#opened.reject(closedError(reason))
    // before anybody is told: a listener may connect again
    this.#loop = undefined
    this.#machine.move('closed')
  }

  #changed(state: ClientState, previous: ClientState): void {
    const { clock, logger, onState } = this.#options
    logger.info({ state, previous, reason: this.#reason?.reason }, 'client state changed')
    if (state === 'open') {
      this.#openSinceMs = clock.nowMs()
      this.#reason = undefined
      this.#opened.resolve()
    }
    // whoever calls connect() while the client is on its way back waits for the next time it is open
    if (previous === 'open') this.#renewOpened()
    this.#isNotifying = true
    try {
      onState(state, previous, state === 'waiting' || state === 'closed' ? this.#reason : undefined)
    } finally {
      this.#isNotifying = false
    }
  }

  #renewOpened(): void {
    this.#opened = deferred()
    this.#opened.promise.catch(ignore)
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
