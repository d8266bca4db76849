/**
 * What `client.send` resolves with: the message is durable, and three lazy promises tell how far it got. A promise that
 * nobody asked for never becomes an unhandled rejection, and costs nothing.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import type { WatonError } from '../../base/errors.ts'
import { failureError } from './failure.ts'
import type { OutboxItem } from './outbox-item.ts'
import type { WaitReason } from './pauses.ts'
import { advances, isUnfinished } from './states.ts'
import type { OutboxState, SendState } from './states.ts'

/** A message that is on its way and will not be lost. */
export interface SentMessage {
  /** The message id, the one that was asked for or a fresh one. */
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  /** Where it is now: `queued` without a connection, `sent` when it is on the wire. Read it again for news. */
  readonly state: SendState
  /** What keeps it, while it has not left: e.g. `connection`. `undefined` when nothing does. Read it again for news. */
  readonly waitingFor: WaitReason | undefined
  /**
   * Resolves when the server has it; rejects with `QueryError` when it failed for good (`WATON_SEND_REFUSED` and others, with
   * `action` and what to do), and with `ClosedError` `WATON_SEND_CANCELLED` when it was cancelled. Stays open when the client
   * is closed before: the message is kept, and `outbox.get(id)` of the next client has a handle for it.
   */
  readonly acked: Promise<void>
  /** Resolves when a device of the other side has it. */
  readonly delivered: Promise<void>
  /** Resolves when somebody has read it; never, when read receipts are off. */
  readonly read: Promise<void>
}

/** The stages that can be waited for, by the names of a handle. */
export type Stage = 'acked' | 'delivered' | 'read'

const STATE_OF: Readonly<Record<Stage, OutboxState>> = {
  acked: 'acknowledged',
  delivered: 'delivered',
  read: 'read',
}

/** Handles with somebody waiting, at most; the oldest forget their waiters, whose message is in the store all the same. */
const MAX_WATCHED = 65_536

/** What only the sender knows of an unfinished message. */
export interface SendingView {
  /** Whether its ciphertext may have left. */
  hasLeft(id: string): boolean
  /** What keeps it. */
  waitOf(id: string, chat: string): WaitReason | undefined
}

/** As much of an item as a handle keeps: a body may be large. */
type Known = Pick<OutboxItem, 'state'> & { readonly isRepairDue: boolean }

function knownOf({ state, body }: OutboxItem): Known {
  return { state, isRepairDue: body.trouble?.isRepairDue === true }
}

/** The progress of one message, shared by all of its handles. */
class Progress {
  #known: Known | undefined
  #failure: WatonError | undefined
  readonly #waiters = new Map<Stage, Deferred<void>>()

  get known(): Known | undefined {
    return this.#known
  }

  /** @param isNews - it has just happened: what is unfinished may also have gone back, to be encrypted anew */
  advance(item: OutboxItem, isNews: boolean): void {
    const before = this.#known?.state ?? 'queued'
    const goesBack = isNews && isUnfinished(before) && isUnfinished(item.state)
    if (this.#known !== undefined && !goesBack && !advances(before, item.state)) return
    this.#known = knownOf(item)
    if (item.state === 'failed' || item.state === 'cancelled') this.#failure = failureError(item)
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
    const reached = this.#known?.state ?? 'queued'
    const wanted = STATE_OF[stage]
    if (this.#failure !== undefined) waiter.reject(this.#failure)
    else if (reached === wanted || advances(wanted, reached)) waiter.resolve()
  }
}

/** Makes handles and moves them on. */
export class Handles {
  readonly #progress = new BoundedMap<string, Progress>(MAX_WATCHED)
  readonly #sending: SendingView

  constructor(sending: SendingView) {
    this.#sending = sending
  }

  /** Begins to watch a message. Called before its row is read, so that nothing that happens meanwhile is missed. */
  watch(id: string): void {
    if (!this.#progress.has(id)) this.#progress.set(id, new Progress())
  }

  /** A handle for an item in whatever state it is. */
  of(item: OutboxItem): SentMessage {
    const { id, chat } = item
    this.watch(id)
    const watched = this.#progress.get(id) ?? new Progress()
    watched.advance(item, false)
    const now = (): Known => watched.known ?? knownOf(item)
    const sending = this.#sending
    return {
      id,
      chat,
      get state() {
        return shownState(id, now(), sending)
      },
      get waitingFor() {
        return waitReason({ id, chat }, now(), sending)
      },
      get acked() {
        return watched.wait('acked')
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
    this.#progress.get(item.id)?.advance(item, true)
  }

  /** The state of an item as users see it. */
  stateOf(item: OutboxItem): SendState {
    return shownState(item.id, this.#newest(item), this.#sending)
  }

  /** What keeps an item. */
  waitOf(item: OutboxItem): WaitReason | undefined {
    return waitReason(item, this.#newest(item), this.#sending)
  }

  /** It may have been read some time ago. */
  #newest(item: OutboxItem): Known {
    return this.#progress.get(item.id)?.known ?? knownOf(item)
  }
}

function shownState(id: string, { state }: Known, sending: SendingView): SendState {
  return state === 'encrypted' && sending.hasLeft(id) ? 'sent' : state
}

function waitReason(
  { id, chat }: Pick<OutboxItem, 'id' | 'chat'>,
  { state, isRepairDue }: Known,
  sending: SendingView,
): WaitReason | undefined {
  if (!isUnfinished(state)) return undefined
  const waits = sending.waitOf(id, chat)
  return waits === undefined && isRepairDue ? 'repair' : waits
}

function ignore(): void {
  // a handle that nobody awaits is not an error
}
