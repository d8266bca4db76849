/**
 * A fault plan on real sockets: the same plan breaks the connections of a client of ours and of an unmodified Baileys, which
 * shows that what the plan does to bytes and stanzas is nothing that only our own client would stand.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { FaultRun, PlannedFault, SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, overWebSocket, startWorld } from '../helpers/world.ts'

/** How long a Baileys may take: a query that the cut left unanswered holds it up for a minute, its own end for half of one. */
const BAILEYS_MS = 120_000

const TEXTS = ['one', 'two', 'three', 'four', 'five', 'six']

/** Counted from the moment when the companion is linked and open. */
const FAULTS: readonly PlannedFault[] = [
  { fault: 'delay', at: { direction: 'server-to-client', frame: 2 }, forMs: 50 },
  { fault: 'cut', at: { direction: 'client-to-server', frame: 3 } },
  { fault: 'restart', at: { direction: 'server-to-client', frame: 14 } },
]

async function people(simulator: Simulator): Promise<{ alice: SimulatedPhone; bob: SimulatedPhone }> {
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  return { alice, bob: await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' }) }
}

function start(simulator: Simulator): FaultRun {
  const run = simulator.faults.plan({ seed: 1, faults: FAULTS })
  onTestFinished(() => {
    run.stop()
  })
  return run
}

test('a client comes back from every fault with every text, once and in order', async () => {
  const simulator = await startWorld(41)
  const { alice, bob } = await people(simulator)
  const client = await linkedClient(simulator, alice, { endpoint: overWebSocket(simulator) })
  const texts: string[] = []
  client.on('message', ({ payload: { content } }) => {
    texts.push('text' in content ? content.text : '(none)')
  })
  const run = start(simulator)
  for (const text of TEXTS) {
    await bob.send(alice.pn, { text })
    await until(`"${text}"`, () => texts.includes(text))
  }
  await until('every fault', () => run.pending.length === 0)
  expect(texts).toEqual(TEXTS)
  expect(run.happened).toHaveLength(FAULTS.length)
  expect(simulator.trace.faults).toHaveLength(FAULTS.length)
})

// It may lose what it was reading when the connection broke (its sessions are ahead of its messages then), so only what is
// written afterwards is asked of it.
test('an unmodified Baileys comes back from the same faults', { timeout: 2 * BAILEYS_MS }, async () => {
  const simulator = await startWorld(42)
  const { alice, bob } = await people(simulator)
  const baileys = await Baileys.link(simulator, alice)
  const openedBefore = baileys.opened
  const run = start(simulator)
  for (const text of TEXTS) await bob.send(alice.pn, { text })
  await until('every fault', () => run.pending.length === 0)
  await until('Baileys to be open again', () => baileys.opened > openedBefore, BAILEYS_MS)
  await bob.send(alice.pn, { text: 'are you there?' })
  await baileys.waitForText('are you there?')
  await baileys.send(bob.pn, 'still here')
  await bob.waitForMessage(({ text }) => text === 'still here')
  expect(run.happened).toHaveLength(FAULTS.length)
})
