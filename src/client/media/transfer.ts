/**
 * One file from one host: asked for until its bytes are all there, resumed where a connection broke, and checked as they
 * come. It says what became of it; which host is next, and what to do about a file that is gone, is decided in `download.ts`.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { CryptoError, TimeoutError, TransportError, UsageError } from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import { createMediaDecryptor, encryptedMediaBytes } from '../../protocol/media/index.ts'
import type { MediaDecryptor } from '../../protocol/media/index.ts'
import type { HttpClient, HttpResponse } from '../../transport/http.ts'
import type { MediaFile } from './file.ts'
import type { Sink } from './sinks.ts'

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes that have come of the encrypted file. It goes back to 0 when another server has to be asked. */
  readonly receivedBytes: number
  /** Bytes of the encrypted file, up to 26 more than the file has; absent when the message does not tell. */
  readonly totalBytes?: number
}

/** What became of a file at one host. */
export type Outcome =
  | { readonly state: 'done' }
  /** It is not there, or this address of it is not good any more. */
  | { readonly state: 'gone' | 'unauthorized'; readonly status: number }
  /** What was there is not the file. */
  | { readonly state: 'corrupt'; readonly error: CryptoError }
  /** The host could not be asked, or failed. */
  | { readonly state: 'failed'; readonly error: WatonError }

/** What a transfer works with. */
export interface TransferOptions {
  readonly http: HttpClient
  readonly clock: Clock
  readonly random: RandomSource
  readonly file: MediaFile
  readonly sink: Sink
  /** The largest file. */
  readonly maxBytes: number
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Whether a redirect may be followed there. */
  readonly isAllowed: (url: URL) => boolean
}

/** Failures in a row after which a host is given up. */
const MAX_FAILURES = 3

/** An attempt that brought this much was no failure: a large file may take many of them on a bad line. */
const WORTHWHILE_BYTES = 1024 * 1024

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 8_000
/** The longest pause that a server may ask for. */
const LONGEST_ASKED_MS = 30_000

/** Statuses that say that the file is not at this address. @source whatsmeow `download.go`: 403 is an expired address */
const GONE: ReadonlySet<number> = new Set([403, 404, 410])

/** Statuses besides those of 500 and above after which the same request may succeed. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])

const PARTIAL_CONTENT = 206
const RANGE_NOT_SATISFIABLE = 416

/** See the file comment. */
export class Transfer {
  readonly #options: TransferOptions
  readonly #url: URL
  #decryptor: MediaDecryptor
  /** Bytes of the encrypted file that the decryptor has. */
  #offset = 0
  /** What the server asked for with its last refusal. */
  #pauseMs = 0

  constructor(options: TransferOptions, url: URL) {
    this.#options = options
    this.#url = url
    this.#decryptor = createMediaDecryptor(options.file)
  }

  /** @throws {WatonError} only for what asking elsewhere would not change: an abort, a full disk, a file that is too large */
  async run(): Promise<Outcome> {
    const { sink } = this.#options
    await sink.restart()
    for (let failures = 0; ;) {
      const before = this.#offset
      const outcome = await this.#attempt()
      if (outcome.state !== 'failed' || !outcome.error.retryable) return outcome
      failures = this.#offset - before >= WORTHWHILE_BYTES ? 1 : failures + 1
      if (failures >= MAX_FAILURES) return outcome
      await this.#pause(failures)
    }
  }

  async #attempt(): Promise<Outcome> {
    try {
      const response = await this.#request()
      const refusal = this.#refusal(response)
      if (refusal === undefined) {
        await this.#take(response)
        return await this.#complete()
      }
      response.discard()
      if (response.status === RANGE_NOT_SATISFIABLE) await this.#restart()
      return refusal
    } catch (error) {
      return this.#outcomeOf(error)
    }
  }

  #request(): Promise<HttpResponse> {
    const { http, signal, isAllowed } = this.#options
    return http.request({
      url: this.#url,
      isAllowed: (url) => url.host === this.#url.host || isAllowed(url),
      headers: this.#offset === 0 ? {} : { range: `bytes=${String(this.#offset)}-` },
      signal,
    })
  }

  #refusal({ status, header }: HttpResponse): Outcome | undefined {
    if (status === 200 || status === PARTIAL_CONTENT) return undefined
    if (GONE.has(status)) return { state: 'gone', status }
    if (status === 401) return { state: 'unauthorized', status }
    const retryable =
      status >= 500 || PASSING.has(status) || (status === RANGE_NOT_SATISFIABLE && this.#offset > 0)
    const askedSeconds = Number(header('retry-after') ?? 0)
    this.#pauseMs = askedSeconds > 0 ? Math.min(askedSeconds * 1000, LONGEST_ASKED_MS) : 0
    const error = new TransportError(
      'WATON_MEDIA_REFUSED',
      `a media server answered with HTTP status ${String(status)}; ${retryable ? 'try again later' : 'it does not take what it was asked'}`,
      { details: { host: this.#url.host, status }, retryable },
    )
    return { state: 'failed', error }
  }

  /** Takes the body from where the last one ended. */
  async #take(response: HttpResponse): Promise<void> {
    let skipBytes = this.#toSkip(response)
    const { sink } = this.#options
    for await (const chunk of response.chunks()) {
      const skipped = Math.min(skipBytes, chunk.length)
      skipBytes -= skipped
      if (skipped === chunk.length) continue
      const fresh = skipped === 0 ? chunk : chunk.subarray(skipped)
      this.#checkSize(this.#offset + fresh.length)
      const opened = this.#decryptor.push(fresh)
      this.#offset += fresh.length
      if (opened.length > 0) await sink.write(opened)
      this.#tell()
    }
  }

  /** Bytes in front of the body that are here already. Lets go of a body that is of no use. */
  #toSkip(response: HttpResponse): number {
    const { status, header } = response
    // who takes no notice of a range begins anew
    const first = /^bytes (\d+)-/.exec(header('content-range') ?? '')?.[1]
    const startsAt = status === PARTIAL_CONTENT ? Number(first ?? NaN) : 0
    const announcedBytes = startsAt + Number(header('content-length') ?? 0)
    try {
      if (announcedBytes > 0) this.#checkSize(announcedBytes)
      if (!(startsAt <= this.#offset)) throw interrupted(this.#url)
      return this.#offset - startsAt
    } catch (error) {
      response.discard()
      throw error
    }
  }

  #checkSize(bytes: number): void {
    const { maxBytes } = this.#options
    if (bytes > encryptedMediaBytes(maxBytes)) throw tooLarge(maxBytes)
  }

  #tell(): void {
    const { onProgress, file } = this.#options
    if (onProgress === undefined) return
    const { lengthBytes } = file
    const total = lengthBytes === undefined ? {} : { totalBytes: encryptedMediaBytes(lengthBytes) }
    onProgress({ receivedBytes: this.#offset, ...total })
  }

  /** The body has ended: is it the file? */
  async #complete(): Promise<Outcome> {
    const { file, sink } = this.#options
    // the end of a connection can look like the end of a file
    const isCut = file.lengthBytes !== undefined && this.#offset < encryptedMediaBytes(file.lengthBytes)
    if (isCut) throw interrupted(this.#url)
    const last = this.#decryptor.finish()
    if (last.length > 0) await sink.write(last)
    return { state: 'done' }
  }

  async #restart(): Promise<void> {
    const { file, sink } = this.#options
    this.#decryptor = createMediaDecryptor(file)
    this.#offset = 0
    await sink.restart()
  }

  async #outcomeOf(error: unknown): Promise<Outcome> {
    if (error instanceof CryptoError) {
      if (error.code !== 'WATON_MEDIA_TRUNCATED') return { state: 'corrupt', error }
      await this.#restart()
      return { state: 'failed', error }
    }
    const isOfNetwork = error instanceof TransportError || error instanceof TimeoutError
    if (!isOfNetwork) throw error
    return { state: 'failed', error }
  }

  async #pause(failures: number): Promise<void> {
    const { clock, random, signal } = this.#options
    const backoffMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
    const spread = 0.75 + randomInteger(random, 500) / 1000
    await sleep(clock, Math.max(this.#pauseMs, backoffMs * spread), signal)
    this.#pauseMs = 0
  }
}

/** A file that is larger than the caller takes. */
export function tooLarge(maxBytes: number): UsageError {
  return new UsageError(
    'WATON_MEDIA_TOO_LARGE',
    'the file is larger than this download may be; pass a larger maxBytes, with { path } where it should not be in memory',
    { details: { maxBytes } },
  )
}

function interrupted({ host }: URL): TransportError {
  return new TransportError(
    'WATON_MEDIA_INTERRUPTED',
    'a media server ended the file before its end; try again',
    {
      details: { host },
      retryable: true,
    },
  )
}
