/** The consumers that a client runs: each name once, stopped together, with their status and their dead letters. */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { UsageError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { EphemeralEvents } from '../events.ts'
import type { AccountState } from '../state/account-state.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer.ts'
import { discardDeadLetter, listDeadLetters, retriesAfter, retryDeadLetter } from './dead-letters.ts'
import type { DeadLetter, DeadLetterQuery } from './dead-letters.ts'
import type { EventHub } from './event-hub.ts'
import type { ConsumeOptions, ConsumerStatus, EventHandler } from './options.ts'
import { laneOf } from './feed.ts'

/** What consumers share. */
export interface ConsumersOptions {
  readonly state: AccountState
  readonly hub: EventHub
  readonly outbox: ConsumerOptions['outbox']
  readonly account: ConsumerOptions['account']
  readonly clock: Clock
  readonly logger: Logger
  readonly onDead: (event: EphemeralEvents['consumer.dead']) => void
}

/** How long closing waits for handlers of consumers, in milliseconds. */
const HANDLER_GRACE_MS = 10_000

/** See the file comment. */
export class Consumers {
  readonly #options: ConsumersOptions
  readonly #running = new Map<string, { consumer: Consumer; ended: Promise<void> }>()

  constructor(options: ConsumersOptions) {
    this.#options = options
  }

  /** How those that run are doing. */
  get status(): readonly ConsumerStatus[] {
    return [...this.#running.values()].map(({ consumer }) => consumer.status)
  }

  /** Runs a durable consumer until it is stopped. @throws {UsageError} `WATON_CONSUMER_RUNNING` */
  async run(name: string, handler: EventHandler, options: ConsumeOptions): Promise<void> {
    if (this.#running.has(name)) {
      throw new UsageError(
        'WATON_CONSUMER_RUNNING',
        'a consumer of this name runs already; give each its own name',
        { details: { name } },
      )
    }
    const { onDead, ...shared } = this.#options
    const consumer = new Consumer({
      ...options,
      ...shared,
      name,
      handler,
      retries: (range) => retriesAfter(shared.state, name, range),
      onDead: ({ event, letter: { seq, reason, attempts, atMs } }) => {
        onDead({ consumer: name, seq, type: event.type, chat: laneOf(event), reason, attempts, atMs })
      },
    })
    const ended = consumer.run().finally(() => this.#running.delete(name))
    this.#running.set(name, { consumer, ended })
    await ended
  }

  /** See `Client.events.dead`. */
  deadLetters(query?: DeadLetterQuery): AsyncIterable<DeadLetter> {
    return listDeadLetters(this.#options.state, query)
  }

  /** Another round for a dead letter: at once when its consumer runs, otherwise when it runs next. */
  async retry(name: string, seq: number): Promise<void> {
    const { event, wasRetrying } = await retryDeadLetter(this.#options.state, name, seq)
    // a consumer that starts later finds it by its record
    if (!wasRetrying) this.#running.get(name)?.consumer.retry(event)
  }

  /** Forgets a dead letter. */
  async discard(name: string, seq: number): Promise<void> {
    await discardDeadLetter(this.#options.state, name, seq)
  }

  /** Lets no handler begin any more. */
  stop(): void {
    for (const { consumer } of this.#running.values()) consumer.stop()
  }

  /** Lets handlers under way finish, for a bounded while: what they send is still recorded. */
  async close(): Promise<void> {
    this.stop()
    const grace = new AbortController()
    const finished = Promise.allSettled([...this.#running.values()].map(({ ended }) => ended))
    await Promise.race([finished, sleep(this.#options.clock, HANDLER_GRACE_MS, grace.signal)])
    grace.abort()
  }
}
