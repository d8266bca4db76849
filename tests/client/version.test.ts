/**
 * Versions that the server refuses: looked up once on loopback, kept, announced from then on. Baileys reads the same page
 * as the second party.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fetchLatestWaWebVersion } from '@whiskeysockets/baileys'
import { ClosedError, MemoryStore } from 'waton'
import type { Client, CloseReason } from 'waton'
import type { Endpoint } from '../../src/client/options.ts'
import { WEB_VERSION } from '../../src/protocol/version.ts'
import type { WebVersion } from '../../src/protocol/version.ts'
import { formatVersion, isNewerVersion, readServiceWorker } from '../../src/protocol/web-version.ts'
import { decodeProto } from '../../src/protocol/proto/codec.ts'
import { ClientPayload } from '../../src/protocol/proto/connection.ts'
import { until } from '../helpers/until.ts'
import { DEVICE, FastClock, World, newClient } from './support.ts'

const NEWER: WebVersion = { ...WEB_VERSION, tertiary: WEB_VERSION.tertiary + 7 }
const NEWEST: WebVersion = { ...WEB_VERSION, tertiary: WEB_VERSION.tertiary + 8 }

/** Part of the page as the server wrote it when this was tested: the numbers are inside a string. */
function page(version: WebVersion): string {
  return `importScripts("x");self.__data='{\\"server_revision\\":12,\\"client_revision\\":${String(version.tertiary)},\\"tier\\":\\"prod\\"}'`
}

interface Scene {
  readonly world: World
  readonly store: MemoryStore
  readonly endpoint: Endpoint
  /** How often the version was asked for. */
  readonly asked: () => number
  answer: () => Promise<WebVersion>
}

function scene(seed: string, answer: () => Promise<WebVersion>): Scene {
  const world = new World(seed)
  let asked = 0
  const set: Scene = {
    world,
    store: new MemoryStore(),
    answer,
    asked: () => asked,
    endpoint: {
      ...world.endpoint,
      fetchVersion: () => {
        asked += 1
        return set.answer()
      },
    },
  }
  return set
}

/** A client whose codes are scanned, and what ended its connections. */
async function clientIn(set: Scene): Promise<{ client: Client; reasons: CloseReason[] }> {
  const client = newClient(set.world, {
    store: set.store,
    endpoint: set.endpoint,
    clock: new FastClock(100),
    timing: { leaseMs: 1e9 },
  })
  const reasons: CloseReason[] = []
  client.on('connection.closed', (reason) => {
    reasons.push(reason)
  })
  const [phone = await set.world.addPhone('15550000001', 'Alice')] = set.world.phones
  client.on('pairing.qr', async ({ qr }) => {
    await phone.linkDevice(qr)
  })
  return { client, reasons }
}

/** The version of each connection, in order. */
function announced({ world }: Scene): readonly string[] {
  return world.server.trace.payloads().map(({ payload }) => {
    const { primary, secondary, tertiary } =
      decodeProto(ClientPayload, payload, 'ClientPayload').userAgent?.appVersion ?? {}
    return [primary, secondary, tertiary].join('.')
  })
}

describe('a version that the server refuses', () => {
  test('is final without a place to ask', async () => {
    const set = scene('nowhere', () => Promise.resolve(NEWER))
    set.world.server.faults.requireVersion(formatVersion(NEWER))
    const client = newClient(set.world)
    await expect(client.connect()).rejects.toMatchObject({
      code: 'WATON_CLIENT_CLOSED',
      action: 'upgrade',
      details: { reason: 'version-outdated', serverCode: 405 },
    })
    expect(set.world.sockets).toBe(1)
  })

  test('is final when there is no newer one', async () => {
    const set = scene('same', () => Promise.resolve(WEB_VERSION))
    set.world.server.faults.requireVersion(formatVersion(NEWER))
    const { client } = await clientIn(set)
    await expect(client.connect()).rejects.toMatchObject({ details: { reason: 'version-outdated' } })
    expect([set.asked(), set.world.sockets]).toEqual([1, 1])
  })

  test('is final the second time in a row, and asked for anew when the user tries again', async () => {
    const set = scene('twice', () => Promise.resolve(NEWER))
    set.world.server.faults.requireVersion(formatVersion(NEWEST))
    const { client, reasons } = await clientIn(set)
    await expect(client.connect()).rejects.toMatchObject({ details: { reason: 'version-outdated' } })
    expect(reasons.map(({ reason, retrying }) => [reason, retrying])).toEqual([
      ['version-outdated', true],
      ['version-outdated', false],
    ])
    expect([set.asked(), set.world.sockets]).toEqual([1, 2])
    set.answer = () => Promise.resolve(NEWEST)
    await client.connect()
    expect(set.asked()).toBe(2)
  })

  test('is asked for again a few times when that fails, with pauses', async () => {
    const set = scene('failing', () => Promise.reject(new TypeError('no network')))
    set.world.server.faults.requireVersion(formatVersion(NEWER))
    const { client, reasons } = await clientIn(set)
    await expect(client.connect()).rejects.toMatchObject({ details: { reason: 'version-outdated' } })
    expect(reasons.map(({ retrying }) => retrying)).toEqual([true, true, false])
    expect(set.asked()).toBe(3)
  })

  test('is looked up once, announced from then on, and remembered by the next process', async () => {
    const set = scene('found', () => Promise.resolve(NEWER))
    set.world.server.faults.requireVersion(formatVersion(NEWER))
    const { client, reasons } = await clientIn(set)
    await client.connect()
    expect(reasons.map(({ reason }) => reason)).toEqual(['version-outdated', 'restart-required'])
    expect(announced(set)).toEqual([WEB_VERSION, NEWER, NEWER].map(formatVersion))
    await client.close()
    const { client: next } = await clientIn(set)
    await next.connect()
    expect(set.asked()).toBe(1)
    expect(announced(set).at(-1)).toBe(formatVersion(NEWER))
    set.world.server.faults.requireVersion(formatVersion(NEWEST))
    set.answer = () => Promise.resolve(NEWEST)
    set.world.server.faults.disconnect(DEVICE)
    await until('the newest version', () => announced(set).at(-1) === formatVersion(NEWEST))
    await until('the client to be open', () => next.state === 'open')
    expect(set.asked()).toBe(2)
  })

  test('does not hold up closing while it is looked up', async () => {
    const set = scene('hanging', () => new Promise(() => undefined))
    set.world.server.faults.requireVersion(formatVersion(NEWER))
    const { client } = await clientIn(set)
    const connecting = client.connect().catch((error: unknown) => error)
    await until('the question', () => set.asked() > 0)
    await client.close()
    expect(await connecting).toMatchObject({ details: { reason: 'closed' } })
  })
})

describe('the page with the current version', () => {
  async function serve(status: number, body: string): Promise<string> {
    const server = createServer((_request, response) => {
      response.writeHead(status).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/sw.js`
  }

  test.each([
    ['is missing', 404, page(NEWER), false],
    ['says nothing of a version', 200, 'importScripts("x")', false],
    ['names a newer version', 200, page(NEWER), true],
  ])('that %s', async (_what, status, body, isGood) => {
    const world = new World(`page ${String(status)}`)
    const alice = await world.addPhone('15550000001', 'Alice')
    world.server.faults.requireVersion(formatVersion(NEWER))
    const endpoint = { ...world.endpoint, versionUrl: await serve(status, body) }
    const client = newClient(world, {
      endpoint,
      clock: new FastClock(100),
      timing: { leaseMs: 1e9, connectTimeoutMs: 1e6 },
    })
    client.on('pairing.qr', async ({ qr }) => {
      await alice.linkDevice(qr)
    })
    const outcome = await client.connect().then(
      () => 'open',
      (error: unknown) => (error instanceof ClosedError ? error.details.reason : error),
    )
    expect(outcome).toBe(isGood ? 'open' : 'version-outdated')
  })

  test.each([page(NEWER), page({ ...NEWER, tertiary: 1 }), '{"client_revision": 1023456789}'])(
    'is read as Baileys reads it: %s',
    async (body) => {
      vi.stubGlobal('fetch', () => Promise.resolve(new Response(body)))
      onTestFinished(() => {
        vi.unstubAllGlobals()
      })
      const { version, isLatest } = await fetchLatestWaWebVersion()
      expect(isLatest).toBe(true)
      const read = readServiceWorker(body)
      expect([read?.primary, read?.secondary, read?.tertiary]).toEqual(version)
    },
  )

  test.each(['', '"client_revision":', '"client_revision":"1"', '"client_revision":99999999999999999999'])(
    'without a usable number names none: %s',
    (body) => {
      expect(readServiceWorker(body)).toBeUndefined()
    },
  )
})

test('versions are compared number by number', () => {
  const version = (primary: number, secondary: number, tertiary: number): WebVersion => ({
    primary,
    secondary,
    tertiary,
  })
  expect(isNewerVersion(version(2, 3000, 10), version(2, 3000, 9))).toBe(true)
  expect(isNewerVersion(version(2, 3000, 9), version(2, 3000, 9))).toBe(false)
  expect(isNewerVersion(version(2, 2999, 99), version(2, 3000, 9))).toBe(false)
  expect(isNewerVersion(version(3, 0, 0), version(2, 3000, 9))).toBe(true)
})
