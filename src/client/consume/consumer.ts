/**
 * A durable consumer: every event of the log reaches its handler at least once, in order per chat, across restarts, and what
 * the handler sends is sent once. A failing event is tried again, later each time, and becomes a dead letter in the end;
 * meanwhile it holds up its own chat only. What is read when is decided in `feed.ts`, who is next in `chat-lanes.ts`,
 * and how progress is kept in `progress.ts`.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { StorageError, TimeoutError, describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { seam } from '../../base/seams.ts'
import type { DurableEvent } from '../events.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONSUMER, DEAD_LETTER } from '../state/records.ts'
import type { DeadLetterRecord } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { ChatLanes } from './chat-lanes.ts'
import { letterKey } from './dead-letters.ts'
import type { RetryPage } from './dead-letters.ts'
import { Effects } from './effects.ts'
import type { EffectsOptions } from './effects.ts'
import type { EventHub, RefusedEvent } from './event-hub.ts'
import { Feed, laneOf } from './feed.ts'
import type { Delivery } from './feed.ts'
import type { ConsumeOptions, ConsumerStatus, EventHandler } from './options.ts'
import { finish, restore } from './progress.ts'
import { ProgressWriter } from './progress-writer.ts'

/** An event was given up. */
export interface DeadEvent {
  readonly event: DurableEvent
  readonly letter: DeadLetterRecord
}

/** What a consumer works with. */
export interface ConsumerOptions extends ConsumeOptions {
  readonly name: string
  readonly state: AccountState
  readonly hub: EventHub
  readonly outbox: EffectsOptions['outbox']
  readonly account: EffectsOptions['account']
  readonly clock: Clock
  readonly logger: Logger
  readonly handler: EventHandler
  readonly onDead: (dead: DeadEvent) => void
  /** Dead letters that are to be tried again, page by page. */
  readonly retries: (range: { readonly after: number; readonly limit: number }) => Promise<RetryPage>
  /** How many events reading may be ahead of the oldest unfinished one. @default 65,536 */
  readonly maxAhead?: number
}

const DEFAULT_ATTEMPTS = 5

/** The wait before the second attempt; it doubles from there. */
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 30_000

/** The wait before the store is asked again after it failed. */
const STORE_AGAIN_MS = 1_000

/** 64 chunks of 1,024 bits: 8 KB of progress at most. */
const MAX_AHEAD = 65_536

/** Dead letters in memory at most, and how many are read at once; the others wait in the store. */
const MAX_RETRYING = 1024
const RETRY_PAGE = 128

/** From when a handler at work counts as stuck. */
const SLOW_HANDLER_MS = 30_000
const MAX_STUCK_TOLD = 100

/** Characters of a failure that are kept: some errors carry a whole page that they got from somewhere. */
const MAX_REASON = 1_000

/** See the file comment. */
export class Consumer {
  readonly #options: ConsumerOptions
  readonly #lanes: ChatLanes<Delivery>
  readonly #progress: ProgressWriter
  readonly #stop = new AbortController()
  readonly #attempts = new Set<AbortController>()
  /** Dead letters on their way. */
  readonly #retrying = new Set<number>()
  /** Where letters that are to be tried again are read from the store next; `undefined` when it has none. */
  #retriesAfter: number | undefined = 0
  #isReadingRetries = false
  #feed: Feed | undefined
  #low = 0
  #news: Deferred<void> = deferred()

  constructor(options: ConsumerOptions) {
    const { name, state, clock, logger } = options
    const { signal } = this.#stop
    this.#options = options
    this.#lanes = new ChatLanes({
      clock,
      attempt: async (delivery, attempt) => {
        const againMs = await this.#attempt(delivery, attempt)
        if (delivery.isRetry && againMs === undefined) this.#retrying.delete(delivery.event.seq)
        return againMs
      },
      onFinished: () => {
        this.#news.resolve()
      },
    })
    const onLow = (low: number): void => {
      this.#moved(low)
    }
    this.#progress = new ProgressWriter({ name, state, clock, logger, signal, onLow })
  }

  /** How it is doing. */
  get status(): ConsumerStatus {
    const { name, state, clock } = this.#options
    const stuckChats = []
    for (const { key, item, failures, isRunning, sinceMs } of this.#lanes.begun()) {
      if (failures === 0 && clock.nowMs() - sinceMs < SLOW_HANDLER_MS) continue
      if (stuckChats.push({ chat: key, seq: item.event.seq, failures, isRunning, sinceMs }) >= MAX_STUCK_TOLD)
        break
    }
    const { running: inFlight, waiting } = this.#lanes
    return {
      name,
      low: this.#low,
      lag: Math.max(0, state.lastSeq - this.#low),
      inFlight,
      waiting,
      stuckChats,
    }
  }

  /** Runs until stopped; resolves when the handlers under way are done. */
  async run(): Promise<void> {
    const { hub, signal } = this.#options
    const end = (): void => {
      this.stop()
    }
    const forget = hub.onNews(() => {
      this.#feed?.wake()
      this.#news.resolve()
    })
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted === true) end()
    try {
      while (!this.#isStopped() && this.#feed === undefined)
        await this.#orLater(async () => {
          this.#feed = await this.#restore()
        })
      while (!this.#isStopped()) await this.#orLater(() => this.#stepOrWait())
    } finally {
      forget()
      signal?.removeEventListener('abort', end)
      this.stop()
      await this.#lanes.idle()
      await this.#progress.flush()
    }
  }

  /** Ends {@link run} after the handlers under way. */
  stop(): void {
    this.#stop.abort()
    this.#lanes.stop()
    for (const attempt of this.#attempts) attempt.abort()
    this.#news.resolve()
  }

  /** Gives a dead letter another round of attempts. */
  retry(event: DurableEvent): void {
    // in line behind those that wait in the store
    const isCrowded = this.#retriesAfter !== undefined || this.#retrying.size >= MAX_RETRYING
    if (isCrowded || this.#isReadingRetries) this.#readRetriesFrom(event.seq - 1)
    else this.#again(event)
  }

  #again(event: DurableEvent): void {
    if (this.#retrying.has(event.seq)) return
    this.#retrying.add(event.seq)
    this.#lanes.add(laneOf(event), { event, isRetry: true })
  }

  #readRetriesFrom(after: number): void {
    this.#retriesAfter = Math.min(this.#retriesAfter ?? Infinity, after)
    this.#news.resolve()
  }

  /** Reads a page of them where there is room for it. @returns whether it did */
  async #readRetries(): Promise<boolean> {
    const after = this.#retriesAfter
    if (after === undefined || this.#retrying.size > MAX_RETRYING - RETRY_PAGE) return false
    // what ends while the page is read may be on it all the same
    const before = new Set(this.#retrying)
    this.#retriesAfter = undefined
    this.#isReadingRetries = true
    try {
      const { events, next } = await this.#options.retries({ after, limit: RETRY_PAGE })
      for (const event of events) if (!before.has(event.seq)) this.#again(event)
      if (next !== undefined) this.#readRetriesFrom(next)
    } catch (error) {
      this.#readRetriesFrom(after)
      throw error
    } finally {
      this.#isReadingRetries = false
    }
    return true
  }

  async #restore(): Promise<Feed> {
    const { state, hub, name, from = 'end', maxAhead = MAX_AHEAD } = this.#options
    const { first } = await state.store.eventBounds(state.account)
    const { low, lost } = await state.commit((unit) => {
      const start = from === 'end' ? state.lastSeq : from === 'start' ? 0 : from.seq - 1
      return restore(unit, name, { first, start: Math.max(start, first - 1) })
    })
    this.#low = low
    if (lost !== undefined) hub.tellLost({ consumer: name, ...lost })
    return new Feed(
      {
        name,
        state,
        maxAhead,
        lanes: this.#lanes,
        low: () => this.#low,
        recordedLow: async () => {
          this.#moved((await state.read(CONSUMER, name))?.low ?? 0)
          return this.#low
        },
        isWanted: (event) => this.#isWanted(event),
        onRefused: (refused) => this.#setAside(refused),
        onPassed: (ranges) => {
          this.#progress.add(ranges)
        },
      },
      this.#low,
    )
  }

  #isWanted({ type, at }: Pick<RefusedEvent, 'type' | 'at'>): boolean {
    const { types, maxAgeMs = Infinity, clock } = this.#options
    const wanted: readonly string[] | undefined = types
    return wanted?.includes(type) !== false && clock.nowMs() - at <= maxAgeMs
  }

  async #stepOrWait(): Promise<void> {
    this.#news = deferred()
    const hasRead = (await this.#readRetries()) || (await this.#feed?.step())
    if (hasRead !== true && !this.#isStopped()) await this.#news.promise
  }

  /** A store that fails for the moment is tried again; anything else ends the consumer. */
  async #orLater(work: () => Promise<void>): Promise<void> {
    const { clock, logger, name } = this.#options
    try {
      await work()
    } catch (error) {
      if (!(error instanceof StorageError) || !error.retryable) throw error
      logger.warn({ consumer: name, reason: describeError(error) }, 'the event log could not be read yet')
      await sleep(clock, STORE_AGAIN_MS, this.#stop.signal)
    }
  }

  async #attempt(delivery: Delivery, attempt: number): Promise<number | undefined> {
    const { state, outbox, account, name: consumer, logger, maxAttempts = DEFAULT_ATTEMPTS } = this.#options
    const { event } = delivery
    const effects = new Effects({ state, outbox, account, consumer, event })
    try {
      seam('consumer:handling')
      await this.#handle(event, attempt, effects)
      seam('consumer:handled')
      await effects.uploaded()
      effects.close()
      await this.#done(delivery, effects)
      return undefined
    } catch (error) {
      effects.dropped()
      if (this.#isStopped()) return undefined
      const reason = describeError(error).slice(0, MAX_REASON)
      logger.warn({ consumer, seq: event.seq, attempt, reason }, 'a consumer failed')
      if (attempt < maxAttempts) return Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS)
      await this.#bury(delivery, attempt, reason)
      return undefined
    }
  }

  async #handle(event: DurableEvent, attempt: number, effects: Effects): Promise<void> {
    const { handler, clock, timeoutMs } = this.#options
    const controller = new AbortController()
    this.#attempts.add(controller)
    if (this.#isStopped()) controller.abort()
    const inTime = new AbortController()
    try {
      // whatever a handler is, its failure is a rejection
      const work = Promise.resolve().then(() =>
        handler(event, {
          attempt,
          signal: controller.signal,
          send: (chat, content) => effects.send(chat, content),
        }),
      )
      if (timeoutMs === undefined) await work
      else await Promise.race([work, this.#timeout(clock, timeoutMs, inTime.signal)])
    } catch (error) {
      controller.abort()
      throw error
    } finally {
      inTime.abort()
      this.#attempts.delete(controller)
    }
  }

  async #timeout(clock: Clock, timeoutMs: number, inTime: AbortSignal): Promise<void> {
    await sleep(clock, timeoutMs, inTime)
    if (inTime.aborted) return
    throw new TimeoutError(
      'WATON_CONSUMER_TIMEOUT',
      'a handler took longer than timeoutMs, so its attempt has failed: let it stop at context.signal, or give it more time',
      { details: { timeoutMs } },
    )
  }

  /** @throws what the commit failed with, when trying it again cannot help */
  async #done({ event, isRetry }: Delivery, effects: Effects): Promise<void> {
    const { name } = this.#options
    if (!effects.hasAny && !isRetry) {
      this.#progress.add([[event.seq, event.seq]])
    } else {
      await this.#commit(event, async (unit) => {
        await effects.stage(unit)
        if (isRetry) unit.delete(DEAD_LETTER, letterKey(name, event.seq))
      })
    }
    effects.committed()
  }

  /** Gives the event up, in one commit with the progress. */
  async #bury({ event, isRetry }: Delivery, attempts: number, reason: string): Promise<void> {
    const { name, logger, clock, state, onDead } = this.#options
    const key = letterKey(name, event.seq)
    try {
      const before = isRetry ? ((await state.read(DEAD_LETTER, key))?.attempts ?? 0) : 0
      const letter = {
        seq: event.seq,
        reason,
        attempts: before + attempts,
        atMs: clock.nowMs(),
        isRetrying: false,
      }
      await this.#commit(event, (unit) => {
        unit.put(DEAD_LETTER, key, letter)
        return Promise.resolve()
      })
      logger.error({ consumer: name, seq: event.seq, reason }, 'an event became a dead letter')
      onDead({ event, letter })
    } catch (error) {
      // it stays unfinished: the next start begins with it
      logger.warn({ consumer: name, reason: describeError(error) }, 'a dead letter could not be recorded')
    }
  }

  /**
   * What cannot be read today may be readable later: by the newer waton that has written it, or after a repair. It holds up
   * nobody until then, and it is not lost to this consumer: as a dead letter it can be given another round.
   */
  async #setAside(refused: readonly RefusedEvent[]): Promise<void> {
    const { state, name, clock, logger } = this.#options
    const atMs = clock.nowMs()
    await state.commit((unit) => {
      for (const { seq, code } of refused)
        unit.put(DEAD_LETTER, letterKey(name, seq), {
          seq,
          reason: code,
          attempts: 0,
          atMs,
          isRetrying: false,
        })
      return Promise.resolve()
    })
    for (const { seq, code } of refused)
      logger.error({ consumer: name, seq, code }, 'an event that cannot be read became a dead letter')
  }

  /** One commit of what an event leaves behind and of its end; tried again while the store fails for the moment. */
  async #commit({ seq }: DurableEvent, work: (unit: Unit) => Promise<void>): Promise<void> {
    const { state, name, clock, logger } = this.#options
    for (;;) {
      try {
        seam('consumer:progressing')
        const low = await state.commit(async (unit) => {
          await work(unit)
          return finish(unit, name, [[seq, seq]])
        })
        seam('consumer:progressed')
        this.#moved(low)
        return
      } catch (error) {
        if (!(error instanceof StorageError) || !error.retryable || this.#isStopped()) throw error
        logger.warn(
          { consumer: name, reason: describeError(error) },
          'a consumer could not record its progress',
        )
        await sleep(clock, STORE_AGAIN_MS, this.#stop.signal)
      }
    }
  }

  #moved(low: number): void {
    if (low <= this.#low) return
    this.#low = low
    this.#news.resolve()
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }
}
