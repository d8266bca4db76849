/**
 * Downloads on the simulator: messages of phones and of an unmodified Baileys, media servers over HTTPS that fail, hosts
 * that the chat server refuses to name, and phones that upload again, or do not. That a fault happened is read in the trace.
 */
import { describe, expect, it } from 'vitest'
import type { Client, ClientOptions, DownloadableMessage } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'
import { log } from '../client/support.ts'
import { randomFile } from './media-server.ts'

const FILE = randomFile('a file', 70_001)
const DEVICE = '15550000001:1@s.whatsapp.net'

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  /** A linked device of Alice. */
  readonly client: Client
}

async function scene(seed: number, options: Partial<ClientOptions> = {}): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint, ...options })
  return { simulator, alice, bob, client }
}

/** The message as the client tells it. */
function received(client: Client, id: string): Promise<DownloadableMessage> {
  return until(`message ${id}`, async () => {
    for (const event of await log(client))
      if (event.type === 'message' && event.payload.id === id) return event.payload
    return undefined
  })
}

async function picture({ bob, alice, client }: Scene): Promise<DownloadableMessage> {
  const { id } = await bob.send(alice.pn, { image: FILE })
  return received(client, id)
}

const faultsOf = ({ simulator }: Scene): readonly string[] => simulator.trace.faults.map(({ text }) => text)

/** Questions for the media servers. */
function hostQuestions({ simulator }: Scene): number {
  return simulator.trace
    .stanzas({ device: DEVICE, tag: 'iq', direction: 'client-to-server' })
    .filter(({ node: { attrs } }) => attrs['xmlns'] === 'w:m').length
}

/** Requests to the phone to upload something again. */
function requests({ simulator }: Scene): number {
  return simulator.trace.stanzas({
    device: DEVICE,
    tag: 'receipt',
    direction: 'client-to-server',
    type: 'server-error',
  }).length
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  )
}

describe('the hosts of media', () => {
  it('are asked for again after a question for them was refused', async () => {
    const world = await scene(1701)
    const message = await picture(world)
    world.simulator.faults.media.refuseConnections(503)
    expect(await world.client.download(message)).toEqual(FILE)
    expect(faultsOf(world)).toEqual(['the question for the media servers is refused with 503'])
    expect(await world.client.download(message)).toEqual(FILE)
    expect(hostQuestions(world)).toBe(2)
    await world.client.download(message)
    expect(hostQuestions(world)).toBe(2)
  })

  it('are asked for once, however many need them, and again when their time is over', async () => {
    const world = await scene(1702)
    world.simulator.faults.media.habits({ ttlSeconds: 0 })
    const message = await picture(world)
    const files = await Promise.all([1, 2, 3].map(() => world.client.download(message)))
    expect(files).toEqual([FILE, FILE, FILE])
    expect(hostQuestions(world)).toBe(1)
    await world.client.download(message)
    expect(hostQuestions(world)).toBe(2)
  })

  it('are asked for anew when one of them refuses, once', async () => {
    const world = await scene(1703)
    const message = await picture(world)
    world.simulator.faults.media.next({ on: 'download', fault: 'status', status: 401 })
    expect(await world.client.download(message)).toEqual(FILE)
    expect(hostQuestions(world)).toBe(2)
    world.simulator.faults.media.next({ on: 'download', fault: 'status', status: 401, times: 100 })
    expect(await failure(world.client.download(message))).toMatchObject({
      code: 'WATON_MEDIA_REFUSED',
      details: { status: 401 },
    })
    expect(hostQuestions(world)).toBe(3)
  })

  it('are passed over when nobody is there', async () => {
    const world = await scene(1704)
    world.simulator.faults.media.habits({ deadHosts: ['localhost:1'] })
    const message = await picture(world)
    expect(await world.client.download(message)).toEqual(FILE)
  })

  it('are known without a connection', async () => {
    const world = await scene(1705)
    const message = await picture(world)
    world.simulator.faults.disconnect(DEVICE)
    await until('the connection to end', () => world.client.state !== 'open')
    expect(await world.client.download(message)).toEqual(FILE)
  })

  it('are believed only with a certificate that is trusted', async () => {
    const simulator = await startWorld(1706)
    const { alice, bob } = await addPair(simulator)
    const { mediaCertificate, ...endpoint } = simulator.endpoint
    expect(mediaCertificate).toContain('BEGIN CERTIFICATE')
    const client = await linkedClient(simulator, alice, { endpoint })
    const error = await failure(client.download(await picture({ simulator, alice, bob, client })))
    expect(error).toMatchObject({ code: 'WATON_HTTP_FAILED', action: 'check-network', retryable: false })
  })
})

describe('a media server that fails', () => {
  it.each([
    { fault: 'reset' },
    { fault: 'truncate' },
    { fault: 'status', status: 503 },
    { fault: 'status', status: 429, retryAfterSeconds: 1 },
    { fault: 'wrong-bytes' },
  ] as const)('once gives the file all the same: %o', async (fault) => {
    const world = await scene(1707)
    const message = await picture(world)
    world.simulator.faults.media.next({ on: 'download', ...fault })
    expect(await world.client.download(message)).toEqual(FILE)
    expect(faultsOf(world)).toHaveLength(1)
  })

  it('with wrong bytes everywhere gives nothing', async () => {
    const world = await scene(1708)
    const message = await picture(world)
    world.simulator.faults.media.next({ on: 'download', fault: 'wrong-bytes', times: 100 })
    expect(await failure(world.client.download(message))).toMatchObject({ code: 'WATON_MEDIA_CORRUPT' })
    expect(faultsOf(world).length).toBeGreaterThan(0)
  })
})

describe('a file that the servers have no longer', () => {
  it.each([403, 404, 410] as const)(
    'is uploaded again by the phone (%d), which is remembered',
    async (status) => {
      const world = await scene(1710)
      const { simulator, client } = world
      const message = await picture(world)
      simulator.faults.media.expire(status)
      expect(await client.download(message)).toEqual(FILE)
      expect(requests(world)).toBe(1)
      expect(await client.download(message)).toEqual(FILE)
      expect(requests(world)).toBe(1)
      // and when that is gone, too
      simulator.faults.media.expire()
      expect(await client.download(message)).toEqual(FILE)
      expect(requests(world)).toBe(2)
      expect(simulator.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
      expect(simulator.unanswered(DEVICE)).toEqual([])
    },
  )

  it('is asked for once by many', async () => {
    const world = await scene(1711)
    const message = await picture(world)
    world.simulator.faults.media.expire()
    const files = await Promise.all([1, 2, 3].map(() => world.client.download(message)))
    expect(files).toEqual([FILE, FILE, FILE])
    expect(requests(world)).toBe(1)
  })

  it('of an own message is uploaded again, too', async () => {
    const world = await scene(1712)
    const { alice, bob, client, simulator } = world
    const { id } = await alice.send(bob.pn, { document: FILE, fileName: 'a.pdf' })
    const { chat } = await received(client, id)
    simulator.faults.media.expire()
    expect(await client.download({ id, chat, fromMe: true })).toEqual(FILE)
  })

  it.each([
    ['not-found', false, 'WATON_MEDIA_GONE', 'discard'],
    ['not-found', true, 'WATON_MEDIA_GONE', 'discard'],
    ['decryption-error', true, 'WATON_MEDIA_NOT_UPLOADED', 'discard'],
    ['general-error', false, 'WATON_MEDIA_NOT_UPLOADED', 'retry'],
  ] as const)(
    'and of which the phone says %s (sealed: %s) is told as %s',
    async (as, isSealed, code, action) => {
      const world = await scene(1713)
      const message = await picture(world)
      world.simulator.faults.media.expire()
      world.simulator.faults.media.spoilRetries(as, { isSealed })
      const error = await failure(world.client.download(message))
      expect(error).toMatchObject({
        code,
        action,
        details: code === 'WATON_MEDIA_GONE' ? {} : { reason: as },
      })
      expect(faultsOf(world).at(-1)).toContain(as)
    },
  )

  it('and whose phone is off is given up in time, and found later', async () => {
    const world = await scene(1714, { timing: { mediaRetryTimeoutMs: 300 } })
    const { alice, client, simulator } = world
    const message = await picture(world)
    simulator.faults.media.expire()
    alice.goOffline()
    expect(await failure(client.download(message))).toMatchObject({
      code: 'WATON_MEDIA_PHONE_SILENT',
      action: 'wait',
      details: { timeoutMs: 300 },
    })
    expect(requests(world)).toBe(1)
    alice.goOnline()
    expect(await client.download(message)).toEqual(FILE)
  })

  it('is asked for again over the next connection', async () => {
    const world = await scene(1715)
    const { alice, client, simulator } = world
    const message = await picture(world)
    simulator.faults.media.expire()
    // the first request gets no answer
    simulator.faults.media.spoilRetries('silence')
    const download = client.download(message)
    await until('the first request', () => requests(world) === 1)
    simulator.faults.disconnect(DEVICE)
    expect(await download).toEqual(FILE)
    expect(requests(world)).toBe(2)
    expect(alice.problems).toEqual([])
  })

  it('is given up with the client, and with its signal, while the phone is asked', async () => {
    const world = await scene(1716)
    const { alice, client, simulator } = world
    const message = await picture(world)
    simulator.faults.media.expire()
    alice.goOffline()
    const controller = new AbortController()
    const first = failure(client.download(message, { signal: controller.signal }))
    const second = failure(client.download(message))
    await until('the request', () => requests(world) === 1)
    controller.abort()
    expect(await first).toMatchObject({ code: 'WATON_MEDIA_ABORTED' })
    await client.close()
    expect(await second).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
  })
})

describe('files that Baileys has uploaded', () => {
  it('are downloaded byte for byte, of every kind', async () => {
    const { simulator, alice, bob, client } = await scene(1720)
    const baileys = await Baileys.link(simulator, bob)
    const bytes = Buffer.from(FILE)
    const small = { jpegThumbnail: '/9j/', width: 1, height: 1 }
    for (const [kind, content] of [
      ['image', { image: bytes, caption: 'a cat', ...small }],
      ['image', { image: bytes, viewOnce: true, ...small }],
      ['video', { video: bytes, ...small }],
      ['video', { video: bytes, gifPlayback: true, ...small }],
      ['videoNote', { video: bytes, ptv: true, ...small }],
      ['audio', { audio: bytes, mimetype: 'audio/mp4', seconds: 3 }],
      ['audio', { audio: bytes, mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 3, waveform: [1] }],
      ['document', { document: bytes, mimetype: 'application/pdf', fileName: 'a.pdf', caption: 'read it' }],
      ['sticker', { sticker: bytes }],
    ] as const) {
      const { id } = await baileys.sendContent(alice.pn, content)
      const message = await received(client, id)
      expect(Object.keys(message.content ?? {}), kind).toContain(kind)
      expect(await client.download(message), kind).toEqual(FILE)
    }
  }, 60_000)
})
