/**
 * SIGKILL while texts flow both ways (promises G1 to G4, G6). `WATON_KILLS` sets how many kills, `WATON_SEED` the seed;
 * the short form runs with every test run.
 */
import { expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { KILL_POINTS, keepEvidence, runKills } from './harness.ts'
import type { PlannedKill } from './harness.ts'

const seed = Number(process.env.WATON_SEED ?? 20)
const count = Number(process.env.WATON_KILLS ?? 10)

/** Passages of a point in one round that every round reaches. */
const REACHED = 12

function planKills(): PlannedKill[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => {
    const point = KILL_POINTS[index % KILL_POINTS.length] ?? 'random'
    return { point, nth: 1 + randomInteger(random, REACHED) }
  })
}

test(
  `loses nothing and doubles nothing over ${String(count)} kills (seed ${String(seed)})`,
  { timeout: 90_000 + count * 10_000 },
  async () => {
    const evidence = await runKills(seed, planKills())
    keepEvidence(`kill-${String(seed)}-${String(count)}`, evidence)
    expect(evidence.kills.map(({ signal }) => signal)).toEqual(evidence.kills.map(() => 'SIGKILL'))
    expect(evidence).toMatchObject({
      lostByPeer: [],
      doubledAtPeer: [],
      peerOrderKept: true,
      lostByBaileys: [],
      doubledAtBaileys: [],
      unreadableAtBaileys: 0,
      lostInLog: [],
      doubledInLog: [],
      unhandled: [],
      retryReceipts: 0,
      keyFetchesAfterFirstKill: 0,
    })
  },
)
