/**
 * A durable consumer: every event of the log reaches its handler at least once, in order per chat, across restarts. It
 * remembers a low-water mark and the finished events above it; a slow or failing handler holds up its own chat only.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { StorageError, describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { chatOf } from '../events/chat.ts'
import type { DurableEvent } from '../events.ts'
import { Lanes } from '../lanes.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONSUMER, DEAD_LETTER } from '../state/records.ts'
import { readPage } from './event-hub.ts'
import type { EventHub, LogPage } from './event-hub.ts'

/** How a consumer begins and gives up. */
export interface ConsumeOptions {
  /** Where a consumer that was never seen before begins. @default 'end' */
  readonly from?: 'start' | 'end'
  /** How often an event is given to the handler before it becomes a dead letter. @default 5 */
  readonly maxAttempts?: number
  /** Stops the consumer. */
  readonly signal?: AbortSignal
}

/** Takes one event. When it rejects, the event comes again. */
export type EventHandler = (event: DurableEvent) => void | Promise<void>

/** What a consumer works with. */
export interface ConsumerOptions extends ConsumeOptions {
  readonly name: string
  readonly state: AccountState
  readonly hub: EventHub
  readonly clock: Clock
  readonly logger: Logger
  readonly handler: EventHandler
}

const DEFAULT_ATTEMPTS = 5

/** The wait before the second attempt; it doubles from there. */
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 30_000

/** The wait before the log is read again after the store failed. */
const READ_AGAIN_MS = 1_000

/** Finished events above the low-water mark at most: beyond it, reading waits for the oldest event. */
const MAX_AHEAD = 1024

/** Read from the log while it must wait. */
const NOTHING: LogPage = { events: [], upTo: undefined }

/** See the file comment. */
export class Consumer {
  readonly #options: ConsumerOptions
  readonly #lanes: Lanes<DurableEvent>
  readonly #stop = new AbortController()
  readonly #finished = new Set<number>()
  readonly #open = new Set<number>()
  #low = 0
  #readUpTo = 0
  #news: Deferred<void> = deferred()

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.#lanes = new Lanes((event) => this.#handle(event))
  }

  /** Runs until stopped; resolves when the handlers under way are done. */
  async run(): Promise<void> {
    const { hub, signal } = this.#options
    const wake = (): void => {
      this.#news.resolve()
    }
    const end = (): void => {
      this.#stop.abort()
      wake()
    }
    const forget = hub.onPublished(wake)
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted === true) end()
    try {
      await this.#restore()
      while (!this.#stop.signal.aborted) await this.#takeOrWait()
    } finally {
      forget()
      signal?.removeEventListener('abort', end)
      this.#lanes.clear()
      await this.#lanes.idle()
    }
  }

  /** Ends {@link run} after the handlers under way. */
  stop(): void {
    this.#stop.abort()
    this.#news.resolve()
  }

  async #restore(): Promise<void> {
    const { state, name, from = 'end' } = this.#options
    const progress = await state.commit(async (unit) => {
      const stored = await unit.read(CONSUMER, name)
      if (stored !== undefined) return stored
      const fresh = { low: from === 'start' ? 0 : state.lastSeq, finished: [] }
      unit.put(CONSUMER, name, fresh)
      return fresh
    })
    this.#low = progress.low
    this.#readUpTo = progress.low
    for (const seq of progress.finished) this.#finished.add(seq)
  }

  /** A store that cannot be read for the moment is tried again; anything else ends the consumer. */
  async #takeOrWait(): Promise<void> {
    const { clock, logger, name } = this.#options
    try {
      await this.#take()
    } catch (error) {
      if (!(error instanceof StorageError) || !error.retryable) throw error
      logger.warn({ consumer: name, reason: describeError(error) }, 'the event log could not be read yet')
      await sleep(clock, READ_AGAIN_MS, this.#stop.signal)
    }
  }

  async #take(): Promise<void> {
    this.#news = deferred()
    const isFull = this.#finished.size >= MAX_AHEAD
    const { events, upTo } = isFull ? NOTHING : await readPage(this.#options.state, this.#readUpTo)
    for (const event of events) {
      this.#readUpTo = event.seq
      if (this.#finished.has(event.seq)) continue
      this.#open.add(event.seq)
      this.#lanes.add(laneOf(event), event)
    }
    if (upTo !== undefined) this.#readUpTo = upTo
    if (upTo === undefined) await this.#news.promise
    else await this.#lanes.room()
  }

  async #handle(event: DurableEvent): Promise<void> {
    const { clock, logger, name, handler, maxAttempts = DEFAULT_ATTEMPTS } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      try {
        await handler(event)
        break
      } catch (error) {
        if (this.#stop.signal.aborted) return
        logger.warn(
          { consumer: name, seq: event.seq, attempt, reason: describeError(error) },
          'a consumer failed',
        )
        if (attempt >= maxAttempts) {
          await this.#done(event.seq, describeError(error))
          return
        }
        await sleep(clock, Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS), this.#stop.signal)
        if (this.#isStopped()) return
      }
    }
    await this.#done(event.seq)
  }

  /** @param failure - why it is given up, for a dead letter: it and the progress commit together */
  async #done(seq: number, failure?: string): Promise<void> {
    const { state, name, logger } = this.#options
    if (failure !== undefined)
      logger.error({ consumer: name, seq, reason: failure }, 'an event became a dead letter')
    this.#open.delete(seq)
    this.#finished.add(seq)
    // events are opened in log order, so the first of the set is the oldest
    const [oldestOpen] = this.#open
    this.#low = (oldestOpen ?? this.#readUpTo + 1) - 1
    for (const finished of this.#finished) if (finished <= this.#low) this.#finished.delete(finished)
    const progress = { low: this.#low, finished: [...this.#finished] }
    try {
      const staged = await state.transact((unit) => {
        unit.put(CONSUMER, name, progress)
        if (failure !== undefined) unit.put(DEAD_LETTER, `${name}:${String(seq)}`, { seq, reason: failure })
        return Promise.resolve()
      })
      // not awaited: when it is lost, the event comes again, as promised
      staged.committed.catch(() => undefined)
    } catch (error) {
      logger.warn(
        { consumer: name, reason: describeError(error) },
        'a consumer could not record its progress',
      )
    }
    this.#news.resolve()
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }
}

/** Events of a chat share a lane; events without one share another. */
function laneOf(event: DurableEvent): string {
  return chatOf(event) ?? ''
}
