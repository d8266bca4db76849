/**
 * A media server on loopback with every trouble that a test orders, and files that unmodified Baileys encrypted. Its
 * dispatcher leads every host name to it, so that tests speak of WhatsApp's hosts and nothing leaves this machine.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFile, rm } from 'node:fs/promises'
import { encryptedStream } from '@whiskeysockets/baileys'
import { Agent } from 'undici'
import { onTestFinished } from 'vitest'
import type { DownloadableMessage } from 'waton'
import { toBase64 } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'

/** What was asked. */
export interface Asked {
  readonly host: string
  readonly path: string
  readonly range?: string
}

/** Answers one request. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void

/** A file as a message has it, and as the servers have it. */
export interface UploadedFile {
  readonly file: Uint8Array
  readonly encrypted: Uint8Array
  readonly message: DownloadableMessage & { readonly content: { readonly image: object } }
}

/** Bytes that nobody else has: a seeded random piece again and again, with its number in front. */
export function randomFile(seed: string, lengthBytes: number): Uint8Array {
  const piece = seededRandom(seed).bytes(Math.min(lengthBytes, 1024))
  const file = new Uint8Array(lengthBytes)
  for (let at = 0; at < lengthBytes; at += piece.length) {
    file.set(piece.subarray(0, lengthBytes - at), at)
    file[at] = at >> 10
    file[at + 1] = at >> 18
  }
  return file
}

/** Has Baileys encrypt a picture, as it does before it uploads one. */
export async function uploaded(
  file: Uint8Array,
  {
    directPath = '/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01',
    id = 'PICTURE',
  }: { readonly directPath?: string; readonly id?: string } = {},
): Promise<UploadedFile> {
  const made = await encryptedStream(Buffer.from(file), 'image')
  const encrypted = new Uint8Array(await readFile(made.encFilePath))
  await rm(made.encFilePath)
  const image = {
    mimetype: 'image/jpeg',
    mediaKey: toBase64(made.mediaKey),
    sha256: toBase64(made.fileSha256),
    encryptedSha256: toBase64(made.fileEncSha256),
    sizeBytes: made.fileLength,
    directPath,
  }
  const sender = { jid: '15550000002@s.whatsapp.net', pn: '15550000002@s.whatsapp.net' }
  return { file, encrypted, message: { id, chat: sender.jid, sender, content: { image } } }
}

/** See the file comment. */
export class MediaServer {
  readonly #server: Server
  readonly dispatcher: Agent
  readonly asked: Asked[] = []
  readonly #plans = new Map<string, Behaviour[]>()
  #usual: Behaviour = status(404)

  private constructor(server: Server, port: number) {
    this.#server = server
    this.dispatcher = new Agent({
      // the names are resolved to here, and TLS is left out
      connect: (_options, callback) => {
        const socket = connect(port, '127.0.0.1')
        socket.once('error', (error) => {
          callback(error, null)
        })
        socket.once('connect', () => {
          callback(null, socket)
        })
      },
    })
  }

  /** Starts one; it is gone after the test. */
  static async start(): Promise<MediaServer> {
    const server = createServer((request, response) => {
      started.#answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const started: MediaServer = new MediaServer(server, (server.address() as AddressInfo).port)
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await started.dispatcher.destroy()
    })
    return started
  }

  /** Answers requests like this from now on, unless something else is ordered. */
  usually(behaviour: Behaviour): this {
    this.#usual = behaviour
    return this
  }

  /** Answers the next requests to a host with these, one after the other; the last one stays. */
  order(host: string, ...behaviours: readonly Behaviour[]): this {
    this.#plans.set(host, [...behaviours])
    return this
  }

  /** The hosts that were asked, in order. */
  get hosts(): readonly string[] {
    return this.asked.map(({ host }) => host)
  }

  /** Whether nobody is connected any more. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => {
        if (error === null) resolve(count)
        else reject(error)
      })
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { host = '', range } = request.headers
    this.asked.push({ host, path: request.url ?? '', ...(range === undefined ? {} : { range }) })
    const plan = this.#plans.get(host)
    const behaviour = plan === undefined ? this.#usual : plan.length > 1 ? plan.shift() : plan[0]
    ;(behaviour ?? this.#usual)(response, request)
  }
}

/** An empty answer. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return (response) => {
    response.writeHead(code, headers).end()
  }
}

/** The bytes, or the part of them that is asked for. */
export function bytes(all: Uint8Array): Behaviour {
  return (response, request) => {
    const first = /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]
    if (first === undefined) {
      response.writeHead(200, { 'content-length': all.length }).end(all)
      return
    }
    const from = Number(first)
    response
      .writeHead(206, {
        'content-length': all.length - from,
        'content-range': `bytes ${first}-${String(all.length - 1)}/${String(all.length)}`,
      })
      .end(all.subarray(from))
  }
}

/** The same without taking notice of ranges. */
export function wholeBytes(all: Uint8Array): Behaviour {
  return (response) => {
    response.writeHead(200, { 'content-length': all.length }).end(all)
  }
}

/** Promises the bytes, and closes the connection after so many of them. */
export function cutAfter(all: Uint8Array, count: number): Behaviour {
  return (response, request) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const part = all.subarray(from, from + count)
    const range = { 'content-range': `bytes ${String(from)}-${String(all.length - 1)}/${String(all.length)}` }
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': all.length - from,
      ...(from === 0 ? {} : range),
    })
    response.write(part, () => {
      response.socket?.destroy()
    })
  }
}

/** Breaks the connection; what was on its way is lost. */
export function reset(): Behaviour {
  return (response) => {
    response.socket?.resetAndDestroy()
  }
}

/** Ends after so many bytes as if that were all. */
export function truncated(all: Uint8Array, count: number): Behaviour {
  return (response) => {
    response.end(all.subarray(0, count))
  }
}

/** Sends so many bytes and then nothing, without an end. */
export function silentAfter(all: Uint8Array, count: number): Behaviour {
  return (response) => {
    response.writeHead(200, { 'content-length': all.length })
    response.write(all.subarray(0, count))
  }
}

/** A copy with one bit turned. */
export function flipped(all: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(all)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
