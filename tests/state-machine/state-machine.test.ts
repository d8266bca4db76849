/**
 * Promises G1 to G4 over everything at once: sends, receives, turning ratchets, cancels, commits that fail or wait, crashes,
 * lost acks, sessions lost on either side, and copies of the store that are restored, in an order drawn from a seed. `WATON_SEEDS` sets how many seeds, `WATON_STEPS`
 * how many steps each, `WATON_SEED` where they begin, `WATON_WITHOUT` which steps (by name, with commas) do not happen. A
 * failure is made small before it is shown.
 */
import { describe, expect, test } from 'vitest'
import { ALL_STEPS, describeSteps, drawSteps, shrink } from './steps.ts'
import type { Step } from './steps.ts'
import { runSteps } from './machine.ts'
import type { RunResult } from './machine.ts'

const first = Number(process.env.WATON_SEED ?? 1)
const seeds = Number(process.env.WATON_SEEDS ?? 20)
const length = Number(process.env.WATON_STEPS ?? 40)
const without = (process.env.WATON_WITHOUT ?? '').split(',')
const names = ALL_STEPS.filter((name) => !without.includes(name))

/** Runs that look for a smaller failure. */
const SHRINKING = 40

async function explain(seed: string, steps: readonly Step[], result: RunResult): Promise<string> {
  const fails = async (fewer: readonly Step[]): Promise<boolean> =>
    (await runSteps(seed, fewer)).mistakes.length > 0
  const small = await shrink(steps, fails, SHRINKING)
  const { mistakes } = small === steps ? result : await runSteps(seed, small)
  return [`seed ${seed} fails after ${String(small.length)} steps:`, describeSteps(small), ...mistakes].join(
    '\n',
  )
}

describe('a client', () => {
  const happened: RunResult[] = []

  test.each(Array.from({ length: seeds }, (_, index) => first + index))(
    `loses nothing, doubles nothing and heals over ${String(length)} steps, with seed %i`,
    { timeout: 60_000 + length * 2_000 },
    async (number) => {
      const seed = String(number)
      const steps = drawSteps(seed, length, names)
      const result = await runSteps(seed, steps)
      happened.push(result)
      if (result.mistakes.length > 0) expect.fail(await explain(seed, steps, result))
      expect(result.ciphertexts).toBeGreaterThan(0)
    },
  )

  test('loses nothing of what a peer asks for faster than it is answered', async () => {
    const steps = Array.from({ length: 8 }, (): readonly Step[] => [
      { do: 'turn', peer: 'bob' },
      { do: 'peer-loses-sessions', peer: 'bob' },
      { do: 'send', peer: 'bob', count: 15 },
    ]).flat()
    const { mistakes, retries } = await runSteps('burst', steps)
    expect(mistakes).toEqual([])
    // twenty are answered at once
    expect(retries).toBeGreaterThan(40)
  })

  test.runIf(names.length === ALL_STEPS.length && seeds >= 10)('has met everything in these runs', () => {
    const sum = (pick: (result: RunResult) => number): number =>
      happened.reduce((total, result) => total + pick(result), 0)
    for (const pick of [
      (result: RunResult) => result.sent,
      (result: RunResult) => result.received,
      (result: RunResult) => result.cancelled,
      (result: RunResult) => result.crashes,
      (result: RunResult) => result.failedCommits,
      (result: RunResult) => result.faults,
      (result: RunResult) => result.lostSessions,
      (result: RunResult) => result.restores,
      (result: RunResult) => result.retries,
    ])
      expect(sum(pick)).toBeGreaterThan(0)
  })
})
