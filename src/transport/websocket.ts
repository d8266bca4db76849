/**
 * Connections over the `ws` package, which is loaded with the first one. This file owns everything that can go wrong
 * with a socket: deadlines, refusals, aborts, peers that stop answering, and ends that never come. It knows nothing of
 * frames or the protocol. Only a real network needs it: the simulator's in-memory endpoint takes its place in tests.
 */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { ClientOptions, WebSocket } from 'ws'
import type { Clock, Timer } from '../base/clock.ts'
import {
  ClosedError,
  describeError,
  TimeoutError,
  TransportError,
  UsageError,
  type WatonError,
} from '../base/errors.ts'
import type { ByteSocket, CloseReason, ConnectOptions, ConnectSocket } from './byte-socket.ts'
import { checkProxy, proxyError, proxyRoute, type ProxyRoute } from './proxy.ts'
import { SocketInbox } from './socket-inbox.ts'

/** What the server expects of a browser; other origins are refused. */
const ORIGIN = 'https://web.whatsapp.com'
/** Longest WebSocket message that is accepted; one frame is 16 MiB at most and messages normally hold one. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024
/** How long a closing handshake that we began may take before the connection is torn down. */
const CLOSE_GRACE_MS = 2000
/** The same for one that the server began, of which `ws` tells nothing before it ends. */
const PEER_CLOSE_GRACE_MS = 10_000
const NORMAL_CLOSURE = 1000
/** Values of `ws.readyState`. */
const OPEN = 1
const CLOSED = 3

/** What connections of one connector have in common. */
export interface WebSocketSettings {
  /** Makes the TCP connections: an `http.Agent` or `https.Agent`, for example one that goes through a proxy. @default Node's own */
  readonly agent?: Agent | undefined
  /**
   * The proxy to go through: `http://user:password@host:port` (CONNECT; `https://` where the proxy itself speaks TLS) or
   * `socks5://user:password@host:port` (`socks5h://` has the proxy look names up). It needs the package
   * `https-proxy-agent` or `socks-proxy-agent`. Not together with an agent. @default none
   */
  readonly proxy?: string | undefined
}

/**
 * Makes a `ConnectSocket` with its own settings.
 *
 * @example
 * const connect = webSocketConnector({ proxy: 'http://proxy.example:3128' })
 */
export function webSocketConnector(settings: WebSocketSettings = {}): ConnectSocket {
  return async (options) => {
    checkUrl(options.url)
    checkWay(settings)
    refuseAborted(options.signal)
    const startedAtMs = options.clock.nowMs()
    const leftMs = (): number => options.timeoutMs - (options.clock.nowMs() - startedAtMs)
    const { WebSocket } = await import('ws')
    const route = settings.proxy === undefined ? undefined : await proxyRoute(settings.proxy, leftMs())
    // The imports cannot be given up, so what happened during them is looked at afterwards.
    refuseAborted(options.signal)
    const remainingMs = leftMs()
    if (remainingMs <= 0) throw timeoutError(options)
    const agent = route?.agent ?? settings.agent
    return opened(
      new WebSocket(options.url, clientOptions(options, agent)),
      { ...options, route },
      remainingMs,
    )
  }
}

/** Opens a WebSocket connection with Node's own network settings. See `ConnectSocket` for what it rejects with. */
export const connectWebSocket: ConnectSocket = webSocketConnector()

/** The published types lack `closeTimeout`. */
function clientOptions(
  options: ConnectOptions,
  agent: Agent | undefined,
): ClientOptions & { closeTimeout: number } {
  return {
    headers: { Origin: ORIGIN, ...options.headers },
    ...(agent === undefined ? {} : { agent }),
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    followRedirects: false,
    closeTimeout: PEER_CLOSE_GRACE_MS,
  }
}

type Attempt = ConnectOptions & { readonly route: ProxyRoute | undefined }

/** Waits for the upgrade; whatever ends the wait removes every listener and timer that it put up. */
function opened(socket: WebSocket, options: Attempt, remainingMs: number): Promise<ByteSocket> {
  return new Promise((resolve, reject) => {
    const stopWaiting = (): void => {
      timer.cancel()
      options.signal.removeEventListener('abort', onAbort)
      socket.off('open', onOpen).off('error', onError).off('unexpected-response', onRefused)
    }
    const giveUp = (error: WatonError): void => {
      stopWaiting()
      discard(socket)
      options.route?.cancel()
      reject(error)
    }
    const onOpen = (): void => {
      stopWaiting()
      resolve(new WebSocketByteSocket(socket, options.clock))
    }
    const onError = (error: Error): void => {
      giveUp(connectError(options, error))
    }
    const onRefused = (request: ClientRequest, response: IncomingMessage): void => {
      request.destroy()
      giveUp(refusedError(options, response.statusCode ?? 0))
    }
    const onAbort = (): void => {
      giveUp(abortedError())
    }
    const timer = options.clock.schedule(remainingMs, () => {
      giveUp(timeoutError(options))
    })
    options.signal.addEventListener('abort', onAbort, { once: true })
    socket.on('open', onOpen).on('error', onError).on('unexpected-response', onRefused)
  })
}

/** Tears down a socket nobody waits for any more. `ws` reports that as an error, which must find a listener. */
function discard(socket: WebSocket): void {
  socket.on('error', ignore)
  socket.terminate()
}

/** An open WebSocket as a `ByteSocket`. */
class WebSocketByteSocket implements ByteSocket {
  readonly #socket: WebSocket
  readonly #clock: Clock
  readonly #inbox: SocketInbox
  #graceTimer: Timer | undefined
  #error: unknown

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    this.#inbox = new SocketInbox((error) => {
      this.#error ??= error
      this.close()
    })
    socket.binaryType = 'nodebuffer'
    socket.on('message', this.#onMessage).on('error', this.#onError).on('close', this.#onClosed)
  }

  get onData(): ByteSocket['onData'] {
    return this.#inbox.onData
  }

  set onData(listener: ByteSocket['onData']) {
    this.#inbox.onData = listener
  }

  get onClose(): ByteSocket['onClose'] {
    return this.#inbox.onClose
  }

  set onClose(listener: ByteSocket['onClose']) {
    this.#inbox.onClose = listener
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.readyState !== OPEN) {
      throw new ClosedError(
        'WATON_TRANSPORT_CLOSED',
        'the connection is closed, so nothing can be sent on it; send again on the next connection',
        { retryable: true },
      )
    }
    this.#socket.send(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#inbox.shut()
    if (this.#graceTimer !== undefined || this.#socket.readyState === CLOSED) return
    this.#graceTimer = this.#clock.schedule(CLOSE_GRACE_MS, () => {
      this.#socket.terminate()
    })
    // A paused socket would never read the peer's half of the closing handshake.
    this.#socket.resume()
    this.#socket.close(NORMAL_CLOSURE)
  }

  readonly #onMessage = (data: unknown, isBinary: boolean): void => {
    if (isBinary && data instanceof Uint8Array) {
      this.#inbox.deliverData(data)
      return
    }
    this.#error ??= new TransportError(
      'WATON_TRANSPORT_MESSAGE',
      'the server sent text where only binary messages are allowed, so the connection was closed; check that the address is that of a WhatsApp endpoint',
    )
    this.close()
  }

  readonly #onError = (cause: Error): void => {
    this.#error ??= new TransportError(
      'WATON_TRANSPORT_BROKEN',
      `the connection broke: ${describeError(cause)}; reconnect`,
      {
        cause,
        retryable: true,
      },
    )
  }

  readonly #onClosed = (code: number): void => {
    this.#graceTimer?.cancel()
    // `error` keeps its listener: a late one from the dying socket must not become an uncaught exception.
    this.#socket.off('message', this.#onMessage).off('close', this.#onClosed)
    const reason: CloseReason = this.#error === undefined ? { code } : { code, error: this.#error }
    this.#inbox.deliverClose(reason)
  }
}

function ignore(): void {
  // the attempt has been reported already
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError()
}

function checkUrl(url: string): void {
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return
  throw new UsageError(
    'WATON_TRANSPORT_URL',
    'the address to connect to is not a ws:// or wss:// URL; check the endpoint of the client',
  )
}

function checkWay({ agent, proxy }: WebSocketSettings): void {
  if (proxy === undefined) return
  checkProxy(proxy)
  if (agent === undefined) return
  throw new UsageError(
    'WATON_TRANSPORT_PROXY_AGENT',
    'an agent and a proxy were given, and only one of them can make the connections; leave one out',
  )
}

/** The host alone: a query may carry routing info and a user part credentials. */
function hostOf(options: ConnectOptions): string {
  return new URL(options.url).host
}

function abortedError(): ClosedError {
  return new ClosedError(
    'WATON_TRANSPORT_ABORTED',
    'connecting was given up because its signal was aborted',
    { action: 'discard' },
  )
}

function timeoutError(options: ConnectOptions): TimeoutError {
  return new TimeoutError(
    'WATON_TRANSPORT_TIMEOUT',
    `${hostOf(options)} did not open a connection within ${options.timeoutMs.toString()} ms; check the network and try again`,
    { details: { host: hostOf(options), timeoutMs: options.timeoutMs }, retryable: true },
  )
}

function connectError(options: Attempt, cause: Error): TransportError {
  const host = hostOf(options)
  if (options.route?.isThrough === false) return proxyError(options.route, host, cause)
  return new TransportError(
    'WATON_TRANSPORT_CONNECT',
    `could not connect to ${host}: ${describeError(cause)}; check the network and try again`,
    {
      details: { host, reason: systemCode(cause) },
      cause,
      retryable: true,
    },
  )
}

function refusedError(options: Attempt, status: number): TransportError {
  const host = hostOf(options)
  if (options.route?.isThrough === false) return proxyError(options.route, host)
  return new TransportError(
    'WATON_TRANSPORT_CONNECT',
    `${host} refused the connection with HTTP status ${status.toString()}; try again later, or check the address and a proxy in between`,
    { details: { host, status }, retryable: status === 408 || status === 429 || status >= 500 },
  )
}

/** `ECONNREFUSED` and the like. */
function systemCode(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
