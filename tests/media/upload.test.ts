/**
 * Sending files while media servers, tokens, files and the connection make trouble: what can be repaired is, what cannot
 * be is told with a code and what the server said, and nothing of a message is recorded before its file is on a server.
 * That others read what arrives is tested in tests/content/media-to-baileys.test.ts.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { childOf } from '../../src/protocol/binary/node.ts'
import { Client, MemoryStore } from 'waton'
import type { Endpoint, MediaSource, OutgoingContent } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { seededRandom } from '../../src/base/random.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, overWebSocket, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const random = seededRandom('uploads')
const FILE = random.bytes(200_000)

interface Scene {
  readonly simulator: Simulator
  readonly client: Client
  readonly bob: SimulatedPhone
  readonly endpoint: Endpoint
}

async function scene(seed: number, store: MemoryStore = new MemoryStore()): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  const { mediaHost, mediaCertificate } = simulator.endpoint
  const endpoint = { ...overWebSocket(simulator), mediaHost, mediaCertificate }
  return { simulator, endpoint, client: await linkedClient(simulator, alice, { endpoint, store }), bob }
}

function picture(file: MediaSource = FILE): OutgoingContent {
  return { image: { file } }
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  )
}

/** What the media server noted: requests and what became of them. */
function noted({ simulator }: Scene, pattern: RegExp): number {
  return simulator.trace.notes.filter(({ text }) => pattern.test(text)).length
}

function questions({ simulator }: Scene): number {
  return simulator.trace
    .stanzas({ tag: 'iq', direction: 'client-to-server' })
    .filter(({ node }) => childOf(node, 'media_conn') !== undefined).length
}

/** Nothing was recorded and nothing left, and the next text goes out. */
async function expectUntouched({ client }: Scene): Promise<void> {
  const entries = []
  for await (const entry of client.outbox.list()) entries.push(entry)
  expect(entries).toEqual([])
  const text = await client.send(BOB, { text: 'and on it goes' })
  await text.acked
}

async function onDisk(bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waton-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'file.bin')
  await writeFile(path, bytes)
  return path
}

describe('a file that cannot be sent', () => {
  it('is refused before anything is asked when it is none', async () => {
    const one = await scene(1)
    const { client } = one
    const contents: readonly (readonly [string, object])[] = [
      ['WATON_CONTENT_FILE', { image: { file: 'https://example.com/a.jpg' } }],
      ['WATON_CONTENT_VALUE', { image: { file: 7 } }],
      ['WATON_CONTENT_VALUE', { image: {} }],
      ['WATON_CONTENT_VALUE', { image: { file: FILE, mimetype: 'jpeg' } }],
      ['WATON_CONTENT_VALUE', { image: { file: FILE, thumbnailBytes: FILE } }],
      ['WATON_CONTENT_VALUE', { audio: { file: FILE, waveformBytes: Uint8Array.of(101) } }],
      ['WATON_CONTENT_VALUE', { image: { file: FILE }, caption: 7 }],
      ['WATON_CONTENT_KEY', { video: { file: FILE, gif: true } }],
      ['WATON_CONTENT_KEY', { sticker: { file: FILE }, caption: 'c' }],
    ]
    for (const [code, content] of contents) {
      expect(await failure(client.send(BOB, content as OutgoingContent)), code).toMatchObject({ code })
    }
    expect(questions(one)).toBe(0)
    await expectUntouched(one)
  })

  it('because it cannot be read is told as such, with nothing left behind', async () => {
    const one = await scene(2)
    const before = await putAside()
    const broken = Readable.from(
      (async function* () {
        yield await Promise.resolve(FILE)
        throw Object.assign(new Error('gone'), { code: 'EIO' })
      })(),
    )
    const path = await onDisk(FILE)
    const files: readonly MediaSource[] = [`${path}.not`, join(path, '..'), Readable.from(['text']), broken]
    for (const file of files) {
      const code = 'WATON_MEDIA_SOURCE'
      expect(await failure(one.client.send(BOB, picture(file)))).toMatchObject({ code })
    }
    expect(await putAside()).toEqual(before)
    expect(noted(one, /POST/)).toBe(0)
    await expectUntouched(one)
  })

  it('because it changes while it is read is not sent as half of each', async () => {
    const one = await scene(3)
    const path = await onDisk(FILE)
    one.simulator.faults.media.next({ on: 'upload', fault: 'status', status: 503, retryAfterSeconds: 1 })
    const sending = failure(one.client.send(BOB, picture(path)))
    await until('the first attempt', () => noted(one, /POST .* gets 503/) > 0)
    await writeFile(path, random.bytes(FILE.length))
    expect(await sending).toMatchObject({ code: 'WATON_MEDIA_CHANGED', retryable: true })
    await expectUntouched(one)
  })

  it('without a connection is told at once, and works when there is one', async () => {
    const store = new MemoryStore()
    const { client: first, endpoint } = await scene(4, store)
    await first.close()
    const client = new Client({ store, endpoint })
    onTestFinished(() => client.close())
    const error = await failure(client.send(BOB, picture()))
    expect(error).toMatchObject({ code: 'WATON_NOT_CONNECTED', retryable: true })
    await client.connect()
    await (
      await client.send(BOB, picture())
    ).acked
  })

  it('because no server takes it says what the last one said', async () => {
    const one = await scene(5)
    one.simulator.faults.media.next({ on: 'upload', fault: 'status', status: 500, times: 6 })
    expect(await failure(one.client.send(BOB, picture()))).toMatchObject({
      code: 'WATON_MEDIA_UPLOAD',
      retryable: true,
      details: { status: 500, said: expect.stringContaining('planned fault') as unknown },
    })
    // three times at each of two hosts
    expect(noted(one, /POST .* gets 500/)).toBe(6)
    await expectUntouched(one)
  }, 30_000)

  it('because it is too large is not tried again at the same host', async () => {
    const one = await scene(6)
    one.simulator.faults.media.habits({ maxFileBytes: 1000 })
    const error = await failure(one.client.send(BOB, picture()))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_UPLOAD', action: 'fix-call', details: { status: 413 } })
    // two hosts
    expect(noted(one, /gets 413/)).toBe(2)
    await expectUntouched(one)
  }, 30_000)
})

describe('a file is sent all the same', () => {
  it('after the question for the media servers was refused', async () => {
    const one = await scene(11)
    one.simulator.faults.media.refuseConnections(503)
    expect(await failure(one.client.send(BOB, picture()))).toMatchObject({ name: 'QueryError' })
    await (
      await one.client.send(BOB, picture())
    ).acked
    expect(questions(one)).toBe(2)
  })

  it('after a server was busy, and after a connection broke', async () => {
    const one = await scene(12)
    const { media } = one.simulator.faults
    media.next({ on: 'upload', fault: 'status', status: 503 })
    media.next({ on: 'upload', fault: 'reset' })
    for (const file of [FILE, await onDisk(FILE), Readable.from([FILE])]) {
      await (
        await one.client.send(BOB, picture(file))
      ).acked
    }
    expect(noted(one, /gets 503/)).toBe(1)
    expect(noted(one, /breaks behind/)).toBe(1)
    // the hosts were asked for once
    expect(questions(one)).toBe(1)
  }, 30_000)

  it('with a new token when the one that is known has ended', async () => {
    const one = await scene(13)
    await (
      await one.client.send(BOB, picture())
    ).acked
    one.simulator.faults.media.revokeAuth()
    await (
      await one.client.send(BOB, picture())
    ).acked
    expect(questions(one)).toBe(2)
    expect(noted(one, /gets 403/)).toBe(1)
  })

  it('at the next host when the first is dead', async () => {
    const one = await scene(14)
    one.simulator.faults.media.habits({ deadHosts: ['localhost:1'] })
    await (
      await one.client.send(BOB, picture())
    ).acked
    expect(noted(one, /brings/)).toBe(1)
  }, 30_000)

  it('once, when the same id is sent twice', async () => {
    const one = await scene(15)
    const first = await one.client.send(BOB, picture(), { id: 'TWICE' })
    await first.acked
    await one.client.send(BOB, picture(), { id: 'TWICE' })
    expect(noted(one, /brings/)).toBe(1)
    const stanzas = one.simulator.trace.stanzas({ tag: 'message', direction: 'client-to-server' })
    expect(stanzas.filter(({ node }) => node.attrs.id === 'TWICE')).toHaveLength(1)
  })

  it('by a handler that does not wait for it, with the event that it answers', async () => {
    const one = await scene(16)
    const stop = new AbortController()
    const running = one.client.consume(
      'pictures',
      (_event, context) => {
        void context.send(BOB, picture())
      },
      { signal: stop.signal, types: ['message'] },
    )
    await one.bob.send(ALICE, { text: 'a picture, please' })
    const message = await one.bob.waitForMessage(({ content }) => content.imageMessage != null)
    expect(await one.bob.download(message)).toEqual(FILE)
    stop.abort()
    await running
  })
})

it('holds no other message up', async () => {
  const one = await scene(21)
  one.simulator.faults.media.next({ on: 'upload', fault: 'status', status: 503, retryAfterSeconds: 1 })
  const order: string[] = []
  const sent = one.client.send(BOB, picture()).then(() => order.push('picture'))
  await until('the first attempt', () => noted(one, /POST .* gets 503/) > 0)
  await (
    await one.client.send(BOB, { text: 'first' })
  ).acked
  order.push('text')
  await sent
  expect(order).toEqual(['text', 'picture'])
}, 30_000)

it('is given up when the client is closed', async () => {
  const one = await scene(22)
  one.simulator.faults.media.next({ on: 'upload', fault: 'stall' })
  const sending = failure(one.client.send(BOB, picture()))
  await until('the upload to stall', () => noted(one, /stalls behind/) > 0)
  await one.client.close()
  expect(await sending).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
})

/** Files that streams were put aside in. */
async function putAside(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('waton-upload-'))
}
