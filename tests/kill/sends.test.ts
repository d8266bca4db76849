/**
 * SIGKILL while texts go out (promises G3 and G4): each id reaches its peers, once, in order, and no message key is used
 * twice. `WATON_KILLS` sets how many kills at random points, `WATON_SENDS` how many texts at least, `WATON_SEED` the seed.
 */
import { expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { SEND_SEAMS } from '../../src/base/seams.ts'
import { KILL_POINTS, keepEvidence } from './harness.ts'
import type { PlannedKill } from './harness.ts'
import { runSendKills } from './sends-harness.ts'
import type { SendEvidence } from './sends-harness.ts'

const seed = Number(process.env.WATON_SEED ?? 20)
const count = Number(process.env.WATON_KILLS ?? 10)
const sends = Number(process.env.WATON_SENDS ?? 500)

/** Passages of a point in one round that every round reaches. */
const REACHED = 12
/** What is repeated after a kill passes this seam; few messages are. */
const REACHED_SEAM = 3

/** What a run that lost nothing shows. */
const NOTHING_LOST: Partial<SendEvidence> = {
  keyReuse: 'none',
  lost: {},
  doubled: {},
  disordered: {},
  encryptedTwice: [],
  undecryptable: [],
  retryReceipts: 0,
  violations: [],
}

function expectNothingLost(evidence: SendEvidence): void {
  expect(evidence.kills.map(({ signal }) => signal)).toEqual(evidence.kills.map(() => 'SIGKILL'))
  expect(evidence).toMatchObject(NOTHING_LOST)
}

/** All points and all seams but that of repeating, which not every round passes, in a seeded order. */
function planKills(): PlannedKill[] {
  const random = seededRandom(`sends ${String(seed)}`)
  const points = [...KILL_POINTS, ...SEND_SEAMS.filter((name) => name !== 'send:repeating')]
  return Array.from({ length: count }, () => ({
    point: points[randomInteger(random, points.length)] ?? 'random',
    nth: 1 + randomInteger(random, REACHED),
  }))
}

test(
  `brings ${String(sends)} texts to a phone and to Baileys over ${String(count)} kills (seed ${String(seed)})`,
  { timeout: 120_000 + count * 15_000 + sends * 200 },
  async () => {
    const evidence = await runSendKills(seed, planKills(), sends)
    keepEvidence(`sends-${String(seed)}-${String(count)}`, evidence)
    expectNothingLost(evidence)
    expect(evidence.sent).toBeGreaterThanOrEqual(sends)
    // each text goes to two devices of others at least, or to one and an own one
    expect(evidence.ciphertexts).toBeGreaterThanOrEqual(2 * evidence.sent)
  },
)

test(
  `survives a death at every seam of the way out, each by its name (seed ${String(seed)})`,
  { timeout: 120_000 + SEND_SEAMS.length * 15_000 },
  async () => {
    const random = seededRandom(`seams of sending ${String(seed)}`)
    // a message is repeated only when it had left and was not acknowledged: the kill before brings that about
    const kills = SEND_SEAMS.flatMap((point): PlannedKill[] =>
      point === 'send:repeating'
        ? [
            { point: 'send:written', nth: 1 },
            { point, nth: 1 },
          ]
        : [{ point, nth: 1 + randomInteger(random, REACHED_SEAM) }],
    )
    const evidence = await runSendKills(seed, kills, 40)
    keepEvidence(`send-seams-${String(seed)}`, evidence)
    // a seam that nothing passes ends in a timeout that names it
    expect(new Set(evidence.kills.map(({ point }) => point))).toEqual(new Set(SEND_SEAMS))
    expectNothingLost(evidence)
    expect(evidence.repeated).toBeGreaterThan(0)
  },
)
