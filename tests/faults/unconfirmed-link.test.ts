/**
 * A link whose last answer never reached the server (decision 0011): cut on purpose between the commit and the answer,
 * with the process going on and with another one taking over. Found by `cuts.test.ts`, told here step by step.
 */
import { expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { startWorld } from '../helpers/world.ts'
import { until } from '../helpers/until.ts'
import { Cutter } from './cut-socket.ts'
import type { Cut } from './cut-socket.ts'
import { fastClock } from './fast-clock.ts'

/** Hello, finish, the answer to the refs, and then `pair-device-sign`. */
const BEFORE_SIGN: Cut = { direction: 'sent', at: 'before frame', position: 4, isHalfOpen: false }

interface Scene {
  readonly simulator: Simulator
  readonly phone: SimulatedPhone
  readonly cutter: Cutter
  readonly store: MemoryStore
  readonly codes: string[]
  readonly reasons: string[]
}

async function startScene(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  const phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const cutter = new Cutter(simulator.endpoint.connect, BEFORE_SIGN)
  return { simulator, phone, cutter, store: new MemoryStore(), codes: [], reasons: [] }
}

/** A client whose every code is scanned; a scan that the cut breaks fails for the human too. */
function startClient({ simulator, phone, cutter, store, codes, reasons }: Scene): Client {
  const endpoint = { ...simulator.endpoint, connect: cutter.connect }
  const client = new Client({ store, endpoint, clock: fastClock() })
  onTestFinished(() => client.close())
  client.on('pairing.qr', async ({ qr }) => {
    codes.push(qr)
    await phone.linkDevice(qr).catch(() => undefined)
  })
  client.on('connection.closed', ({ reason }) => {
    reasons.push(reason)
  })
  return client
}

test('says nothing of an account, and accepts no message for it, before a login has confirmed it', async () => {
  const scene = await startScene(1)
  const client = startClient(scene)
  const linked: unknown[] = []
  client.on('pairing.success', ({ me }) => {
    linked.push(me)
  })
  const refused: unknown[] = []
  client.on('connection.state', async ({ state }) => {
    if (state !== 'authenticating' || refused.length > 0) return
    expect(client.me).toBeUndefined()
    refused.push(await client.send('15550000002@s.whatsapp.net', { text: 'hi' }).catch((e: unknown) => e))
  })
  await client.connect()
  expect(scene.cutter.proof?.connection).toBe(1)
  expect(refused).toMatchObject([{ code: 'WATON_NOT_LINKED' }])
  expect(linked).toEqual([client.me])
})

test('shows codes again after the login was refused twice, with the same keys and another secret', async () => {
  const scene = await startScene(2)
  const client = startClient(scene)
  await client.connect()
  expect(scene.simulator.trace.notes.filter(({ kind }) => kind === 'refusal')).toHaveLength(2)
  expect(scene.reasons).toEqual([
    'connection-lost',
    'logout-unconfirmed',
    'link-incomplete',
    'restart-required',
  ])
  const [first, second, ...more] = scene.codes.map((qr) => qr.split(','))
  expect(more).toEqual([])
  const [firstRef, firstNoise, firstIdentity, firstSecret] = first ?? []
  const [secondRef, secondNoise, secondIdentity, secondSecret] = second ?? []
  expect([secondNoise, secondIdentity]).toEqual([firstNoise, firstIdentity])
  expect(secondRef).not.toBe(firstRef)
  expect(secondSecret).not.toBe(firstSecret)
})

test('survives a first login that is refused by mistake: one more tells', async () => {
  const simulator = await startWorld(5)
  const phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const scene = { simulator, phone, cutter: new Cutter(simulator.endpoint.connect), store: new MemoryStore() }
  const { codes, reasons }: Pick<Scene, 'codes' | 'reasons'> = { codes: [], reasons: [] }
  const client = startClient({ ...scene, codes, reasons })
  client.on('connection.closed', ({ reason }) => {
    if (reason === 'restart-required') simulator.faults.refuseLogin('15550000001:1@s.whatsapp.net', 401)
  })
  await client.connect()
  expect(simulator.trace.notes.filter(({ kind }) => kind === 'fault')).toHaveLength(1)
  expect(reasons).toEqual(['restart-required', 'logout-unconfirmed'])
  expect(codes).toHaveLength(1)
  expect(phone.devices.map(({ deviceId }) => deviceId)).toEqual([client.me?.deviceId])
})

test('is settled by the next process when the first one ended with it', async () => {
  const scene = await startScene(3)
  const first = startClient(scene)
  const failed = first.connect().catch((error: unknown) => error)
  await until('the cut', () => scene.reasons[0])
  await first.close()
  expect(await failed).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })

  const second = startClient(scene)
  await second.connect()
  expect(scene.reasons).not.toContain('logged-out')
  expect(scene.phone.devices.map(({ deviceId }) => deviceId)).toEqual([second.me?.deviceId])
})

test('is not assumed any more once a login succeeded: a refusal is then a logout, and the keys stay', async () => {
  const scene = await startScene(4)
  const client = startClient(scene)
  await client.connect()
  const { me } = client
  const device = `15550000001:${String(me?.deviceId)}@s.whatsapp.net`
  scene.simulator.faults.refuseLogin(device, 401, { times: 2 })
  scene.simulator.faults.disconnect(device)
  await until('the end', () => client.state === 'closed')
  expect(scene.reasons.slice(-2)).toEqual(['logout-unconfirmed', 'logged-out'])
  expect(client.me).toEqual(me)
})
