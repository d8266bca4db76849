/**
 * A clock that moves only when a test says so (promise G9): no test needs to sleep, and a week passes in a
 * millisecond. It is not a mock of timers: code that reads the wall clock behind waton's back does not see it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '../base/clock.ts'
import { UsageError } from '../base/errors.ts'

interface Waiting {
  readonly dueAtMs: number
  /** Timers of one instant run in the order in which they were started. */
  readonly order: number
  readonly callback: () => void
}

/**
 * A `Clock` that stands still until it is advanced.
 *
 * ```ts
 * const clock = new ManualClock()
 * const client = new Client({ store, clock })
 * await clock.advanceAndSettle(30_000)   // everything that is due within 30 s has run
 * ```
 */
export class ManualClock implements Clock {
  #nowMs: number
  #lastOrder = 0
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
   */
  advance(byMs: number): void {
    const endMs = this.#end(byMs)
    for (let due = this.#next(endMs); due !== undefined; due = this.#next(endMs)) this.#run(due)
    this.#nowMs = endMs
  }

  /** Like {@link advance}, but lets promises settle before it starts, after every timer and at the end. */
  async advanceAndSettle(byMs: number): Promise<void> {
    const endMs = this.#end(byMs)
    await nextTurn()
    for (let due = this.#next(endMs); due !== undefined; due = this.#next(endMs)) {
      this.#run(due)
      await nextTurn()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
    await nextTurn()
  }

  #end(byMs: number): number {
    if (byMs >= 0) return this.#nowMs + byMs
    throw new UsageError(
      'WATON_CLOCK_BACKWARDS',
      `a ManualClock cannot go back by ${String(-byMs)} ms: start another one`,
    )
  }

  #run(due: Waiting): void {
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
