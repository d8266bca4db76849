/**
 * Notices a dead peer. Whoever was sent something that calls for an answer and says nothing for a few seconds, and
 * whoever says nothing for longer, is sent a ping; when that stays unanswered, the connection is given up long before
 * the operating system would: at most 25 s after the first unanswered stanza, 50 s after the last sign of life. While we
 * ourselves hold the peer back, its silence says nothing.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { QueryError } from '../../base/errors.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { IqQuery } from '../../protocol/stanza/iq.ts'
import { ping } from '../../protocol/stanza/iq/ping.ts'
import type { Timing } from '../options.ts'

/** How long an answer may take before a ping asks whether anybody is there. With the wait for the pong this makes 25 s. */
const DOUBT_MS = 5_000

/** Stanzas that the server acknowledges or answers; after others its silence says nothing. */
const ANSWERED_TAGS: ReadonlySet<string> = new Set(['message', 'receipt', 'call'])

/** What the keepalive needs. */
export interface KeepAliveOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly timing: Timing
  readonly ping: (query: IqQuery<void, void>, timeoutMs: number) => Promise<void>
  readonly onDead: (error: unknown) => void
}

/** See the file comment. */
export class KeepAlive {
  readonly #options: KeepAliveOptions
  #idleTimer: Timer | undefined
  #doubtTimer: Timer | undefined
  #heardAtMs = 0
  /** When the first stanza left that has had no sign of life after it. */
  #unansweredAtMs: number | undefined
  /** A ping is under way. */
  #isPinging = false
  /** A ping is being written: it has its own deadline. */
  #isAsking = false
  #isHeld = false
  #running = false

  constructor(options: KeepAliveOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = true
    this.heard()
    this.#waitForIdleness()
  }

  stop(): void {
    this.#running = false
    this.#idleTimer?.cancel()
    this.#doubtTimer?.cancel()
  }

  /** Something arrived, were it half a stanza: the peer lives. */
  heard(): void {
    this.#heardAtMs = this.#options.clock.nowMs()
    this.#unansweredAtMs = undefined
  }

  /** Something was sent. */
  sent(stanza: BinaryNode): void {
    if (!this.#running || this.#isAsking || this.#unansweredAtMs !== undefined || !isAnswered(stanza)) return
    this.#unansweredAtMs = this.#options.clock.nowMs()
    // one that runs already looks again when it is due, so that a busy connection does not start one per stanza
    this.#doubtTimer ??= this.#options.clock.schedule(DOUBT_MS, this.#doubt)
  }

  /** We do not read for now, so nothing can be heard. */
  hold(): void {
    this.#isHeld = true
  }

  /** We read again. */
  release(): void {
    this.#isHeld = false
    this.heard()
  }

  readonly #doubt = (): void => {
    this.#doubtTimer = undefined
    const sinceMs = this.#unansweredAtMs
    if (!this.#running || sinceMs === undefined) return
    const waitedMs = this.#options.clock.nowMs() - sinceMs
    // a clock that was set back says nothing about the silence: better one ping too many
    if (waitedMs >= DOUBT_MS || waitedMs < 0) void this.#ping()
    else this.#doubtTimer = this.#options.clock.schedule(DOUBT_MS - waitedMs, this.#doubt)
  }

  #waitForIdleness(): void {
    const { clock, random, timing } = this.#options
    const spreadMs = Math.floor(timing.keepAliveMs / 3)
    const limitMs = timing.keepAliveMs - (spreadMs > 0 ? randomInteger(random, spreadMs) : 0)
    const look = (): void => {
      const silenceMs = clock.nowMs() - this.#heardAtMs
      if (silenceMs >= 0 && silenceMs < limitMs) {
        this.#idleTimer = clock.schedule(limitMs - silenceMs, look)
        return
      }
      void this.#ping().then(() => {
        if (this.#isRunning()) this.#waitForIdleness()
      })
    }
    this.#idleTimer = clock.schedule(limitMs, look)
  }

  /** Asks whether anybody is there, unless that is being asked already. */
  async #ping(): Promise<void> {
    if (this.#isPinging || this.#isHeld) return
    this.#isPinging = true
    const heardBeforeMs = this.#heardAtMs
    try {
      this.#isAsking = true
      const pong = this.#options.ping(ping, this.#options.timing.pongTimeoutMs)
      this.#isAsking = false
      await pong
    } catch (error) {
      // whoever refuses a ping lives, and so does whoever has said something else meanwhile
      const isAlive = error instanceof QueryError || this.#isHeld || this.#heardAtMs !== heardBeforeMs
      if (isAlive || !this.#isRunning()) return
      this.stop()
      this.#options.onDead(error)
    } finally {
      this.#isPinging = false
    }
  }

  #isRunning(): boolean {
    return this.#running
  }
}

function isAnswered({ tag, attrs }: BinaryNode): boolean {
  return ANSWERED_TAGS.has(tag) || (tag === 'iq' && (attrs.type === 'get' || attrs.type === 'set'))
}
