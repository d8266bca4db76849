/**
 * Stores that are slow, fail, or write and say that they failed: no answer leaves before its commit, the client comes back
 * by itself, and every message is in the log once and in order (promises G1 and G2).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, OutboxRow } from 'waton/persistence'
import {
  CrashStore,
  StoreWrapper,
  failSomeCommits,
  failWhile,
  faultyStore,
  forSeeds,
  writeFault,
} from 'waton/testing'
import type { StoreFaultPlan } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  FastClock,
  SlowStore,
  World,
  linkedClient,
  log,
  messageIds,
  newClient,
  settle,
  uncaught,
  untilLogged,
} from './support.ts'

/** Waits between connections cost a test less. */
const fastClock = new FastClock(20)

function hasMessage(changes: readonly Change[]): boolean {
  return changes.some((change) => change.op === 'put-message')
}

describe('a slow store', () => {
  test('holds back answers, and nothing else', async () => {
    const world = new World('slow')
    const { alice, bob } = await world.addPair()
    const store = new CrashStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store })
    await settle()
    store.hold()
    const first = await bob.send(ALICE, { text: 'one' })
    const second = await bob.send(ALICE, { text: 'two' })
    await until('a commit', () => store.held > 0)
    await settle()
    expect(world.received({ tag: 'message' }).map(({ attrs }) => attrs.id)).toEqual(
      expect.arrayContaining([first.id, second.id]),
    )
    expect([...world.answersTo(first.id), ...world.answersTo(second.id)]).toEqual([])
    expect(await messageIds(client)).toEqual([])
    await store.letThrough()
    await until('both receipts', () => world.answersTo(second.id).length > 0)
    expect(world.answersTo(first.id)).toHaveLength(1)
    expect(await messageIds(client)).toEqual([first.id, second.id])
  })

  test('does not answer on another connection what the last one delivered', async () => {
    const world = new World('slow and broken')
    const { alice, bob } = await world.addPair()
    const store = new CrashStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    await settle()
    store.hold()
    const { id } = await bob.send(ALICE, { text: 'one' })
    await until('a commit', () => store.held > 0)
    const { sockets } = world
    world.server.faults.disconnect(DEVICE)
    await until('the next connection', () => world.sockets > sockets)
    await store.letThrough()
    await until('the receipt', () => world.answersTo(id).length > 0)
    await until('the client to be open', () => client.state === 'open')
    await settle()
    const deliveries = world.server.trace
      .stanzas({ tag: 'message', direction: 'server-to-client', device: DEVICE })
      .filter(({ node }) => node.attrs.id === id)
    const answers = world.server.trace
      .stanzas({ tag: 'receipt', direction: 'client-to-server', device: DEVICE })
      .filter(({ node }) => node.attrs.id === id)
    expect(deliveries.map(({ connectionId }) => connectionId)).toHaveLength(2)
    expect(answers.map(({ connectionId }) => connectionId)).toEqual([deliveries[1]?.connectionId])
    expect(await messageIds(client)).toEqual([id])
  })

  test('holds back the ciphertext, too: nothing is sent that is not durable', async () => {
    const world = new World('slow send')
    const { alice, bob } = await world.addPair()
    const store = new CrashStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store })
    const warmUp = await client.send(BOB, { text: 'warm up' })
    await warmUp.delivered
    await settle()
    store.hold()
    const sending = client.send(BOB, { text: 'durable' }, { id: 'DURABLE1' })
    await until('the commit of the row', () => store.held > 0)
    let isAccepted = false
    void sending.then(() => {
      isAccepted = true
    })
    await settle()
    expect(isAccepted).toBe(false)
    await store.flush()
    await sending
    await until('the commit of the ciphertext', () => store.held > 0)
    await settle()
    expect(world.sent({ tag: 'message' }).map(({ attrs }) => attrs.id)).not.toContain('DURABLE1')
    await store.letThrough()
    await bob.waitForMessage(({ id }) => id === 'DURABLE1')
  })

  test('has what it was given answered before the connection is closed', async () => {
    const world = new World('slow and closed')
    const { alice, bob } = await world.addPair()
    const store = new CrashStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store })
    await settle()
    store.hold()
    const { id } = await bob.send(ALICE, { text: 'just before the end' })
    await until('a commit', () => store.held > 0)
    const closing = client.close()
    await settle()
    expect(world.answersTo(id)).toEqual([])
    await store.letThrough()
    await closing
    expect(world.answersTo(id)).toHaveLength(1)
    expect(world.device().mailbox.size).toBe(0)
  })

  test('keeps the connection of a client that is closed for a moment only', async () => {
    const world = new World('stuck and closed')
    const { alice, bob } = await world.addPair()
    const store = new CrashStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    await settle()
    store.hold()
    const { id } = await bob.send(ALICE, { text: 'too late' })
    await until('a commit', () => store.held > 0)
    const closing = client.close()
    await until('the end of the connection', () => client.state === 'closed')
    await store.letThrough()
    await closing
    expect(world.answersTo(id)).toEqual([])
  })

  test('that dies loses no message that was answered, and gets the others again', async () => {
    const world = new World('crash')
    const { alice, bob } = await world.addPair()
    const disk = new MemoryStore()
    const store = new CrashStore(disk)
    const client = await linkedClient(world, alice, { store })
    const first = await bob.send(ALICE, { text: 'one' })
    await untilLogged(client, first.id)
    await settle()
    store.hold()
    const second = await bob.send(ALICE, { text: 'two' })
    await until('a commit', () => store.held > 0)
    await store.crash()
    await until('the client to give up', () => client.state === 'closed' || client.state === 'waiting')
    expect(world.answersTo(second.id)).toEqual([])
    await client.close().catch(() => undefined)
    const after = newClient(world, { store: new CrashStore(disk) })
    await after.connect()
    await untilLogged(after, second.id)
    expect(await messageIds(after)).toEqual([first.id, second.id])
  })
})

describe('a commit that fails', () => {
  test.each([
    ['and was not written', false],
    ['and was written all the same', true],
  ])(
    '%s costs neither the connection nor an event: what was lost is taken again, in order',
    async (_what, isApplied) => {
      const errors = uncaught()
      const world = new World(`fails ${String(isApplied)}`)
      const { alice, bob } = await world.addPair()
      let toFail = 0
      const plan: StoreFaultPlan = {
        commit: ({ changes }) => {
          if (toFail === 0 || !hasMessage(changes)) return undefined
          toFail -= 1
          return { error: writeFault(), isApplied }
        },
      }
      const store = new SlowStore(faultyStore(new MemoryStore(), plan))
      const client = await linkedClient(world, alice, { store, clock: fastClock })
      const { sockets } = world
      const told: string[] = []
      client.on('message', ({ payload }) => {
        told.push(payload.id)
      })
      const ids = [(await bob.send(ALICE, { text: 'before' })).id]
      await untilLogged(client, ids[0] ?? '')
      toFail = 1
      // in one burst, so that stanzas wait behind the one whose commit fails
      const burst = Array.from({ length: 40 }, (_, number) => bob.send(ALICE, { text: String(number) }))
      for (const sending of burst) ids.push((await sending).id)
      await untilLogged(client, ids.at(-1) ?? '')
      await until('the receipts', () => ids.every((id) => world.answersTo(id).length > 0))
      expect(toFail).toBe(0)
      expect(await messageIds(client)).toEqual(ids)
      expect(told).toEqual(ids)
      expect(world.sockets).toBe(sockets)
      expect(client.state).toBe('open')
      for (const id of ids) expect(world.answersTo(id)).toHaveLength(1)
      const delivered = world.received({ tag: 'message' }).filter(({ attrs }) => ids.includes(attrs.id ?? ''))
      expect(delivered).toHaveLength(ids.length)
      expect((await log(client)).map(({ type }) => type)).not.toContain('message.undecryptable')
      expect(errors).toEqual([])
    },
  )

  test('lets nothing that waited behind it overtake what it has lost', async () => {
    const world = new World('overtaking')
    const { alice, bob } = await world.addPair()
    const commitGate = deferred<undefined>()
    const readGate = deferred<undefined>()
    let isArmed = false
    const store = new (class extends StoreWrapper {
      override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
        if (isArmed && hasMessage(changes)) await commitGate.promise
        return super.commit(claim, changes)
      }

      override async readOutbox(account: string, id: string): Promise<OutboxRow | undefined> {
        if (isArmed && id === 'SLOW') await readGate.promise
        return super.readOutbox(account, id)
      }
    })(new MemoryStore())
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    const warmUp = await bob.send(ALICE, { text: 'warm up' })
    await untilLogged(client, warmUp.id)
    isArmed = true
    const first = await bob.send(ALICE, { text: 'one' })
    await settle()
    // a unit of its own that reads for long, and a message that waits for it
    const sending = client.send(BOB, { text: 'slow' }, { id: 'SLOW' }).catch((error: unknown) => error)
    const second = await bob.send(ALICE, { text: 'two' })
    await settle()
    isArmed = false
    commitGate.reject(writeFault())
    await settle()
    readGate.resolve(undefined)
    expect(await sending).toMatchObject({ code: 'WATON_STORE_WRITE' })
    await untilLogged(client, first.id)
    await untilLogged(client, second.id)
    expect(await messageIds(client)).toEqual([warmUp.id, first.id, second.id])
  })

  test('now and then while the device is linked only delays that', { timeout: 60_000 }, async () => {
    const errors = uncaught()
    await forSeeds([1, 2, 3, 4], async (random, seed) => {
      const world = new World(`linking ${String(seed)}`)
      const { alice, bob } = await world.addPair()
      const some = failSomeCommits(random, 3)
      let failures = 0
      const plan: StoreFaultPlan = {
        commit: (attempt) => {
          // few enough that the back-off stays short
          const fault = failures < 5 ? some.commit?.(attempt) : undefined
          if (fault !== undefined) failures += 1
          return fault
        },
      }
      const client = newClient(world, {
        store: faultyStore(new MemoryStore(), plan),
        clock: new FastClock(20),
      })
      client.on('pairing.qr', async ({ qr }) => {
        await alice.linkDevice(qr).catch(() => undefined)
      })
      await until('the client to be open', () =>
        client.connect().then(
          () => true,
          () => undefined,
        ),
      )
      const options = { id: 'LINKED1' }
      const sent = await until('a message to be accepted', () =>
        client.send(BOB, { text: 'linked' }, options).catch(() => undefined),
      )
      await sent.acked
      await bob.waitForMessage(({ text }) => text === 'linked')
      expect(failures, `seed ${String(seed)}`).toBeGreaterThan(0)
      expect(world.violations, `seed ${String(seed)}`).toEqual([])
      const conflicts = world.server.trace.notes.filter(({ text }) => text.includes('contradicts'))
      expect(conflicts, `seed ${String(seed)}`).toEqual([])
      await client.close()
    })
    expect(errors).toEqual([])
  })

  test(
    'now and then, in both directions, loses nothing and doubles nothing',
    { timeout: 120_000 },
    async () => {
      const errors = uncaught()
      await forSeeds([1, 2, 3, 4], async (random, seed) => {
        const world = new World(`conversation ${String(seed)}`)
        const { alice, bob } = await world.addPair()
        let isFailing = false
        let failures = 0
        const some = failSomeCommits(random, 6)
        const plan: StoreFaultPlan = {
          commit: (attempt) => {
            const fault = isFailing ? some.commit?.(attempt) : undefined
            if (fault !== undefined) failures += 1
            return fault
          },
        }
        const store = new SlowStore(faultyStore(new MemoryStore(), plan))
        const client = await linkedClient(world, alice, { store, clock: fastClock })
        isFailing = true
        const ids: string[] = []
        const texts: string[] = []
        for (let number = 0; number < 25; number += 1) {
          ids.push((await bob.send(ALICE, { text: `in ${String(number)}` })).id)
          texts.push(`out ${String(number)}`)
          const id = `OUT${String(number)}`
          // the store refuses now and then: a bot tries again under the same id
          await until(`${id} to be accepted`, () =>
            client.send(BOB, { text: texts.at(-1) ?? '' }, { id }).then(
              () => true,
              () => undefined,
            ),
          )
        }
        isFailing = false
        await until('the log to be complete', async () => (await messageIds(client)).length >= ids.length)
        await bob.waitForMessage(({ text }) => text === 'out 24', { timeoutMs: 30_000 })
        expect(await messageIds(client), `seed ${String(seed)}`).toEqual(ids)
        const shown = bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
        expect(shown, `seed ${String(seed)}`).toEqual(texts)
        expect(bob.undecryptable, `seed ${String(seed)}`).toEqual([])
        expect(failures, `seed ${String(seed)}`).toBeGreaterThan(0)
        await client.close()
      })
      expect(errors).toEqual([])
    },
  )
})

describe('a store that cannot be written for a while', () => {
  test('has nothing answered, sent or connected meanwhile; afterwards all comes once, in order', async () => {
    const errors = uncaught()
    const world = new World('full disk')
    const { alice, bob } = await world.addPair()
    let isFull = false
    let refused = 0
    const plan = failWhile(() => {
      if (isFull) refused += 1
      return isFull
    })
    const client = await linkedClient(world, alice, {
      store: faultyStore(new MemoryStore(), plan),
      clock: fastClock,
    })
    await (
      await client.send(BOB, { text: 'out 0' })
    ).delivered
    await settle()
    const reasons: unknown[] = []
    client.on('connection.state', ({ state, reason }) => {
      if (state === 'waiting') reasons.push(reason?.reason)
    })
    isFull = true
    const { sockets } = world
    const after = world.server.trace.entries.at(-1)?.index ?? -1
    const ids: string[] = []
    for (let number = 1; number <= 5; number += 1)
      ids.push((await bob.send(ALICE, { text: `in ${String(number)}` })).id)
    await until('the client to wait', () => client.state === 'waiting')
    await expect(client.send(BOB, { text: 'lost' })).rejects.toMatchObject({
      code: 'WATON_STORE_WRITE',
      retryable: true,
    })
    await until('several attempts to write', () => refused > 5)
    expect(client.state).toBe('waiting')
    expect(reasons).toEqual(['store-failed'])
    expect(world.sockets).toBe(sockets)
    expect(world.sent({ after })).toEqual([])
    isFull = false
    await until('the client to be open', () => client.state === 'open')
    await untilLogged(client, ids.at(-1) ?? '')
    expect(await messageIds(client)).toEqual(ids)
    await until('the receipts', () => ids.every((id) => world.answersTo(id).length > 0))
    for (const number of [1, 2, 3]) await client.send(BOB, { text: `out ${String(number)}` })
    await bob.waitForMessage(({ text }) => text === 'out 3')
    const shown = bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
    expect(shown).toEqual(['out 0', 'out 1', 'out 2', 'out 3'])
    expect(world.sockets).toBe(sockets + 1)
    expect(errors).toEqual([])
  })

  test('can be closed meanwhile', async () => {
    const world = new World('full disk, closed')
    const { alice, bob } = await world.addPair()
    let isFull = false
    const store = faultyStore(
      new MemoryStore(),
      failWhile(() => isFull),
    )
    const client = await linkedClient(world, alice, { store, clock: fastClock })
    isFull = true
    await bob.send(ALICE, { text: 'unheard' })
    await until('the client to wait', () => client.state === 'waiting')
    await client.close()
    expect(client.state).toBe('closed')
  })
})
