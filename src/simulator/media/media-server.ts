/**
 * The HTTPS server that clients bring files to and fetch them from. It listens when the simulator starts; its key and
 * certificate are made when somebody asks for them or connects. What it keeps is in `media-store.ts`, what goes wrong on
 * purpose in `media-faults.ts`.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/messages-media.js` getWAUploadToServer, downloadEncryptedContent; whatsapp-rust
 *   `src/upload.rs` (`resume`, `file_offset`)
 */
import { createServer as createTlsServer } from 'node:https'
import type { Server as TlsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { describeError, TransportError } from '../../base/errors.ts'
import { systemRandom } from '../../base/random.ts'
import { createServerIdentity } from './certificate.ts'
import type { ServerIdentity } from './certificate.ts'
import { answerDownload } from './download.ts'
import type { MediaServices } from './request.ts'
import { refuse } from './response.ts'
import { answerUpload } from './upload.ts'

const SERIAL_BYTES = 16
const MAX_CONNECTIONS = 500

/** See the file comment. */
export class MediaServer {
  readonly #services: MediaServices
  readonly #sockets = new Set<Socket>()
  #listener: Server | undefined
  #tls: TlsServer | undefined
  #identity: ServerIdentity | undefined

  constructor(services: MediaServices) {
    this.#services = services
  }

  /** What clients must trust, PEM. */
  get certificate(): string {
    return this.#ensureIdentity().certificate
  }

  /**
   * Starts to listen on a free port.
   *
   * @throws {TransportError} `WATON_SIMULATOR_LISTEN` when there is none
   */
  async listen(host: string): Promise<void> {
    const listener = createServer((socket) => {
      this.#accept(socket)
    })
    listener.maxConnections = MAX_CONNECTIONS
    this.#listener = listener
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (cause) => {
        const message = `the simulator cannot listen for media on ${host}: ${describeError(cause)}`
        reject(new TransportError('WATON_SIMULATOR_LISTEN', message, { cause }))
      })
      listener.listen(0, host, resolve)
    })
    const address = listener.address()
    if (typeof address === 'object' && address !== null) {
      this.#services.store.host = `localhost:${String(address.port)}`
    }
  }

  /** Cuts every connection and stops listening. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const listener = this.#listener
    if (listener === undefined) return
    await new Promise<void>((resolve) => {
      listener.close(() => {
        resolve()
      })
    })
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
    })
    // A failing socket also closes, which is where it is noticed.
    socket.on('error', () => undefined)
    this.#ensureTls().emit('connection', socket)
  }

  #ensureTls(): TlsServer {
    if (this.#tls !== undefined) return this.#tls
    const { certificate, privateKey } = this.#ensureIdentity()
    const server = createTlsServer({ cert: certificate, key: privateKey }, (request, response) => {
      this.#answer(request, response)
    })
    server.on('tlsClientError', (error) => {
      this.#services.trace.note('refusal', `a connection for media is not secured: ${describeError(error)}`)
    })
    this.#tls = server
    return server
  }

  #ensureIdentity(): ServerIdentity {
    // Keys come from the machine's own generator as well: a seed would not make a certificate the same.
    this.#identity ??= createServerIdentity(systemRandom.bytes(SERIAL_BYTES))
    return this.#identity
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const asked = { ...this.#services, request, response, path, query: new URLSearchParams(query) }
    // A connection that breaks while it is written to also closes.
    response.on('error', () => undefined)
    request.on('error', () => undefined)
    if (request.method === 'POST') answerUpload(asked)
    else if (request.method === 'GET') answerDownload(asked)
    else refuse(asked, 405, 'only GET and POST are understood')
  }
}
