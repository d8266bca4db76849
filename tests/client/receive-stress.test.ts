/**
 * Everything at once, many times over: texts stream in while the store fails at random commits and reads, connections break,
 * clients are closed at random moments and come back, and a consumer that fails at random answers each text. Nothing is
 * lost, doubled or out of order, every text has one answer, and no promise is rejected that nobody waits for (promises G1,
 * G2 and G10).
 */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, EventHandler } from 'waton'
import type { Store } from 'waton/persistence'
import { faultyStore } from 'waton/testing'
import type { Fault } from 'waton/testing'
import { StorageError, hasCode, isWatonError } from '../../src/base/errors.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { outboxItem } from '../../src/client/send/outbox-item.ts'
import { decodeMessage } from '../../src/protocol/proto/message.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { outboxRows } from './event-log.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  FastClock,
  SlowStore,
  World,
  linkedClient,
  messageIds,
  newClient,
  settle,
  uncaught,
} from './support.ts'

/** `WATON_SEED` plays one seed again, `WATON_SEEDS` plays more of them. */
const { WATON_SEED, WATON_SEEDS = '12' } = process.env
const seeds =
  WATON_SEED === undefined
    ? Array.from({ length: Number(WATON_SEEDS) }, (_, index) => String(index + 1))
    : [WATON_SEED]

/** Of each at least. */
const TEXTS = 24
const MISHAPS = 20

const FAILURES: readonly StorageError[] = ['FULL', 'BUSY', 'WRITE'].map(
  (code) => new StorageError(`WATON_STORE_${code}`, 'because the test wants it', { retryable: true }),
)

/** What goes wrong while `isOn`. */
class Trouble {
  isOn = false
  /** How often something did. */
  count = 0
  readonly #random: RandomSource

  constructor(random: RandomSource) {
    this.#random = random
  }

  happens(oneIn: number): boolean {
    const happens = this.isOn && randomInteger(this.#random, oneIn) === 0
    if (happens) this.count += 1
    return happens
  }

  fault(oneIn: number): Fault | undefined {
    const error = this.happens(oneIn) ? FAILURES[randomInteger(this.#random, FAILURES.length)] : undefined
    return error && { error, isApplied: randomInteger(this.#random, 2) === 0 }
  }

  store(disk: Store): Store {
    return faultyStore(disk, { commit: () => this.fault(6), read: () => this.fault(60) })
  }
}

interface Story {
  readonly world: World
  readonly bob: SimulatedPhone
  readonly random: RandomSource
  readonly trouble: Trouble
}

/** Answers each text, and fails now and then before and after it. */
function answering(trouble: Trouble, seen: string[]): EventHandler {
  return async (event, context) => {
    if (event.type !== 'message' || event.payload.fromMe) return
    const { id } = event.payload
    if (!seen.includes(id)) seen.push(id)
    if (trouble.happens(8)) throw new TypeError('before')
    const sent = await context.send(BOB, { text: `re ${id}` })
    if (trouble.happens(8)) void sent.acked
    if (trouble.happens(8)) throw new TypeError('after')
  }
}

/** Consumes until the client is closed, also when its store could not even be opened. */
async function consume(client: Client, handler: EventHandler): Promise<void> {
  for (;;) {
    try {
      await client.consume('worker', handler, { from: 'start', maxAttempts: Infinity })
      return
    } catch (error) {
      if (hasCode(error, 'WATON_CLIENT_CLOSED')) return
      if (!isWatonError(error) || !error.retryable) throw error
    }
  }
}

async function answersIn(disk: Store): Promise<string[]> {
  const texts = (await outboxRows(disk)).map((row) => {
    const { conversation, extendedTextMessage } = decodeMessage(outboxItem(row).body.message)
    return conversation ?? extendedTextMessage?.text ?? ''
  })
  return texts.sort()
}

/** Streams texts in and gets in the way; returns the ids and the client that is left. */
async function play(
  { world, bob, random, trouble }: Story,
  begin: () => Client,
): Promise<{ written: string[]; client: Client }> {
  const written: string[] = []
  let client = begin()
  while (written.length < TEXTS || trouble.count < MISHAPS) {
    for (let count = randomInteger(random, 6); count > 0; count -= 1)
      written.push((await bob.send(ALICE, { text: String(written.length) })).id)
    await settle(randomInteger(random, 8))
    if (trouble.happens(6)) world.server.faults.disconnect(DEVICE)
    if (!trouble.happens(5)) continue
    for (let count = randomInteger(random, 40); count > 0; count -= 1) await Promise.resolve()
    // the release of the account may be what fails
    await client.close().catch(() => undefined)
    client = begin()
  }
  return { written, client }
}

test.each(seeds)('nothing is lost, doubled or out of order (seed %s)', { timeout: 60_000 }, async (seed) => {
  const errors = uncaught()
  const random = seededRandom(`receive stress ${seed}`)
  const world = new World(`stress ${seed}`)
  const { alice, bob } = await world.addPair()
  const memory = new MemoryStore()
  const trouble = new Trouble(random)
  const disk = randomInteger(random, 2) === 0 ? new SlowStore(memory) : memory
  const options = { clock: new FastClock(50) }
  const link = await linkedClient(world, alice, { ...options, store: disk })
  await link.close()
  const seen: string[] = []
  const consuming: Promise<void>[] = []
  trouble.isOn = true
  const { written, client } = await play({ world, bob, random, trouble }, () => {
    const next = newClient(world, { ...options, store: trouble.store(disk) })
    consuming.push(consume(next, answering(trouble, seen)))
    next.connect().catch(() => undefined)
    return next
  })
  trouble.isOn = false
  client.connect().catch(() => undefined)
  await until('all in the log', async () => (await messageIds(client)).length >= written.length)
  await until('all answers', async () => (await answersIn(memory)).length >= written.length)
  const unsent = { states: ['queued', 'encrypted'], limit: 1 }
  await until('all acks', async () => (await memory.listOutbox('default', unsent)).length === 0)
  await settle()
  const answers = written.map((id) => `re ${id}`).sort()
  expect(await messageIds(client)).toEqual(written)
  expect(seen).toEqual(written)
  expect(await answersIn(memory)).toEqual(answers)
  const shown = bob.messages.flatMap(({ fromMe, text }) => (fromMe ? [] : [text ?? '']))
  expect(shown.sort()).toEqual(answers)
  expect(world.violations).toEqual([])
  await client.close()
  await Promise.all(consuming)
  expect(errors).toEqual([])
})
