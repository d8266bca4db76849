/**
 * A clock that runs faster than the machine's, so that a client under test goes through its back-off without the test
 * waiting for it. Time stays consistent: what a timer waits for and what `nowMs` says agree.
 */
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'

/** How many seconds pass for the client in one second of the machine. */
export const SPEED = 20

/** A clock that starts at the machine's time and runs {@link SPEED} times as fast. */
export function fastClock(): Clock {
  const startedAtMs = systemClock.nowMs()
  return {
    nowMs: () => Math.floor(startedAtMs + (systemClock.nowMs() - startedAtMs) * SPEED),
    schedule: (delayMs, callback) => systemClock.schedule(delayMs / SPEED, callback),
  }
}
