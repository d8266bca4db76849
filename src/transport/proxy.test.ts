/** Real proxies on loopback: one that speaks CONNECT and one that speaks SOCKS5, written for the test. */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { toHex, utf8Bytes } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { TimeoutError, TransportError, UsageError } from '../base/errors.ts'
import type { ByteSocket } from './byte-socket.ts'
import { webSocketConnector } from './websocket.ts'

const PASSWORD = 'sesame-open-7'
const cleanUps: (() => void)[] = []
let target: WebSocketServer
let targetPort: number

beforeEach(async () => {
  target = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  target.on('connection', (socket) => {
    socket.on('message', (data) => {
      socket.send(data as Uint8Array)
    })
  })
  await new Promise<void>((resolve) => target.once('listening', resolve))
  targetPort = (target.address() as AddressInfo).port
})

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
  for (const socket of target.clients) socket.terminate()
  target.close()
})

async function listen(server: Server | HttpServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

interface TestProxy {
  readonly port: number
  /** What clients wanted to reach, in order. */
  readonly wanted: string[]
  /** Connections that the proxy still has. */
  open(): Promise<number>
}

function testProxy(server: Server | HttpServer, port: number, wanted: string[]): TestProxy {
  return {
    port,
    wanted,
    open: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => {
          if (error === null) resolve(count)
          else reject(error)
        })
      }),
  }
}

function tunnel(client: Duplex, port: number, ready: () => void): void {
  const upstream = connectTcp(port, '127.0.0.1', () => {
    ready()
    client.pipe(upstream).pipe(client)
  })
  upstream.on('error', () => client.destroy())
}

/** An HTTP proxy that lets in whoever knows the password; `status` refuses everybody, 0 says nothing at all. */
async function connectProxy(status = 200): Promise<TestProxy> {
  const wanted: string[] = []
  const server = createHttpServer()
  server.on('connect', (message, socket) => {
    wanted.push(message.url ?? '')
    const expected = `Basic ${Buffer.from(`user:${PASSWORD}`).toString('base64')}`
    if (status === 0) {
      // reads on, so that the client's end is noticed
      socket.on('end', () => socket.end()).resume()
      return
    }
    const answered = message.headers['proxy-authorization'] === expected ? status : 407
    if (answered !== 200) socket.end(`HTTP/1.1 ${answered.toString()} No\r\nContent-Length: 0\r\n\r\n`)
    else
      tunnel(socket, targetPort, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      })
  })
  return testProxy(server, await listen(server), wanted)
}

/** A SOCKS5 proxy (RFC 1928, RFC 1929) with a password; `reply` is its answer to a request, 255 says nothing at all. */
async function socksProxy(reply = 0): Promise<TestProxy> {
  const wanted: string[] = []
  const server = createServer((client) => {
    let step: 'greeting' | 'password' | 'request' | 'through' = 'greeting'
    client.on('data', (data) => {
      if (reply === 255) return
      if (step === 'greeting') {
        step = 'password'
        client.write(Uint8Array.of(5, data.subarray(2).includes(2) ? 2 : 255))
      } else if (step === 'password') {
        step = 'request'
        const nameBytes = data[1] ?? 0
        const password = data.subarray(3 + nameBytes).toString()
        client.write(Uint8Array.of(1, password === PASSWORD ? 0 : 1))
        if (password !== PASSWORD) client.end()
      } else if (step === 'request') {
        step = 'through'
        client.removeAllListeners('data')
        const isName = data[3] === 3
        wanted.push(isName ? data.subarray(5, 5 + (data[4] ?? 0)).toString() : toHex(data.subarray(4, 8)))
        const answer = Uint8Array.of(5, reply, 0, 1, 127, 0, 0, 1, 0, 0)
        if (reply === 0) tunnel(client, targetPort, () => client.write(answer))
        else client.end(answer)
      }
    })
  })
  return testProxy(server, await listen(server), wanted)
}

function connectThrough(proxy: string, host = '127.0.0.1', timeoutMs = 20_000): Promise<ByteSocket> {
  const { signal } = new AbortController()
  const url = `ws://${host}:${targetPort.toString()}/ws/chat`
  return webSocketConnector({ proxy })({ url, timeoutMs, clock: systemClock, signal })
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new TypeError('expected a rejection')
  // also what hides behind it
  expect(inspect(error, { depth: 12, showHidden: true })).not.toContain(PASSWORD)
  return error
}

async function echoes(socket: ByteSocket): Promise<void> {
  const echo = new Promise((resolve) => {
    socket.onData = (bytes) => {
      resolve(toHex(bytes))
    }
  })
  socket.send(utf8Bytes('hello'))
  expect(await echo).toBe(toHex(utf8Bytes('hello')))
  socket.close()
}

describe('a proxy that is given', () => {
  it.each(['nonsense', '', `ftp://user:${PASSWORD}@127.0.0.1`, `socks4://user:${PASSWORD}@127.0.0.1:1`])(
    'as an address that is none (%#) is refused without showing it',
    async (proxy) => {
      const error = await rejection(connectThrough(proxy))
      expect(error).toBeInstanceOf(UsageError)
      expect(error).toMatchObject({ code: 'WATON_TRANSPORT_PROXY_URL' })
    },
  )

  it('together with an agent is refused', async () => {
    const { globalAgent } = await import('node:http')
    const connect = webSocketConnector({ agent: globalAgent, proxy: 'http://127.0.0.1:1' })
    const { signal } = new AbortController()
    const url = 'ws://127.0.0.1:1/'
    expect(await rejection(connect({ url, timeoutMs: 1000, clock: systemClock, signal }))).toMatchObject({
      code: 'WATON_TRANSPORT_PROXY_AGENT',
    })
  })
})

describe.each(['http', 'socks5'])('a proxy of the kind %s', (kind) => {
  const start = (answer?: number): Promise<TestProxy> =>
    kind === 'http' ? connectProxy(answer) : socksProxy(answer)
  const address = (port: number, password = PASSWORD): string =>
    `${kind}://user:${password}@127.0.0.1:${port.toString()}`

  it('that cannot be reached is named in the error, without the password', async () => {
    const error = await rejection(connectThrough(address(1)))
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({
      code: 'WATON_TRANSPORT_PROXY',
      retryable: true,
      details: { proxy: '127.0.0.1:1' },
    })
  })

  it('that refuses the password says so', async () => {
    const { port } = await start()
    const error = await rejection(connectThrough(address(port, 'wrong')))
    expect(error).toMatchObject({
      code: 'WATON_TRANSPORT_PROXY',
      details: { status: kind === 'http' ? 407 : undefined },
    })
    expect(error.message).toMatch(kind === 'http' ? /407; give the user/ : /Authentication failed/)
  })

  it('that cannot reach the server says so', async () => {
    const { port, wanted } = await start(kind === 'http' ? 502 : 5)
    expect(await rejection(connectThrough(address(port)))).toMatchObject({
      code: 'WATON_TRANSPORT_PROXY',
      retryable: true,
    })
    expect(wanted).toHaveLength(1)
  })

  it('that says nothing costs the time that connecting may take, and no connection is left', async () => {
    const proxy = await start(kind === 'http' ? 0 : 255)
    const error = await rejection(connectThrough(address(proxy.port), '127.0.0.1', 150))
    expect(error).toBeInstanceOf(TimeoutError)
    await expect.poll(() => proxy.open()).toBe(0)
  })

  it('carries the connection there and back', async () => {
    const { port, wanted } = await start()
    await echoes(await connectThrough(address(port)))
    expect(wanted).toEqual([kind === 'http' ? `127.0.0.1:${targetPort.toString()}` : '7f000001'])
  })
})

describe('a name behind socks5h', () => {
  it('is looked up by the proxy', async () => {
    const { port, wanted } = await socksProxy()
    await echoes(
      await connectThrough(`socks5h://user:${PASSWORD}@127.0.0.1:${port.toString()}`, 'nowhere.invalid'),
    )
    expect(wanted).toEqual(['nowhere.invalid'])
  })
})
