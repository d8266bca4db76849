/**
 * Devices that leave their account: removed on the phone, by a mistake of the server, or by the program itself. The
 * credentials are put aside and never deleted (promise G8), and linking again is the user's decision.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, CloseReason } from 'waton'
import { CREDENTIALS, SELF } from '../../src/client/state/records.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { until } from '../helpers/until.ts'
import { BOB, DEVICE, FastClock, World, linkedClient, log, newClient } from './support.ts'

interface Scene {
  readonly world: World
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly client: Client
  readonly store: MemoryStore
  readonly reasons: string[]
}

async function scene(seed: string): Promise<Scene> {
  const world = new World(seed)
  const { alice, bob } = await world.addPair()
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, clock: new FastClock(20) })
  return { world, alice, bob, client, store, reasons: reasonsOf(client) }
}

function reasonsOf(client: Client): string[] {
  const reasons: string[] = []
  client.on('connection.closed', ({ reason }: CloseReason) => {
    reasons.push(reason)
  })
  return reasons
}

/** The record as it is on disk. */
async function credentialsIn(store: MemoryStore, key: string = SELF): Promise<Uint8Array | undefined> {
  return store.readRecord('default', CREDENTIALS.kind, key)
}

async function retiredIn(store: MemoryStore): Promise<readonly Uint8Array[]> {
  const rows = await store.listRecords('default', CREDENTIALS.kind, undefined, 100)
  return rows.filter(({ key }) => key.startsWith('retired.')).map(({ value }) => value)
}

function scanWith(client: Client, phone: SimulatedPhone): string[] {
  const codes: string[] = []
  client.on('pairing.qr', async ({ qr }) => {
    codes.push(qr)
    await phone.linkDevice(qr)
  })
  return codes
}

/** Removed on the phone, and stopped. */
async function removedScene(seed: string): Promise<Scene> {
  const set = await scene(seed)
  await set.alice.unlinkDevice(1)
  await until('the client to stop', () => set.client.state === 'closed')
  return set
}

describe('a device that the server refuses', () => {
  test('once, by mistake, is on the account all the same', async () => {
    const set = await scene('spurious')
    const before = await credentialsIn(set.store)
    set.world.server.faults.refuseLogin(DEVICE, 401)
    set.world.server.faults.disconnect(DEVICE)
    await until('the refusal', () => set.reasons.includes('logout-unconfirmed'))
    await until('the client to be open again', () => set.client.state === 'open')
    expect(set.reasons).toEqual(['connection-lost', 'logout-unconfirmed'])
    expect(await credentialsIn(set.store)).toEqual(before)
  })

  test('once and once again, with a login in between, is not added up', async () => {
    const set = await scene('twice apart')
    for (const round of [1, 2, 3]) {
      set.world.server.faults.refuseLogin(DEVICE, 401)
      set.world.server.faults.disconnect(DEVICE)
      await until('the refusal', () => set.reasons.length === round * 2)
      await until('the client to be open again', () => set.client.state === 'open')
    }
    expect(set.reasons).not.toContain('logged-out')
  })
})

describe('a device that was removed on the phone', () => {
  test('stops after one more login, and keeps its keys and everything else', async () => {
    const set = await scene('removed')
    const before = await credentialsIn(set.store)
    const { me } = set.client
    const { sockets } = set.world
    await set.alice.unlinkDevice(1)
    await until('the client to stop', () => set.client.state === 'closed')
    expect(set.reasons).toEqual(['logout-unconfirmed', 'logged-out'])
    expect(set.world.sockets).toBe(sockets + 1)
    expect(set.world.received({ tag: 'stream:error' })).toMatchObject([
      { attrs: { code: '401' }, content: [{ tag: 'conflict', attrs: { type: 'device_removed' } }] },
    ])
    expect(await credentialsIn(set.store)).toEqual(before)
    expect(set.client.me).toEqual(me)
  })

  test('is not tried again, by this process or the next, and whoever connects is told what to do', async () => {
    const set = await removedScene('quarantine')
    const { sockets } = set.world
    const refusal = {
      code: 'WATON_CLIENT_CLOSED',
      action: 'link',
      details: {
        reason: 'logged-out',
        serverCode: 401,
        quarantinedAtMs: expect.any(Number) as unknown,
      },
    }
    await expect(set.client.connect()).rejects.toMatchObject(refusal)
    await set.client.close()
    const next = newClient(set.world, { store: set.store })
    await expect(next.connect()).rejects.toMatchObject(refusal)
    await expect(next.connect()).rejects.toThrow('client.relink()')
    expect(set.world.sockets).toBe(sockets)
  })

  test('is linked anew when the user says so: old keys kept, new ones used, unsent messages failed', async () => {
    const set = await removedScene('relink')
    const before = await credentialsIn(set.store)
    const { id } = await set.client.send(BOB, { text: 'never left' })
    await set.client.relink()
    expect(set.client.me).toBeUndefined()
    expect(await retiredIn(set.store)).toEqual([before])
    expect(await set.store.listRecords('default', 'session', undefined, 10)).toEqual([])
    const codes = scanWith(set.client, set.alice)
    await set.client.connect()
    expect(codes).toHaveLength(1)
    expect(set.client.me?.deviceId).toBe(2)
    expect(set.alice.devices.map(({ deviceId }) => deviceId)).toEqual([2])
    const failed = (await log(set.client)).filter(({ type }) => type === 'send.failed')
    expect(failed.map(({ payload }) => payload)).toMatchObject([{ id, code: 'WATON_SEND_UNLINKED' }])
    const sent = await set.client.send(BOB, { text: 'hello again' })
    await set.bob.waitForMessage(({ text }) => text === 'hello again')
    await sent.acked
    expect(set.bob.messages.some(({ text }) => text === 'never left')).toBe(false)
    expect(set.bob.undecryptable).toEqual([])
    expect(set.world.violations).toEqual([])
  })

  test('can be linked by a phone of another number', async () => {
    const set = await removedScene('other phone')
    await set.client.relink()
    scanWith(set.client, set.bob)
    await set.client.connect()
    expect(set.client.me?.pn).toBe(BOB)
    await set.client.send('15550000001@s.whatsapp.net', { text: 'from my new number' })
    await set.alice.waitForMessage(({ text }) => text === 'from my new number')
  })
})

describe('linking anew', () => {
  test('is refused while the account is linked, and does nothing before the first link', async () => {
    const set = await scene('healthy')
    const before = await credentialsIn(set.store)
    await expect(set.client.relink()).rejects.toMatchObject({ code: 'WATON_RELINK_LINKED' })
    expect(await credentialsIn(set.store)).toEqual(before)
    const fresh = newClient(set.world)
    await fresh.relink()
    expect(fresh.me).toBeUndefined()
  })
})

describe('logging out', () => {
  test('is refused before there is an account, and without a connection', async () => {
    const set = await scene('offline')
    await expect(newClient(set.world).logout()).rejects.toMatchObject({ code: 'WATON_NOT_LINKED' })
    await set.client.close()
    const next = newClient(set.world, { store: set.store })
    await expect(next.logout()).rejects.toMatchObject({ code: 'WATON_LOGOUT_OFFLINE', retryable: true })
    expect(set.alice.devices).toHaveLength(1)
    await next.connect()
    expect(next.state).toBe('open')
  })

  test('removes the device on the phone, and the next connection links a new one', async () => {
    const set = await scene('logout')
    const before = await credentialsIn(set.store)
    const { sockets } = set.world
    await set.client.logout()
    expect(set.client.state).toBe('closed')
    expect(set.reasons).toEqual(['unlinked'])
    expect(set.alice.devices).toEqual([])
    expect(set.client.me).toBeUndefined()
    expect(await retiredIn(set.store)).toEqual([before])
    expect(set.world.sockets).toBe(sockets)
    await set.client.close()
    const next = newClient(set.world, { store: set.store })
    const codes = scanWith(next, set.alice)
    await next.connect()
    expect(codes).toHaveLength(1)
    expect(next.me?.deviceId).toBe(2)
    expect(set.world.violations).toEqual([])
  })
})
