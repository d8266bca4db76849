/**
 * SIGKILL while texts flow both ways (promises G1 to G4, G6, G10). `WATON_KILLS` sets how many kills at random points,
 * `WATON_MESSAGES` how many texts come in, `WATON_SEED` the seed; the short form runs with every test run.
 */
import { expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { SEAMS } from '../../src/base/seams.ts'
import { KILL_POINTS, keepEvidence, runKills } from './harness.ts'
import type { PlannedKill } from './harness.ts'
import { NOTHING_LOST } from './judge.ts'
import type { KillEvidence } from './judge.ts'

const seed = Number(process.env.WATON_SEED ?? 20)
const count = Number(process.env.WATON_KILLS ?? 10)
const messages = Number(process.env.WATON_MESSAGES ?? 0)

/** Passages of a point in one round that every round reaches. */
const REACHED = 12

/** A seam that is passed once per batch is passed so often in a short round. */
const REACHED_SEAM = 4

/** All points and all seams, in a seeded order that goes round. */
function planKills(): PlannedKill[] {
  const random = seededRandom(seed)
  const points = [...KILL_POINTS, ...SEAMS]
  return Array.from({ length: count }, () => ({
    point: points[randomInteger(random, points.length)] ?? 'random',
    nth: 1 + randomInteger(random, REACHED),
  }))
}

function expectNothingLost(evidence: KillEvidence): void {
  expect(evidence.kills.map(({ signal }) => signal)).toEqual(evidence.kills.map(() => 'SIGKILL'))
  expect(evidence).toMatchObject(NOTHING_LOST)
}

test(
  `loses nothing and doubles nothing over ${String(count)} kills (seed ${String(seed)})`,
  { timeout: 120_000 + count * 15_000 + messages * 200 },
  async () => {
    const evidence = await runKills(seed, planKills(), messages)
    keepEvidence(`kill-${String(seed)}-${String(count)}`, evidence)
    expectNothingLost(evidence)
    expect(evidence.received).toBeGreaterThanOrEqual(messages)
  },
)

test(
  `survives a death at every seam of the receive pipeline, each by its name (seed ${String(seed)})`,
  { timeout: 120_000 + SEAMS.length * 15_000 },
  async () => {
    const random = seededRandom(`seams ${String(seed)}`)
    const kills = SEAMS.map((point) => ({ point, nth: 1 + randomInteger(random, REACHED_SEAM) }))
    const evidence = await runKills(seed, kills)
    keepEvidence(`seams-${String(seed)}`, evidence)
    // a seam that nothing passes ends in a timeout that names it
    expect(evidence.kills.map(({ point }) => point)).toEqual(SEAMS)
    expectNothingLost(evidence)
  },
)
