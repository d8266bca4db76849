/** The listening WebSocket server on loopback. It accepts connections and closes them; `connection.ts` does the rest. */
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { describeError, TransportError } from '../../base/errors.ts'
import type { Wire } from './wire.ts'

/** The path that WhatsApp's own server uses. */
const CHAT_PATH = '/ws/chat'
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024
const NORMAL_CLOSURE = 1000
const UNSUPPORTED_DATA = 1003

/** Where to listen. */
export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** See the file comment. Made by {@link listen}. */
export class SocketServer {
  readonly url: string
  readonly #server: WebSocketServer

  constructor(server: WebSocketServer, url: string) {
    this.#server = server
    this.url = url
  }

  /** Cuts every connection and stops listening. */
  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
  }
}

/**
 * Starts to listen.
 *
 * @param onWire - gets every new connection
 * @throws {TransportError} `WATON_SIMULATOR_LISTEN` when the port cannot be taken
 */
export async function listen(options: ListenOptions, onWire: (wire: Wire) => void): Promise<SocketServer> {
  const server = new WebSocketServer({
    host: options.host,
    port: options.port,
    path: CHAT_PATH,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  server.on('connection', (socket) => {
    onWire(wireOf(socket))
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `the simulator cannot listen on ${options.host}:${String(options.port)}: ${describeError(cause)}`
      reject(new TransportError('WATON_SIMULATOR_LISTEN', message, { cause }))
    })
    server.once('listening', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : options.port)
    })
  })
  return new SocketServer(server, `ws://${options.host}:${String(port)}${CHAT_PATH}`)
}

/** A WebSocket as the server's end of a connection. A text message is against the protocol and ends it. */
function wireOf(socket: WebSocket): Wire {
  const wire: Wire = {
    send: (bytes) => {
      socket.send(bytes)
    },
    end: () => {
      socket.close(NORMAL_CLOSURE)
    },
    cut: () => {
      socket.terminate()
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    onData: undefined,
    onClose: undefined,
  }
  socket.on('message', (data, isBinary) => {
    if (isBinary && data instanceof Uint8Array) wire.onData?.(data)
    else socket.close(UNSUPPORTED_DATA)
  })
  socket.on('close', () => {
    wire.onClose?.()
  })
  // A failing socket also closes, which is where it is noticed.
  socket.on('error', () => undefined)
  return wire
}
