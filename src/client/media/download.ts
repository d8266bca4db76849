/**
 * Downloads: the file of a message, from whichever media server has it. Servers are asked in order until one gives the file
 * as the message describes it, in length, digests and MAC; when none has it any more, the phone is asked to upload it again.
 * Nothing here waits for a connection, or holds one up: media have their own.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex } from '../../base/bytes.ts'
import { ClosedError, CryptoError, TransportError, UsageError } from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { isBroadcast, isGroup } from '../../protocol/jid.ts'
import type { NestedContent } from '../../protocol/message/content.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { HttpClient } from '../../transport/http.ts'
import type { MessageContent } from '../content.ts'
import type { Person } from '../events.ts'
import { phoneJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { messagePayload } from '../message-record.ts'
import type { AccountState } from '../state/account-state.ts'
import { findTarget } from '../stored-target.ts'
import { fileOf } from './file.ts'
import type { MediaFile } from './file.ts'
import type { MediaConnection, MediaHosts } from './hosts.ts'
import type { Reuploads } from './reupload.ts'
import { fileSink, memorySink } from './sinks.ts'
import type { Sink } from './sinks.ts'
import { Places } from './places.ts'
import { Transfer, tooLarge } from './transfer.ts'
import type { DownloadProgress, Outcome } from './transfer.ts'

/** A message with a file: the payload of a `message` event, or what names it in the log. */
export interface DownloadableMessage {
  /** Its id. */
  readonly id: string
  /** The chat it was written in. */
  readonly chat: string
  /** Who wrote it; needed in groups when there is no `content`. */
  readonly sender?: Pick<Person, 'jid' | 'pn' | 'lid'> | string
  /** Whether this account wrote it. */
  readonly fromMe?: boolean
  /** What was written. Without it the message is looked for in the log. */
  readonly content?: MessageContent | NestedContent
}

/** Options of a download. */
export interface DownloadOptions {
  /** The largest file. @default 64 MiB in memory, 4 GiB with a path */
  readonly maxBytes?: number
  /** Gives it up. */
  readonly signal?: AbortSignal
  /** Called when bytes have come. */
  readonly onProgress?: (progress: DownloadProgress) => void
}

/** Options of a download to a file. */
export interface DownloadToFileOptions extends DownloadOptions {
  /** The file to write. One that is there already is replaced, at the end and at once. */
  readonly path: string
}

/** What {@link Downloads} works with. */
export interface DownloadsOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly http: HttpClient
  readonly hosts: MediaHosts
  readonly reuploads: Reuploads
}

const MIB = 1024 * 1024
const MAX_IN_MEMORY = 64 * MIB
const MAX_ON_DISK = 4096 * MIB

const EMPTY = new Uint8Array(0)

/** Files that are fetched at a time; the others wait. */
const MAX_AT_ONCE = 16

/** How long a download waits to be told the media servers, before it tries the one that is known. */
const HOSTS_WAIT_MS = 10_000

/** Files whose new place is remembered. */
const MAX_MOVED = 1024

interface Job {
  /** The message that has it, if there is one: the phone knows files by their messages. */
  readonly message: DownloadableMessage | undefined
  readonly file: MediaFile
  readonly sink: Sink
  readonly maxBytes: number
  readonly signal: AbortSignal
  readonly onProgress: DownloadOptions['onProgress']
}

/** See the file comment. */
export class Downloads {
  readonly #options: DownloadsOptions
  readonly #places = new Places(MAX_AT_ONCE)
  readonly #running = new Set<Promise<unknown>>()
  /** Gives up what runs, each for one download. */
  readonly #stops = new Set<() => void>()
  #isClosed = false
  /** Where the phone has put files again, by their media key's digest. */
  readonly #moved = new BoundedMap<string, string>(MAX_MOVED)

  constructor(options: DownloadsOptions) {
    this.#options = options
  }

  /** See `Client.download`. */
  async download(
    message: DownloadableMessage,
    options: DownloadOptions & { readonly path?: string } = {},
  ): Promise<Uint8Array | undefined> {
    const running = this.#download(message, options)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /**
   * Downloads a file that no message has, into memory: verified, and never asked of the phone.
   *
   * @throws as {@link download}, and {@link TransportError} `WATON_MEDIA_MISSING` when no server has it any more
   */
  async file(file: MediaFile, signal: AbortSignal): Promise<Uint8Array> {
    const running = this.#run({ file: () => Promise.resolve(file) }, { signal })
    this.#running.add(running)
    try {
      return (await running) ?? EMPTY
    } finally {
      this.#running.delete(running)
    }
  }

  /** Gives up what runs; resolves when nothing is left of it. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stops) stop()
    await Promise.allSettled(this.#running)
  }

  #download(
    message: DownloadableMessage,
    options: DownloadOptions & { readonly path?: string },
  ): Promise<Uint8Array | undefined> {
    return this.#run({ message, file: () => this.#fileOf(message) }, options)
  }

  async #run(
    {
      message,
      file: find,
    }: { readonly message?: DownloadableMessage; readonly file: () => Promise<MediaFile> },
    {
      path,
      signal,
      onProgress,
      maxBytes = path === undefined ? MAX_IN_MEMORY : MAX_ON_DISK,
    }: DownloadOptions & {
      readonly path?: string
    },
  ): Promise<Uint8Array | undefined> {
    const giveUp = new AbortController()
    const stop = (): void => {
      giveUp.abort()
    }
    this.#stops.add(stop)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      this.#checkWanted(signal)
      const file = await find()
      if ((file.lengthBytes ?? 0) > maxBytes) throw tooLarge(maxBytes)
      const sink = path === undefined ? memorySink() : await fileSink(path, this.#options.random)
      const job = { message, file, sink, maxBytes, signal: giveUp.signal, onProgress }
      return await this.#fetch(job)
    } catch (error) {
      this.#checkWanted(signal, error)
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
      this.#stops.delete(stop)
    }
  }

  /** Whatever an abort led to, it is told as one. */
  #checkWanted(signal: AbortSignal | undefined, error?: unknown): void {
    if (this.#isClosed) throw closed(error)
    if (signal?.aborted === true) throw aborted(signal)
  }

  async #fileOf(message: DownloadableMessage): Promise<MediaFile> {
    const { content, id, chat } = message
    if (content !== undefined) return fileOf(content)
    const row = await findTarget(this.#options.state, { id, chat, sender: this.#senderOf(message) })
    if (row !== undefined) return fileOf(messagePayload(row).content)
    throw new UsageError(
      'WATON_MEDIA_UNKNOWN_MESSAGE',
      'the log has no such message, so that nothing says where its file is; pass the payload of its event',
      { details: { id: id.slice(0, 128) } },
    )
  }

  #senderOf({ chat, sender, fromMe }: DownloadableMessage): Person {
    if (typeof sender === 'string') return { jid: sender }
    return sender ?? { jid: fromMe === true ? this.#options.self.userLike(chat) : chat }
  }

  async #fetch(job: Job): Promise<Uint8Array | undefined> {
    try {
      await this.#fill(job)
      return await job.sink.finish()
    } catch (error) {
      await job.sink.discard()
      throw error
    }
  }

  /** Fills the sink with the whole file, verified. */
  async #fill(job: Job): Promise<void> {
    const movedKey = toHex(sha256(job.file.mediaKey))
    const moved = this.#moved.get(movedKey)
    const first = await this.#tryAll(job, moved === undefined ? job.file : movedTo(job.file, moved))
    if (first.state === 'done') return
    if (first.state !== 'gone') throw errorOf(first)
    const { message } = job
    if (message === undefined) throw missing(first.status)
    const since = this.#moved.get(movedKey)
    // another download of the same file may have been told meanwhile
    const isNews = since !== undefined && since !== moved
    const directPath = isNews ? since : await this.#uploadedAgain(message, job)
    this.#moved.set(movedKey, directPath)
    const second = await this.#tryAll(job, movedTo(job.file, directPath))
    if (second.state !== 'done') throw errorOf(second)
  }

  async #uploadedAgain(message: DownloadableMessage, { file, signal }: Job): Promise<string> {
    const { id, chat, fromMe = false } = message
    const participant = isGroup(chat) || isBroadcast(chat) ? this.#senderOf(message).jid : undefined
    const { reuploads, state } = this.#options
    const request = reuploads.request({
      messageId: id,
      // as messages are addressed by those whose number is known
      chat: (await phoneJid(state, chat)) ?? chat,
      isFromMe: fromMe,
      ...(participant === undefined ? {} : { participant }),
      mediaKey: file.mediaKey,
    })
    return withSignal(request, signal)
  }

  /** Asks one host after the other. What the last of them says of most use is the result. */
  async #tryAll(job: Job, file: MediaFile): Promise<Outcome> {
    let media = await this.#mediaConnection(job.signal)
    let isRefreshed = false
    const tried = new Set<string>()
    let result: Outcome | undefined
    for (let url = this.#next(file, media, tried); url !== undefined; url = this.#next(file, media, tried)) {
      tried.add(url.href)
      const outcome = await this.#tryOne({ ...job, file }, url, media)
      if (outcome.state === 'done') return outcome
      this.#logOutcome(url, outcome)
      result = moreUseful(result, outcome)
      // the hosts, or the right to ask them, may be out of date
      if (isRefreshed || !isRefusal(outcome)) continue
      isRefreshed = true
      const fresh = await this.#mediaConnection(job.signal, { refused: media })
      if (fresh === undefined || fresh === media) continue
      media = fresh
      tried.clear()
      result = undefined
    }
    return result ?? { state: 'failed', error: nowhere() }
  }

  #logOutcome({ host }: URL, outcome: Outcome): void {
    const { state } = outcome
    const why =
      'status' in outcome
        ? { status: outcome.status }
        : 'error' in outcome
          ? { reason: outcome.error.code }
          : {}
    this.#options.logger.debug({ host, state, ...why }, 'a media server did not give a file')
  }

  #next(
    { directPath, url }: MediaFile,
    media: MediaConnection | undefined,
    tried: ReadonlySet<string>,
  ): URL | undefined {
    const { hosts } = this.#options
    const names = [...(media?.hosts ?? []).map(({ hostname }) => hostname), hosts.defaultHost]
    const urls = directPath === undefined ? [] : names.flatMap((name) => urlOf(name, directPath) ?? [])
    // whoever wrote the message says so: it leads to WhatsApp or nowhere
    if (url !== undefined && URL.canParse(url)) {
      const own = new URL(url)
      if (own.protocol === 'https:' && own.pathname !== '/' && hosts.isTrusted(own)) urls.push(own)
    }
    return urls.find(({ href }) => !tried.has(href))
  }

  async #tryOne(job: Job, url: URL, media: MediaConnection | undefined): Promise<Outcome> {
    const { http, clock, random, hosts } = this.#options
    const leave = await this.#places.enter(job.signal)
    try {
      const isAllowed = (to: URL): boolean =>
        hosts.isTrusted(to) || (media?.hosts ?? []).some(({ hostname }) => hostname === to.host)
      return await new Transfer({ ...job, http, clock, random, isAllowed }, url).run()
    } finally {
      leave()
    }
  }

  /** The media servers, if they can be had soon: files can be fetched without knowing them. */
  async #mediaConnection(
    signal: AbortSignal,
    again?: { readonly refused: MediaConnection | undefined },
  ): Promise<MediaConnection | undefined> {
    const { hosts, clock } = this.#options
    const asking = again === undefined ? hosts.current() : hosts.refreshed(again.refused)
    const known = asking.catch(() => undefined)
    const waiting = new AbortController()
    const late = sleep(clock, HOSTS_WAIT_MS, waiting.signal).then(() => undefined)
    try {
      return await withSignal(Promise.race([known, late]), signal)
    } finally {
      waiting.abort()
    }
  }
}

/** The encrypted file is the same, elsewhere. */
function movedTo(file: MediaFile, directPath: string): MediaFile {
  return { ...file, directPath, url: undefined }
}

/** `undefined` for a path that would lead to another host. */
function urlOf(host: string, directPath: string): URL | undefined {
  const base = `https://${host}`
  if (!directPath.startsWith('/') || !URL.canParse(directPath, base)) return undefined
  const url = new URL(directPath, base)
  return url.host === new URL(base).host && url.protocol === 'https:' ? url : undefined
}

function isRefusal(outcome: Outcome): boolean {
  return outcome.state === 'unauthorized' || (outcome.state === 'gone' && outcome.status === 403)
}

/** A file that is gone can be asked of the phone; wrong bytes say more than a host that could not be asked. */
const USEFULNESS: readonly Outcome['state'][] = ['failed', 'unauthorized', 'corrupt', 'gone', 'done']

function moreUseful(before: Outcome | undefined, next: Outcome): Outcome {
  if (before === undefined) return next
  return USEFULNESS.indexOf(next.state) >= USEFULNESS.indexOf(before.state) ? next : before
}

function errorOf(outcome: Exclude<Outcome, { readonly state: 'done' }>): WatonError {
  switch (outcome.state) {
    case 'failed':
      return outcome.error
    case 'corrupt':
      return corrupt(outcome.error)
    case 'gone':
    case 'unauthorized':
      return refused(outcome.status)
  }
}

function corrupt(cause: CryptoError): CryptoError {
  return new CryptoError(
    'WATON_MEDIA_CORRUPT',
    'what the media servers have is not the file of this message: its length, a digest or its MAC is another. Nothing of it was kept; ask whoever sent it to send it again',
    { cause, details: { reason: cause.code } },
  )
}

function refused(status: number): TransportError {
  return new TransportError(
    'WATON_MEDIA_REFUSED',
    `the media servers do not give the file out (HTTP status ${String(status)}), though they were just asked for a new address; try again later`,
    { details: { status }, retryable: true },
  )
}

function missing(status: number): TransportError {
  return new TransportError(
    'WATON_MEDIA_MISSING',
    `no media server has the file (HTTP status ${String(status)}); it may be uploaded again`,
    { details: { status }, retryable: true },
  )
}

function nowhere(): UsageError {
  return new UsageError(
    'WATON_MEDIA_NOWHERE',
    'the message does not say where its file is, or names a place that is none of the media servers; nothing was asked',
    { action: 'discard' },
  )
}

function aborted(signal: AbortSignal): ClosedError {
  return new ClosedError(
    'WATON_MEDIA_ABORTED',
    'the download was given up by its signal; nothing is left of it. Download it again if it is wanted',
    { cause: signal.reason, action: 'retry' },
  )
}

function closed(cause: unknown): ClosedError {
  return new ClosedError(
    'WATON_CLIENT_CLOSED',
    'the client was closed before the download was complete; make a new one',
    {
      cause,
    },
  )
}

/** Waits, but not beyond an abort. */
async function withSignal<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let stop = (): void => undefined
  const given = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(aborted(signal))
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, given])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
