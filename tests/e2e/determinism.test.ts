/** Promise G9: over the socket in memory, a run is a function of its seed. Another seed with `WATON_SEED`. */
import { describe, expect, test } from 'vitest'
import { firstDifference, tellStory } from './determinism-scenario.ts'

const base = process.env.WATON_SEED ?? 'same'
const SEEDS = [1, 2, 3, 4, 5].map((number) => `${base} ${String(number)}`)

describe('a run', () => {
  const digests = new Set<string>()

  test.each(SEEDS)('is the same to the last byte when seed "%s" is used again', async (seed) => {
    const first = await tellStory(seed)
    const second = await tellStory(seed)
    expect(firstDifference(first, second), `seed "${seed}"`).toBeUndefined()
    expect(second.digest).toBe(first.digest)
    // the story was told: a cut, and what the plan brought
    expect(first.faults).toBeGreaterThan(1)
    expect(first.lines.length).toBeGreaterThan(300)
    digests.add(first.digest)
  })

  test('is another for each other seed', () => {
    expect(digests.size).toBe(SEEDS.length)
  })
})
