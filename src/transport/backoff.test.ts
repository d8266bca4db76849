import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RandomSource } from '../base/random.ts'
import { seededRandom } from '../base/random.ts'
import { MAX_RECONNECT_DELAY_MS, reconnectDelayMs } from './backoff.ts'

/** A source whose `randomInteger` gives the given share of the range. */
function fixedRandom(share: number): RandomSource {
  const value = Math.round(share * 1_000_000)
  const bytes = Uint8Array.of(0, 0, 0, value >>> 16, value >>> 8, value)
  return { bytes: () => bytes }
}

describe('the reconnect delay', () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses attempt %d', (attempt) => {
    expect(() => reconnectDelayMs(attempt, seededRandom(1))).toThrow(
      expect.objectContaining({ code: 'WATON_BACKOFF_ATTEMPT' }),
    )
  })

  it('is a Fibonacci number of seconds when nothing is spread', () => {
    const seconds = Array.from(
      { length: 16 },
      (_, index) => reconnectDelayMs(index + 1, fixedRandom(0.5)) / 1000,
    )
    expect(seconds.slice(0, 15)).toEqual([1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610])
    expect(seconds[15]).toBeCloseTo(900 / 1.1, 2)
  })

  it('is spread by 10 % to both sides', () => {
    expect(reconnectDelayMs(5, fixedRandom(0))).toBe(4500)
    expect(reconnectDelayMs(5, fixedRandom(1))).toBe(5500)
  })

  it('never exceeds 900 seconds, and is still spread at that end', () => {
    expect(reconnectDelayMs(1_000_000_000, fixedRandom(1))).toBe(MAX_RECONNECT_DELAY_MS)
    expect(reconnectDelayMs(1_000_000_000, fixedRandom(0))).toBe(Math.round((900_000 / 1.1) * 0.9))
  })

  it('stays within its bounds for every attempt and seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.integer(), (attempt, seed) => {
        const delayMs = reconnectDelayMs(attempt, seededRandom(seed))
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(900)
        expect(delayMs).toBeLessThanOrEqual(MAX_RECONNECT_DELAY_MS)
      }),
      { seed: 1 },
    )
  })
})
