/** Resuming the handshake with a server that is known: what it saves, and that nothing that goes wrong costs more than one attempt. */
import { describe, expect, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions } from 'waton'
import { VirtualClock } from 'waton/testing'
import { systemClock } from '../../src/base/clock.ts'
import { SELF } from '../../src/client/state/records.ts'
import { seededRandom } from '../../src/base/random.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, World, linkedClient, messageIds, newClient, uncaught } from './support.ts'

const MONTH_MS = 31 * 86_400_000

/** The patterns of all handshakes so far, in order. */
function handshakes(world: World): readonly string[] {
  return world.server.trace.notes.filter(({ kind }) => kind === 'handshake').map(({ text }) => text)
}

/** The faults that happened. */
function faults(world: World): readonly string[] {
  return world.server.trace.notes.filter(({ kind }) => kind === 'fault').map(({ text }) => text)
}

/** A linked device that was closed again, ready to come back with what is in its store. */
async function setUp(
  seed: string,
): Promise<{ world: World; store: MemoryStore; bob: Awaited<ReturnType<World['addPair']>>['bob'] }> {
  const world = new World(seed)
  const { alice, bob } = await world.addPair()
  const store = new MemoryStore()
  await (await linkedClient(world, alice, { store })).close()
  return { world, store, bob }
}

async function comeBack(
  world: World,
  store: MemoryStore,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const client = newClient(world, { store, ...options })
  await client.connect()
  return client
}

describe('a handshake', () => {
  test('is never resumed before a device is linked: pairing and the first login are full', async () => {
    const { world } = await setUp('first')
    expect(handshakes(world)).toEqual(['XX', 'XX'])
  })

  test('is not resumed when that is turned off, and nothing is remembered for it', async () => {
    const world = new World('off')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const endpoint = { ...world.endpoint, resume: false }
    await (await linkedClient(world, alice, { store, endpoint })).close()
    await comeBack(world, store, { endpoint })
    expect(handshakes(world)).toEqual(['XX', 'XX', 'XX'])
    expect(await store.readRecord('default', 'known-server', SELF)).toBeUndefined()
  })

  test('is not resumed with a key that another root has certified', async () => {
    const { world, store } = await setUp('other root')
    const rootKey = generateKeyPair(seededRandom('other root')).publicKey
    const client = newClient(world, { store, endpoint: { ...world.endpoint, rootKey } })
    await expect(client.connect()).rejects.toMatchObject({ details: { reason: 'server-not-trusted' } })
    expect(handshakes(world)).toEqual(['XX', 'XX', 'XX'])
  })

  test('is not resumed after the certificates have ended', async () => {
    const { world, store } = await setUp('expired')
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + MONTH_MS }
    const client = newClient(world, { store, clock })
    void client.connect().catch(() => undefined)
    await until('the attempt', () => handshakes(world).length === 3)
    expect(handshakes(world)).toEqual(['XX', 'XX', 'XX'])
  })

  test('is resumed by a linked device, which is open and receives as ever', async () => {
    const { world, store, bob } = await setUp('resumed')
    const client = await comeBack(world, store)
    expect(handshakes(world)).toEqual(['XX', 'XX', 'IK'])
    const { id } = await bob.send(ALICE, { text: 'hello' })
    await until('the message', async () => (await messageIds(client)).includes(id))
    expect(world.violations).toEqual([])
  })

  test('falls back within the same connection when the server has a new key, and resumes with that the next time', async () => {
    const { world, store } = await setUp('rotated')
    world.server.faults.rotateServerKey()
    const sockets = world.sockets
    await (await comeBack(world, store)).close()
    expect(world.sockets - sockets).toBe(1)
    await comeBack(world, store)
    expect(faults(world)).toEqual(['the server has a new static key'])
    expect(handshakes(world)).toEqual(['XX', 'XX', 'XXfallback', 'IK'])
  })

  test('falls back when the server would rather not resume, and resumes again the next time', async () => {
    const { world, store } = await setUp('unwilling')
    world.server.faults.refuseResume('fall-back')
    await (await comeBack(world, store)).close()
    await comeBack(world, store)
    expect(faults(world)).toEqual(['resuming is answered with: fall-back'])
    expect(handshakes(world)).toEqual(['XX', 'XX', 'XXfallback', 'IK'])
  })

  test('that resumes with a server which proves nothing is followed at once by a full one, once', async () => {
    const errors = uncaught()
    const { world, store } = await setUp('forged')
    world.server.faults.refuseResume('forge', 10)
    const states: string[] = []
    const client = newClient(world, { store })
    client.on('connection.state', ({ state }) => {
      states.push(state)
    })
    await client.connect()
    expect(states).toEqual(['connecting', 'handshaking', 'authenticating', 'preparing', 'open'])
    expect(faults(world)).toEqual(['resuming is answered with: forge'])
    expect(handshakes(world)).toEqual(['XX', 'XX', 'IK', 'XX'])
    expect(errors).toEqual([])
  })

  test('that resumes with a server which hangs up on it is a full one the next time', async () => {
    const { world, store } = await setUp('hung up')
    let attempts = 0
    const endpoint = {
      ...world.endpoint,
      connect: async (options: Parameters<NonNullable<typeof world.endpoint.connect>>[0]) => {
        const socket = await world.endpoint.connect?.(options)
        if (socket === undefined) throw new TypeError('no socket')
        attempts += 1
        const send = socket.send.bind(socket)
        const isFirst = attempts === 1
        Object.defineProperty(socket, 'send', {
          value: (bytes: Uint8Array) => {
            send(bytes)
            if (isFirst) world.server.close().catch(() => undefined)
          },
        })
        return socket
      },
    }
    await comeBack(world, store, { endpoint })
    expect(attempts).toBe(2)
    expect(handshakes(world).at(-1)).toBe('XX')
  })
})

describe('a clock that is wrong', () => {
  test('does not stop the client for good: when it is set right, the client connects', async () => {
    const world = new World('clock')
    const manual = new VirtualClock(systemClock.nowMs())
    let aheadMs = 3 * MONTH_MS
    const clock = {
      nowMs: () => manual.nowMs() + aheadMs,
      schedule: manual.schedule.bind(manual),
    }
    const client = newClient(world, { clock })
    const reasons: (string | undefined)[] = []
    client.on('connection.state', ({ reason }) => {
      reasons.push(reason?.reason)
    })
    let isShown = false
    client.on('pairing.qr', () => {
      isShown = true
    })
    void client.connect().catch(() => undefined)
    await until('the failure', () => client.state === 'waiting')
    expect(reasons.at(-1)).toBe('clock-or-certificate')
    aheadMs = 0
    await until('a code', async () => {
      await manual.advanceAndSettle(1000)
      return isShown
    })
  })
})

describe('a server that is gone without a word', () => {
  test('is noticed within 25 s of a message that it does not answer', async () => {
    const clock = new VirtualClock()
    const world = new World('gone', clock)
    const { alice } = await world.addPair()
    let isGone = false
    const endpoint = {
      ...world.endpoint,
      connect: async (options: Parameters<NonNullable<typeof world.endpoint.connect>>[0]) => {
        const socket = await world.endpoint.connect?.(options)
        if (socket === undefined) throw new TypeError('no socket')
        const send = socket.send.bind(socket)
        Object.defineProperty(socket, 'send', {
          value: (bytes: Uint8Array) => {
            if (!isGone) send(bytes)
          },
        })
        return socket
      },
    }
    const client = await linkedClient(world, alice, { endpoint, clock })
    isGone = true
    await client.send(BOB, { text: 'is anybody there?' })
    await clock.advanceAndSettle(24_000)
    expect(client.state).toBe('open')
    await clock.advanceAndSettle(1500)
    expect(client.state).not.toBe('open')
  })
})
