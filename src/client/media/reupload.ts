/**
 * Files that the media servers have deleted: the account's phone has them still and is asked to upload them again. One
 * question for each message, however many wait for it; it goes out again with the next connection, and ends when the phone
 * answers or its time is over. A phone may be off for days: nobody waits for ever.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { toHex } from '../../base/bytes.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { ClosedError, describeError, QueryError, TimeoutError } from '../../base/errors.ts'
import type { ErrorAction } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { mediaRetryFailure, openMediaRetryResult, sealMediaRetryRequest } from '../../protocol/media/index.ts'
import type { MediaRetryFailure, MediaRetryResult } from '../../protocol/media/index.ts'
import { buildMediaRetryRequest } from '../../protocol/stanza/media-retry-request.ts'
import type { MediaRetry } from '../../protocol/stanza/notifications/media-retry.ts'
import type { Connection } from '../connection/connection.ts'
import type { Self } from '../identity/self.ts'

/** What {@link Reuploads} works with. */
export interface ReuploadsOptions {
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** How long the phone has. */
  readonly timeoutMs: number
  /** The open connection of the moment. */
  readonly connection: () => Connection | undefined
}

/** A message whose file is gone. */
export interface ReuploadTarget {
  readonly messageId: string
  readonly chat: string
  readonly isFromMe: boolean
  /** Who wrote it, where the chat does not say. */
  readonly participant?: string
  readonly mediaKey: Uint8Array
}

interface Waiting {
  readonly target: ReuploadTarget
  readonly stanza: BinaryNode
  readonly answer: Deferred<string>
  readonly timer: Timer
}

/** Files that are waited for at a time. */
const MAX_WAITING = 1024

/** See the file comment. */
export class Reuploads {
  readonly #options: ReuploadsOptions
  /** By message and key: two messages may have one id. */
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: ReuploadsOptions) {
    this.#options = options
  }

  /**
   * Asks the phone, and resolves with the path below which the file is now.
   *
   * @throws {ClosedError} `WATON_MEDIA_OFFLINE` without a connection
   * @throws {TimeoutError} `WATON_MEDIA_PHONE_SILENT`
   * @throws {QueryError} `WATON_MEDIA_GONE` when the phone has it no more, `WATON_MEDIA_NOT_UPLOADED`
   */
  request(target: ReuploadTarget): Promise<string> {
    const key = `${target.messageId} ${toHex(sha256(target.mediaKey))}`
    const known = this.#waiting.get(key)
    if (known !== undefined) return known.answer.promise
    const connection = this.#options.connection()
    if (connection === undefined) return Promise.reject(offline())
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(tooMany())
    return this.#ask(key, target, connection)
  }

  /** The phone has said something. */
  answered(retry: MediaRetry): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.target.messageId !== retry.messageId) continue
      const result = this.#resultOf(waiting.target, retry)
      if (result === undefined) continue
      this.#end(key)
      if (result.ok) waiting.answer.resolve(result.directPath)
      else waiting.answer.reject(notUploaded(result.reason))
    }
  }

  /** A new connection: the last one may have lost the questions, or the answers. */
  resume(connection: Connection): void {
    for (const { stanza } of this.#waiting.values()) this.#send(connection, stanza)
  }

  /** Nobody waits any longer. */
  close(error: unknown): void {
    for (const [key, { answer }] of this.#waiting) {
      this.#end(key)
      answer.reject(error)
    }
  }

  #ask(key: string, target: ReuploadTarget, connection: Connection): Promise<string> {
    const { self, clock, random, timeoutMs } = this.#options
    const stanza = buildMediaRetryRequest({
      ...target,
      to: self.pn,
      sealed: sealMediaRetryRequest(target, random),
    })
    const answer = deferred<string>()
    // whoever asked may have given up
    answer.promise.catch(() => undefined)
    const timer = clock.schedule(timeoutMs, () => {
      this.#end(key)
      answer.reject(phoneSilent(timeoutMs))
    })
    this.#waiting.set(key, { target, stanza, answer, timer })
    this.#send(connection, stanza)
    return answer.promise
  }

  #send(connection: Connection, stanza: BinaryNode): void {
    try {
      connection.send(stanza)
    } catch (error) {
      // the next connection takes it
      this.#options.logger.debug({ reason: describeError(error) }, 'a request to upload again waits')
    }
  }

  /** What an answer says to one who waits; `undefined` when it was not sealed for them: another message may have its id. */
  #resultOf(target: ReuploadTarget, retry: MediaRetry): MediaRetryResult | undefined {
    if (retry.sealed === undefined) return { ok: false, reason: mediaRetryFailure(retry.errorCode) }
    try {
      return openMediaRetryResult(target, retry.sealed)
    } catch (error) {
      const fields = { id: target.messageId, reason: describeError(error) }
      this.#options.logger.warn(fields, 'what the phone answered about a file could not be opened')
      return undefined
    }
  }

  #end(key: string): void {
    this.#waiting.get(key)?.timer.cancel()
    this.#waiting.delete(key)
  }
}

function offline(): ClosedError {
  return new ClosedError(
    'WATON_MEDIA_OFFLINE',
    'the file is no longer on the media servers, and without a connection the phone cannot be asked to upload it again; await client.connect(), then download it again',
    { retryable: true },
  )
}

function tooMany(): QueryError {
  return new QueryError(
    'WATON_MEDIA_TOO_MANY',
    'the phone has been asked to upload too many files again; wait for some of them, then download this one again',
    { details: { waiting: MAX_WAITING }, action: 'wait' },
  )
}

function phoneSilent(timeoutMs: number): TimeoutError {
  return new TimeoutError(
    'WATON_MEDIA_PHONE_SILENT',
    `the file is no longer on the media servers, and the phone, which would have to upload it again, has not answered for ${String(timeoutMs)} ms: it is most likely off or offline. Open WhatsApp on it, then download the file again`,
    { details: { timeoutMs }, action: 'wait' },
  )
}

const REASONS: Readonly<Record<Exclude<MediaRetryFailure, 'not-found'>, readonly [string, ErrorAction]>> = {
  'decryption-error': ['could not read the request', 'discard'],
  'general-error': ['could not upload it; download it again later', 'retry'],
  unknown: ['could not upload it and gave no reason that is known; download it again later', 'retry'],
}

function notUploaded(reason: MediaRetryFailure): QueryError {
  if (reason === 'not-found') return gone()
  const [why, action] = REASONS[reason]
  return new QueryError(
    'WATON_MEDIA_NOT_UPLOADED',
    `the file is no longer on the media servers, and the phone ${why}`,
    { details: { reason }, action },
  )
}

function gone(): QueryError {
  return new QueryError(
    'WATON_MEDIA_GONE',
    'the file is neither on the media servers nor on the phone any more; ask whoever sent it to send it again',
    { action: 'discard' },
  )
}
