/** A real server on loopback behind the public web of the tests: the guard is never loosened for it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { inspect } from 'node:util'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Diverted, PUBLIC, publicWeb } from '../../tests/helpers/public-web.ts'
import type { PublicWeb } from '../../tests/helpers/public-web.ts'
import { until } from '../../tests/helpers/until.ts'
import { isWatonError } from '../base/errors.ts'
import { INTERNET, readPublicPage } from './public-page.ts'
import type { PublicNetwork, PublicPage } from './public-page.ts'

const HTML = { 'content-type': 'text/html' }
/** Runs out in no test that passes. */
const PLENTY_MS = 20_000

function read(
  url: string,
  network?: PublicNetwork,
  options: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<PublicPage> {
  const { maxBytes = 100_000, signal = AbortSignal.timeout(PLENTY_MS) } = options
  return readPublicPage({ url, accepts: ['text/html'], maxBytes, signal }, network)
}

async function failure(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isWatonError(error)) throw new Error(`expected an error of waton, got ${inspect(error)}`)
  return { code: error.code, text: `${error.message} ${JSON.stringify(error.toJSON())}` }
}

const text = ({ bytes }: PublicPage): string => new TextDecoder().decode(bytes)
const page = (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, HTML).end('<title>hi</title>')
}

describe('a page is not opened', () => {
  it('on this machine, under whatever name: a server on loopback sees no connection', async () => {
    const made = await publicWeb(page)
    // the system's own resolver; whatever got past the guard on the usual port would come in at the server
    const network = { ...made.network, resolve: INTERNET.resolve }
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '0.0.0.0',
      '2130706433',
      '0x7f.1',
      '127.1',
      '[::ffff:7f00:1]',
    ])
      for (const work of [
        () => read(`http://${host}/`, network),
        // and with nothing of a test in between
        () => read(`http://${host}/`),
        () => read(`http://${host}:${String(made.port)}/`),
      ])
        expect((await failure(work())).code, host).toBe('WATON_PAGE_REFUSED')
    expect([made.connections, made.connectedTo]).toEqual([0, []])
  })

  it.each([
    ['a private address', [['10.0.0.1']]],
    ['the service of a cloud', [['169.254.169.254']]],
    ['a private address of IPv6', [['fd00:ec2::254']]],
    ['a mapped address', [['::ffff:127.0.0.1']]],
    ['several of them', [['192.168.1.1', 'fe80::1']]],
    ['nothing that is an address', [['page.example']]],
    ['nothing', [[]]],
  ])('when its name leads to %s', async (_what, answers) => {
    const made = await publicWeb(page, { 'inside.example': answers })
    const { code, text: told } = await failure(read('http://inside.example/secret?key=1', made.network))
    expect(code).toBe('WATON_PAGE_REFUSED')
    expect(told).toContain('inside.example')
    expect(told).not.toContain('secret')
    expect(made.connectedTo).toEqual([])
    expect(made.connections).toBe(0)
  })

  it.each([
    'ftp://page.example/',
    'file:///etc/passwd',
    'data:text/html,<title>x</title>',
    'http://page.example:8080/',
    'https://page.example:80/',
    'http://user@page.example/',
    'http://user:sesame7@page.example/',
    'http://:sesame7@page.example/',
    'http://',
    'page.example',
    '',
    `http://page.example/?${'x'.repeat(2048)}`,
  ])('under an address that is wrong: %s', async (url) => {
    const made = await publicWeb(page)
    const { code, text: told } = await failure(read(url, made.network))
    expect(code).toBe('WATON_PAGE_REFUSED')
    expect(told).not.toContain('sesame7')
    expect(made.connections).toBe(0)
  })

  it('where a redirect leads to what would be refused', async () => {
    const targets = [
      ...[
        'http://127.0.0.1/',
        'http://inside.example/',
        'http://[::1]/',
        'file:///etc/passwd',
        '//inside.example',
      ],
      ...['http://page.example:81/', 'http://a:b@page.example/', 'http://0177.0.0.1/'],
    ]
    for (const location of targets) {
      const made = await publicWeb((_request, response) => response.writeHead(302, { location }).end(), {
        'inside.example': [['10.0.0.1']],
      })
      expect((await failure(read('http://page.example/', made.network))).code, location).toBe(
        'WATON_PAGE_REFUSED',
      )
      expect([made.connectedTo, made.requests.length], location).toEqual([[PUBLIC], 1])
    }
  })

  it('at another address than the one that was judged, when a name changes in between', async () => {
    const made = await publicWeb(page, { 'rebound.example': [[PUBLIC], ['127.0.0.1']] })
    expect(text(await read('http://rebound.example/', made.network))).toBe('<title>hi</title>')
    // one question, and the connection goes where its answer says
    expect(made.connectedTo).toEqual([PUBLIC])
    const { code } = await failure(read('http://rebound.example/', made.network))
    expect([code, made.connectedTo]).toEqual(['WATON_PAGE_REFUSED', [PUBLIC]])
  })

  it('at those addresses of a name that are not public', async () => {
    const made = await publicWeb(page, { 'both.example': [['10.0.0.1', PUBLIC, '::1', '2606:4700::1111']] })
    await read('http://both.example/', made.network)
    expect(made.connectedTo).toEqual([`${PUBLIC} 2606:4700::1111`])
  })

  it('after the sixth redirect', async () => {
    let left = 5
    const made = await publicWeb((request, response) => {
      if (left-- > 0) response.writeHead(307, { location: `${request.url ?? ''}x` }).end()
      else page(request, response)
    })
    expect((await read('http://page.example/', made.network)).url).toBe('http://page.example/xxxxx')
    left = 6
    expect((await failure(read('http://page.example/', made.network))).code).toBe('WATON_PAGE_ANSWER')
    expect(made.requests).toHaveLength(12)
  })
})

describe('an answer is refused', () => {
  it.each<[string, number, Record<string, string>]>([
    ['a picture', 200, { 'content-type': 'image/png' }],
    ['no type', 200, {}],
    ['a type that begins alike', 200, { 'content-type': 'text/htmlx' }],
    ['404', 404, HTML],
    ['500', 500, HTML],
    ['a redirect to nowhere', 302, {}],
    ['a redirect that is no address', 302, { location: 'http://[' }],
    ['an encoding that was not asked for', 200, { ...HTML, 'content-encoding': 'zstd' }],
    ['two encodings', 200, { ...HTML, 'content-encoding': 'gzip, gzip' }],
  ])('that is %s', async (_what, status, headers) => {
    const made = await publicWeb((_request, response) =>
      response.writeHead(status, headers).end('<title>x</title>'),
    )
    const { code, text: told } = await failure(read('http://page.example/path?secret', made.network))
    expect(code).toBe('WATON_PAGE_ANSWER')
    expect(told).not.toContain('secret')
  })

  it.each<[string, (socket: Socket) => void]>([
    [
      'breaks off',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 50\r\n\r\n<t'),
    ],
    ['is no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n')],
    ['is nothing', (socket) => socket.end()],
    ['is a reset', (socket) => socket.resetAndDestroy()],
    [
      'switches the protocol',
      (socket) => socket.end('HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    ['has endless headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`)],
    [
      'is broken gzip',
      (socket) =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\n\r\nno gzip at all',
        ),
    ],
  ])('that %s', async (_what, answer) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => {
        answer(socket)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const agent = new Diverted(port, [])
    const network = { resolve: () => Promise.resolve([PUBLIC]), agentFor: () => agent }
    const { code, text: told } = await failure(read('http://page.example/path?secret', network))
    expect(code).toMatch(/^WATON_PAGE_(UNREACHABLE|ANSWER)$/)
    expect(told).not.toContain('secret')
  })

  it('of a name that nobody knows', async () => {
    const made = await publicWeb(page)
    const { code, text: told } = await failure(read('http://nowhere.example/secret', made.network))
    expect(code).toBe('WATON_PAGE_UNREACHABLE')
    expect(told).toMatch(/nowhere\.example could not be read: ENOTFOUND/)
    expect(told).not.toContain('secret')
  })
})

describe('a page is read', () => {
  it('without cookies or credentials, by an honest name, also after a redirect', async () => {
    const made = await publicWeb((request, response) => {
      if (request.url === '/') response.writeHead(301, { location: '/next', 'set-cookie': 'a=1' }).end()
      else page(request, response)
    })
    await read('http://page.example/', made.network)
    expect(made.requests.map(({ url }) => url)).toEqual(['/', '/next'])
    for (const { method, headers } of made.requests)
      expect([method, headers]).toEqual([
        'GET',
        {
          host: 'page.example',
          'user-agent': 'Mozilla/5.0 (compatible; waton-link-preview)',
          accept: 'text/html',
          'accept-encoding': 'gzip, br',
          connection: 'close',
        },
      ])
  })

  it('over TLS only from a server that proves to be the one that was named', async () => {
    let hello = ''
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (bytes) => {
        hello = bytes.toString('latin1')
        socket.end('this is no server hello')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const asked: Record<string, unknown>[] = []
    class Loopback extends HttpsAgent {
      override createConnection(options: Record<string, unknown>): Duplex {
        asked.push(options)
        return connectTls({ host: '127.0.0.1', port, servername: String(options['servername']) })
      }
    }
    const network = { resolve: () => Promise.resolve([PUBLIC]), agentFor: () => new Loopback() }
    expect((await failure(read('https://page.example/', network))).code).toBe('WATON_PAGE_UNREACHABLE')
    expect(hello).toContain('page.example')
    expect(asked).toMatchObject([{ host: 'page.example', port: 443, servername: 'page.example' }])
    expect(asked[0]?.['rejectUnauthorized']).not.toBe(false)
  })

  it('whole, and compressed in the ways that were asked for', async () => {
    const body = `<title>${'é'.repeat(5000)}</title>`
    const packed: Readonly<Record<string, () => Uint8Array>> = {
      gzip: () => gzipSync(body),
      'x-gzip': () => gzipSync(body),
      br: () => brotliCompressSync(body),
      identity: () => new TextEncoder().encode(body),
    }
    for (const [encoding, bytes] of Object.entries(packed)) {
      const made = await publicWeb((_request, response) =>
        response
          .writeHead(200, { 'content-type': 'Text/HTML; charset=utf-8', 'content-encoding': encoding })
          .end(bytes()),
      )
      const got = await read('http://page.example/', made.network)
      expect([text(got), got.isWhole, got.contentType], encoding).toEqual([
        body,
        true,
        'Text/HTML; charset=utf-8',
      ])
    }
  })

  it('up to the limit and no further: a long page, an endless one, and a bomb', async () => {
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(100_000)
    const bodies: Readonly<Record<string, (response: ServerResponse) => void>> = {
      long: (response) => response.writeHead(200, HTML).end('x'.repeat(100_001)),
      exact: (response) => response.writeHead(200, HTML).end('x'.repeat(100_000)),
      endless: (response) => {
        response.writeHead(200, HTML)
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(10_000)));
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      },
      bomb: (response) => response.writeHead(200, { ...HTML, 'content-encoding': 'gzip' }).end(bomb),
      'in pieces of one byte': (response) => {
        response.writeHead(200, { ...HTML, 'content-encoding': 'gzip' })
        for (const byte of gzipSync('y'.repeat(300))) response.write(new Uint8Array([byte]))
        response.end()
      },
    }
    const lengths: Record<string, [number, boolean]> = {}
    for (const [name, answer] of Object.entries(bodies)) {
      let closed = false
      const made = await publicWeb((_request, response) => {
        response.on('close', () => (closed = true))
        answer(response)
      })
      const { bytes, isWhole } = await read('http://page.example/', made.network)
      lengths[name] = [bytes.length, isWhole]
      await until(`the connection of ${name} to end`, () => closed)
    }
    expect(lengths).toEqual({
      long: [100_000, false],
      exact: [100_000, true],
      endless: [100_000, false],
      bomb: [100_000, false],
      'in pieces of one byte': [300, true],
    })
  })
})

describe('whoever asks can stop', () => {
  const stopped = async (made: PublicWeb, when: () => boolean): Promise<string> => {
    const stop = new AbortController()
    const work = failure(read('http://page.example/secret', made.network, { signal: stop.signal }))
    await until('the moment to stop', when)
    stop.abort()
    const { code, text: told } = await work
    expect(told).not.toContain('secret')
    return code
  }

  it('before it begins: nothing is asked', async () => {
    const made = await publicWeb(page)
    const { code } = await failure(
      read('http://page.example/', made.network, { signal: AbortSignal.abort() }),
    )
    expect([code, made.connections]).toEqual(['WATON_PAGE_STOPPED', 0])
  })

  it('while a name is looked up that has no answer', async () => {
    let isAsked = false
    const made = await publicWeb(page)
    const network = {
      ...made.network,
      resolve: () => {
        isAsked = true
        return new Promise<never>(() => undefined)
      },
    }
    expect(await stopped({ ...made, network }, () => isAsked)).toBe('WATON_PAGE_STOPPED')
  })

  it('while a server says nothing', async () => {
    let closed = false
    const made = await publicWeb((request) => request.socket.on('close', () => (closed = true)))
    expect(await stopped(made, () => made.requests.length === 1)).toBe('WATON_PAGE_STOPPED')
    await until('the connection to end', () => closed)
  })

  it('while a page comes slowly, compressed or not', async () => {
    for (const headers of [HTML, { ...HTML, 'content-encoding': 'gzip' }]) {
      let closed = false
      const made = await publicWeb((_request, response) => {
        response.on('close', () => (closed = true))
        response.writeHead(200, headers)
        response.write(gzipSync('slow').subarray(0, 10))
      })
      expect(await stopped(made, () => made.requests.length === 1)).toBe('WATON_PAGE_STOPPED')
      await until('the connection to end', () => closed)
    }
  })
})
