/**
 * A disk that forgets what was not flushed, and one that fails: the process dies at seeded moments, commits fail with a full
 * disk, a busy file and an I/O error, and the record of the server judges. No answer leaves before the commit of what it
 * answers, and nothing that came is lost, doubled or out of order (promises G1, G2 and G9). Half of the texts are from an
 * unmodified Baileys.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import type { SimulatedPhone, Simulator, TracedStanza } from 'waton/simulator'
import { CrashStore, StoreWrapper, faultyStore } from 'waton/testing'
import type { Fault } from 'waton/testing'
import { StorageError } from '../../src/base/errors.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { FastClock, log } from '../client/support.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

const seed = process.env.WATON_SEED ?? '20'
const ALICE = '15550000001@s.whatsapp.net'
const DEVICE = '15550000001:1@s.whatsapp.net'

/** How often the process dies in one story. */
const DEATHS = 6
const TEXTS_PER_LIFE = 8

/** What disks do: each is told to the client in the code of its back end. */
const FAILURES: readonly StorageError[] = [
  new StorageError('WATON_STORE_FULL', 'the disk is full because the test wants it', { retryable: true }),
  new StorageError('WATON_STORE_BUSY', 'the file is busy because the test wants it', { retryable: true }),
  new StorageError('WATON_STORE_WRITE', 'an I/O error because the test wants it', { retryable: true }),
]

/** Notes in the order of the server's record when a message became durable. */
class NotingStore extends StoreWrapper {
  readonly #simulator: Simulator
  readonly #durableAt: Map<string, number>

  constructor(inner: Store, simulator: Simulator, durableAt: Map<string, number>) {
    super(inner)
    this.#simulator = simulator
    this.#durableAt = durableAt
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const result = await super.commit(claim, changes)
    for (const change of changes) {
      if (change.op !== 'put-message' || this.#durableAt.has(change.row.id)) continue
      this.#durableAt.set(change.row.id, this.#simulator.trace.nextIndex)
    }
    return result
  }
}

interface Story {
  readonly simulator: Simulator
  readonly random: RandomSource
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly baileys: Baileys
  readonly disk: Store
  readonly durableAt: Map<string, number>
  readonly written: string[]
}

async function startStory(name: string): Promise<Story> {
  const simulator = await startWorld(Number(seed))
  const { alice, bob } = await addPair(simulator)
  const carol = await simulator.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
  const baileys = await Baileys.link(simulator, carol)
  const durableAt = new Map<string, number>()
  const disk = new NotingStore(new MemoryStore(), simulator, durableAt)
  const random = seededRandom(`${name} ${seed}`)
  return { simulator, random, alice, bob, baileys, disk, durableAt, written: [] }
}

/** A client on the story's disk, through a store that misbehaves. */
function newLife({ simulator, alice }: Story, store: Store): Client {
  const client = new Client({ store, endpoint: simulator.endpoint, clock: new FastClock(20) })
  onTestFinished(() => client.close().catch(() => undefined))
  client.on('pairing.qr', async ({ qr }) => {
    await alice.linkDevice(qr).catch(() => undefined)
  })
  return client
}

async function write({ bob, baileys, written }: Story, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const text = `in ${String(written.length + 1)}`
    const { id } =
      written.length % 2 === 0 ? await bob.send(ALICE, { text }) : await baileys.send(ALICE, text)
    written.push(id)
  }
}

async function untilAllLogged({ written }: Story, client: Client): Promise<void> {
  await until(
    'every text to be in the log',
    async () => {
      const ids = new Set((await log(client)).map(({ payload }) => ('id' in payload ? payload.id : '')))
      return written.every((id) => ids.has(id))
    },
    60_000,
  )
}

/** What the server and the log say of a story that is over. */
async function expectNothingLost(story: Story, client: Client): Promise<void> {
  const { simulator, written, durableAt } = story
  await until('everything to be answered', () => simulator.unanswered(DEVICE).length === 0)
  const events = await log(client)
  const received = events.flatMap(({ type, payload }) =>
    type === 'message' && 'id' in payload && written.includes(payload.id) ? [payload.id] : [],
  )
  expect(received, `seed ${seed}`).toHaveLength(written.length)
  expect(new Set(received), `seed ${seed}`).toEqual(new Set(written))
  for (const chat of [0, 1]) {
    const expected = written.filter((_, index) => index % 2 === chat)
    expect(
      received.filter((id) => expected.includes(id)),
      `seed ${seed}`,
    ).toEqual(expected)
  }
  expect(events.filter(({ type }) => type === 'message.undecryptable')).toEqual([])
  const receipts = simulator.trace.stanzas({ direction: 'client-to-server', device: DEVICE, tag: 'receipt' })
  expect(receipts.filter(({ node }) => node.attrs.type === 'retry')).toEqual([])
  expect(early(receipts, written, durableAt), `seed ${seed}`).toEqual([])
}

/** Texts that were answered before they were durable. */
function early(
  receipts: readonly TracedStanza[],
  written: readonly string[],
  durableAt: ReadonlyMap<string, number>,
): string[] {
  return written.filter((id) =>
    receipts.some(({ index, node }) => isAbout(node, id) && index < (durableAt.get(id) ?? Infinity)),
  )
}

function isAbout({ attrs, content }: TracedStanza['node'], id: string): boolean {
  return attrs.id === id || JSON.stringify(content ?? '').includes(`"${id}"`)
}

describe('a process that dies at seeded moments', () => {
  test(
    `on a disk that forgets what was not flushed: everything once, in order (seed ${seed})`,
    { timeout: 180_000 },
    async () => {
      const story = await startStory('deaths')
      const { disk, random } = story
      let store = new CrashStore(disk)
      let client = newLife(story, store)
      await client.connect()
      await write(story, 2)
      await untilAllLogged(story, client)
      let forgotten = 0
      for (let death = 0; death < DEATHS; death += 1) {
        store.hold()
        await write(story, TEXTS_PER_LIFE)
        await until('a commit', () => store.held > 0)
        // some commits are flushed, some are not, and of those some are written although nobody hears of it
        for (let flushes = randomInteger(random, 3); flushes > 0; flushes -= 1) {
          await store.flush(1)
          await until(
            'the next commit',
            () => store.held > 0 || client.state !== 'open' || settled(story),
          ).catch(() => undefined)
        }
        const unacknowledged = randomInteger(random, store.held + 1)
        forgotten += store.held - unacknowledged
        await store.crash(unacknowledged)
        await client.close().catch(() => undefined)
        if (death % 2 === 0) await write(story, 2)
        store = new CrashStore(disk)
        client = newLife(story, store)
        await client.connect()
      }
      expect(forgotten).toBeGreaterThan(0)
      await untilAllLogged(story, client)
      await expectNothingLost(story, client)
    },
  )
})

/** Whether everything that was written is durable already, so that no further commit has to come. */
function settled({ written, durableAt }: Story): boolean {
  return written.every((id) => durableAt.has(id))
}

describe('a disk that is full, busy or broken at seeded commits', () => {
  test.each([false, true])(
    `loses and doubles nothing, and answers nothing early (written all the same: %s; seed ${seed})`,
    { timeout: 180_000 },
    async (isApplied) => {
      const story = await startStory(`failures ${String(isApplied)}`)
      const { disk, random } = story
      let isFailing = false
      const told: string[] = []
      const plan = (): Fault | undefined => {
        if (!isFailing || randomInteger(random, 5) !== 0) return undefined
        const error = FAILURES[told.length % FAILURES.length]
        if (error === undefined) return undefined
        told.push(error.code)
        return { error, isApplied }
      }
      const client = newLife(story, faultyStore(disk, { commit: plan }))
      await client.connect()
      await write(story, 2)
      await untilAllLogged(story, client)
      isFailing = true
      while (new Set(told).size < FAILURES.length) await write(story, 2)
      isFailing = false
      await untilAllLogged(story, client)
      await expectNothingLost(story, client)
    },
  )
})
