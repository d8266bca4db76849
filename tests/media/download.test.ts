/**
 * Downloads against a media server that has every trouble, with files that unmodified Baileys encrypted. The client is
 * not connected: media need no connection while their file is on WhatsApp's servers.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions, DownloadableMessage, DownloadProgress } from 'waton'
import { VirtualClock } from 'waton/testing'
import { temporaryFolder } from '../baileys-failures/stage.ts'
import { keepingLogger } from '../client/support.ts'
import type { Line } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import {
  MediaServer,
  bytes,
  flipped,
  randomFile,
  reset,
  cutAfter,
  silentAfter,
  status,
  truncated,
  uploaded,
  wholeBytes,
} from './media-server.ts'
import type { UploadedFile } from './media-server.ts'

const WHATSAPP = 'mmg.whatsapp.net'

function clientOf(server: MediaServer, options: Partial<ClientOptions> = {}, mediaHost?: string): Client {
  const client = new Client({
    store: new MemoryStore(),
    endpoint: {
      url: 'ws://127.0.0.1:1/ws/chat',
      mediaDispatcher: server.dispatcher,
      ...(mediaHost === undefined ? {} : { mediaHost }),
    },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

function withImage({ message }: UploadedFile, changes: object): DownloadableMessage {
  return { ...message, content: { image: { ...message.content.image, ...changes } } }
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  )
}

describe('where a download goes', () => {
  it.each([
    ['a machine in the own network', 'https://192.168.0.1/secrets'],
    ['the machine itself', 'https://localhost/v/1.enc'],
    ['another site', 'https://mmg.whatsapp.net.example.com/v/1.enc'],
    ['a name that only ends alike', 'https://notwhatsapp.net/v/1.enc'],
    ['another port', 'https://mmg.whatsapp.net:8443/v/1.enc'],
    ['somebody with a password', 'https://user:pass@mmg.whatsapp.net/v/1.enc'],
    ['plain HTTP', 'http://mmg.whatsapp.net/v/1.enc'],
    ['no address', 'mmg.whatsapp.net/v/1.enc'],
  ])('is never %s, whoever wrote the message', async (_what, url) => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('place', 100))
    const message = withImage(sent, { url, directPath: undefined })
    await expect(clientOf(server).download(message)).rejects.toMatchObject({ code: 'WATON_MEDIA_NOWHERE' })
    expect(server.asked).toEqual([])
  })

  it.each([
    '//example.com/v/1.enc',
    '@example.com/v/1.enc',
    '.example.com/1.enc',
    ':8443/1',
    '/\\example.com/1',
  ])('is not what the path %s would lead to', async (directPath) => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('path', 100))
    const error = await failure(clientOf(server).download(withImage(sent, { directPath })))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_NOWHERE' })
    expect(server.asked).toEqual([])
  })

  it.each(['https://example.com/x', 'http://mmg.whatsapp.net/x', 'https://127.0.0.1/x'])(
    'is not %s, to where a server sends',
    async (location) => {
      const server = await MediaServer.start()
      const sent = await uploaded(randomFile('redirect', 100))
      server.usually(status(302, { location }))
      await expect(clientOf(server).download(sent.message)).rejects.toMatchObject({
        code: 'WATON_HTTP_REDIRECT',
      })
      expect(server.hosts).toEqual([WHATSAPP])
    },
  )

  it('is another of WhatsApp’s hosts when a server sends there, and not for ever', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('other', 100))
    server.order(WHATSAPP, status(302, { location: 'https://media.cdn.whatsapp.net/there' }))
    server.order('media.cdn.whatsapp.net', bytes(sent.encrypted))
    expect(await clientOf(server).download(sent.message)).toEqual(sent.file)
    server.order('media.cdn.whatsapp.net', status(302, { location: 'https://mmg.whatsapp.net/v' }))
    const error = await failure(clientOf(server, { clock: hurried() }).download(sent.message))
    expect(error).toMatchObject({ code: 'WATON_HTTP_REDIRECT' })
  })

  it('is the host of the endpoint, and then none of WhatsApp', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('own', 100))
    const message = withImage(sent, { url: 'https://mmg.whatsapp.net/v/1.enc' })
    server.usually(status(400))
    const error = await failure(clientOf(server, {}, 'localhost:9').download(message))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_REFUSED', details: { status: 400 } })
    expect(server.hosts).toEqual(['localhost:9'])
  })

  it('is the address in the message when the path leads nowhere', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('url', 100))
    const url = 'https://media-1.cdn.whatsapp.net/v/2.enc?oh=1'
    server.order(WHATSAPP, status(404)).order('media-1.cdn.whatsapp.net', bytes(sent.encrypted))
    expect(await clientOf(server).download(withImage(sent, { url }))).toEqual(sent.file)
    expect(server.asked.map(({ path }) => path)).toEqual([
      '/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01',
      '/v/2.enc?oh=1',
    ])
  })
})

describe('a message', () => {
  it('without a file is refused, and so is one that nothing opens', async () => {
    const server = await MediaServer.start()
    const client = clientOf(server)
    const sent = await uploaded(randomFile('none', 100))
    await expect(client.download({ ...sent.message, content: { text: 'hi' } })).rejects.toMatchObject({
      code: 'WATON_MEDIA_NONE',
    })
    for (const mediaKey of [undefined, '', 'AAAA']) {
      await expect(client.download(withImage(sent, { mediaKey }))).rejects.toMatchObject({
        code: 'WATON_MEDIA_NO_KEY',
      })
    }
    expect(server.asked).toEqual([])
  })

  it('that the log does not have is refused', async () => {
    const server = await MediaServer.start()
    await expect(
      clientOf(server).download({ id: 'X', chat: '15550000002@s.whatsapp.net' }),
    ).rejects.toMatchObject({ code: 'WATON_MEDIA_UNKNOWN_MESSAGE' })
  })
})

describe('a file that is too large', () => {
  it('is not asked for when the message says so', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('large', 1000))
    server.usually(bytes(sent.encrypted))
    const error = await failure(clientOf(server).download(sent.message, { maxBytes: 999 }))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_TOO_LARGE', details: { maxBytes: 999 } })
    expect(server.asked).toEqual([])
    expect(await clientOf(server).download(sent.message, { maxBytes: 1000 })).toEqual(sent.file)
  })

  it.each([
    ['announces it', bytes],
    ['only sends it', (all: Uint8Array) => truncated(all, all.length)],
  ])('is given up when the server %s and the message says nothing', async (_what, behaviour) => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('larger', 300_000))
    server.usually(behaviour(sent.encrypted))
    const message = withImage(sent, { sizeBytes: undefined })
    const error = await failure(clientOf(server).download(message, { maxBytes: 100_000 }))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_TOO_LARGE' })
    await until('the connection to be let go of', async () => (await server.connections()) === 0)
  })
})

describe('bytes that are not the file', () => {
  const kinds: readonly (readonly [string, (all: Uint8Array) => Uint8Array])[] = [
    ['with a bit turned in the first block', (all) => flipped(all, 3)],
    ['with a bit turned in the MAC', (all) => flipped(all, all.length - 1)],
    ['of another file', (all) => randomFile('another', all.length)],
    ['and more of them', (all) => Uint8Array.from([...all, ...all])],
  ]

  it.each(kinds)('%s are refused, and nothing is under the path', async (_what, change) => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('wrong', 1000))
    server.usually(wholeBytes(change(sent.encrypted)))
    const path = join(folder, 'a.jpg')
    const client = clientOf(server)
    const errors = [
      await failure(client.download(sent.message)),
      await failure(client.download(sent.message, { path })),
    ]
    for (const error of errors) expect(error).toMatchObject({ code: 'WATON_MEDIA_CORRUPT', retryable: false })
    expect(readdirSync(folder)).toEqual([])
  })

  it('are refused also where the message has no digest, by the MAC', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('bare', 1000))
    server.usually(wholeBytes(flipped(sent.encrypted, 500)))
    const message = withImage(sent, { sha256: undefined, encryptedSha256: undefined, sizeBytes: undefined })
    const error = await failure(clientOf(server).download(message))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_CORRUPT', details: { reason: 'WATON_MEDIA_MAC' } })
  })

  it('from one host are forgotten when another has the right ones', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('second', 200_000))
    const url = 'https://media-2.cdn.whatsapp.net/v/1.enc'
    server.order(WHATSAPP, bytes(flipped(sent.encrypted, 150_000)))
    server.order('media-2.cdn.whatsapp.net', bytes(sent.encrypted))
    const path = join(temporaryFolder(), 'b.jpg')
    const message = withImage(sent, { url })
    await clientOf(server).download(message, { path })
    expect(new Uint8Array(readFileSync(path))).toEqual(sent.file)
    expect(await clientOf(server).download(message)).toEqual(sent.file)
    expect(server.hosts).toEqual([WHATSAPP, 'media-2.cdn.whatsapp.net', WHATSAPP, 'media-2.cdn.whatsapp.net'])
  })
})

/** Time that does not have to be waited for: every pause is over at once. */
function hurried(): NonNullable<ClientOptions['clock']> {
  return {
    nowMs: () => Date.now(),
    schedule: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs < 15_000 ? Math.min(delayMs, 5) : delayMs)
      return {
        cancel: () => {
          clearTimeout(timer)
        },
      }
    },
  }
}

describe('a transfer that breaks', () => {
  it('goes on where it was, as often as it takes', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('reset', 3_000_000))
    server.order(
      WHATSAPP,
      cutAfter(sent.encrypted, 1_100_000),
      status(503),
      cutAfter(sent.encrypted, 1_200_000),
      reset(),
      bytes(sent.encrypted),
    )
    expect(await clientOf(server, { clock: hurried() }).download(sent.message)).toEqual(sent.file)
    const ranges = server.asked.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0] ?? 0))
    expect(ranges[0]).toBe(0)
    expect(ranges[1]).toBeGreaterThan(0)
    expect(ranges[3]).toBeGreaterThan(ranges[2] ?? 0)
    expect(ranges).toHaveLength(5)
  })

  it('begins anew where the server takes no notice of ranges', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('whole', 400_000))
    server.order(WHATSAPP, cutAfter(sent.encrypted, 100_000), wholeBytes(sent.encrypted))
    expect(await clientOf(server, { clock: hurried() }).download(sent.message)).toEqual(sent.file)
    expect(server.asked).toHaveLength(2)
  })

  it.each([
    ['tells of its length', {}],
    ['does not', { sizeBytes: undefined }],
  ])(
    'is not taken for a whole file when it ends in good order and the message %s',
    async (_what, changes) => {
      const server = await MediaServer.start()
      const sent = await uploaded(randomFile('cut', 100_000))
      server.order(
        WHATSAPP,
        truncated(sent.encrypted, 50_001),
        truncated(sent.encrypted, 10),
        bytes(sent.encrypted),
      )
      const client = clientOf(server, { clock: hurried() })
      expect(await client.download(withImage(sent, changes))).toEqual(sent.file)
    },
  )

  it('is given up after three failures in a row', async () => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('never', 100_000))
    server.usually(cutAfter(sent.encrypted, 1000))
    const path = join(folder, 'c.jpg')
    const error = await failure(clientOf(server, { clock: hurried() }).download(sent.message, { path }))
    expect(error).toMatchObject({ code: 'WATON_HTTP_FAILED', retryable: true })
    expect(server.asked).toHaveLength(3)
    expect(readdirSync(folder)).toEqual([])
  })

  it('is resumed when the server falls silent in the middle', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('silent', 100_000))
    server.order(WHATSAPP, silentAfter(sent.encrypted, 60_000), bytes(sent.encrypted))
    const clock = new VirtualClock()
    const received: number[] = []
    const download = clientOf(server, { clock }).download(sent.message, {
      onProgress: ({ receivedBytes }) => received.push(receivedBytes),
    })
    await until('60,000 bytes', () => received.at(-1) === 60_000)
    clock.advance(29_999)
    await new Promise(setImmediate)
    expect(server.asked).toHaveLength(1)
    await until('the next request', () => {
      clock.advance(1_000)
      return server.asked.length > 1
    })
    expect(await download).toEqual(sent.file)
    expect(server.asked[1]).toMatchObject({ range: 'bytes=60000-' })
  })

  it('waits as long as the server asks', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('after', 1000))
    server.order(WHATSAPP, status(429, { 'retry-after': '7' }), bytes(sent.encrypted))
    const delays: number[] = []
    const fast = hurried()
    const clock: typeof fast = {
      nowMs: () => fast.nowMs(),
      schedule: (delayMs, callback) => {
        delays.push(delayMs)
        return fast.schedule(delayMs, callback)
      },
    }
    expect(await clientOf(server, { clock }).download(sent.message)).toEqual(sent.file)
    expect(delays).toContain(7000)
  })
})

describe('a file that is gone from the servers', () => {
  it.each([403, 404, 410])('is told with what to do, without a connection (%d)', async (code) => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('gone', 100))
    server.usually(status(code))
    const error = await failure(clientOf(server).download(sent.message))
    expect(error).toMatchObject({ code: 'WATON_MEDIA_OFFLINE', retryable: true })
    expect(server.asked).toHaveLength(1)
  })
})

describe('giving up', () => {
  it.each(['before it begins', 'in the middle'])('%s ends in an error and leaves nothing', async (when) => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('abort', 100_000))
    server.usually(silentAfter(sent.encrypted, 60_000))
    const controller = new AbortController()
    if (when === 'before it begins') controller.abort()
    const error = await failure(
      clientOf(server).download(sent.message, {
        path: join(folder, 'd.jpg'),
        signal: controller.signal,
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes > 50_000) controller.abort()
        },
      }),
    )
    expect(error).toMatchObject({ code: 'WATON_MEDIA_ABORTED', cause: controller.signal.reason as unknown })
    expect(readdirSync(folder)).toEqual([])
    await until('the connection to be let go of', async () => (await server.connections()) === 0)
  })

  it('is what closing the client means', async () => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('close', 100_000))
    server.usually(silentAfter(sent.encrypted, 60_000))
    const client = clientOf(server)
    const error = await new Promise((resolve) => {
      const download = client.download(sent.message, {
        path: join(folder, 'e.jpg'),
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes > 50_000) void client.close().then(async () => failure(download).then(resolve))
        },
      })
      download.catch(() => undefined)
    })
    expect(error).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('is what an error of the caller’s own means', async () => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('own error', 1000))
    server.usually(bytes(sent.encrypted))
    const mine = new TypeError('mine')
    const onProgress = (): never => {
      throw mine
    }
    const path = join(folder, 'f.jpg')
    expect(await failure(clientOf(server).download(sent.message, { path, onProgress }))).toBe(mine)
    expect(readdirSync(folder)).toEqual([])
    expect(server.asked).toHaveLength(1)
  })
})

describe('a download to a file', () => {
  it('is refused before anything is asked where no file can be', async () => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const sent = await uploaded(randomFile('nowhere', 100))
    for (const path of [folder, join(folder, 'missing', 'a.jpg')]) {
      const error = await failure(clientOf(server).download(sent.message, { path }))
      expect(error).toMatchObject({ code: 'WATON_MEDIA_PATH' })
    }
    expect(server.asked).toEqual([])
  })

  it('replaces what is there only at its end', async () => {
    const server = await MediaServer.start()
    const folder = temporaryFolder()
    const path = join(folder, 'g.jpg')
    writeFileSync(path, 'before')
    const sent = await uploaded(randomFile('replace', 100_000))
    server.usually(bytes(sent.encrypted))
    const seen = new Set<string>()
    const progress: DownloadProgress[] = []
    await clientOf(server).download(sent.message, {
      path,
      onProgress: (now) => {
        progress.push(now)
        seen.add(readFileSync(path, 'latin1'))
      },
    })
    expect([...seen]).toEqual(['before'])
    expect(new Uint8Array(readFileSync(path))).toEqual(sent.file)
    expect(readdirSync(folder)).toEqual(['g.jpg'])
    const { length } = sent.encrypted
    expect(progress.at(-1)).toEqual({ receivedBytes: length, totalBytes: length })
  })
})

describe('many downloads', () => {
  it('take turns, and one that is given up while it waits takes none', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('turns', 1000))
    const held: (() => void)[] = []
    server.usually((response, request) => {
      held.push(() => {
        bytes(sent.encrypted)(response, request)
      })
    })
    const client = clientOf(server)
    const downloads = Array.from({ length: 20 }, () => client.download(sent.message))
    await until('as many as may be at a time', () => held.length === 16)
    const controller = new AbortController()
    const late = failure(client.download(sent.message, { signal: controller.signal }))
    await new Promise(setImmediate)
    controller.abort()
    expect(await late).toMatchObject({ code: 'WATON_MEDIA_ABORTED' })
    expect(held).toHaveLength(16)
    server.usually(bytes(sent.encrypted))
    for (const release of held) release()
    for (const file of await Promise.all(downloads)) expect(file).toEqual(sent.file)
    expect(server.asked).toHaveLength(20)
  })
})

describe('what is told', () => {
  it('holds neither the key nor the path of the file', async () => {
    const server = await MediaServer.start()
    const sent = await uploaded(randomFile('secret', 1000))
    const lines: Line[] = []
    const client = clientOf(server, { clock: hurried(), logger: keepingLogger(lines) })
    const told: unknown[] = []
    for (const behaviour of [
      status(404),
      status(500),
      bytes(flipped(sent.encrypted, 1)),
      cutAfter(sent.encrypted, 1),
    ]) {
      server.usually(behaviour)
      const error = await failure(client.download(sent.message))
      told.push(error, (error as Error).message, (error as { toJSON: () => unknown }).toJSON())
    }
    const text = JSON.stringify([told, lines])
    const { mediaKey } = sent.message.content.image as { readonly mediaKey: string }
    expect(text).not.toContain(mediaKey)
    expect(text).not.toContain('t62.7118')
    expect(text).toContain('WATON_MEDIA_CORRUPT')
  })
})
