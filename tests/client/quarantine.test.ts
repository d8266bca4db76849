/**
 * Parts of the store that cannot be read (promise G8): each is kept and reported, and holds up nothing but itself. Who
 * we are is different: without it the client refuses to start, and changes nothing.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, DurableEvent } from 'waton'
import type { QuarantinedEvent } from 'waton/client'
import type { Change, Claim, CommitResult, RecordRow, Store } from 'waton/persistence'
import { StoreWrapper, chance, forSeeds } from 'waton/testing'
import { StorageError } from '../../src/base/errors.ts'
import { randomInteger } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { outboxItem, outboxRow } from '../../src/client/send/outbox-item.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  FastClock,
  World,
  keepingLogger,
  linkedClient,
  log,
  messageIds,
  newClient,
  settle,
  untilLogged,
} from './support.ts'
import type { Line } from './support.ts'

const fastClock = new FastClock(20)

/** Bytes that no record of any kind begins with. */
const GARBAGE = Uint8Array.of(0, 1, 2, 3)

/** Changes rows behind the back of a client that is closed. */
async function tamper(store: Store, changes: readonly Change[]): Promise<void> {
  const claim = await store.claim('default', { owner: 'tampering', nowMs: 1, leaseMs: 60_000 })
  await store.commit(claim, changes)
  await claim.release()
}

function recordsOf(store: Store, kind: string): Promise<readonly RecordRow[]> {
  return store.listRecords('default', kind, undefined, 10_000)
}

/** Overwrites every record of a kind; returns their keys. */
async function damageAll(store: Store, kind: string, value = GARBAGE): Promise<string[]> {
  const rows = await recordsOf(store, kind)
  expect(rows.length, `records of kind ${kind}`).toBeGreaterThan(0)
  await tamper(
    store,
    rows.map((row) => ({ op: 'put-record', row: { ...row, value } })),
  )
  return rows.map(({ key }) => key)
}

interface Scene {
  readonly world: World
  readonly store: MemoryStore
  readonly bob: SimulatedPhone
  readonly alice: SimulatedPhone
}

/** An account that has written to Bob and heard from him, and whose client is closed. */
async function usedAccount(name: string): Promise<Scene> {
  const world = new World(name)
  const { alice, bob } = await world.addPair()
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, clock: fastClock })
  const sent = await client.send(BOB, { text: 'hello' }, { id: 'FIRST' })
  await sent.delivered
  await untilLogged(client, (await bob.send(ALICE, { text: 'hello, too' })).id)
  await client.close()
  return { world, store, alice, bob }
}

/** The next client on the account, not connected yet, with what it reports. */
function nextClient(
  { world, store }: Scene,
  on: Store = store,
): { client: Client; reports: QuarantinedEvent[]; lines: Line[] } {
  const lines: Line[] = []
  const client = newClient(world, { store: on, clock: fastClock, logger: keepingLogger(lines) })
  const reports: QuarantinedEvent[] = []
  client.on('store.quarantined', (event) => {
    reports.push(event)
  })
  return { client, reports, lines }
}

/** Texts go through in both directions, in the end. */
async function expectAlive(client: Client, { bob }: Scene): Promise<void> {
  const sent = await client.send(BOB, { text: 'still here' })
  await sent.acked
  await bob.waitForMessage(({ text }) => text === 'still here')
  const { id } = await bob.send(ALICE, { text: 'me too' })
  await untilLogged(client, id)
}

async function refusalOf(client: Client): Promise<StorageError> {
  const error: unknown = await client.connect().catch((reason: unknown) => reason)
  if (error instanceof StorageError) return error
  throw new Error(`expected a StorageError, got ${String(error)}`)
}

describe('who we are', () => {
  test.each(['credentials', 'signed-pre-key'])(
    '(%s) that cannot be read refuses the start with a way out, opens no socket, and is left as it is',
    async (kind) => {
      const scene = await usedAccount(`refuses ${kind}`)
      const [key = ''] = await damageAll(scene.store, kind)
      const { sockets } = scene.world
      const { client, reports } = nextClient(scene)
      const refusal = await refusalOf(client)
      expect(refusal.code).toBe('WATON_STORE_RECORD')
      expect(refusal.retryable).toBe(false)
      expect(refusal.message).toMatch(/backup/)
      await expect(client.send(BOB, { text: 'x' })).rejects.toMatchObject({ code: 'WATON_STORE_RECORD' })
      expect(scene.world.sockets).toBe(sockets)
      expect(reports).toEqual([])
      expect(await scene.store.readRecord('default', kind, key)).toEqual(GARBAGE)
    },
  )

  test('of a newer version refuses the start and says so', async () => {
    const scene = await usedAccount('newer credentials')
    const [row] = await recordsOf(scene.store, 'credentials')
    if (row === undefined) throw new Error('no credentials')
    const value = Uint8Array.from(row.value)
    value[0] = 99
    await tamper(scene.store, [{ op: 'put-record', row: { ...row, value } }])
    const refusal = await refusalOf(nextClient(scene).client)
    expect(refusal.code).toBe('WATON_STORE_RECORD_NEWER')
    expect(refusal.details).toMatchObject({ found: 99, supported: 1 })
    expect(await scene.store.readRecord('default', 'credentials', row.key)).toEqual(value)
  })

  test('that becomes unreadable while the client runs closes it, without a loop', async () => {
    const scene = await usedAccount('at run time')
    const broken = new (class extends StoreWrapper {
      isBroken = false
      protected override read<T>(work: () => Promise<T>): Promise<T> {
        if (!this.isBroken) return super.read(work)
        return Promise.reject(new StorageError('WATON_STORE_CORRUPT', 'the file is damaged'))
      }
    })(scene.store)
    const { client } = nextClient(scene, broken)
    await client.connect()
    const closed: unknown[] = []
    client.on('connection.closed', (reason) => {
      closed.push(reason)
    })
    broken.isBroken = true
    const { id } = await scene.bob.send(ALICE, { text: 'unread' })
    await until('the client to close', () => client.state === 'closed')
    expect(closed).toMatchObject([{ reason: 'store-unreadable', retrying: false }])
    expect(scene.world.answersTo(id)).toEqual([])
  })
})

describe('the progress of a consumer', () => {
  test('that cannot be read stops that consumer, says how to go on, and nothing else', async () => {
    const scene = await usedAccount('consumer')
    const first = nextClient(scene).client
    const stop = new AbortController()
    const done = first.consume('mine', () => undefined, { from: 'start', signal: stop.signal })
    await until('progress', async () => (await recordsOf(scene.store, 'consumer')).length > 0)
    await settle()
    stop.abort()
    await done
    await first.close()
    const [key = ''] = await damageAll(scene.store, 'consumer')
    const { client } = nextClient(scene)
    await client.connect()
    const refusal: unknown = await client.consume('mine', () => undefined).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'WATON_STORE_RECORD' })
    expect((refusal as StorageError).message).toMatch(/another name/)
    expect(await scene.store.readRecord('default', 'consumer', key)).toEqual(GARBAGE)
    await expectAlive(client, scene)
  })
})

describe('a record that cannot be read', () => {
  test.each([
    'session',
    'pre-key',
    'pre-key-state',
    'lid-by-pn',
    'pn-by-lid',
    'device-list',
    'connection-hints',
  ])('(%s) is kept and reported, and the account goes on', async (kind) => {
    const scene = await usedAccount(`kept ${kind}`)
    const keys = await damageAll(scene.store, kind)
    const { client, reports, lines } = nextClient(scene)
    await client.connect()
    await expectAlive(client, scene)
    // a pre-key is looked at when somebody uses it
    if (kind !== 'pre-key') expect(reports.length).toBeGreaterThan(0)
    for (const report of reports) {
      expect(report.kind).toBe(kind)
      expect(report.code).toMatch(/^WATON_/)
      expect(keys).toContain(report.id)
      expect(await scene.store.readRecord('default', 'quarantine', `${kind}/${report.id}`)).toEqual(
        Uint8Array.of(1, ...GARBAGE),
      )
    }
    expect(new Set(reports.map(({ id }) => id)).size).toBe(reports.length)
    const logged = lines.filter(({ message }) => message.includes('set aside'))
    expect(logged.map(({ fields }) => fields.id)).toEqual(reports.map(({ id }) => id))
    expect(scene.world.violations).toEqual([])
  })

  test('is kept by the commit that replaces it, or not replaced at all', async () => {
    const scene = await usedAccount('one commit')
    const keys = await damageAll(scene.store, 'session')
    let failed = 0
    const failing = new (class extends StoreWrapper {
      override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
        const isAside = changes.some(
          (change) => change.op === 'put-record' && change.row.kind === 'quarantine',
        )
        if (isAside && failed < 2) {
          failed += 1
          throw new StorageError('WATON_STORE_WRITE', 'no', { retryable: true })
        }
        return super.commit(claim, changes)
      }
    })(scene.store)
    const { client, reports } = nextClient(scene, failing)
    await client.connect()
    await expectAlive(client, scene)
    expect(failed).toBe(2)
    const kept = (await recordsOf(scene.store, 'quarantine')).map(({ key }) => key)
    expect(kept).toEqual(expect.arrayContaining(reports.map(({ id }) => `session/${id}`)))
    expect(keys).toEqual(expect.arrayContaining(reports.map(({ id }) => id)))
  })

  test('of the watermarks never makes an id that a key had before', async () => {
    const scene = await usedAccount('watermarks')
    const before = await recordsOf(scene.store, 'pre-key')
    await damageAll(scene.store, 'pre-key-state')
    const { client } = nextClient(scene)
    await client.connect()
    await expectAlive(client, scene)
    // asks for fresh keys, which take the next ids
    await client.close()
    const after = new Map((await recordsOf(scene.store, 'pre-key')).map(({ key, value }) => [key, value]))
    for (const { key, value } of before) if (after.has(key)) expect(after.get(key)).toEqual(value)
    const state = await scene.store.readRecord('default', 'pre-key-state', 'self')
    const { nextId } = JSON.parse(
      Buffer.from(state ?? [])
        .subarray(1)
        .toString(),
    ) as { nextId: number }
    expect(nextId).toBeGreaterThan(Math.max(...before.map(({ key }) => Number(key))))
  })

  test(
    'by chance: whatever is damaged in whichever way, nothing but credentials keeps the account',
    { timeout: 120_000 },
    async () => {
      await forSeeds(['a', 'b', 'c', 'd', 'e', 'f'], async (random, seed) => {
        const scene = await usedAccount(`chance ${String(seed)}`)
        const kinds = [
          'session',
          'pre-key',
          'pre-key-state',
          'lid-by-pn',
          'pn-by-lid',
          'device-list',
          'spent-pre-key',
        ]
        let damaged = 0
        for (const kind of kinds) {
          const rows = (await recordsOf(scene.store, kind)).filter(() => chance(random, 0.7))
          damaged += rows.length
          await tamper(
            scene.store,
            rows.map((row) => ({ op: 'put-record', row: { ...row, value: mutated(random, row.value) } })),
          )
        }
        expect(damaged, String(seed)).toBeGreaterThan(0)
        const { client } = nextClient(scene)
        await client.connect()
        const sent = await client.send(BOB, { text: `still here ${String(seed)}` })
        await sent.acked
        expect(['open', 'waiting', 'connecting']).toContain(client.state)
        await client.close()
      })
    },
  )
})

/** The same bytes cut short, with a flipped bit, with another version, or others altogether. */
function mutated(random: RandomSource, value: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(value)
  const at = randomInteger(random, Math.max(1, copy.length))
  switch (randomInteger(random, 4)) {
    case 0:
      return copy.subarray(0, at)
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << randomInteger(random, 8))
      return copy
    case 2:
      copy[0] = randomInteger(random, 256)
      return copy
    default:
      return random.bytes(randomInteger(random, 64))
  }
}

describe('an outbox row that cannot be read', () => {
  test('fails visibly, is kept, and the messages behind it go out', async () => {
    const scene = await usedAccount('outbox')
    const { client: writer } = nextClient(scene)
    // not connected: the rows wait
    for (const id of ['ONE', 'TWO', 'THREE']) await writer.send(BOB, { text: id }, { id })
    await writer.close()
    const row = await scene.store.readOutbox('default', 'TWO')
    if (row === undefined) throw new Error('no row')
    await tamper(scene.store, [{ op: 'put-outbox', row: { ...row, value: GARBAGE } }])
    const { client, reports } = nextClient(scene)
    const failures: DurableEvent[] = []
    client.on('send.failed', (event) => {
      failures.push(event)
    })
    await client.connect()
    await scene.bob.waitForMessage(({ text }) => text === 'THREE')
    await until('the failure', () => failures.length > 0)
    expect(failures.map(({ payload }) => payload)).toMatchObject([
      { id: 'TWO', chat: row.chat, code: 'WATON_STORE_RECORD' },
    ])
    expect(reports).toEqual([{ kind: 'outbox', id: 'TWO', code: 'WATON_STORE_RECORD' }])
    const texts = scene.bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
    expect(texts).toEqual(['hello', 'ONE', 'THREE'])
    expect(await scene.store.readRecord('default', 'quarantine', 'outbox/TWO')).toEqual(
      Uint8Array.of(1, ...GARBAGE),
    )
    const handle = await client.outbox.get('TWO')
    await expect(handle?.acked).rejects.toMatchObject({ code: 'WATON_STORE_RECORD' })
  })

  test.each(['message', 'stanza'])(
    'because of its %s, although the row itself reads, is no different',
    async (part) => {
      const scene = await usedAccount(`outbox ${part}`)
      const { client: writer } = nextClient(scene)
      for (const id of ['ONE', 'TWO']) await writer.send(BOB, { text: id }, { id })
      await writer.close()
      const row = await scene.store.readOutbox('default', 'ONE')
      if (row === undefined) throw new Error('no row')
      const item = outboxItem(row)
      const damaged = { ...item, body: { ...item.body, [part]: new TextEncoder().encode('//////') } }
      await tamper(scene.store, [{ op: 'put-outbox', row: outboxRow(damaged) }])
      const { client, reports } = nextClient(scene)
      await client.connect()
      await scene.bob.waitForMessage(({ text }) => text === 'TWO')
      expect(reports).toEqual([{ kind: 'outbox', id: 'ONE', code: 'WATON_STORE_RECORD' }])
    },
  )

  test('of a message that the server has keeps its place and says nothing of failure', async () => {
    const scene = await usedAccount('outbox sent')
    const row = await scene.store.readOutbox('default', 'FIRST')
    if (row === undefined) throw new Error('no row')
    await tamper(scene.store, [{ op: 'put-outbox', row: { ...row, value: GARBAGE } }])
    const { client, reports } = nextClient(scene)
    const handle = await client.outbox.get('FIRST')
    await handle?.delivered
    expect(reports).toEqual([{ kind: 'outbox', id: 'FIRST', code: 'WATON_STORE_RECORD' }])
    expect((await log(client)).map(({ type }) => type)).not.toContain('send.failed')
  })
})

describe('an event that cannot be read', () => {
  /** Damages what the newest message event says, in its own row or in the message row. */
  async function damageNewest(scene: Scene, where: 'event' | 'message' | 'version'): Promise<number> {
    const { client: reader } = nextClient(scene)
    await reader.connect()
    for (const text of ['one', 'two']) await untilLogged(reader, (await scene.bob.send(ALICE, { text })).id)
    await reader.close()
    const rows = await scene.store.readEvents('default', { after: 0, limit: 1000 })
    const newest = rows.filter(({ type }) => type === 'message').at(-2)
    if (newest?.message === undefined) throw new Error('no event')
    const row = await scene.store.readMessage('default', newest.message)
    if (row === undefined) throw new Error('no message')
    if (where === 'message') {
      await tamper(scene.store, [{ op: 'put-message', row: { ...row, value: GARBAGE } }])
      return newest.seq
    }
    // events cannot be replaced, so that the log is read through a store that damages one
    const read = scene.store.readEvents.bind(scene.store)
    scene.store.readEvents = async (account, range) => {
      const page = await read(account, range)
      const damage = where === 'event' ? { value: GARBAGE } : { version: 99 }
      return page.map((one) => (one.seq === newest.seq ? { ...one, ...damage } : one))
    }
    onTestFinished(() => {
      scene.store.readEvents = read
    })
    return newest.seq
  }

  test.each([
    ['event', 'WATON_STORE_RECORD'],
    ['message', 'WATON_STORE_RECORD'],
    ['version', 'WATON_STORE_RECORD_NEWER'],
  ] as const)('(%s) is passed over by readers and consumers, and reported once', async (where, code) => {
    const scene = await usedAccount(`event ${where}`)
    const seq = await damageNewest(scene, where)
    const { client, reports } = nextClient(scene)
    const seen: number[] = []
    const stop = new AbortController()
    const consuming = client.consume(
      'all',
      (event) => {
        seen.push(event.seq)
      },
      { from: 'start', signal: stop.signal },
    )
    const { last } = await scene.store.eventBounds('default')
    await until('the consumer to reach the end', () => seen.includes(last))
    stop.abort()
    await consuming
    expect(seen).not.toContain(seq)
    expect((await log(client)).map((event) => event.seq)).toEqual(
      Array.from({ length: last }, (_, index) => index + 1).filter((one) => one !== seq),
    )
    expect(reports).toEqual([{ kind: 'event', id: String(seq), code }])
    expect(await messageIds(client)).not.toHaveLength(0)
  })
})

describe('a stanza that no commit takes', () => {
  test('is kept, reported and refused after it was found; those around it are received', async () => {
    const scene = await usedAccount('poison')
    let failures = 0
    const choosy = new (class extends StoreWrapper {
      poison = ''
      override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
        await settle(3)
        if (changes.some((change) => change.op === 'put-message' && change.row.id === this.poison)) {
          failures += 1
          throw new StorageError('WATON_STORE_ROW', 'a change of the commit is not a row of the contract')
        }
        return super.commit(claim, changes)
      }
    })(scene.store)
    const { client, reports } = nextClient(scene, choosy)
    await client.connect()
    const ids: string[] = []
    choosy.poison = 'POISON'
    const sends: Promise<{ id: string }>[] = []
    for (let number = 0; number < 9; number += 1) {
      const sending = scene.bob.send(ALICE, { text: String(number) })
      sends.push(sending)
      if (number === 4) choosy.poison = (await sending).id
    }
    for (const sending of sends) ids.push((await sending).id)
    await untilLogged(client, ids.at(-1) ?? '')
    await until('the report', () => reports.length > 0)
    const received = (await messageIds(client)).filter((id) => ids.includes(id))
    expect(received).toEqual(ids.filter((id) => id !== choosy.poison))
    expect(reports).toMatchObject([{ kind: 'stanza', code: 'WATON_STORE_ROW' }])
    expect(failures).toBeGreaterThan(0)
    expect(failures).toBeLessThan(5)
    expect(client.state).toBe('open')
    expect(await recordsOf(scene.store, 'quarantine')).toHaveLength(1)
  })
})
