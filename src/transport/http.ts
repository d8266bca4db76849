/**
 * Requests over HTTPS, for media: bodies are streams in both directions, every wait has a bound, and no request leaves the
 * hosts that its caller allows, redirects included. The protocol itself is that of `undici`, loaded with the first request.
 * Which host to ask, how often, and what an answer means are decided above.
 */
import { EventEmitter } from 'node:events'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { buildConnector, Dispatcher } from 'undici'
import { concatBytes } from '../base/bytes.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { ClosedError, isWatonError, TimeoutError, TransportError } from '../base/errors.ts'
import type { WatonError } from '../base/errors.ts'
import { proxyError, proxyRoute } from './proxy.ts'

/** What the servers expect of a browser. */
const ORIGIN = 'https://web.whatsapp.com'

/** Answers that send to another address. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 3

/** What is read of an answer that nobody wants, so that its connection can be used again. */
const MAX_DUMPED_BYTES = 64 * 1024

/** What all requests of one client have in common. */
export interface HttpSettings {
  readonly clock: Clock
  /** How long a connection, and then the head of an answer, may take. */
  readonly connectTimeoutMs: number
  /** The longest silence within a body. There is no limit for the whole: a large file on a slow line is fine. */
  readonly idleTimeoutMs: number
  /** Makes the connections instead of this file: `certificate` and `proxy` are its business then. */
  readonly dispatcher?: Dispatcher | undefined
  /** A certificate, as PEM, that is trusted besides those that Node trusts. */
  readonly certificate?: string | undefined
  /** The proxy to go through, as in `webSocketConnector`. */
  readonly proxy?: string | undefined
}

/** One request. */
export interface HttpRequest {
  readonly url: URL
  /** Whether an address may be asked at all; redirects are held to it too. */
  readonly isAllowed: (url: URL) => boolean
  /** @default 'GET' */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** What is sent; a stream needs a `content-length` header. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
}

/** An answer whose head is there. Its body is read once, or discarded. */
export interface HttpResponse {
  readonly status: number
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** The body as it comes; leaving the loop early ends the request. @throws as {@link HttpClient.request} */
  readonly chunks: () => AsyncGenerator<Uint8Array, void, undefined>
  /** The whole of a small body. @throws {TransportError} `WATON_HTTP_TOO_LARGE` */
  readonly bytes: (maxBytes: number) => Promise<Uint8Array>
  /** Lets go of a body that nobody wants. */
  readonly discard: () => void
}

/** See the file comment. */
export class HttpClient {
  readonly #settings: HttpSettings
  #dispatcher: Promise<Dispatcher> | undefined

  constructor(settings: HttpSettings) {
    this.#settings = settings
  }

  /**
   * Asks, and resolves with the head of the answer, whatever its status.
   *
   * @throws {TransportError} `WATON_HTTP_FAILED`, `WATON_HTTP_REDIRECT`, `WATON_HTTP_HOST`, `WATON_TRANSPORT_PROXY`
   * @throws {TimeoutError} `WATON_HTTP_TIMEOUT`
   * @throws {ClosedError} `WATON_HTTP_ABORTED` when `signal` was aborted
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let { url } = request
    for (let redirects = 0; ; redirects += 1) {
      if (url.protocol !== 'https:' || !request.isAllowed(url)) throw notAllowed(url, redirects)
      const response = await this.#exchange({ ...request, url })
      if (!REDIRECTS.has(response.status)) return response
      response.discard()
      const target = response.header('location')
      const isRepeatable = request.body === undefined && redirects < MAX_REDIRECTS
      if (target === undefined || !isRepeatable || !URL.canParse(target, url.href)) throw badRedirect(url)
      url = new URL(target, url.href)
    }
  }

  /** Closes the connections, also those in use. A dispatcher that was given stays open. */
  async close(): Promise<void> {
    const dispatcher = await this.#dispatcher?.catch(() => undefined)
    if (this.#settings.dispatcher === undefined) await dispatcher?.destroy()
  }

  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const { clock, connectTimeoutMs, idleTimeoutMs } = this.#settings
    const watch = new Watch(clock, request.url.host, request.signal)
    try {
      watch.expect(connectTimeoutMs)
      const { request: exchange } = await import('undici')
      this.#dispatcher ??= makeDispatcher(this.#settings)
      const body = bodyOf(request.body, () => {
        watch.expect(idleTimeoutMs)
      })
      watch.check()
      const answer = await exchange(request.url, {
        dispatcher: await this.#dispatcher,
        method: request.method ?? 'GET',
        headers: { origin: ORIGIN, 'accept-encoding': 'identity', ...request.headers },
        ...(body === undefined ? {} : { body }),
        signal: watch.signal,
        // the watch does it, by the clock of the client; this is for what is read on without it
        headersTimeout: 0,
        bodyTimeout: 2 * idleTimeoutMs,
      })
      watch.rest()
      return responseOf(answer, watch, idleTimeoutMs)
    } catch (error) {
      watch.end()
      throw watch.told(error)
    }
  }
}

/** The bounds of one exchange: its caller may give it up, and no step takes for ever. */
class Watch {
  readonly #clock: Clock
  readonly #host: string
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  readonly #giveUp: () => void
  #timer: Timer | undefined

  constructor(clock: Clock, host: string, caller: AbortSignal | undefined) {
    this.#clock = clock
    this.#host = host
    this.#caller = caller
    this.#giveUp = () => {
      this.#controller.abort(aborted(caller))
    }
    if (caller?.aborted === true) this.#giveUp()
    else caller?.addEventListener('abort', this.#giveUp, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** @throws why it was given up */
  check(): void {
    this.#controller.signal.throwIfAborted()
  }

  /** Something has to happen within this time. */
  expect(timeoutMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.schedule(timeoutMs, () => {
      this.#controller.abort(timedOut(this.#host, timeoutMs))
    })
  }

  /** It has happened. */
  rest(): void {
    this.#timer?.cancel()
  }

  /** The exchange is over. */
  end(): void {
    this.rest()
    this.#caller?.removeEventListener('abort', this.#giveUp)
  }

  /** What an error of the exchange is told as: why it was given up comes before what that led to. */
  told(error: unknown): WatonError {
    const { signal } = this.#controller
    const cause: unknown = signal.aborted ? signal.reason : error
    return isWatonError(cause) ? cause : failed(this.#host, cause)
  }
}

/** Says when a part of the body is taken: whoever sends slowly is not silent. */
function bodyOf(body: HttpRequest['body'], onTaken: () => void): Uint8Array | Readable | undefined {
  if (body === undefined || body instanceof Uint8Array) return body
  const parts = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const part of body) {
      onTaken()
      yield part
    }
    onTaken()
  }
  return Readable.from(parts(), { objectMode: false })
}

function responseOf(answer: Dispatcher.ResponseData, watch: Watch, idleTimeoutMs: number): HttpResponse {
  const { body, headers, statusCode: status } = answer
  // a body that is let go of ends with an error, for which nobody may wait
  body.on('error', () => undefined)
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const parts = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, void>
      for (;;) {
        watch.expect(idleTimeoutMs)
        const { done, value } = await parts.next()
        // a reader that takes its time is nobody's silence
        watch.rest()
        if (done === true) return
        yield value
      }
    } catch (error) {
      throw watch.told(error)
    } finally {
      watch.end()
      body.destroy()
    }
  }
  return {
    status,
    header,
    chunks,
    bytes: (maxBytes) => allOf(chunks(), maxBytes),
    discard: () => {
      watch.end()
      body.dump({ limit: MAX_DUMPED_BYTES }).catch(() => undefined)
    },
  }
}

async function allOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of chunks) {
    length += part.length
    if (length > maxBytes) {
      throw new TransportError(
        'WATON_HTTP_TOO_LARGE',
        'an answer was larger than it may be; it was given up',
        {
          details: { maxBytes },
        },
      )
    }
    parts.push(part)
  }
  return concatBytes(...parts)
}

async function makeDispatcher(settings: HttpSettings): Promise<Dispatcher> {
  if (settings.dispatcher !== undefined) return settings.dispatcher
  const { Agent } = await import('undici')
  const { createSecureContext, rootCertificates } = await import('node:tls')
  const { certificate, proxy, connectTimeoutMs: timeout } = settings
  const secureContext =
    certificate === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, certificate] })
  if (proxy !== undefined) return new Agent({ connect: throughProxy(proxy, timeout, secureContext) })
  return new Agent({ connect: { timeout, ...(secureContext === undefined ? {} : { secureContext }) } })
}

/** What the agents of the proxy packages do for Node's own HTTP client, and their published types hide. */
interface Tunnelling {
  connect(request: ClientRequest, options: object): Promise<Socket>
}

/** The way of the WebSocket: the same packages, and the same care for credentials. */
function throughProxy(
  proxy: string,
  timeoutMs: number,
  secureContext: SecureContext | undefined,
): buildConnector.connector {
  const connect = async ({ hostname, host, port }: buildConnector.Options): Promise<Socket> => {
    const route = await proxyRoute(proxy, timeoutMs)
    try {
      const socket = await (route.agent as unknown as Tunnelling).connect(
        new EventEmitter() as unknown as ClientRequest,
        {
          host: hostname,
          port: Number(port === '' ? 443 : port),
          servername: hostname,
          secureEndpoint: true,
          ALPNProtocols: ['http/1.1'],
          ...(secureContext === undefined ? {} : { secureContext }),
        },
      )
      if (!route.isThrough) {
        socket.destroy()
        throw proxyError(route, host ?? hostname)
      }
      return await secured(socket)
    } catch (error) {
      route.cancel()
      throw isWatonError(error) || route.isThrough ? error : proxyError(route, host ?? hostname, error)
    }
  }
  return (options, callback) => {
    connect(options).then(
      (socket) => {
        callback(null, socket)
      },
      (error: unknown) => {
        callback(error as Error, null)
      },
    )
  }
}

/** Waits until the encryption that was begun on a socket stands. */
function secured(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function notAllowed({ host }: URL, redirects: number): TransportError {
  if (redirects > 0) {
    return new TransportError(
      'WATON_HTTP_REDIRECT',
      'a media server sent elsewhere, to a host that is none of its own; nothing was asked there',
    )
  }
  return new TransportError(
    'WATON_HTTP_HOST',
    'only media servers of the account are asked for media, over https; nothing was asked elsewhere',
    { details: { host } },
  )
}

function badRedirect({ host }: URL): TransportError {
  return new TransportError(
    'WATON_HTTP_REDIRECT',
    'a media server sent elsewhere, but not to an address that can be asked; try again later',
    { details: { host }, retryable: true },
  )
}

function timedOut(host: string, timeoutMs: number): TimeoutError {
  return new TimeoutError(
    'WATON_HTTP_TIMEOUT',
    `${host} was silent for ${String(timeoutMs)} ms; look at the network, or try again`,
    { details: { host, timeoutMs } },
  )
}

function aborted(caller: AbortSignal | undefined): ClosedError {
  return new ClosedError(
    'WATON_HTTP_ABORTED',
    'the request was given up by its caller; make it again if it is wanted',
    {
      cause: caller?.reason,
    },
  )
}

/** What certificates and their checks are told by; another attempt ends the same way. */
const OF_CERTIFICATES = /CERT|^ERR_(TLS|SSL)|SELF_SIGNED|UNABLE_TO/

/** The message of the failure underneath is not repeated: it may hold an address with a token. */
function failed(host: string, cause: unknown): TransportError {
  const code = systemCode(cause)
  const isUntrusted = code !== undefined && OF_CERTIFICATES.test(code)
  return new TransportError(
    'WATON_HTTP_FAILED',
    `the connection to ${host} failed${code === undefined ? '' : ` (${code})`}; ${isUntrusted ? 'its certificate is not trusted: see endpoint.mediaCertificate' : 'look at the network, or try again'}`,
    { details: { host, reason: code }, cause, retryable: !isUntrusted },
  )
}

function systemCode(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : undefined
}
