/**
 * Files that Baileys does not get, or gets wrong. Both are linked devices of the same account, have the same message, and
 * meet the same fault of the same media server. Rows L5 and L15 to L17 of the list in README.md.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Client, DownloadableMessage, Timing } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { log } from '../client/support.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'
import { randomFile } from '../media/media-server.ts'
import { temporaryFolder } from './stage.ts'

const FILE = randomFile('a file for both', 200_000)
const WATON = '15550000001:1@s.whatsapp.net'
const BAILEYS = '15550000001:2@s.whatsapp.net'

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly baileys: Baileys
  readonly client: Client
  /** The message as each of them has it. */
  readonly id: string
  readonly message: DownloadableMessage
}

/** Alice's two devices, with a picture of Bob's. */
async function scene(seed: number, timing: Partial<Timing> = {}): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint, timing })
  const baileys = await Baileys.link(simulator, alice)
  const { id } = await bob.send(alice.pn, { image: FILE })
  await until('Baileys to have the message', () => baileys.messages.some(({ key }) => key.id === id))
  return { simulator, alice, baileys, client, id, message: await received(client, id) }
}

function received(client: Client, id: string): Promise<DownloadableMessage> {
  return until('waton to have the message', async () => {
    for (const event of await log(client))
      if (event.type === 'message' && event.payload.id === id) return event.payload
    return undefined
  })
}

/** How often a device has asked the phone to upload something again. */
function requestsOf({ simulator }: Scene, device: string): number {
  const filter = { device, tag: 'receipt', direction: 'client-to-server', type: 'server-error' } as const
  return simulator.trace.stanzas(filter).length
}

const faultsOf = ({ simulator }: Scene): number => simulator.trace.faults.length

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  )
}

describe('a file that has expired', () => {
  test('L15: Baileys has the means to ask for it and never does; waton asks and has it', async () => {
    const world = await scene(1801)
    const { simulator, baileys, client, id, message } = world
    simulator.faults.media.expire()
    await expect(baileys.downloadOrAsk(id)).rejects.toThrow(/Failed to fetch stream/)
    expect(requestsOf(world, BAILEYS)).toBe(0)

    expect(await client.download(message)).toEqual(FILE)
    expect(requestsOf(world, WATON)).toBe(1)
    // it was not the phone's fault: asked for by hand, Baileys gets it as well
    await baileys.updateMedia(id)
    expect(Uint8Array.from(await baileys.download(id))).toEqual(FILE)
  })

  test('L17: and whose phone is off: Baileys waits without an end, waton says so in time', async () => {
    const world = await scene(1802, { mediaRetryTimeoutMs: 500 })
    const { simulator, alice, baileys, client, id, message } = world
    simulator.faults.media.expire()
    alice.goOffline()
    let end: string | undefined
    baileys.updateMedia(id).then(
      () => (end = 'resolved'),
      () => (end = 'rejected'),
    )
    await until('Baileys to have asked', () => requestsOf(world, BAILEYS) === 1)
    // it lives, does other things, and has no idea of an end: three times the time that waton was given
    for (let round = 1; round <= 3; round += 1) {
      expect(await failure(client.download(message))).toMatchObject({
        code: 'WATON_MEDIA_PHONE_SILENT',
        retryable: true,
      })
      await baileys.send('15550000002@s.whatsapp.net', `round ${String(round)}`)
      expect(end).toBeUndefined()
    }
    expect(requestsOf(world, WATON)).toBe(3)
    // what it waits for can come, and nothing else ends it
    alice.goOnline()
    await until('Baileys to have its answer', () => end === 'resolved')
  })
})

describe('a media server that has something else', () => {
  test('L16: Baileys hands it over as the file; waton refuses it and leaves nothing', async () => {
    const world = await scene(1803)
    const { simulator, baileys, client, id, message } = world
    simulator.faults.media.next({ on: 'download', fault: 'wrong-bytes', times: 100 })
    const handedOver = Uint8Array.from(await baileys.download(id))
    expect(handedOver).toHaveLength(FILE.length)
    expect(handedOver).not.toEqual(FILE)
    expect(faultsOf(world)).toBe(1)

    const folder = temporaryFolder()
    const error = await failure(client.download(message, { path: join(folder, 'a.jpg') }))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_CORRUPT', details: { reason: 'WATON_MEDIA_HASH' } })
    expect(await failure(client.download(message))).toMatchObject({ code: 'WATON_MEDIA_CORRUPT' })
    expect(readdirSync(folder)).toEqual([])
    expect(faultsOf(world)).toBeGreaterThan(1)
  })

  test('L16: Baileys gives up a file that ends early; waton goes on where it was', async () => {
    const world = await scene(1805)
    const { simulator, baileys, client, id, message } = world
    simulator.faults.media.next({ on: 'download', fault: 'truncate' })
    await expect(baileys.download(id)).rejects.toThrow(/bad decrypt|wrong final block length/)
    simulator.faults.media.next({ on: 'download', fault: 'truncate' })
    expect(await client.download(message)).toEqual(FILE)
    expect(faultsOf(world)).toBe(2)
  })

  test('L16: a connection that breaks ends the process of Baileys; waton goes on where it was', async () => {
    const world = await scene(1804)
    const { simulator, baileys, client, id, message } = world
    simulator.faults.media.next({ on: 'download', fault: 'reset' })
    // it has no listener for the error of the stream that it reads from: nobody can catch this
    await expect(baileys.download(id)).rejects.toThrow('the Baileys process ended')
    expect(faultsOf(world)).toBe(1)

    simulator.faults.media.next({ on: 'download', fault: 'reset' })
    expect(await client.download(message)).toEqual(FILE)
    expect(faultsOf(world)).toBe(2)
  })
})

describe('a question for the media servers that is refused once', () => {
  test('L5: Baileys keeps the refusal and uploads nothing any more; waton asks again', async () => {
    const world = await scene(1806)
    const { simulator, baileys, client, message } = world
    const questions = (device: string): number =>
      simulator.trace
        .stanzas({ device, tag: 'iq', direction: 'client-to-server' })
        .filter(({ node: { attrs } }) => attrs['xmlns'] === 'w:m').length
    simulator.faults.media.refuseConnections(503)
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const sent = baileys.sendContent('15550000002@s.whatsapp.net', { sticker: Buffer.from(FILE) })
      await expect(sent).rejects.toThrow(/service-unavailable/)
    }
    expect(questions(BAILEYS)).toBe(1)

    simulator.faults.media.refuseConnections(503)
    expect(await client.download(message)).toEqual(FILE)
    expect(questions(WATON)).toBe(1)
    expect(await client.download(message)).toEqual(FILE)
    expect(questions(WATON)).toBe(2)
    expect(faultsOf(world)).toBe(2)
  })
})
