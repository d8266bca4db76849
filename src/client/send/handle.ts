/**
 * What `client.send` resolves with: the message is durable, and three lazy promises tell how far it got. A promise that
 * nobody asked for never becomes an unhandled rejection, and costs nothing.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { QueryError } from '../../base/errors.ts'
import { advances } from './outbox-item.ts'
import type { OutboxItem, OutboxState } from './outbox-item.ts'

/** A message that is on its way and will not be lost. */
export interface SentMessage {
  /** The message id, the one that was asked for or a fresh one. */
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  /** Resolves when the server has it; rejects with `QueryError` `WATON_SEND_REFUSED` when it was refused for good. */
  readonly acked: Promise<void>
  /** Resolves when a device of the other side has it. */
  readonly delivered: Promise<void>
  /** Resolves when somebody has read it; never, when read receipts are off. */
  readonly read: Promise<void>
}

type Stage = 'acknowledged' | 'delivered' | 'read'

/** Handles with somebody waiting, at most; the oldest forget their waiters, whose message is in the store all the same. */
const MAX_WATCHED = 65_536

/** The progress of one message, shared by all of its handles. */
class Progress {
  #state: OutboxState = 'queued'
  #failure: QueryError | undefined
  readonly #waiters = new Map<Stage, Deferred<void>>()

  advance(item: OutboxItem): void {
    if (item.state !== this.#state && !advances(this.#state, item.state)) return
    this.#state = item.state
    if (item.state === 'failed') this.#failure = refusal(item)
    for (const [stage, waiter] of this.#waiters) this.#settle(stage, waiter)
  }

  wait(stage: Stage): Promise<void> {
    let waiter = this.#waiters.get(stage)
    if (waiter === undefined) {
      waiter = deferred()
      waiter.promise.catch(ignore)
      this.#waiters.set(stage, waiter)
      this.#settle(stage, waiter)
    }
    return waiter.promise
  }

  #settle(stage: Stage, waiter: Deferred<void>): void {
    if (this.#failure !== undefined) waiter.reject(this.#failure)
    else if (this.#state === stage || advances(stage, this.#state)) waiter.resolve()
  }
}

/** Makes handles and moves them on. */
export class Handles {
  readonly #progress = new BoundedMap<string, Progress>(MAX_WATCHED)

  /** Begins to watch a message. Called before its row is read, so that nothing that happens meanwhile is missed. */
  watch(id: string): void {
    if (!this.#progress.has(id)) this.#progress.set(id, new Progress())
  }

  /** A handle for an item in whatever state it is. */
  of(item: OutboxItem): SentMessage {
    this.watch(item.id)
    const watched = this.#progress.get(item.id) ?? new Progress()
    watched.advance(item)
    return {
      id: item.id,
      chat: item.chat,
      get acked() {
        return watched.wait('acknowledged')
      },
      get delivered() {
        return watched.wait('delivered')
      },
      get read() {
        return watched.wait('read')
      },
    }
  }

  /** The item has reached a new state. */
  advance(item: OutboxItem): void {
    this.#progress.get(item.id)?.advance(item)
  }
}

function refusal(item: OutboxItem): QueryError {
  const serverCode = item.body.failure?.serverCode
  return new QueryError(
    item.body.failure?.code ?? 'WATON_SEND_REFUSED',
    serverCode === undefined
      ? 'the message cannot be sent; see the code'
      : 'the server refused the message for good; see details.serverCode',
    {
      details: { id: item.id, serverCode },
    },
  )
}

function ignore(): void {
  // a handle that nobody awaits is not an error
}
