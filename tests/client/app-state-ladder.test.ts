/** App state that does not verify, that cannot be fetched, or whose keys are missing: it converges all the same (promise G5). */
import { describe, expect, test } from 'vitest'
import { node } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { AppStateWorld, changes, clientAccount, told } from './app-state.ts'
import type { AppStateSpoil } from '../../src/simulator/world/app-state-plans.ts'
import { BOB, DEVICE, settle } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'
const HIGH = 'regular_high'
const LOW = 'regular_low'

/** What the events of archiving say, in order. */
async function archived(client: Parameters<typeof changes>[0]): Promise<readonly unknown[]> {
  return (await changes(client)).map(({ payload }) => ('changes' in payload ? payload.changes : payload))
}

describe('a patch that is wrong', () => {
  test.each<AppStateSpoil>(['patch-mac', 'value', 'value-mac', 'index', 'gap'])(
    'in its %s is not applied: the whole collection is, as its difference to what is known',
    async (spoil) => {
      const world = await new AppStateWorld(`wrong ${spoil}`).begin()
      const client = await world.link()
      await world.alice.changeChat(BOB, { archived: true })
      await world.converged()
      const failed = told(client, 'sync.failed')
      await client.close()
      await world.alice.changeChat(CAROL, { archived: true })
      await world.alice.changeChat(BOB, { archived: false })
      world.faults.spoil(DEVICE, LOW, spoil)
      const next = world.again()
      await next.connect()
      await world.converged()
      expect(world.happened).toEqual([expect.stringContaining(spoil)])
      expect(await archived(next)).toHaveLength(3)
      expect(await archived(next)).toEqual(
        expect.arrayContaining([{ isArchived: true }, { isArchived: true }, { isArchived: false }]),
      )
      expect(failed).toEqual([])
      expect(world.violations).toEqual([])
    },
  )

  test('that was left out is found by the next', async () => {
    const world = await new AppStateWorld('silence').begin()
    const client = await world.link()
    await world.converged()
    world.faults.silence(DEVICE, LOW)
    await world.alice.changeChat(BOB, { archived: true })
    await settle()
    expect(await archived(client)).toEqual([])
    await world.alice.changeChat(CAROL, { archived: true })
    await world.converged()
    expect(await archived(client)).toEqual([{ isArchived: true }, { isArchived: true }])
  })
})

describe('a whole collection that is wrong', () => {
  test.each<AppStateSpoil>(['record', 'snapshot-mac', 'missing-record'])(
    'in its %s is fetched once more later',
    async (spoil) => {
      const world = await new AppStateWorld(`whole ${spoil}`, { speed: 200 }).begin()
      await world.alice.changeChat(BOB, { archived: true })
      await world.alice.changeChat(CAROL, { archived: true })
      world.faults.spoil(DEVICE, LOW, spoil)
      const client = await world.link()
      await world.converged()
      expect(world.happened).toHaveLength(1)
      expect(await archived(client)).toEqual([{ isArchived: true }, { isArchived: true }])
    },
  )

  test('every time is told, keeps what it was, and holds up no other', async () => {
    const world = await new AppStateWorld('hopeless', { speed: 2_000 }).begin()
    const client = await world.link()
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    const before = await clientAccount(world.store, LOW)
    const failed = told(client, 'sync.failed')
    world.faults.spoil(DEVICE, LOW, 'patch-mac')
    world.faults.spoil(DEVICE, LOW, 'snapshot-mac', 2)
    await world.alice.changeChat(CAROL, { archived: true, mutedUntilMs: 'forever' })
    await until('sync.failed', () => failed.length > 0)
    expect(failed).toMatchObject([{ collection: LOW, code: 'WATON_APP_STATE_HASH', attempts: 3 }])
    expect(await clientAccount(world.store, LOW)).toEqual(before)
    expect(await clientAccount(world.store, HIGH)).toEqual(world.serverAccount(HIGH))
    expect(client.state).toBe('open')
    expect(world.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { collection: LOW, code: 'WATON_APP_STATE_HASH' } },
    ])
    // an hour later
    await world.converged()
    expect(await archived(client)).toHaveLength(3)
  })
})

describe('a server that refuses', () => {
  test.each([503, 429, 409])(
    'with %i is asked again a little later, on the same connection',
    async (code) => {
      const world = await new AppStateWorld(`refused ${String(code)}`).begin()
      const client = await world.link()
      await world.converged()
      const { sockets } = world
      world.faults.refuse(DEVICE, LOW, code, 3)
      await world.alice.changeChat(BOB, { archived: true })
      await world.converged()
      expect(world.happened).toHaveLength(3)
      expect(await archived(client)).toEqual([{ isArchived: true }])
      expect(world.sockets).toBe(sockets)
    },
  )

  test('for good is asked for everything', async () => {
    const world = await new AppStateWorld('refused for good').begin()
    const client = await world.link()
    await world.converged()
    world.faults.refuse(DEVICE, LOW, 400)
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    expect(await archived(client)).toEqual([{ isArchived: true }])
  })

  test('gives less than it has announced, and is asked again', async () => {
    const world = await new AppStateWorld('announced').begin()
    const client = await world.link()
    await world.converged()
    const asked = world.questions.length
    const collection = node('collection', { name: LOW, version: '2' })
    const attrs = { from: '15550000001@s.whatsapp.net', id: 'SYNC', t: '1700000000', type: 'server_sync' }
    world.inject(node('notification', attrs, [collection]))
    await until('two questions', () => world.questions.length >= asked + 2)
    await world.alice.changeChat(BOB, { archived: true })
    await world.alice.changeChat(BOB, { archived: false })
    await world.converged()
    expect(await archived(client)).toEqual([{ isArchived: true }, { isArchived: false }])
  })
})

describe('a key that the phone has not shared', () => {
  const requests = (world: AppStateWorld): number =>
    world.sent({ tag: 'message' }).filter(({ attrs }) => attrs['category'] === 'peer').length

  test('is asked for, and the collection goes on when it comes', async () => {
    const world = await new AppStateWorld('missing key').begin()
    const client = await world.link()
    await world.converged()
    await world.alice.rotateAppStateKey({ share: false })
    await world.alice.changeChat(BOB, { archived: true })
    await world.alice.changeChat(BOB, { mutedUntilMs: 'forever' })
    await world.converged()
    expect(await archived(client)).toHaveLength(2)
    expect(requests(world)).toBe(1)
    expect(world.violations).toEqual([])
  })

  test('is asked for once, whatever else happens and by whichever process, until the phone is there', async () => {
    const world = await new AppStateWorld('asked once').begin()
    const client = await world.link()
    await world.converged()
    await world.alice.rotateAppStateKey({ share: false })
    await world.alice.changeChat(BOB, { archived: true })
    world.alice.goOffline()
    await until('the request', () => requests(world) === 1)
    await client.close()
    const next = world.again()
    await next.connect()
    const collection = node('collection', { name: LOW })
    const attrs = { from: '15550000001@s.whatsapp.net', id: 'SYNC', t: '1700000000', type: 'server_sync' }
    world.inject(node('notification', attrs, [collection]))
    await until('the answer', () => world.answersTo('SYNC').length > 0)
    await clockPasses(world, 30_000)
    expect(requests(world)).toBe(1)
    expect((await clientAccount(world.store, LOW))?.version).toBe(0)
    expect(await archived(next)).toEqual([])
    world.alice.goOnline()
    await world.converged()
    expect(await archived(next)).toEqual([{ isArchived: true }])
  })
})

/** Lets time go by on the client's clock. */
async function clockPasses({ clock }: AppStateWorld, ms: number): Promise<void> {
  const endMs = clock.nowMs() + ms
  await until('time to go by', () => clock.nowMs() >= endMs)
}
