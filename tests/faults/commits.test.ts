/**
 * A disk that forgets what was not flushed, and one that fails: a bot that answers each text dies at seeded moments, its
 * commits fail with a full disk, a busy file and an I/O error, and the record of the server judges. No answer to the server
 * leaves before the commit of what it answers, nothing that came is lost, doubled or out of order, every text is handled and
 * has one reply, and nothing is asked for again (promises G1, G2, G9 and G10). Half of the texts are from an unmodified
 * Baileys. `WATON_DEATHS` sets how often the process dies, `WATON_MESSAGES` how many texts come in, `WATON_SEED` the seed.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Bot, MemoryStore } from 'waton'
import type { Client } from 'waton'
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
import { Ledger } from '../kill/ledger.ts'
import { disorder, missing, repeated } from '../kill/lists.ts'

const seed = process.env.WATON_SEED ?? '20'
const messages = Number(process.env.WATON_MESSAGES ?? 0)
const ALICE = '15550000001@s.whatsapp.net'
const DEVICE = '15550000001:1@s.whatsapp.net'

/** How often the process dies in one story. */
const DEATHS = Number(process.env.WATON_DEATHS ?? 10)
const TEXTS_PER_LIFE = Math.max(8, Math.ceil(messages / DEATHS))

/** Commits of one life that are flushed, at most. */
const MAX_FLUSHES = 6
const TIMEOUT_MS = 180_000 + DEATHS * 5_000 + messages * 200

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
  /** Bob writes by his phone, and Carol by the Baileys that is linked to hers. */
  readonly bob: SimulatedPhone
  readonly carol: SimulatedPhone
  readonly baileys: Baileys
  readonly disk: Store
  readonly durableAt: Map<string, number>
  /** Receipts of the device, as they reached the server: a long run outgrows the record. */
  readonly receipts: TracedStanza[]
  readonly ledger: Ledger
  readonly written: string[]
  /** Ids that the bot's handler has finished with. */
  readonly handled: Set<string>
}

/** One life of the bot's process. */
interface Life {
  readonly bot: Bot
  readonly client: Client
}

async function startStory(name: string): Promise<Story> {
  const simulator = await startWorld(Number(seed))
  const { alice, bob } = await addPair(simulator)
  const carol = await simulator.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
  const baileys = await Baileys.link(simulator, carol)
  const durableAt = new Map<string, number>()
  const disk = new NotingStore(new MemoryStore(), simulator, durableAt)
  const random = seededRandom(`${name} ${seed}`)
  const receipts: TracedStanza[] = []
  simulator.trace.subscribe((entry) => {
    if ('node' in entry && entry.node.tag === 'receipt' && entry.device === DEVICE) receipts.push(entry)
  })
  const parties = { simulator, random, alice, bob, carol, baileys, disk }
  const ledger = new Ledger(simulator, DEVICE)
  return { ...parties, durableAt, receipts, ledger, written: [], handled: new Set() }
}

/** A bot on the story's disk, through a store that misbehaves. */
async function newLife({ simulator, alice, handled }: Story, store: Store): Promise<Life> {
  const bot = new Bot({
    store,
    endpoint: simulator.endpoint,
    clock: new FastClock(20),
    maxAgeMs: Infinity,
    stopOnSignals: false,
    onQr: ({ qr }) => alice.linkDevice(qr).catch(() => undefined),
  })
  onTestFinished(() => bot.stop().catch(() => undefined))
  bot.on('message:text', async (ctx) => {
    await ctx.reply(`echo of ${ctx.text}`)
    handled.add(ctx.message.id)
  })
  bot.catch(() => undefined)
  const client = await bot.open()
  await bot.start()
  return { bot, client }
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

/** The texts of one of the two people, in order: those that came, or the replies to them. */
function textsOf({ written }: Story, person: 0 | 1): string[] {
  return written.flatMap((_, index) => (index % 2 === person ? [`in ${String(index + 1)}`] : []))
}

function shownBy({ messages: shown }: SimulatedPhone): string[] {
  return shown.flatMap(({ fromMe, text }) => (fromMe ? [] : [text ?? '']))
}

/**
 * Texts that Baileys wrote in a chain which it had broken itself, as its records show: they are asked for again and come late,
 * and they have to come all the same.
 */
function brokenTexts({ ledger, baileys, written }: Story): ReadonlySet<string> {
  return new Set(ledger.brokenBy(baileys, written))
}

/** What is wrong with the replies that the phones show. */
function defectsOfReplies(story: Story): readonly string[] {
  const broken = brokenTexts(story)
  const late = new Set(
    story.written.flatMap((id, index) => (broken.has(id) ? [`echo of in ${String(index + 1)}`] : [])),
  )
  return [story.bob, story.carol].flatMap((phone, index) => {
    const expected = textsOf(story, index === 0 ? 0 : 1).map((text) => `echo of ${text}`)
    const shown = shownBy(phone)
    const inOrder = expected.filter((text) => !late.has(text))
    return [...missing(expected, shown), ...repeated(shown), ...disorder(inOrder, shown)]
  })
}

async function untilAllAnswered(story: Story): Promise<void> {
  await until('every reply to be shown', () => defectsOfReplies(story).length === 0, 60_000).catch(
    () => undefined,
  )
  expect(defectsOfReplies(story), `seed ${seed}`).toEqual([])
}

/** What the server, the phones and the log say of a story that is over. */
async function expectNothingLost(story: Story, client: Client): Promise<void> {
  const { simulator, written, durableAt, receipts, ledger, handled } = story
  await untilAllAnswered(story)
  expect(missing(written, [...handled]), `seed ${seed}`).toEqual([])
  await until('everything to be answered', () => simulator.unanswered(DEVICE).length === 0)
  const events = await log(client)
  const received = events.flatMap(({ type, payload }) =>
    type === 'message' && 'id' in payload && written.includes(payload.id) ? [payload.id] : [],
  )
  expect(received, `seed ${seed}`).toHaveLength(written.length)
  expect(new Set(received), `seed ${seed}`).toEqual(new Set(written))
  const broken = brokenTexts(story)
  for (const chat of [0, 1]) {
    const expected = written.filter((id, index) => index % 2 === chat && !broken.has(id))
    expect(
      received.filter((id) => expected.includes(id)),
      `seed ${seed}`,
    ).toEqual(expected)
  }
  const unreadable = events.flatMap(({ type, payload }) =>
    type === 'message.undecryptable' && !broken.has(payload.id) ? [payload.id] : [],
  )
  expect(unreadable).toEqual([])
  expect(ledger.retries.filter(({ device, id }) => device === DEVICE && !broken.has(id))).toEqual([])
  expect(ledger.keyFetches).toBe(0)
  const own = receipts.filter(({ direction }) => direction === 'client-to-server')
  expect(own.length).toBeGreaterThan(0)
  expect(early(own, written, durableAt), `seed ${seed}`).toEqual([])
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

/** Both people have written and have been answered: from now on nobody needs keys. */
async function warmUp(story: Story, client: Client): Promise<void> {
  await write(story, 2)
  await untilAllLogged(story, client)
  await untilAllAnswered(story)
  story.ledger.firstKill()
}

describe('a process that dies at seeded moments', () => {
  test(
    `on a disk that forgets what was not flushed: everything once, in order (${String(DEATHS)} deaths, seed ${seed})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const story = await startStory('deaths')
      const { disk, random } = story
      let store = new CrashStore(disk)
      let { bot, client } = await newLife(story, store)
      await warmUp(story, client)
      let forgotten = 0
      let deaths = 0
      for (; deaths < DEATHS; deaths += 1) {
        store.hold()
        await write(story, TEXTS_PER_LIFE)
        await until('a commit', () => store.held > 0)
        // some commits are flushed, some are not, and of those some are written although nobody hears of it
        for (let flushes = randomInteger(random, MAX_FLUSHES); flushes > 0; flushes -= 1) {
          await store.flush(1)
          await until(
            'the next commit',
            () => store.held > 0 || client.state !== 'open' || settled(story),
          ).catch(() => undefined)
        }
        const unacknowledged = randomInteger(random, store.held + 1)
        forgotten += store.held - unacknowledged
        await store.crash(unacknowledged)
        await bot.stop().catch(() => undefined)
        if (deaths % 2 === 0) await write(story, 2)
        store = new CrashStore(disk)
        ;({ bot, client } = await newLife(story, store))
      }
      expect(deaths).toBe(DEATHS)
      expect(forgotten).toBeGreaterThan(0)
      expect(story.written.length).toBeGreaterThanOrEqual(messages)
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
    { timeout: TIMEOUT_MS },
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
      const { client } = await newLife(story, faultyStore(disk, { commit: plan }))
      await warmUp(story, client)
      isFailing = true
      while (told.length < DEATHS || story.written.length < messages) await write(story, 2)
      expect(new Set(told).size).toBe(FAILURES.length)
      isFailing = false
      await untilAllLogged(story, client)
      await expectNothingLost(story, client)
    },
  )
})
