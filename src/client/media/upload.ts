/**
 * Uploading a file: encrypted while it is read, to the hosts that the chat server names, in their order. A host that
 * fails in passing is asked again after a pause, one that fails for good is left for the next, and a refused token is
 * renewed once. Nothing is written to the store before the file is on a server.
 */
import { toBase64, utf8Text } from '../../base/bytes.ts'
import { type Clock, sleep } from '../../base/clock.ts'
import { ClosedError, TimeoutError, TransportError, UsageError } from '../../base/errors.ts'
import type { ErrorAction, WatonError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { type RandomSource, randomInteger } from '../../base/random.ts'
import { mediaType } from '../../protocol/media/index.ts'
import type { OutgoingFile, UploadedFile } from '../../protocol/message/kinds/index.ts'
import type { HttpClient, HttpResponse } from '../../transport/http.ts'
import type { MediaConnection, MediaHost, MediaHosts } from './hosts.ts'
import { Places } from './places.ts'
import { type EncryptedSource, encryptedSource } from './upload-source.ts'

/** Brings a file to the media servers. */
export type UploadFile = (file: OutgoingFile) => Promise<UploadedFile>

/** What {@link Uploads} works with. */
export interface UploadsOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly http: Pick<HttpClient, 'request'>
  readonly hosts: Pick<MediaHosts, 'current' | 'refreshed'>
}

/** Uploads at the same time; others wait for their turn. */
const MAX_UPLOADS = 4

/** Attempts at one host before the next is asked. */
const MAX_ATTEMPTS = 3

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 8_000
/** The longest pause that a server may ask for. */
const LONGEST_ASKED_MS = 30_000

/** Bytes of an answer, which is a small JSON object. */
const MAX_ANSWER_BYTES = 64 * 1024
/** Characters of an answer that an error repeats. */
const MAX_TOLD = 300

/** Statuses that say that the token is not good any more. */
const UNAUTHORIZED: ReadonlySet<number> = new Set([401, 403])
/** Statuses besides those of 500 and above after which the same request may succeed. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])
const TOO_LARGE = 413

/** Where a file is after an upload. */
interface Place {
  readonly url: string
  readonly directPath: string
}

/** What came of asking a host. */
type Answer =
  | { readonly state: 'done'; readonly place: Place }
  | {
      readonly state: 'unauthorized' | 'passing' | 'refused'
      readonly error: WatonError
      /** The pause that the host asks for. */
      readonly pauseMs?: number
    }

/** See the file comment. */
export class Uploads {
  readonly #options: UploadsOptions
  readonly #places = new Places(MAX_UPLOADS)
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: UploadsOptions) {
    this.#options = options
  }

  /**
   * Uploads a file.
   *
   * @throws {UsageError} `WATON_MEDIA_SOURCE` when the file cannot be read, `WATON_MEDIA_CHANGED` when it changed meanwhile,
   *   `WATON_MEDIA_SIZE` when no host takes so much
   * @throws {TransportError} `WATON_MEDIA_UPLOAD` when no host took it, with what the last one said; `WATON_HTTP_...`
   * @throws {TimeoutError} `WATON_HTTP_TIMEOUT`
   * @throws {ClosedError} `WATON_NOT_CONNECTED` when the hosts are not known and there is no connection to ask for them
   * @throws {QueryError} when the chat server names no hosts; the next upload asks again
   */
  readonly upload: UploadFile = async (file) => {
    const running = this.#run(file)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Gives up what runs. */
  async close(): Promise<void> {
    this.#closing.abort(closed())
    await Promise.allSettled(this.#running)
  }

  async #run(file: OutgoingFile): Promise<UploadedFile> {
    const { signal } = this.#closing
    try {
      const leave = await this.#places.enter(signal)
      try {
        return await this.#whole(file, signal)
      } finally {
        leave()
      }
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }

  async #whole(file: OutgoingFile, signal: AbortSignal): Promise<UploadedFile> {
    const { clock, random, hosts } = this.#options
    // before a long file is read for nothing
    const media = await hosts.current()
    const mediaKeyAtMs = clock.nowMs()
    const source = await encryptedSource(file, random, signal)
    try {
      const place = await this.#anywhere(source, mediaType(file.kind), media)
      const { sha256, encSha256, lengthBytes, sidecar } = source.facts
      const known = { ...place, mediaKey: source.mediaKey, mediaKeyAtMs, sha256, encSha256, lengthBytes }
      return sidecar === undefined ? known : { ...known, sidecar }
    } finally {
      await source.discard()
    }
  }

  /** Asks host after host; once more with a new token when the first is refused. */
  async #anywhere(source: EncryptedSource, type: string, first: MediaConnection): Promise<Place> {
    const answer = await this.#hostAfterHost(source, type, first)
    if (answer.state === 'done') return answer.place
    if (answer.state !== 'unauthorized') throw answer.error
    const again = await this.#hostAfterHost(source, type, await this.#options.hosts.refreshed(first))
    if (again.state === 'done') return again.place
    throw again.error
  }

  /** Where the file is, a refused token, or what the last host said. */
  async #hostAfterHost(source: EncryptedSource, type: string, media: MediaConnection): Promise<Answer> {
    let answer: Answer = { state: 'refused', error: noHosts() }
    for (const host of media.hosts) {
      answer = await this.#at(host, source, uploadUrl(host, source, type, media.auth))
      if (answer.state === 'done' || answer.state === 'unauthorized') return answer
      const { code, details } = answer.error
      this.#options.logger.warn({ host: host.hostname, code, status: details.status }, 'a host took no file')
    }
    return answer
  }

  /** Asks one host until it takes the file, or says that it will not. */
  async #at(host: MediaHost, source: EncryptedSource, url: URL): Promise<Answer> {
    const most = host.maxContentLengthBytes ?? Infinity
    if (source.facts.encryptedBytes > most) return { state: 'refused', error: tooLarge(host) }
    for (let attempts = 1; ; attempts += 1) {
      const answer = await this.#attempt(url, source)
      if (answer.state !== 'passing' || attempts >= MAX_ATTEMPTS) return answer
      await this.#pause(attempts, answer.pauseMs)
    }
  }

  async #attempt(url: URL, source: EncryptedSource): Promise<Answer> {
    try {
      const response = await this.#options.http.request({
        url,
        isAllowed: ({ host }) => host === url.host,
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(source.facts.encryptedBytes),
        },
        body: source.chunks(),
        signal: this.#closing.signal,
      })
      return await answerOf(url, response)
    } catch (error) {
      // a request whose body ends in an error is told as a failure of the connection
      source.check()
      if (!(error instanceof TransportError || error instanceof TimeoutError)) throw error
      return { state: error.retryable ? 'passing' : 'refused', error }
    }
  }

  async #pause(attempts: number, askedMs: number = 0): Promise<void> {
    const { clock, random } = this.#options
    const backoffMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS)
    const spread = 0.75 + randomInteger(random, 500) / 1000
    await sleep(clock, Math.max(askedMs, backoffMs * spread), this.#closing.signal)
  }
}

/**
 * Where a file goes: its name is its hash, which is also its token.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` getWAUploadToServer
 */
function uploadUrl(host: MediaHost, { facts }: EncryptedSource, type: string, auth: string): URL {
  const name = base64Url(facts.encSha256)
  const url = new URL(`https://${host.hostname}/mms/${type}/${name}`)
  url.searchParams.set('auth', auth)
  url.searchParams.set('token', name)
  return url
}

function base64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

async function answerOf(url: URL, response: HttpResponse): Promise<Answer> {
  const { status } = response
  const said = utf8Text(await response.bytes(MAX_ANSWER_BYTES))
  const place = status >= 200 && status < 300 ? placeIn(said) : undefined
  if (place !== undefined) return { state: 'done', place }
  const isUnauthorized = UNAUTHORIZED.has(status)
  const isPassing = status >= 500 || PASSING.has(status) || isUnauthorized
  const error = refusal(url, status, { said, isPassing })
  if (isUnauthorized) return { state: 'unauthorized', error }
  const askedSeconds = Number(response.header('retry-after') ?? 0)
  const pauseMs = askedSeconds > 0 ? Math.min(askedSeconds * 1000, LONGEST_ASKED_MS) : 0
  return { state: isPassing ? 'passing' : 'refused', error, pauseMs }
}

/** The place in an answer; `undefined` when it has none. */
function placeIn(said: string): Place | undefined {
  try {
    const { url, direct_path: directPath } = JSON.parse(said) as Readonly<Record<string, unknown>>
    if (typeof url !== 'string' || typeof directPath !== 'string') return undefined
    return directPath.startsWith('/') ? { url, directPath } : undefined
  } catch {
    return undefined
  }
}

function refusal(
  { host }: URL,
  status: number,
  { said, isPassing }: { readonly said: string; readonly isPassing: boolean },
): TransportError {
  const words = said
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, MAX_TOLD)
  const [action, advice] = ADVICE[status === TOO_LARGE ? 'smaller' : isPassing ? 'again' : 'ask']
  return new TransportError(
    'WATON_MEDIA_UPLOAD',
    `the media server ${host} did not take the file (HTTP status ${String(status)}${words === '' ? '' : `: ${words}`}), so nothing was sent; ${advice}`,
    { action, details: { host, status, said: words } },
  )
}

/** What to do about a refusal. */
const ADVICE: Readonly<Record<'smaller' | 'again' | 'ask', readonly [ErrorAction, string]>> = {
  smaller: ['fix-call', 'send a smaller one'],
  again: ['retry', 'send it again later'],
  ask: ['report', 'look at what the server says'],
}

function tooLarge({ hostname, maxContentLengthBytes }: MediaHost): UsageError {
  return new UsageError(
    'WATON_MEDIA_SIZE',
    'the file is larger than the media servers take, so nothing was sent; send a smaller one',
    { details: { host: hostname, maxBytes: maxContentLengthBytes } },
  )
}

function noHosts(): TransportError {
  return new TransportError(
    'WATON_MEDIA_NO_HOST',
    'the chat server named no media server, so nothing was sent; send it again later',
    { retryable: true },
  )
}

function closed(): ClosedError {
  return new ClosedError(
    'WATON_CLIENT_CLOSED',
    'the client was closed before a file was uploaded, so its message was not sent; make a new client and send it again',
  )
}
