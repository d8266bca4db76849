/**
 * The stage on which a link breaks off between our answer to pair-success and the server's word that it has it: a client, a
 * phone, and a human who uses the codes that are shown.
 */
import { expect, onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientEvents, Store } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import type { ConnectSocket } from '../../src/transport/byte-socket.ts'
import { startWorld } from '../helpers/world.ts'
import { Cutter } from './cut-socket.ts'
import type { Cut } from './cut-socket.ts'
import { SPEED, fastClock } from './fast-clock.ts'

/** What the cut swallows. */
export type Lost = 'answer' | 'word of it'
/** How the client is linked. */
export type Way = 'qr' | 'code'

/** The number of the phone. */
export const PHONE_NUMBER = '15550000001'

/**
 * By QR code: hello, finish, the answer to the refs, then `pair-device-sign`; hello, refs, `pair-success`, then 515. By typed
 * code there are hello, its acknowledgement and finish of the code between, and what the server says to them.
 */
export const CUTS: Readonly<Record<Way, Readonly<Record<Lost, Cut>>>> = {
  qr: { answer: beforeFrame('sent', 4), 'word of it': beforeFrame('received', 4) },
  code: { answer: beforeFrame('sent', 7), 'word of it': beforeFrame('received', 7) },
}

/** A cut that both sides notice. */
export function beforeFrame(direction: Cut['direction'], position: number): Cut {
  return { direction, at: 'before frame', position, isHalfOpen: false }
}

/** What a test looks at. */
export interface Scene {
  readonly simulator: Simulator
  readonly phone: SimulatedPhone
  readonly cutter: Cutter
  readonly store: Store
  /** QR codes or typed codes, as they were shown. */
  readonly codes: ClientEvents['pairing.qr'][]
  readonly typed: ClientEvents['pairing.code'][]
  readonly closed: ClientEvents['connection.closed'][]
}

const patient = 60_000 * SPEED

/** A busy machine must not look like a silent server, and no ping must move the frame that is cut. */
const PATIENT = {
  connectTimeoutMs: patient,
  queryTimeoutMs: patient,
  keepAliveMs: patient,
  pongTimeoutMs: patient,
  leaseMs: patient,
}

/** A server, a phone, and nobody linked. */
export async function startScene(seed: number, cut?: Cut): Promise<Scene> {
  const simulator = await startWorld(seed)
  const phone = await simulator.addPhone({ phoneNumber: PHONE_NUMBER, name: 'Alice' })
  const cutter = new Cutter(simulator.endpoint.connect, cut)
  return { simulator, phone, cutter, store: new MemoryStore(), codes: [], typed: [], closed: [] }
}

/** How a client of a scene differs from the usual one. */
export interface Differences {
  readonly way?: Way
  readonly connect?: ConnectSocket
  /** Whether the human uses a code, by how many were shown and are linked. @default while no device is on the list */
  readonly uses?: (shown: number, linked: number) => boolean
}

/** A client and a human who uses the codes that it shows as a human does. */
export function startClient(
  scene: Scene,
  { way = 'qr', connect, uses = (_, linked) => linked === 0 }: Differences = {},
): Client {
  const { simulator, phone, cutter, store, codes, typed, closed } = scene
  const endpoint = { ...simulator.endpoint, connect: connect ?? cutter.connect }
  const client = new Client({ store, endpoint, clock: fastClock(), timing: PATIENT })
  onTestFinished(() => client.close())
  const isUsed = (shown: number): boolean => uses(shown, phone.devices.length)
  client.on('pairing.qr', async (code) => {
    codes.push(code)
    if (way === 'qr' && isUsed(codes.length)) await phone.linkDevice(code.qr).catch(() => undefined)
  })
  client.on('pairing.code', async (code) => {
    typed.push(code)
    if (isUsed(typed.length)) await phone.linkDeviceByCode(code.code).catch(() => undefined)
  })
  if (way === 'code')
    client.on('connection.state', async ({ state }) => {
      if (state === 'pairing') await client.requestPairingCode(PHONE_NUMBER).catch(() => undefined)
    })
  client.on('connection.closed', (reason) => {
    closed.push(reason)
  })
  return client
}

/** Why connections ended, in order. */
export function reasonsOf({ closed }: Scene): readonly string[] {
  return closed.map(({ reason }) => reason)
}

/** What the server noted of a kind. */
export function notesOf({ simulator }: Scene, kind: string): readonly string[] {
  return simulator.trace.notes.filter((note) => note.kind === kind).map(({ text }) => text)
}

/** One device, and it is this one. */
export function expectLinked(scene: Scene, client: Client, linked: number): void {
  expect(scene.phone.devices.map(({ deviceId }) => deviceId)).toEqual([client.me?.deviceId])
  expect(notesOf(scene, 'pairing').filter((text) => text.endsWith('is linked'))).toHaveLength(linked)
  expect(notesOf(scene, 'violation')).toEqual([])
}
