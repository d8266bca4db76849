/**
 * A clock that moves only when told (promise G9): no test needs to sleep, and a week passes in a millisecond. It is not
 * a mock of timers: code that reads the machine's time behind waton's back does not see it, and what a thread or a
 * network does takes the machine's time as ever.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sleep, systemClock } from './clock.ts'
import type { Clock, Timer } from './clock.ts'
import { TimeoutError, UsageError } from './errors.ts'

interface Waiting {
  readonly dueAtMs: number
  /** Timers of one instant run in the order in which they were started. */
  readonly order: number
  readonly callback: () => void
}

/** When {@link VirtualClock.runUntil} and {@link VirtualClock.runUntilIdle} may move time, and how far. */
export interface RunUntilOptions {
  /** How far time may move, in milliseconds of this clock. @default 86_400_000, a day */
  readonly limitMs?: number
  /**
   * Turns of the event loop without which nothing counts as settled. Only work that is done in memory is sure to be
   * over by then; where a thread or a network takes part (SQLite, a WebSocket, a pairing code), take a few thousand.
   *
   * @default 4
   */
  readonly turns?: number
  /**
   * How long `runUntil` waits by the machine's clock when no timer is left: something is being loaded or written then.
   *
   * @default 10_000
   */
  readonly patienceMs?: number
}

const DAY_MS = 24 * 60 * 60 * 1000
const TURNS = 4
const PATIENCE_MS = 10_000
/** Timers that may run in one call: a timer that starts itself again without a delay would never end. */
const MAX_TIMERS = 1_000_000

/**
 * A `Clock` that stands still until it is moved.
 *
 * ```ts
 * import { Client, MemoryStore } from 'waton'
 * import { VirtualClock } from 'waton/testing'
 *
 * const clock = new VirtualClock()
 * const client = new Client({ store: new MemoryStore(), clock })
 * await clock.runUntil(client.connect())   // time jumps from timer to timer until it is connected
 * await clock.advanceAndSettle(30_000)     // everything that is due within 30 s has run
 * ```
 */
export class VirtualClock implements Clock {
  #nowMs: number
  #lastOrder = 0
  #isMoving = false
  readonly #waiting = new Set<Waiting>()

  /** @param startMs - the first instant, in milliseconds since the epoch. @default 1_700_000_000_000 */
  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const waiting = { dueAtMs: this.#nowMs + Math.max(0, delayMs), order: ++this.#lastOrder, callback }
    this.#waiting.add(waiting)
    return {
      cancel: () => {
        this.#waiting.delete(waiting)
      },
    }
  }

  /** How many timers have been started and neither run nor cancelled. */
  get pending(): number {
    return this.#waiting.size
  }

  /** When the next timer is due, or `undefined`. */
  get nextDueMs(): number | undefined {
    return this.#next(Infinity)?.dueAtMs
  }

  /**
   * Moves time forward and runs every timer that becomes due, in order, each at its own instant; timers that they
   * start run too when they are due within the same stretch. What callbacks do after an `await` happens later: see
   * {@link advanceAndSettle}.
   *
   * @throws {UsageError} `WATON_CLOCK_BACKWARDS`, `WATON_CLOCK_ENDLESS`
   */
  advance(byMs: number): void {
    const endMs = this.#end(byMs)
    let count = 0
    for (let due = this.#next(endMs); due !== undefined; due = this.#next(endMs)) this.#run(due, ++count)
    this.#nowMs = endMs
  }

  /** Like {@link advance}, but lets promises settle before it starts, after every timer and at the end. */
  async advanceAndSettle(byMs: number): Promise<void> {
    await this.advanceTo(this.#end(byMs))
  }

  /** Like {@link advanceAndSettle}, up to an instant in milliseconds since the epoch. */
  async advanceTo(instantMs: number): Promise<void> {
    this.#end(instantMs - this.#nowMs)
    await this.#alone(async () => {
      await nextTurn()
      let count = 0
      for (let due = this.#next(instantMs); due !== undefined; due = this.#next(instantMs)) {
        this.#run(due, ++count)
        await nextTurn()
      }
      this.#nowMs = Math.max(this.#nowMs, instantMs)
      await nextTurn()
    })
  }

  /**
   * Lets things happen until a promise settles: whenever nothing else is ready, time jumps to the next timer.
   *
   * @returns what the promise resolves to; it rejects with what the promise rejects with
   * @throws {TimeoutError} `WATON_CLOCK_LIMIT` when it would take longer than `limitMs`, or no timer is left to wait for
   */
  async runUntil<Value>(promise: Promise<Value>, options: RunUntilOptions = {}): Promise<Value> {
    const outcome = { isSettled: false }
    const settled = promise.finally(() => {
      outcome.isSettled = true
    })
    settled.catch(ignore)
    const isDone = (): boolean => outcome.isSettled
    await this.#alone(async () => {
      const giveUpAtMs = systemClock.nowMs() + (options.patienceMs ?? PATIENCE_MS)
      const endMs = this.#end(options.limitMs ?? DAY_MS)
      do await this.#jump({ ...options, limitMs: endMs - this.#nowMs }, isDone)
      while (!isDone() && this.#waiting.size === 0 && (await isEarlierThan(giveUpAtMs)))
    })
    if (outcome.isSettled) return settled
    throw new TimeoutError(
      'WATON_CLOCK_LIMIT',
      'what is waited for did not happen within the time limit, or no timer is left that could bring it about: raise limitMs, or look at what it waits for',
      { details: { nowMs: this.#nowMs, pending: this.#waiting.size } },
    )
  }

  /**
   * Lets things happen until no timer is left that is due within `limitMs`; a connected client always has one, so
   * time moves that far then.
   *
   * @returns by how many milliseconds time has moved
   */
  async runUntilIdle(options: RunUntilOptions = {}): Promise<number> {
    const startMs = this.#nowMs
    await this.#alone(() => this.#jump(options, () => false))
    return this.#nowMs - startMs
  }

  /** Settles, then runs the next timer, until `isDone` or nothing is due any more. */
  async #jump({ limitMs = DAY_MS, turns = TURNS }: RunUntilOptions, isDone: () => boolean): Promise<void> {
    const endMs = this.#end(limitMs)
    for (let count = 1; ; count += 1) {
      for (let turn = 0; turn < turns; turn += 1) {
        await nextTurn()
        if (isDone()) return
      }
      const due = this.#next(endMs)
      if (due === undefined) return
      this.#run(due, count)
    }
  }

  /** Two that move time at once would each see the other's jumps. */
  async #alone(move: () => Promise<void>): Promise<void> {
    if (this.#isMoving) {
      throw new UsageError(
        'WATON_CLOCK_MOVING',
        'this clock is being moved already: await the other call before this one',
      )
    }
    this.#isMoving = true
    try {
      await move()
    } finally {
      this.#isMoving = false
    }
  }

  #end(byMs: number): number {
    if (byMs >= 0) return this.#nowMs + byMs
    throw new UsageError(
      'WATON_CLOCK_BACKWARDS',
      `a VirtualClock cannot go back by ${String(-byMs)} ms: start another one`,
    )
  }

  #run(due: Waiting, count: number): void {
    if (count > MAX_TIMERS) {
      throw new UsageError(
        'WATON_CLOCK_ENDLESS',
        'a million timers ran in one call: one of them starts itself again without a delay',
      )
    }
    this.#waiting.delete(due)
    this.#nowMs = Math.max(this.#nowMs, due.dueAtMs)
    due.callback()
  }

  #next(endMs: number): Waiting | undefined {
    let first: Waiting | undefined
    for (const one of this.#waiting) {
      if (one.dueAtMs > endMs) continue
      if (first === undefined || isBefore(one, first)) first = one
    }
    return first
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.dueAtMs === b.dueAtMs ? a.order < b.order : a.dueAtMs < b.dueAtMs
}

/** Lets a moment pass. @returns whether there is time left */
async function isEarlierThan(giveUpAtMs: number): Promise<boolean> {
  await sleep(systemClock, 1)
  return systemClock.nowMs() < giveUpAtMs
}

function ignore(): void {
  // told to whoever awaits the result
}
