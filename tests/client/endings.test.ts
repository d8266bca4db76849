/**
 * Every way in which the server refuses a login or ends a stream, sent by the simulator: what users are told, and whether
 * and when the client comes back. Baileys reads the same stanzas as the second party.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DisconnectReason, getErrorCodeFromStreamError } from '@whiskeysockets/baileys'
import { MemoryStore } from 'waton'
import type { Client, CloseReason } from 'waton'
import { ENDINGS } from '../../src/client/connection/ending.ts'
import type { StreamErrorOptions } from '../../src/simulator/faults.ts'
import type { LoginRefusalOptions } from '../../src/simulator/server/login-plans.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { DEVICE, FastClock, World, linkedClient, newClient, settle } from './support.ts'

interface Scene {
  readonly world: World
  readonly client: Client
  readonly store: MemoryStore
  readonly clock: FastClock
  readonly reasons: CloseReason[]
}

/** An open client by a clock that makes an hour pass in less than a second where a test asks for it. */
async function scene(seed: string, speed = 20): Promise<Scene> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const store = new MemoryStore()
  const clock = new FastClock(speed)
  const client = await linkedClient(world, alice, {
    store,
    clock,
    timing: { leaseMs: 1e9, keepAliveMs: 1e9 },
  })
  return { world, client, store, clock, reasons: reasonsOf(client) }
}

function reasonsOf(client: Client): CloseReason[] {
  const reasons: CloseReason[] = []
  client.on('connection.closed', (reason) => {
    reasons.push(reason)
  })
  return reasons
}

/** Refuses the next login, which follows at once because the present connection is cut. */
async function refusal(set: Scene, reason: number, options: LoginRefusalOptions = {}): Promise<CloseReason> {
  const { faults } = set.world.server
  faults.refuseLogin(DEVICE, reason, options)
  faults.disconnect(DEVICE)
  await until('the refusal', () => set.reasons.length >= 2)
  expect(set.reasons[0]?.reason).toBe('connection-lost')
  expect(
    set.world.server.trace.notes.some(({ kind, text }) => kind === 'fault' && text.includes('refused')),
  ).toBe(true)
  return set.reasons[1] as CloseReason
}

describe('a refused login', () => {
  test.each([
    [403, 'account-locked', 'check-account'],
    [406, 'banned', 'check-account'],
    [409, 'bad-user-agent', 'fix-call'],
    [411, 'multi-device-mismatch', 'check-account'],
    [405, 'version-outdated', 'upgrade'],
    [402, 'temporarily-banned', 'wait'],
  ] as const)('with %i ends the client: %s', async (code, reason, action) => {
    const set = await scene(`final ${String(code)}`)
    const { sockets } = set.world
    const told = await refusal(set, code, { message: 'because' })
    expect(told).toMatchObject({ reason, serverCode: code, retrying: false, action, text: 'because' })
    expect(told.stanza).toEqual({
      tag: 'failure',
      attrs: { reason: String(code), location: 'frc', message: 'because' },
      children: [],
    })
    expect(told.retryAtMs).toBeUndefined()
    await until('the end', () => set.client.state === 'closed')
    expect(set.world.sockets).toBe(sockets + 1)
    // the lease has two timers and forgetting has one, until the client is closed
    expect(set.clock.pending).toBe(3)
  })

  test.each([
    [400, 'bad-request'],
    [413, 'cat-expired'],
    [414, 'cat-invalid'],
    [415, 'not-found'],
    [418, 'client-unknown'],
    [429, 'rate-limited'],
    [500, 'server-error'],
    [501, 'server-error'],
    [503, 'service-unavailable'],
  ] as const)('with %i is tried again later than a lost connection: %s', async (code, reason) => {
    const set = await scene(`later ${String(code)}`, 100)
    const told = await refusal(set, code)
    expect(told).toMatchObject({ reason, serverCode: code, retrying: true })
    const [lost] = set.reasons
    const pauseMs = (told.retryAtMs ?? 0) - (lost?.retryAtMs ?? 0)
    expect(pauseMs).toBeGreaterThan(8_000)
    await until('the client to be open again', () => set.client.state === 'open')
  })

  test('with a number that nobody knows is tried again, and shown as it is', async () => {
    const set = await scene('unknown')
    const told = await refusal(set, 499)
    expect(told).toMatchObject({ reason: 'unknown', serverCode: 499, retrying: true, action: 'report' })
    expect(told.stanza?.attrs.reason).toBe('499')
    await until('the client to be open again', () => set.client.state === 'open')
  })

  test('rejects connect() with the same facts and the whole reason as the cause', async () => {
    const set = await scene('rejects')
    await set.client.close()
    set.world.server.faults.refuseLogin(DEVICE, 402, { code: 102 })
    const client = newClient(set.world, { store: set.store })
    const reasons = reasonsOf(client)
    const error: unknown = await client.connect().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'WATON_CLIENT_CLOSED',
      action: 'wait',
      details: {
        reason: 'temporarily-banned',
        serverCode: 402,
        banCode: 102,
        banCause: 'blocked-by-users',
      },
    })
    expect((error as Error).message).toContain(ENDINGS['temporarily-banned'].advice)
    expect((error as Error).cause).toEqual(reasons[0])
  })
})

describe('a stream error', () => {
  const conflict = (type: string): NonNullable<StreamErrorOptions['cause']> => ({
    tag: 'conflict',
    attrs: { type },
  })
  const errors: readonly (readonly [
    name: string,
    error: StreamErrorOptions,
    reason: string,
    retrying: boolean,
  ])[] = [
    ['515', { code: 515 }, 'restart-required', true],
    ['503', { code: 503 }, 'service-unavailable', true],
    ['429', { code: 429 }, 'rate-limited', true],
    ['500', { code: 500, text: 'oops' }, 'server-error', true],
    ['413', { code: 413 }, 'cat-expired', true],
    ['414', { code: 414 }, 'cat-invalid', true],
    ['516', { code: 516 }, 'logout-unconfirmed', true],
    ['device_removed', { code: 401, cause: conflict('device_removed') }, 'logout-unconfirmed', true],
    ['replaced', { cause: conflict('replaced') }, 'replaced', false],
    ['xml-not-well-formed', { cause: { tag: 'xml-not-well-formed' } }, 'not-well-formed', true],
    ['ack', { cause: { tag: 'ack', attrs: { id: 'A1', class: 'receipt' } } }, 'ack-missing', true],
    ['an unknown number', { code: 777 }, 'unknown', true],
    ['nothing', {}, 'unknown', true],
  ]

  test.each(errors)(
    '%s is told with the number that Baileys reads in it',
    async (name, error, reason, retrying) => {
      const set = await scene(`stream error ${name}`)
      expect(set.world.server.faults.streamError(DEVICE, error)).toBe(true)
      await until('the end', () => set.reasons.length > 0)
      const [told] = set.reasons
      const [sent] = set.world.received({ tag: 'stream:error' }) as [BinaryNode]
      const children = (sent.content ?? []) as readonly BinaryNode[]
      const baileys = getErrorCodeFromStreamError({
        tag: sent.tag,
        attrs: { ...sent.attrs },
        content: children.map(({ tag, attrs }) => ({ tag, attrs: { ...attrs } })),
      })
      expect(told).toMatchObject({ reason, retrying, serverCode: baileys.statusCode })
      expect(told?.stanza).toMatchObject({ tag: 'stream:error', attrs: sent.attrs })
      expect(told?.text).toBe(error.text)
      expect(set.world.server.trace.notes.filter(({ kind }) => kind === 'fault')).toHaveLength(1)
      if (retrying) await until('the client to be open again', () => set.client.state === 'open')
      else await until('the client to stop', () => set.client.state === 'closed')
    },
  )

  test('and a stream that ends without a word mean what Baileys calls a closed connection', async () => {
    const set = await scene('stream end')
    expect(set.world.server.faults.endStream(DEVICE)).toBe(true)
    await until('the end', () => set.reasons.length > 0)
    expect(set.reasons[0]).toMatchObject({
      reason: 'stream-end',
      serverCode: DisconnectReason.connectionClosed,
      retrying: true,
      stanza: { tag: 'xmlstreamend', attrs: {}, children: [] },
    })
    await until('the client to be open again', () => set.client.state === 'open')
  })

  test('comes to the first connection when a second one of the same device logs in', async () => {
    const set = await scene('replaced by a second')
    // a copy of the keys, as in a store file that was copied
    const copy = await copyOf(set.store)
    const second = newClient(set.world, { store: copy })
    await second.connect()
    await until('the first to stop', () => set.client.state === 'closed')
    expect(set.reasons).toMatchObject([
      {
        reason: 'replaced',
        serverCode: DisconnectReason.connectionReplaced,
        retrying: false,
        action: 'check-account',
      },
    ])
    expect(second.state).toBe('open')
  })
})

/** Another store with the records that a login needs. */
async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore()
  const claim = await copy.claim('default', { owner: 'copy', nowMs: 0, leaseMs: 1 })
  for (const kind of ['credentials', 'pre-key-state', 'signed-pre-key', 'pre-key']) {
    const rows = await store.listRecords('default', kind, undefined, 10_000)
    await copy.commit(
      claim,
      rows.map((row) => ({ op: 'put-record', row })),
    )
  }
  await claim.release()
  return copy
}

describe('Baileys', () => {
  test.each(
    Object.entries(DisconnectReason).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number',
    ),
  )('calls the end %s (%i), and waton has a word for the same number', async (name, code) => {
    if (name === 'connectionLost' || name === 'timedOut') return // its own timeouts; waton says connection-lost without a number
    const { parseStreamFailure } = await import('../../src/protocol/stanza/stream.ts')
    const { node } = await import('../../src/protocol/binary/node.ts')
    const words: Record<string, string> = {
      connectionClosed: 'stream-end',
      connectionReplaced: 'replaced',
      loggedOut: 'logged-out',
      badSession: 'server-error',
      restartRequired: 'restart-required',
      multideviceMismatch: 'multi-device-mismatch',
      forbidden: 'account-locked',
      unavailableService: 'service-unavailable',
    }
    const stanza =
      name === 'connectionClosed'
        ? node('xmlstreamend')
        : name === 'connectionReplaced'
          ? node('stream:error', {}, [node('conflict', { type: 'replaced' })])
          : node('failure', { reason: code })
    expect(parseStreamFailure(stanza)).toMatchObject({ reason: words[name], serverCode: code })
  })
})

describe('a ban with an end', () => {
  test('is waited for, and told with its cause', async () => {
    const set = await scene('short ban', 2_000)
    const told = await refusal(set, 402, { code: 104, expire: 3600 })
    expect(told).toMatchObject({
      reason: 'temporarily-banned',
      retrying: true,
      ban: { code: 104, cause: 'sent-same-message-too-often' },
    })
    const expiresAtMs = told.ban?.expiresAtMs ?? 0
    expect(told.retryAtMs).toBeGreaterThanOrEqual(expiresAtMs)
    const { sockets } = set.world
    let triedAtMs: number | undefined
    set.client.on('connection.state', ({ state }) => {
      if (state === 'connecting') triedAtMs ??= set.clock.nowMs()
    })
    await until('the client to be open again', () => set.client.state === 'open')
    expect(triedAtMs).toBeGreaterThanOrEqual(expiresAtMs)
    expect(set.world.sockets).toBe(sockets + 1)
  })

  test('is kept by the next process, too, without a socket', async () => {
    const set = await scene('ban and restart')
    await refusal(set, 402, { code: 101, expire: 3600 })
    await set.client.close()
    const { sockets } = set.world
    const next = newClient(set.world, { store: set.store, clock: set.clock })
    const reasons = reasonsOf(next)
    next.connect().catch(() => undefined)
    await until('the next client to wait', () => next.state === 'waiting')
    expect(reasons).toMatchObject([
      { reason: 'temporarily-banned', retrying: true, ban: { code: 101, cause: 'sent-to-too-many-people' } },
    ])
    expect(set.world.sockets).toBe(sockets)
    await next.close()
    expect(next.state).toBe('closed')
  })

  test('that is far away ends the client, and is not tried in vain later', async () => {
    const set = await scene('long ban')
    const told = await refusal(set, 402, { code: 106, expire: 7 * 24 * 3600 })
    expect(told).toMatchObject({ retrying: false, ban: { cause: 'broadcast-list' } })
    await until('the end', () => set.client.state === 'closed')
    const { sockets } = set.world
    await expect(set.client.connect()).rejects.toMatchObject({ details: { reason: 'temporarily-banned' } })
    expect(set.world.sockets).toBe(sockets)
  })

  test('does not hold an account whose clock was wrong when it began', async () => {
    const set = await scene('wrong clock')
    await refusal(set, 402, { code: 101, expire: 3600 })
    await set.client.close()
    const dayMs = 24 * 3600 * 1000
    const { clock } = set
    const earlier = {
      nowMs: () => clock.nowMs() - dayMs,
      schedule: clock.schedule.bind(clock),
    }
    const next = newClient(set.world, { store: set.store, clock: earlier })
    await next.connect()
    expect(next.state).toBe('open')
  })
})

describe('a version that expires', () => {
  test.each([1_800_000_000, undefined])('is announced as an event (%s)', async (atSeconds) => {
    const set = await scene('expires')
    const events: unknown[] = []
    set.client.on('connection.expiring', (event) => {
      events.push(event)
    })
    expect(set.world.server.faults.expireClient(DEVICE, atSeconds)).toBe(true)
    await until('the event', () => events.length > 0)
    expect(events).toEqual([atSeconds === undefined ? {} : { expiresAtMs: atSeconds * 1000 }])
    expect(set.client.state).toBe('open')
  })
})

describe('the page about connections', () => {
  test('has the table of endings as the code has it', () => {
    const page = readFileSync(new URL('../../docs/reference/connection.md', import.meta.url), 'utf8')
    const rows = Object.entries(ENDINGS).map(
      ([reason, { pace, action, advice }]) => `| \`${reason}\` | ${pace} | \`${action}\` | ${advice} |`,
    )
    const listed = page
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ').trim())
      .filter((line) => /^\| `[a-z-]+` \| \w[\w ]* \| `/.test(line))
    expect(listed).toEqual(rows)
  })
})

test('nothing is left running by a client that stopped for good', async () => {
  const set = await scene('leaves nothing')
  await refusal(set, 403)
  await set.client.close()
  await settle()
  expect(set.clock.pending).toBe(0)
})
