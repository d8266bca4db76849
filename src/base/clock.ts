/**
 * Time as an injected dependency (promise G9). Nothing above this file reads the wall clock or starts a timer itself,
 * so that the simulator and tests can drive both.
 */

/** A started timer; `cancel` is idempotent. */
export interface Timer {
  /** Ends the timer; once it has run, or was cancelled, this does nothing. */
  cancel(): void
}

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Runs `callback` once after `delayMs`. */
  schedule(delayMs: number, callback: () => void): Timer
}

/** The longest that a timer of Node waits; with more than this it runs at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/* eslint-disable no-restricted-globals -- the one place where the machine's time comes in */
/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  schedule(delayMs, callback) {
    let handle: ReturnType<typeof setTimeout>
    const wait = (leftMs: number): void => {
      const partMs = Math.min(leftMs, LONGEST_TIMER_MS)
      handle = setTimeout(() => {
        if (leftMs > partMs) wait(leftMs - partMs)
        else callback()
      }, partMs)
    }
    wait(delayMs)
    return {
      cancel: () => {
        clearTimeout(handle)
      },
    }
  },
}
/* eslint-enable no-restricted-globals */

/** Resolves after `delayMs`, or at once when `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const finish = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = clock.schedule(delayMs, finish)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
