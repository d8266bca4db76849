/** App state on its way to a client (promise G5): fetched when there is a reason, verified, told once. */
import { describe, expect, test } from 'vitest'
import type { Client } from 'waton'
import type { Store } from 'waton/persistence'
import { fromHex } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { APP_STATE_COLLECTION, APP_STATE_ENTRY, APP_STATE_KEY } from '../../src/client/state/records.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { decodeProto } from '../../src/protocol/proto/codec.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import { PhoneCollection } from '../../src/simulator/peer/app-state-collection.ts'
import type { Change } from '../../src/simulator/peer/app-state-collection.ts'
import type { AppStateKey } from '../../src/simulator/peer/first-login.ts'
import { CopyableStore } from '../helpers/copyable-store.ts'
import type { StoreCopy } from '../helpers/copyable-store.ts'
import { until } from '../helpers/until.ts'
import { AppStateWorld, changes, clientAccount, told } from './app-state.ts'
import { ALICE, BOB, DEVICE, settle, untilLogged } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'
const LOW = 'regular_low'
const MANY = 5_000

/** What the events say, in order. */
async function said(client: Client): Promise<readonly unknown[]> {
  return (await changes(client)).map(({ payload }) => ('changes' in payload ? payload.changes : payload))
}

function serverSync(name: string): ReturnType<typeof node> {
  const attrs = { from: ALICE, id: 'SYNC', t: '1700000000', type: 'server_sync' }
  return node('notification', attrs, [node('collection', { name })])
}

describe('after linking', () => {
  test('everything that the phone has set is told once, as history, and sync.initial says that it is here', async () => {
    const world = await new AppStateWorld('linking').begin()
    await world.alice.changeChat(BOB, { archived: true, pinned: true })
    await world.alice.saveContact(BOB, 'Bob the builder')
    await world.alice.setPushName('Alice in chains')
    const client = world.again()
    const initial = told(client, 'sync.initial')
    client.once('pairing.qr', async ({ qr }) => {
      await world.alice.linkDevice(qr)
    })
    await client.connect()
    await world.converged()
    expect(initial).toMatchObject([{ complete: true }])
    expect(await changes(client)).toMatchObject([
      { type: 'contact.saved', payload: { origin: 'history' } },
      { type: 'chat.changed', payload: { changes: { isArchived: true }, origin: 'history' } },
      { type: 'chat.changed', payload: { changes: { isPinned: true }, origin: 'history' } },
    ])
    expect(client.me?.name).toBe('Alice in chains')
    expect(world.questions).toHaveLength(1)
    expect(world.violations).toEqual([])
  })

  test('a phone that gives nothing holds nothing up, and sync.initial says after three minutes that it is not here', async () => {
    const world = await new AppStateWorld('no answer', { speed: 500 }).begin()
    await world.alice.saveContact(BOB, 'Bob')
    world.faults.refuse(DEVICE, 'critical_unblock_low', 503, 12)
    const client = await world.link()
    const initial = told(client, 'sync.initial')
    const sent = await client.send(BOB, { text: 'meanwhile' })
    await sent.acked
    await until('the first', () => initial.length > 0)
    expect(initial).toMatchObject([{ complete: false }])
    expect(JSON.stringify(initial)).not.toContain('critical_unblock_low')
    await until('the second', () => initial.length > 1)
    expect(initial[1]).toMatchObject({ complete: true })
  })
})

describe('later changes', () => {
  test('are fetched and told, each in its turn', async () => {
    const world = await new AppStateWorld('later').begin()
    const client = await world.link()
    await world.converged()
    await world.alice.changeChat(BOB, { archived: true })
    await world.alice.changeChat(BOB, { archived: false })
    await world.converged()
    expect(await changes(client)).toMatchObject([
      { type: 'chat.changed', payload: { changes: { isArchived: true }, origin: 'live' } },
      { type: 'chat.changed', payload: { changes: { isArchived: false }, origin: 'live' } },
    ])
    const asked = world.questions.length
    await settle(100)
    expect(world.questions).toHaveLength(asked)
    expect(world.violations).toEqual([])
  })

  test('of a time away are told at the next login, page by page, with files for long patches', async () => {
    const world = await new AppStateWorld('away').begin({ patchesPerAnswer: 2, externalFrom: 1 })
    const client = await world.link()
    await world.converged()
    await client.close()
    for (let change = 0; change < 7; change += 1)
      await world.alice.changeChat(CAROL, { archived: change % 2 === 0 })
    const next = world.again()
    await next.connect()
    await world.converged()
    expect(await said(next)).toEqual(
      [true, false, true, false, true, false, true].map((isArchived) => ({ isArchived })),
    )
  })

  test('of which nobody was told are found when the server says that all of it may have changed', async () => {
    const world = await new AppStateWorld('dirty').begin()
    const client = await world.link()
    await world.converged()
    world.faults.silence(DEVICE, LOW)
    await world.alice.changeChat(BOB, { archived: true })
    const dirty = node('dirty', { type: 'syncd_app_state', timestamp: '1700000000' })
    world.inject(node('ib', { from: 's.whatsapp.net' }, [dirty]))
    await world.converged()
    expect(await said(client)).toEqual([{ isArchived: true }])
    expect(world.violations).toEqual([])
  })

  test('go on behind the last page that came when the connection breaks', async () => {
    const world = await new AppStateWorld('cut').begin({ patchesPerAnswer: 1 })
    const client = await world.link()
    await world.converged()
    await client.close()
    for (let change = 0; change < 6; change += 1)
      await world.alice.changeChat(CAROL, { archived: change % 2 === 0 })
    const next = world.again()
    const connecting = next.connect()
    for (const version of [1, 3]) {
      await until('a page', async () => ((await clientAccount(world.store, LOW))?.version ?? 0) >= version)
      if (world.device().outlet !== undefined) world.server.faults.disconnect(DEVICE)
    }
    await connecting
    await world.converged()
    expect(await said(next)).toHaveLength(6)
    const whole = world.questions.filter((question) => question.includes('"return_snapshot":"true"'))
    expect(whole).toHaveLength(1)
  })
})

describe('another store', () => {
  test('that is a backup gets what it lacks, and nothing of what it has', async () => {
    const copies: StoreCopy[] = []
    const store = new CopyableStore((copy) => copies.push(copy))
    const world = await new AppStateWorld('backup', { store }).begin()
    const client = await world.link()
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    await client.backup('copy')
    await world.alice.changeChat(CAROL, { archived: true })
    await world.converged()
    await client.close()
    await world.alice.changeChat(BOB, { archived: false })
    const restored = new CopyableStore(() => undefined)
    for (const copy of copies) await restored.fill(copy)
    const next = world.again({ store: restored })
    await next.connect()
    await world.converged(restored)
    expect(await said(next)).toEqual([{ isArchived: true }, { isArchived: true }, { isArchived: false }])
  })

  test('of a device that is linked anew begins with nothing of the old one', async () => {
    const world = await new AppStateWorld('anew').begin()
    const client = await world.link()
    await world.converged()
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    await client.logout()
    for (const { kind } of [APP_STATE_COLLECTION, APP_STATE_ENTRY, APP_STATE_KEY])
      expect(await world.store.listRecords('default', kind, undefined, 10)).toEqual([])
    client.once('pairing.qr', async ({ qr }) => {
      await world.alice.linkDevice(qr)
    })
    await client.connect()
    await world.converged()
    expect(await changes(client)).toMatchObject([
      { payload: { changes: { isArchived: true }, origin: 'live' } },
      { payload: { changes: { isArchived: true }, origin: 'history' } },
    ])
  })

  test('of which the server has less than before takes nothing back', async () => {
    const world = await new AppStateWorld('rolled back').begin()
    const client = await world.link()
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    const before = await clientAccount(world.store, LOW)
    const failed = told(client, 'sync.failed')
    const claimed = { ...before, version: 9 }
    await client.close()
    const row = await world.store.readRecord('default', APP_STATE_COLLECTION.kind, LOW)
    const ahead = { ...APP_STATE_COLLECTION.decode(row ?? new Uint8Array(0)), version: 9 }
    await put(world.store, APP_STATE_COLLECTION.kind, LOW, APP_STATE_COLLECTION.encode(ahead))
    const next = world.again()
    const failedNext = told(next, 'sync.failed')
    await next.connect()
    world.inject(serverSync(LOW))
    await until('sync.failed', () => failedNext.length > 0)
    expect(failed).toEqual([])
    expect(failedNext).toMatchObject([{ collection: LOW, code: 'WATON_APP_STATE_ROLLED_BACK' }])
    expect(await clientAccount(world.store, LOW)).toEqual(claimed)
    expect(await said(next)).toHaveLength(1)
  })
})

/** Writes a record behind the back of a client that is closed. */
async function put(store: Store, kind: string, key: string, value: Uint8Array): Promise<void> {
  const claim = await store.claim('default', { owner: 'test', nowMs: 0, leaseMs: 1 })
  await store.commit(claim, [{ op: 'put-record', row: { kind, key, value, at: 0 } }])
  await claim.release()
}

describe('a great many entries', () => {
  test.each(['in a patch', 'as a whole'])(
    '%s are told, each once, and messages come meanwhile',
    async (way) => {
      const world = await new AppStateWorld(`many ${way}`).begin()
      const client = await world.link()
      await world.converged()
      const written = await writeMany(world)
      if (way === 'as a whole') world.faults.spoil(DEVICE, LOW, 'value')
      world.inject(serverSync(LOW))
      const { id } = await (await world.addPhone('15550000009', 'Dave')).send(ALICE, { text: 'meanwhile' })
      await untilLogged(client, id)
      await world.converged()
      const states = await said(client)
      expect(states).toHaveLength(written)
      expect(world.happened).toHaveLength(way === 'as a whole' ? 1 : 0)
    },
  )
})

/** Archives thousands of chats with one patch, as another device with the key would. @returns how many */
async function writeMany(world: AppStateWorld): Promise<number> {
  const [row] = await world.store.listRecords('default', APP_STATE_KEY.kind, undefined, 1)
  const shared = APP_STATE_KEY.decode(row?.value ?? new Uint8Array(0))
  const { keyData } = decodeProto(Message.AppStateSyncKeyData, shared, 'AppStateSyncKeyData')
  const key: AppStateKey = { id: fromHex(row?.key ?? ''), data: keyData ?? new Uint8Array(0), atMs: 0 }
  const collection = new PhoneCollection(LOW, {
    random: seededRandom('many'),
    keys: () => [key],
    fetch: () => new Uint8Array(0),
  })
  const archive = Array.from({ length: MANY }, (_, index): Change => {
    const chat = `1556${String(index).padStart(7, '0')}@s.whatsapp.net`
    const value = { timestamp: 1_700_000_000_000, archiveChatAction: { archived: true } }
    return { operation: 'set', index: ['archive', chat], value, actionVersion: 3 }
  })
  const log = world.server.world.resolve(ALICE)?.account.appState.collection(LOW)
  expect(log?.accept(0, collection.write(archive).bytes)).toBe('accepted')
  return archive.length
}
