import { createServer, type IncomingMessage, type Server } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { concatBytes, toHex, utf8Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { ClosedError, TimeoutError, TransportError, UsageError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { ByteSocket, CloseReason } from './byte-socket.ts'
import { connectWebSocket } from './websocket.ts'

/** A clock that stands still until the test turns it, and knows its timers. */
class TestClock implements Clock {
  #nowMs = 0
  readonly #timers = new Set<{ atMs: number; callback: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  get pendingTimers(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

/** An `AbortSignal` that counts its listeners. */
class CountingAbort {
  readonly #controller = new AbortController()
  listeners = 0
  readonly signal: AbortSignal

  constructor() {
    this.signal = this.#controller.signal
    const { signal } = this
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (type: string, listener: never, options?: never) => {
      this.listeners++
      add(type, listener, options)
    }
    signal.removeEventListener = (type: string, listener: never, options?: never) => {
      this.listeners--
      remove(type, listener, options)
    }
  }

  abort(): void {
    this.#controller.abort()
  }
}

/** A loopback server whose way of answering an upgrade the test chooses. */
class LoopbackServer {
  readonly requests: IncomingMessage[] = []
  readonly #http: Server = createServer()
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 })
  readonly #raw = new Set<Duplex>()
  #upgraded: Deferred<Duplex> = deferred()
  #connected: Deferred<WebSocket> = deferred()
  answer: (request: IncomingMessage, socket: Duplex, head: Buffer) => void = (request, socket, head) => {
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      this.#connected.resolve(accepted)
    })
  }

  /** The raw socket of the first upgrade request. */
  get upgraded(): Promise<Duplex> {
    return this.#upgraded.promise
  }

  /** The first accepted WebSocket. */
  get connected(): Promise<WebSocket> {
    return this.#connected.promise
  }

  async listen(): Promise<string> {
    this.#http.on('upgrade', (request, socket, head) => {
      this.#raw.add(socket)
      socket.on('error', () => undefined)
      this.requests.push(request)
      this.#upgraded.resolve(socket)
      this.answer(request, socket, head)
    })
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve))
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port.toString()}/ws/chat?ED=c2VjcmV0`
  }

  async close(): Promise<void> {
    for (const socket of this.#raw) socket.destroy()
    await new Promise((resolve) => this.#http.close(resolve))
  }
}

/** Takes the request and never answers; reads on and ends with the client, so that its end is noticed. */
function keepSilent(_request: IncomingMessage, socket: Duplex): void {
  socket.on('end', () => socket.end()).resume()
}

let server: LoopbackServer
let url: string
let clock: TestClock
let abort: CountingAbort

beforeEach(async () => {
  server = new LoopbackServer()
  url = await server.listen()
  clock = new TestClock()
  abort = new CountingAbort()
})

afterEach(async () => {
  await server.close()
})

function connect(target: string = url): Promise<ByteSocket> {
  return connectWebSocket({ url: target, timeoutMs: 20_000, clock, signal: abort.signal })
}

/** What the promise rejects with; fails when it does not. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new UsageError('TEST_RESOLVED', 'expected a rejection')
}

function closed(socket: ByteSocket): Promise<CloseReason> {
  return new Promise((resolve) => {
    socket.onClose = resolve
  })
}

function ended(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', resolve)
  })
}

/** No timer and no listener of the attempt is left. */
function expectNothingLeft(): void {
  expect(clock.pendingTimers).toBe(0)
  expect(abort.listeners).toBe(0)
}

describe('connecting refuses', () => {
  it.each(['', 'nonsense', 'http://127.0.0.1/', 'file:///etc/passwd'])(
    'the address "%s"',
    async (address) => {
      const error = await rejection(connect(address))
      expect(error).toBeInstanceOf(UsageError)
      expect(error).toMatchObject({ code: 'WATON_TRANSPORT_URL' })
      expectNothingLeft()
    },
  )

  it('when its signal is aborted already, without opening a socket', async () => {
    abort.abort()
    expect(await rejection(connect())).toMatchObject({ code: 'WATON_TRANSPORT_ABORTED' })
    expect(server.requests).toHaveLength(0)
    expectNothingLeft()
  })
})

describe('a failed attempt', () => {
  it.each([
    [401, false],
    [405, false],
    [429, true],
    [503, true],
  ])('tells that the server refused with HTTP status %i', async (status, retryable) => {
    server.answer = (_request, socket) => {
      socket.end(`HTTP/1.1 ${status.toString()} Nope\r\nContent-Length: 0\r\n\r\n`)
    }
    const error = await rejection(connect())
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_CONNECT', retryable, details: { status } })
    await ended(await server.upgraded)
    expectNothingLeft()
  })

  it('does not follow a redirect', async () => {
    server.answer = (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nContent-Length: 0\r\n\r\n`)
    }
    expect(await rejection(connect())).toMatchObject({ details: { status: 302 } })
    expect(server.requests).toHaveLength(1)
  })

  it('tells that nobody listens at the address', async () => {
    await server.close()
    const error = await rejection(connect())
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_CONNECT', details: { reason: 'ECONNREFUSED' } })
    expectNothingLeft()
    server = new LoopbackServer()
    await server.listen()
  })

  it('names the host and nothing else of the address', async () => {
    server.answer = (_request, socket) => socket.destroy()
    const error = await rejection(connect())
    expect(JSON.stringify(error)).not.toContain('c2VjcmV0')
    expect(String(error)).not.toContain('c2VjcmV0')
  })

  it.each(['destroyed', 'ended'])('tells that the connection was %s before the upgrade', async (how) => {
    server.answer = (_request, socket) => (how === 'ended' ? socket.end() : socket.destroy())
    expect(await rejection(connect())).toMatchObject({ code: 'WATON_TRANSPORT_CONNECT' })
    expectNothingLeft()
  })

  it('tells that the answer was no proper upgrade', async () => {
    server.answer = (_request, socket) => {
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n',
      )
    }
    expect(await rejection(connect())).toMatchObject({ code: 'WATON_TRANSPORT_CONNECT' })
    expectNothingLeft()
  })

  it('ends at its deadline when the server never answers, and leaves no socket behind', async () => {
    server.answer = keepSilent
    const outcome = rejection(connect())
    const raw = await server.upgraded
    clock.advance(19_999)
    expect(abort.listeners).toBe(1)
    clock.advance(1)
    const error = await outcome
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_TIMEOUT', retryable: true })
    await ended(raw)
    expectNothingLeft()
  })

  it('ends at once when its signal is aborted while the server does not answer', async () => {
    server.answer = keepSilent
    const outcome = rejection(connect())
    const raw = await server.upgraded
    abort.abort()
    const error = await outcome
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_ABORTED' })
    await ended(raw)
    expectNothingLeft()
  })

  it('ends when its signal is aborted before the socket was made', async () => {
    const outcome = rejection(connect())
    abort.abort()
    expect(await outcome).toMatchObject({ code: 'WATON_TRANSPORT_ABORTED' })
    expectNothingLeft()
  })
})

describe('an open connection', () => {
  it('was asked for as a browser asks, without compression', async () => {
    const signal = abort.signal
    const socket = await connectWebSocket({
      url,
      headers: { 'User-Agent': 'test agent' },
      timeoutMs: 1000,
      clock,
      signal,
    })
    expect(server.requests[0]?.headers).toMatchObject({
      origin: 'https://web.whatsapp.com',
      'user-agent': 'test agent',
    })
    expect(server.requests[0]?.headers['sec-websocket-extensions']).toBeUndefined()
    expectNothingLeft()
    socket.close()
  })

  it('is closed when the server sends text', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    ;(await server.connected).send('hello')
    expect(await outcome).toMatchObject({ error: { code: 'WATON_TRANSPORT_MESSAGE' } })
    expectNothingLeft()
  })

  it('is closed when a message is longer than allowed', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    ;(await server.connected).send(new Uint8Array(32 * 1024 * 1024 + 1))
    expect(await outcome).toMatchObject({ code: 1006, error: { code: 'WATON_TRANSPORT_BROKEN' } })
  })

  it('refuses to send once it is closing, instead of dropping the bytes', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    socket.close()
    expect(() => {
      socket.send(utf8Bytes('late'))
    }).toThrow(ClosedError)
    await outcome
    expect(() => {
      socket.send(utf8Bytes('later'))
    }).toThrow(expect.objectContaining({ code: 'WATON_TRANSPORT_CLOSED' }))
  })

  it('tells the code with which the server closed it', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    ;(await server.connected).close(1011)
    expect(await outcome).toEqual({ code: 1011 })
    expectNothingLeft()
  })

  it('tells that the server vanished', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    ;(await server.connected).terminate()
    expect(await outcome).toMatchObject({ code: 1006 })
  })

  it('closes with the server in good order', async () => {
    const socket = await connect()
    const peer = await server.connected
    const seen = deferred<number>()
    peer.on('close', (code) => {
      seen.resolve(code)
    })
    const reasons: CloseReason[] = []
    const told = new Promise<void>((resolve) => {
      socket.onClose = (reason) => {
        reasons.push(reason)
        resolve()
      }
    })
    socket.close()
    socket.close()
    await told
    expect(await seen.promise).toBe(1000)
    expect(reasons).toEqual([{ code: 1000 }])
    expectNothingLeft()
  })

  it(
    'is torn down after a short grace when the server does not answer the close',
    { timeout: 5000 },
    async () => {
      server.answer = (request, socket, head) => {
        const sockets = new WebSocketServer({ noServer: true })
        sockets.handleUpgrade(request, socket, head, (accepted) => {
          // Nothing is read any more: the close frame stays in the kernel.
          accepted.pause()
        })
      }
      const socket = await connect()
      const outcome = closed(socket)
      socket.close()
      expect(clock.pendingTimers).toBe(1)
      clock.advance(2000)
      expect(await outcome).toMatchObject({ code: 1006 })
      expectNothingLeft()
    },
  )

  it('can be closed while it is paused', { timeout: 5000 }, async () => {
    const socket = await connect()
    const outcome = closed(socket)
    socket.pause?.()
    socket.close()
    expect(await outcome).toEqual({ code: 1000 })
  })

  it('gives nothing to the listener after it was closed', async () => {
    const socket = await connect()
    const peer = await server.connected
    const seen: string[] = []
    const outcome = closed(socket)
    socket.onData = (bytes) => {
      seen.push(toHex(bytes))
      socket.close()
    }
    peer.send(Uint8Array.of(1))
    peer.send(Uint8Array.of(2))
    await outcome
    expect(seen).toEqual(['01'])
  })

  it('ends with what its listener threw', async () => {
    const socket = await connect()
    const outcome = closed(socket)
    const bug = new UsageError('TEST', 'a bug of the listener')
    socket.onData = () => {
      throw bug
    }
    ;(await server.connected).send(Uint8Array.of(1))
    expect((await outcome).error).toBe(bug)
  })

  it('keeps what arrives before anybody listens', async () => {
    const socket = await connect()
    const peer = await server.connected
    const outcome = deferred<undefined>()
    peer.send(Uint8Array.of(1))
    peer.send(Uint8Array.of(2))
    // The answer to a ping comes after everything sent before it has been received.
    peer.ping()
    peer.once('pong', () => {
      outcome.resolve(undefined)
    })
    await outcome.promise
    const seen: string[] = []
    socket.onData = (bytes) => seen.push(toHex(bytes))
    expect(seen).toEqual(['01', '02'])
    socket.close()
  })

  it('carries large and many messages both ways, whole and in order', async () => {
    const socket = await connect()
    const peer = await server.connected
    const random = seededRandom('websocket')
    const sent = [
      random.bytes(17 * 1024 * 1024),
      ...Array.from({ length: 200 }, (_, size) => random.bytes(size)),
    ]
    peer.on('message', (data) => {
      peer.send(data as Buffer)
    })
    const received: Uint8Array[] = []
    const done = new Promise<void>((resolve) => {
      socket.onData = (bytes) => {
        received.push(bytes)
        if (received.length === sent.length) resolve()
      }
    })
    for (const message of sent) socket.send(message)
    expect(socket.bufferedBytes).toBeGreaterThan(0)
    await done
    expect(Buffer.compare(concatBytes(...received), concatBytes(...sent))).toBe(0)
    expect(socket.bufferedBytes).toBe(0)
    socket.close()
  })

  it('holds the server back while it is paused', async () => {
    const socket = await connect()
    const peer = await server.connected
    let receivedBytes = 0
    const first = deferred<undefined>()
    socket.onData = (bytes) => {
      receivedBytes += bytes.length
      first.resolve(undefined)
    }
    peer.send(Uint8Array.of(1))
    await first.promise
    socket.pause?.()
    const total = 64 * 1024 * 1024
    const drained = deferred<undefined>()
    for (let sent = 0; sent < total; sent += 1024 * 1024) {
      peer.send(new Uint8Array(1024 * 1024), () => {
        if (sent + 1024 * 1024 === total) drained.resolve(undefined)
      })
    }
    expect(peer.bufferedAmount).toBeGreaterThan(0)
    expect(receivedBytes).toBe(1)
    socket.resume?.()
    await drained.promise
    socket.close()
  })

  it('does not mind that its signal is aborted afterwards', async () => {
    const socket = await connect()
    abort.abort()
    const seen = deferred<string>()
    socket.onData = (bytes) => {
      seen.resolve(toHex(bytes))
    }
    ;(await server.connected).send(Uint8Array.of(5))
    expect(await seen.promise).toBe('05')
    socket.close()
  })
})

describe('a server that accepts TCP and says nothing', () => {
  let tcp: TcpServer
  const open = new Set<Socket>()

  afterEach(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => tcp.close(resolve))
  })

  it('is given up at the deadline', async () => {
    const accepted = deferred<Socket>()
    tcp = createTcpServer((socket) => {
      open.add(socket)
      socket.resume()
      accepted.resolve(socket)
    })
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
    const { port } = tcp.address() as AddressInfo
    const outcome = rejection(connect(`ws://127.0.0.1:${port.toString()}/`))
    const socket = await accepted.promise
    clock.advance(20_000)
    expect(await outcome).toMatchObject({ code: 'WATON_TRANSPORT_TIMEOUT' })
    await ended(socket)
    expectNothingLeft()
  })
})
