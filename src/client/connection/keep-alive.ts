/**
 * Notices a dead peer. When nothing was heard for a while, a ping is sent; when the ping stays unanswered, the
 * connection is given up long before the operating system would.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { QueryError } from '../../base/errors.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { IqQuery } from '../../protocol/stanza/iq.ts'
import { ping } from '../../protocol/stanza/iq/ping.ts'
import type { Timing } from '../options.ts'

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
  #timer: Timer | undefined
  #heardAtMs = 0
  #running = false

  constructor(options: KeepAliveOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = true
    this.heard()
    this.#schedule()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
  }

  /** Something arrived: the peer lives. */
  heard(): void {
    this.#heardAtMs = this.#options.clock.nowMs()
  }

  #schedule(): void {
    const { clock, random, timing } = this.#options
    const spreadMs = Math.floor(timing.keepAliveMs / 3)
    const delayMs = timing.keepAliveMs - (spreadMs > 0 ? randomInteger(random, spreadMs) : 0)
    this.#timer = clock.schedule(delayMs, () => {
      void this.#check(delayMs)
    })
  }

  async #check(silenceMs: number): Promise<void> {
    if (!this.#running) return
    const sinceMs = this.#options.clock.nowMs() - this.#heardAtMs
    // a clock that was set back says nothing about the silence: better one ping too many
    if (sinceMs >= silenceMs || sinceMs < 0) {
      try {
        await this.#options.ping(ping, this.#options.timing.pongTimeoutMs)
      } catch (error) {
        // whoever refuses a ping lives
        const isDead = !(error instanceof QueryError)
        if (isDead && this.#isRunning()) this.#options.onDead(error)
        if (isDead) return
      }
    }
    if (this.#isRunning()) this.#schedule()
  }

  #isRunning(): boolean {
    return this.#running
  }
}
