/**
 * Texts both ways between a client and another person's phone while a drawn plan breaks the client's connections and
 * the client's program is restarted now and then. When the
 * plan has been stopped and all is quiet, each side has every text of the other exactly once, and in order unless the
 * plan reordered. `WATON_SEEDS=200` takes more seeds, `WATON_SEED=7` only this one.
 */
import { describe, expect, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import { drawFaults, startSimulator } from 'waton/simulator'
import type { FaultName, HappenedFault, SimulatedPhone, Simulator } from 'waton/simulator'
import { VirtualClock, seededRandom } from 'waton/testing'
import { randomInteger } from '../../src/base/random.ts'

const only = process.env.WATON_SEED
const count = Number(process.env.WATON_SEEDS ?? 15)
const SEEDS = only === undefined ? Array.from({ length: count }, (_, index) => String(index + 1)) : [only]

const ALICE = '15550000001'
const BOB = '15550000002'
const TEXTS = 12
const FAULTS = 6
/** Virtual time in which everything must have arrived once nothing goes wrong any more. */
const QUIET_MS = 10 * 60_000

interface World {
  readonly clock: VirtualClock
  readonly simulator: Simulator
  readonly store: MemoryStore
  readonly seed: string
  /** The one that runs; half of the stories restart it once. */
  client: Client
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
}

/** What is left when the story is over. */
interface Outcome {
  readonly shown: readonly string[]
  readonly logged: readonly string[]
  readonly undecryptable: number
  readonly unanswered: number
  readonly state: string
  readonly happened: readonly HappenedFault[]
  /** The planned faults that the trace has. */
  readonly traced: number
}

async function begin(seed: string): Promise<World> {
  const clock = new VirtualClock()
  const simulator = await startSimulator({ seed, clock })
  const alice = await simulator.addPhone({ phoneNumber: ALICE, name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: BOB, name: 'Bob' })
  const store = new MemoryStore()
  const client = newClient({ simulator, store, clock, seed })
  client.once('pairing.qr', async ({ qr }) => {
    await alice.linkDevice(qr)
  })
  await clock.runUntil(client.connect())
  return { clock, simulator, store, seed, client, alice, bob }
}

function newClient({
  simulator,
  store,
  clock,
  seed,
}: Pick<World, 'simulator' | 'store' | 'clock' | 'seed'>): Client {
  const random = seededRandom(`${seed} client at ${String(clock.nowMs())}`)
  return new Client({ store, endpoint: simulator.endpoint, clock, random })
}

/** Both write, now and then, while the plan is in progress. */
async function write(world: World): Promise<void> {
  const { clock, alice, bob, seed } = world
  const random = seededRandom(`${seed} writers`)
  const restartAt = 1 + randomInteger(random, 2 * TEXTS)
  const ticks: Promise<unknown>[] = []
  for (let number = 1; number <= TEXTS; number += 1) {
    await world.client.send(bob.pn, { text: `out ${String(number)}` })
    ticks.push(bob.send(alice.pn, { text: `in ${String(number)}` }))
    if (number === restartAt) await restart(world)
    await clock.advanceAndSettle(randomInteger(random, 4_000))
  }
  await clock.runUntil(Promise.all(ticks))
}

/** The program ends and starts again, in the middle of whatever goes wrong. */
async function restart(world: World): Promise<void> {
  await world.clock.runUntil(world.client.close())
  world.client = newClient(world)
  // it opens when it can
  void world.client.connect().catch(() => undefined)
}

async function tell(seed: string): Promise<Outcome> {
  const world = await begin(seed)
  const { clock, simulator, alice, bob } = world
  try {
    const run = simulator.faults.plan(drawFaults({ seed, count: FAULTS, within: 25 }))
    await write(world)
    run.stop()
    await clock.advanceAndSettle(QUIET_MS)
    const { client } = world
    const events = await logOf(client)
    const device = `${ALICE}:${String(client.me?.deviceId)}@s.whatsapp.net`
    return {
      shown: textsOf(bob.messages.filter(({ fromMe }) => !fromMe)),
      logged: events.messages,
      undecryptable: events.undecryptable + bob.undecryptable.length + alice.undecryptable.length,
      unanswered: simulator.unanswered(device).length,
      state: client.state,
      happened: run.happened,
      traced: simulator.trace.faults.filter(({ text }) => text.startsWith('planned fault')).length,
    }
  } finally {
    await world.client.close()
    await simulator.close()
  }
}

function textsOf(messages: readonly { readonly text?: string | undefined }[]): string[] {
  return messages.map(({ text }) => text ?? '(none)')
}

async function logOf(client: Client): Promise<{ messages: string[]; undecryptable: number }> {
  const messages: string[] = []
  let undecryptable = 0
  for await (const event of client.events.read()) {
    if (event.type === 'message.undecryptable') undecryptable += 1
    if (event.type !== 'message' || event.payload.fromMe) continue
    const { content } = event.payload
    messages.push('text' in content ? content.text : '(none)')
  }
  return { messages, undecryptable }
}

const expected = (way: string): string[] =>
  Array.from({ length: TEXTS }, (_, index) => `${way} ${String(index + 1)}`)

/** Whether the plan itself gave a direction's texts another order. */
function isReordered({ happened }: Outcome, direction: string): boolean {
  return happened.some(({ fault }) => fault.fault === 'reorder' && fault.at.direction === direction)
}

function inOrder(texts: readonly string[], isFree: boolean): readonly string[] {
  const numberOf = (text: string): number => Number(text.split(' ')[1])
  return isFree ? [...texts].sort((a, b) => numberOf(a) - numberOf(b)) : texts
}

describe('texts both ways', () => {
  const seen = new Set<FaultName>()

  test.each(SEEDS)('arrive exactly once under the faults of seed %s', async (seed) => {
    const outcome = await tell(seed)
    const { happened } = outcome
    const plan = JSON.stringify(happened.map(({ fault }) => fault))
    expect(inOrder(outcome.shown, isReordered(outcome, 'client-to-server')), plan).toEqual(expected('out'))
    expect(inOrder(outcome.logged, isReordered(outcome, 'server-to-client')), plan).toEqual(expected('in'))
    expect(outcome, plan).toMatchObject({ state: 'open', unanswered: 0, undecryptable: 0 })
    expect(happened.length).toBeGreaterThan(0)
    expect(outcome.traced).toBe(happened.length)
    for (const { fault } of happened) seen.add(fault.fault)
  })

  test.skipIf(SEEDS.length < 15)('were under every kind of fault', () => {
    expect([...seen].sort()).toEqual([
      'corrupt',
      'cut',
      'delay',
      'drop',
      'duplicate',
      'hold-answers',
      'refuse-connections',
      'reorder',
      'restart',
    ])
  })
})
