/** Seeded schedules: the same seed gives the same run, and a failure says which seed it was. */
import { WatonError, describeError } from '../base/errors.ts'
import { randomInteger, seededRandom } from '../base/random.ts'
import type { RandomSource } from '../base/random.ts'

/** One element of a list that has any. */
export function pick<T>(random: RandomSource, items: readonly T[]): T {
  return items[randomInteger(random, items.length)] as T
}

/** Whether an event of this probability (0 to 1) happens. */
export function chance(random: RandomSource, probability: number): boolean {
  return randomInteger(random, 2 ** 32) < probability * 2 ** 32
}

/** The items in another order; the list itself is left alone. */
export function shuffle<T>(random: RandomSource, items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: randomInteger(random, 2 ** 48) }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

/**
 * Runs a schedule once for every seed, in order. A failure is reported with the seed that shows it again.
 *
 * @throws {WatonError} `WATON_TEST_SEED` with the failure as its cause
 */
export async function forSeeds(
  seeds: readonly (string | number)[],
  run: (random: RandomSource, seed: string | number) => void | Promise<void>,
): Promise<void> {
  for (const seed of seeds) {
    try {
      await run(seededRandom(seed), seed)
    } catch (error) {
      throw new WatonError('WATON_TEST_SEED', `seed ${JSON.stringify(seed)}: ${describeError(error)}`, {
        cause: error,
        action: 'fix-call',
        details: { seed },
      })
    }
  }
}
