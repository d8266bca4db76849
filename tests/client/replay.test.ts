/**
 * What a failed commit has lost is taken again from the stanzas as they came, on the same connection: in order, each
 * event once, each delivery answered once and after its commit (promises G1, G2 and G7).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { StorageError } from '../../src/base/errors.ts'
import { failWhile, faultyStore, forSeeds, writeFault } from 'waton/testing'
import type { StoreFaultPlan } from 'waton/testing'
import { randomInteger } from '../../src/base/random.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  FastClock,
  SlowStore,
  World,
  linkedClient,
  log,
  messageIds,
  settle,
  uncaught,
  untilLogged,
} from './support.ts'

const fastClock = new FastClock(20)

const FENCED = new StorageError('WATON_STORE_FENCED', 'this commit is refused because the test wants it')
const LOST_ANSWER = new StorageError(
  'WATON_STORE_INTERRUPTED',
  'the answer to this commit is lost because the test wants it',
  { retryable: true },
)

describe('a store that refuses for good', () => {
  test('because the account has another owner has nothing taken again, answered or sent', async () => {
    const world = new World('fenced')
    const { alice, bob } = await world.addPair()
    let isFenced = false
    let refused = 0
    const plan = failWhile(() => {
      if (isFenced) refused += 1
      return isFenced
    }, FENCED)
    const store = faultyStore(new MemoryStore(), plan)
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    const before = await bob.send(ALICE, { text: 'before' })
    await until('the receipt', () => world.answersTo(before.id).length > 0)
    await settle()
    const after = world.server.trace.entries.at(-1)?.index ?? -1
    isFenced = true
    await bob.send(ALICE, { text: 'for the other owner' })
    await until('the end', () => client.state === 'closed')
    await settle()
    expect(refused).toBe(1)
    expect(world.sent({ after }).filter(({ tag }) => tag !== 'iq')).toEqual([])
    expect(await messageIds(client)).toEqual([before.id])
  })
})

describe('a store that cannot be written or read for a moment', () => {
  test('has nothing answered or sent meanwhile, and afterwards everything on the same connection', async () => {
    const errors = uncaught()
    const world = new World('a moment')
    const { alice, bob } = await world.addPair()
    let isFull = false
    let refused = 0
    const plan = failWhile(() => {
      if (isFull) refused += 1
      return isFull
    })
    const store = faultyStore(new MemoryStore(), plan)
    const client = await linkedClient(world, alice, { store })
    const warmUp = await client.send(BOB, { text: 'warm up' })
    await warmUp.delivered
    await settle()
    const { sockets } = world
    const told: string[] = []
    client.on('message', ({ payload }) => {
      told.push(payload.id)
    })
    isFull = true
    const after = world.server.trace.entries.at(-1)?.index ?? -1
    const ids: string[] = []
    for (let number = 1; number <= 5; number += 1)
      ids.push((await bob.send(ALICE, { text: `in ${String(number)}` })).id)
    await until('the store to be asked again', () => refused >= 3)
    expect(client.state).toBe('open')
    expect(world.sent({ after }).filter(({ tag }) => tag !== 'iq')).toEqual([])
    expect(told).toEqual([])
    isFull = false
    await until('the receipts', () => ids.every((id) => world.answersTo(id).length > 0))
    await (
      await client.send(BOB, { text: 'out' })
    ).acked
    expect(told).toEqual(ids)
    expect(await messageIds(client)).toEqual(ids)
    expect(world.sockets).toBe(sockets)
    const delivered = world.received({ tag: 'message', after })
    expect(delivered.filter(({ attrs }) => ids.includes(attrs.id ?? ''))).toHaveLength(ids.length)
    for (const id of ids) expect(world.answersTo(id)).toHaveLength(1)
    expect(errors).toEqual([])
  })

  test('only reading fails: the stanza waits and is taken when it can be', async () => {
    const world = new World('reading')
    const { alice, bob } = await world.addPair()
    let toFail = 0
    const plan: StoreFaultPlan = {
      read: () => {
        if (toFail === 0) return undefined
        toFail -= 1
        return { error: new StorageError('WATON_STORE_READ', 'the test wants it', { retryable: true }) }
      },
    }
    const store = new SlowStore(faultyStore(new MemoryStore(), plan))
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    const ids = [(await bob.send(ALICE, { text: 'before' })).id]
    await untilLogged(client, ids[0] ?? '')
    const { sockets } = world
    toFail = 2
    const burst = Array.from({ length: 10 }, (_, number) => bob.send(ALICE, { text: String(number) }))
    for (const sending of burst) ids.push((await sending).id)
    await until('the receipts', () => ids.every((id) => world.answersTo(id).length > 0))
    expect(toFail).toBe(0)
    expect(await messageIds(client)).toEqual(ids)
    expect(world.sockets).toBe(sockets)
    for (const id of ids) expect(world.answersTo(id)).toHaveLength(1)
  })
})

describe('a read that fails, whichever it is', () => {
  const CHANNEL = '120363000000000009@newsletter'
  const text = Message.encode({ conversation: 'news' }).finish()

  test.each(['the first message of a stranger', 'a message in a session', 'a message of a channel'])(
    'makes %s wait, and does not make it unreadable',
    async (which) => {
      const world = new World(`every read, ${which}`)
      const { alice } = await world.addPair()
      let toPass = -1
      const plan: StoreFaultPlan = {
        read: () => {
          if (toPass < 0) return undefined
          toPass -= 1
          if (toPass >= 0) return undefined
          return { error: new StorageError('WATON_STORE_READ', 'the test wants it', { retryable: true }) }
        },
      }
      const store = faultyStore(new MemoryStore(), plan)
      const client = await linkedClient(world, alice, { store, clock: fastClock })
      const ids: string[] = []
      const plain = node('plaintext', {}, text)
      const sendBy = async (phone: SimulatedPhone): Promise<string> =>
        (await phone.send(ALICE, { text: String(ids.length) })).id
      const write = async (phone: SimulatedPhone): Promise<void> => {
        const id = which === 'a message of a channel' ? `C${String(ids.length)}` : await sendBy(phone)
        ids.push(id)
        if (which === 'a message of a channel')
          world.inject(node('message', { from: CHANNEL, id, t: '1700000000', type: 'text' }, [plain]))
        await until(`the answer to ${String(ids.length)}`, () => world.answersTo(id).length > 0)
        await settle()
      }
      const { sockets } = world
      let failed = 0
      for (let number = 0; number < 40; number += 1) {
        const stranger = await world.addPhone(`155500001${String(number).padStart(2, '0')}`, 'Somebody')
        if (which !== 'the first message of a stranger') await write(stranger)
        toPass = number
        await write(stranger)
        if (toPass >= 0) break
        failed += 1
      }
      // the last one has passed all of its reads
      expect(toPass).toBeGreaterThanOrEqual(0)
      toPass = -1
      expect(failed).toBeGreaterThan(0)
      expect(await messageIds(client)).toEqual(ids)
      expect((await log(client)).map(({ type }) => type)).not.toContain('message.undecryptable')
      for (const id of ids) {
        expect(world.answersTo(id)).toHaveLength(1)
        expect(world.answersTo(id)[0]?.attrs.type).not.toBe('retry')
      }
      expect(world.sockets).toBe(sockets)
    },
  )
})

describe('commits that fail now and then', () => {
  test(
    'in a burst from several people cost no connection, no event and no order',
    { timeout: 120_000 },
    async () => {
      const errors = uncaught()
      await forSeeds([1, 2, 3, 4, 5, 6], async (random, seed) => {
        const world = new World(`replay ${String(seed)}`)
        const { alice, bob } = await world.addPair()
        const carol = await world.addPhone('15550000003', 'Carol')
        const oneIn = 2 + randomInteger(random, 4)
        let isFailing = false
        const failures = { refused: 0, written: 0 }
        const plan: StoreFaultPlan = {
          commit: () => {
            if (!isFailing || randomInteger(random, oneIn) > 0) return undefined
            const isApplied = randomInteger(random, 2) === 0
            failures[isApplied ? 'written' : 'refused'] += 1
            return { error: isApplied ? LOST_ANSWER : writeFault(), isApplied }
          },
        }
        const store = new SlowStore(faultyStore(new MemoryStore(), plan))
        const client = await linkedClient(world, alice, { store, clock: new FastClock(20) })
        const told: string[] = []
        client.on('message', ({ payload }) => {
          told.push(payload.id)
        })
        const { sockets } = world
        isFailing = true
        const sent = await Promise.all(
          [bob, carol].map(async (phone) => {
            const ids: string[] = []
            for (let number = 0; number < 30; number += 1)
              ids.push((await phone.send(ALICE, { text: String(number) })).id)
            return ids
          }),
        )
        await until('all receipts', () => sent.flat().every((id) => world.answersTo(id).length > 0))
        isFailing = false
        const logged = await messageIds(client)
        for (const ids of sent) {
          const isTheirs = (id: string): boolean => ids.includes(id)
          expect(logged.filter(isTheirs), `seed ${String(seed)}`).toEqual(ids)
        }
        expect(logged, `seed ${String(seed)}`).toHaveLength(60)
        expect(told, `seed ${String(seed)}`).toEqual(logged)
        expect(world.sockets, `seed ${String(seed)}`).toBe(sockets)
        expect(failures.refused, `seed ${String(seed)}`).toBeGreaterThan(0)
        expect(failures.written, `seed ${String(seed)}`).toBeGreaterThan(0)
        for (const id of sent.flat()) expect(world.answersTo(id), `seed ${String(seed)}`).toHaveLength(1)
        await client.close()
      })
      expect(errors).toEqual([])
    },
  )
})
