/**
 * A client against servers and sockets that misbehave: nothing that they do may end the process, hang a call, or leave a
 * timer behind.
 */
import { describe, expect, test } from 'vitest'
import { onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions } from 'waton'
import type { ClientState } from 'waton/client'
import { VirtualClock } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { ClosedError } from '../../src/base/errors.ts'
import type { Endpoint } from '../../src/client/options.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { ByteSocket, CloseReason } from '../../src/transport/byte-socket.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  World,
  linkedClient,
  messageIds,
  newClient,
  scriptedServer,
  settle,
  uncaught,
} from './support.ts'

/** A client on the endpoint by a clock that stands still unless the test moves it. */
function clientAt(
  endpoint: Endpoint,
  clock = new VirtualClock(),
): { client: Client; clock: VirtualClock; states: ClientState[] } {
  const client = new Client({ store: new MemoryStore(), endpoint, clock })
  onTestFinished(() => client.close())
  const states: ClientState[] = []
  client.on('connection.state', ({ state }) => {
    states.push(state)
  })
  return { client, clock, states }
}

/** Before the clock is moved: loading a client takes real time. */
function reaches(client: Client, state: ClientState): Promise<unknown> {
  return until(`the client to be ${state}`, () => client.state === state)
}

/** Sockets of the endpoint that refuse to send from some moment on, as one does whose peer has begun to close it. */
function closingSockets(world: World): { endpoint: Endpoint; beginClosing: () => void } {
  let isClosing = false
  const endpoint: Endpoint = {
    ...world.endpoint,
    connect: async (options) => {
      const socket = (await world.endpoint.connect?.(options)) as ByteSocket
      const send = socket.send.bind(socket)
      isClosing = false
      Object.defineProperty(socket, 'send', {
        value: (bytes: Uint8Array) => {
          if (isClosing) throw new ClosedError('WATON_TRANSPORT_CLOSED', 'closing')
          send(bytes)
        },
      })
      return socket
    },
  }
  return {
    endpoint,
    beginClosing: () => {
      isClosing = true
    },
  }
}

describe('a client', () => {
  test.each([undefined, null, 'me.db', {}])(
    'without a store (%j) is refused with what to do instead',
    (store) => {
      const refusal = expect.objectContaining({ code: 'WATON_CLIENT_STORE' }) as unknown
      expect(() => new Client({ store } as unknown as ClientOptions)).toThrow(refusal)
    },
  )
})

describe('a socket that is closing', () => {
  test('while an answer is due costs the connection, and the stanza is answered on the next one', async () => {
    const errors = uncaught()
    const world = new World('closing')
    const { alice, bob } = await world.addPair()
    const { endpoint, beginClosing } = closingSockets(world)
    const client = await linkedClient(world, alice, { endpoint })
    beginClosing()
    const { id } = await bob.send(ALICE, { text: 'hello' })
    await until('the receipt', () => world.answersTo(id).length > 0)
    expect(errors).toEqual([])
    expect(await messageIds(client)).toEqual([id])
    expect(world.sockets).toBe(3)
  })

  test('right after login costs the connection and nothing else', async () => {
    const errors = uncaught()
    const world = new World('closing after login')
    const { alice } = await world.addPair()
    const { endpoint, beginClosing } = closingSockets(world)
    const client = newClient(world, { endpoint })
    client.once('pairing.qr', async ({ qr }) => {
      await alice.linkDevice(qr)
    })
    client.once('connection.open', beginClosing)
    await client.connect()
    await until('the next time it is open', () => world.sockets === 3 && client.state === 'open')
    await settle()
    expect(errors).toEqual([])
  })
})

describe('a server', () => {
  test('that closes at once is tried again', async () => {
    const errors = uncaught()
    let attempts = 0
    const { client, clock, states } = clientAt({
      url: 'ws://127.0.0.1:1/ws/chat',
      connect: () => {
        attempts += 1
        return Promise.resolve(closedSocket())
      },
    })
    const connecting = client.connect().catch((error: unknown) => error)
    await reaches(client, 'waiting')
    await clock.advanceAndSettle(5_000)
    expect(errors).toEqual([])
    expect(attempts).toBeGreaterThanOrEqual(3)
    expect(states.slice(0, 4)).toEqual(['connecting', 'handshaking', 'waiting', 'connecting'])
    await client.close()
    expect(await connecting).toMatchObject({ code: 'WATON_CLIENT_CLOSED', details: { reason: 'closed' } })
    expect(clock.pending).toBe(0)
  })

  test('that says nonsense as its first word loses the connection, and is tried again', async () => {
    const errors = uncaught()
    const clock = new VirtualClock()
    const server = scriptedServer(clock, (channel) => {
      channel.write(node('success', { t: 'nonsense' }))
    })
    const { client } = clientAt(server.endpoint, clock)
    const connecting = client.connect().catch((error: unknown) => error)
    await reaches(client, 'waiting')
    await clock.advanceAndSettle(5_000)
    expect(server.channels.length).toBeGreaterThanOrEqual(3)
    expect(server.closed).toBeGreaterThanOrEqual(server.channels.length - 1)
    await client.close()
    expect(await connecting).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    await settle()
    expect(server.closed).toBe(server.channels.length)
    expect(clock.pending).toBe(0)
    expect(errors).toEqual([])
  })

  test('that ends the connection with its first word leaves no timer behind', async () => {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, (channel) => {
      channel.write(node('failure', { reason: '401' }))
      channel.end()
    })
    const { client } = clientAt(server.endpoint, clock)
    await expect(client.connect()).rejects.toMatchObject({
      code: 'WATON_CLIENT_CLOSED',
      details: { reason: 'link-refused', serverCode: 401 },
    })
    await client.close()
    await settle()
    expect(clock.pending).toBe(0)
  })

  test('that is silent after the handshake is given up when it misses a ping', async () => {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, () => undefined)
    const { client, states } = clientAt(server.endpoint, clock)
    client.connect().catch(() => undefined)
    await reaches(client, 'pairing')
    await clock.advanceAndSettle(60_000)
    expect(server.stanzas.map(({ attrs }) => attrs.xmlns)).toContain('w:p')
    expect(server.channels.length).toBe(2)
    expect(states).toContain('waiting')
  })

  test('that accepts a login which never happened is not believed', async () => {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, (channel) => {
      channel.write(node('success', { t: '1700000000', lid: '1:1@lid' }))
    })
    const { client } = clientAt(server.endpoint, clock)
    client.connect().catch(() => undefined)
    await reaches(client, 'waiting')
    expect(client.me).toBeUndefined()
  })
})

describe('closing', () => {
  test('ends a handshake that nobody answers', async () => {
    const { client, clock } = clientAt({
      url: 'ws://127.0.0.1:1/ws/chat',
      connect: () => Promise.resolve(silentSocket()),
    })
    const connecting = client.connect()
    connecting.catch(() => undefined)
    await reaches(client, 'handshaking')
    await client.close()
    await expect(connecting).rejects.toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    expect(clock.pending).toBe(0)
  })

  test('at the moment in which the handshake begins ends it, too', async () => {
    const socket = silentSocket()
    const { client, clock } = clientAt({
      url: 'ws://127.0.0.1:1/ws/chat',
      connect: () => Promise.resolve(socket),
    })
    let isClosed = false
    client.on('connection.state', ({ state }) => {
      if (state !== 'handshaking') return
      void client.close().then(() => {
        isClosed = true
      })
    })
    client.connect().catch(() => undefined)
    await until('the client to be closed', () => isClosed)
    expect(socket.closed).toBeGreaterThan(0)
    expect(clock.pending).toBe(0)
  })

  test('ends a socket that opens only after it was asked to', async () => {
    const opened = deferred<ByteSocket>()
    const socket = silentSocket()
    const { client, clock } = clientAt({ url: 'ws://127.0.0.1:1/ws/chat', connect: () => opened.promise })
    client.connect().catch(() => undefined)
    await reaches(client, 'connecting')
    const closing = client.close()
    opened.resolve(socket)
    await closing
    expect(socket.closed).toBe(1)
    expect(clock.pending).toBe(0)
  })

  test('wakes a client that waits for its next attempt', async () => {
    const { client, clock } = clientAt({
      url: 'ws://127.0.0.1:1/ws/chat',
      connect: () => Promise.reject(new ClosedError('WATON_TRANSPORT_CONNECT', 'no')),
    })
    client.connect().catch(() => undefined)
    await reaches(client, 'waiting')
    await client.close()
    expect(client.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('from a listener, in every state, ends in good order', async () => {
    for (const wanted of [
      'connecting',
      'handshaking',
      'pairing',
      'authenticating',
      'preparing',
      'open',
    ] as const) {
      const errors = uncaught()
      const world = new World(`close while ${wanted}`)
      const { alice } = await world.addPair()
      const client = newClient(world)
      client.on('pairing.qr', async ({ qr }) => {
        await alice.linkDevice(qr).catch(() => undefined)
      })
      let closing: Promise<void> | undefined
      client.on('connection.state', ({ state }) => {
        if (state === wanted) closing ??= client.close()
      })
      const connecting = client.connect().catch((error: unknown) => error)
      await until(`the client to reach ${wanted}`, () => closing !== undefined)
      await closing
      await connecting
      await settle()
      expect(client.state, wanted).toBe('closed')
      expect(errors, wanted).toEqual([])
    }
  })

  test('twice, before connecting, and while opening the store, is fine', async () => {
    const world = new World('close early')
    const idle = newClient(world)
    await Promise.all([idle.close(), idle.close()])
    await expect(idle.connect()).rejects.toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    const early = newClient(world)
    const connecting = early.connect().catch((error: unknown) => error)
    await early.close()
    expect(await connecting).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    await expect(early.send(BOB, { text: 'too late' })).rejects.toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
  })
})

/** A socket that ended before anybody listened. */
function closedSocket(): ByteSocket {
  let onClose: ByteSocket['onClose']
  return {
    send: () => {
      throw new ClosedError('WATON_TRANSPORT_CLOSED', 'closed')
    },
    close: () => undefined,
    bufferedBytes: 0,
    onData: undefined,
    get onClose() {
      return onClose
    },
    set onClose(listener: ByteSocket['onClose']) {
      onClose = listener
      listener?.({ code: 1006 })
    },
  }
}

/** A socket whose peer never says a word. */
function silentSocket(): ByteSocket & { closed: number } {
  const socket = {
    closed: 0,
    send: () => undefined,
    close: () => {
      socket.closed += 1
      socket.onClose?.({})
    },
    bufferedBytes: 0,
    onData: undefined as ByteSocket['onData'],
    onClose: undefined as ((reason: CloseReason) => void) | undefined,
  }
  return socket
}
