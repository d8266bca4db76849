/**
 * The HTTP client of media by itself: what it waits for, whom it trusts, and the way through a proxy. Servers are on
 * loopback; time is the test's.
 */
import { createServer as createPlainServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VirtualClock } from 'waton/testing'
import { systemClock } from '../../src/base/clock.ts'
import { utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { createServerIdentity } from '../../src/simulator/media/certificate.ts'
import { HttpClient } from '../../src/transport/http.ts'
import type { HttpSettings } from '../../src/transport/http.ts'
import { until } from '../helpers/until.ts'

const IDENTITY = createServerIdentity(seededRandom('http test').bytes(16))
const PASSWORD = 'sesame-open-7'
const anywhere = (): boolean => true

async function listen(server: Server): Promise<number> {
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    onTestFinished(() => {
      socket.destroy()
    })
  })
  onTestFinished(() => {
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A server with a certificate of its own. */
async function secureServer(answer: RequestListener): Promise<URL> {
  const server = createServer({ cert: IDENTITY.certificate, key: IDENTITY.privateKey }, answer)
  return new URL(`https://localhost:${String(await listen(server))}/file`)
}

/** A proxy that lets in whoever knows the password. */
async function connectProxy(wanted: string[]): Promise<number> {
  const proxy = createPlainServer()
  proxy.on('connect', ({ url = '', headers }, socket) => {
    wanted.push(url)
    const isKnown =
      headers['proxy-authorization'] === `Basic ${Buffer.from(`user:${PASSWORD}`).toString('base64')}`
    if (!isKnown) {
      socket.end('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const upstream = connect(Number(url.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
  })
  return listen(proxy)
}

function clientOf(settings: Partial<HttpSettings> = {}): HttpClient {
  const client = new HttpClient({
    clock: systemClock,
    connectTimeoutMs: 20_000,
    idleTimeoutMs: 30_000,
    certificate: IDENTITY.certificate,
    ...settings,
  })
  onTestFinished(() => client.close())
  return client
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  )
}

describe('whom it asks', () => {
  it('is nobody without a certificate that is trusted', async () => {
    const url = await secureServer((_request, response) => response.end('hello'))
    const error = await failure(clientOf({ certificate: undefined }).request({ url, isAllowed: anywhere }))
    expect(error).toMatchObject({ code: 'WATON_HTTP_FAILED', retryable: false })
  })

  it('is nobody over plain HTTP, and nobody that is not allowed', async () => {
    const client = clientOf()
    for (const [address, isAllowed] of [
      ['http://localhost/file', anywhere],
      ['https://localhost/file', () => false],
    ] as const) {
      const error = await failure(client.request({ url: new URL(address), isAllowed }))
      expect(error).toMatchObject({ code: 'WATON_HTTP_HOST', details: { host: 'localhost' } })
    }
  })

  it('is whoever has the certificate that was given', async () => {
    const url = await secureServer((request, response) => response.end(String(request.headers.origin)))
    const response = await clientOf().request({ url, isAllowed: anywhere })
    expect(utf8Text(await response.bytes(1000))).toBe('https://web.whatsapp.com')
  })
})

describe('what it waits for', () => {
  it('is the head of an answer, so long', async () => {
    const url = await secureServer(() => undefined)
    const clock = new VirtualClock()
    const answer = failure(clientOf({ clock }).request({ url, isAllowed: anywhere }))
    await clock.advanceAndSettle(19_999)
    let ended = false
    void answer.then(() => (ended = true))
    await new Promise(setImmediate)
    expect(ended).toBe(false)
    await clock.advanceAndSettle(1)
    expect(await answer).toMatchObject({ code: 'WATON_HTTP_TIMEOUT', details: { timeoutMs: 20_000 } })
  })

  it('is not the reader', async () => {
    const url = await secureServer((_request, response) => response.end('x'.repeat(1_000_000)))
    const clock = new VirtualClock()
    const response = await clientOf({ clock }).request({ url, isAllowed: anywhere })
    let length = 0
    for await (const chunk of response.chunks()) {
      length += chunk.length
      await clock.advanceAndSettle(60_000)
    }
    expect(length).toBe(1_000_000)
  })

  it('is each part of what is sent, and not the whole', async () => {
    const url = await secureServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => response.end(Buffer.concat(parts)))
    })
    const clock = new VirtualClock()
    const parts = async function* (): AsyncGenerator<Uint8Array> {
      for (const text of ['one ', 'two ', 'three']) {
        yield utf8Bytes(text)
        await clock.advanceAndSettle(19_000)
      }
    }
    const response = await clientOf({ clock }).request({
      url,
      isAllowed: anywhere,
      method: 'POST',
      headers: { 'content-length': '13' },
      body: parts(),
    })
    expect(utf8Text(await response.bytes(13))).toBe('one two three')
  })

  it('is a body up to its bound', async () => {
    const url = await secureServer((_request, response) => response.end('x'.repeat(1000)))
    const response = await clientOf().request({ url, isAllowed: anywhere })
    expect(await failure(response.bytes(999))).toMatchObject({ code: 'WATON_HTTP_TOO_LARGE' })
  })

  it('is over with an abort, in the body too', async () => {
    const url = await secureServer((_request, response) => response.write('x'))
    const controller = new AbortController()
    const response = await clientOf().request({ url, isAllowed: anywhere, signal: controller.signal })
    const body = failure(response.bytes(1000))
    controller.abort()
    expect(await body).toMatchObject({ code: 'WATON_HTTP_ABORTED' })
    const again = await failure(clientOf().request({ url, isAllowed: anywhere, signal: controller.signal }))
    expect(again).toMatchObject({ code: 'WATON_HTTP_ABORTED' })
  })
})

describe('a proxy', () => {
  it('that refuses is told without its password', async () => {
    const wanted: string[] = []
    const port = await connectProxy(wanted)
    const url = await secureServer((_request, response) => response.end('hello'))
    const proxy = `http://user:wrong-${PASSWORD}@127.0.0.1:${String(port)}`
    const error = await failure(clientOf({ proxy }).request({ url, isAllowed: anywhere }))
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_PROXY', details: { status: 407 } })
    expect(inspect(error, { depth: 9 })).not.toContain(PASSWORD)
    expect(wanted).toEqual([url.host])
  })

  it('that is not there is told', async () => {
    const url = await secureServer((_request, response) => response.end('hello'))
    const error = await failure(
      clientOf({ proxy: 'http://127.0.0.1:1' }).request({ url, isAllowed: anywhere }),
    )
    expect(error).toMatchObject({ code: 'WATON_TRANSPORT_PROXY' })
  })

  it('leads to a server that is trusted, and to no other', async () => {
    const wanted: string[] = []
    const proxy = `http://user:${PASSWORD}@127.0.0.1:${String(await connectProxy(wanted))}`
    const url = await secureServer((_request, response) => response.end('hello'))
    const distrusting = clientOf({ proxy, certificate: undefined })
    expect(await failure(distrusting.request({ url, isAllowed: anywhere }))).toMatchObject({
      code: 'WATON_HTTP_FAILED',
      retryable: false,
    })
    const response = await clientOf({ proxy }).request({ url, isAllowed: anywhere })
    expect(utf8Text(await response.bytes(10))).toBe('hello')
    expect(wanted).toEqual([url.host, url.host])
  })
})

describe('closing', () => {
  it('ends what is under way, and leaves nothing open', async () => {
    let sockets = 0
    const url = await secureServer((request, response) => {
      sockets += 1
      request.socket.once('close', () => (sockets -= 1))
      response.write('x')
    })
    const client = clientOf()
    const response = await client.request({ url, isAllowed: anywhere })
    const body = failure(response.bytes(1000))
    await client.close()
    expect(await body).toMatchObject({ code: 'WATON_HTTP_FAILED' })
    await until('the connection to close', () => sockets === 0)
  })
})
