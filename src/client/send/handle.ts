/**
 * What `client.send` resolves with: the message is durable, and three lazy promises tell how far it got. A promise that
 * nobody asked for never becomes an unhandled rejection, and costs nothing.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { UsageError } from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import { failureError, unknownMessage } from './failure.ts'
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
   * is closed before: the message is kept, and `outbox.get(id)` of the next client has a handle for it. With more than
   * 131,072 messages waited for at once the oldest is refused (`WATON_SEND_UNWATCHED`); the message itself goes on.
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

/** Messages that are followed without anybody waiting for them. One that is forgotten is read from the store when somebody does. */
const MAX_IDLE = 65_536

/** Messages that somebody waits for, at most: about 100 MB. */
const MAX_WAITED = 131_072

const LIMITS = { idle: MAX_IDLE, waited: MAX_WAITED }

/** What handles ask. */
export interface HandleSource extends SendingView {
  /** The message as the store has it, {@link Handles.watch watched} from before it is read. */
  find(id: string): Promise<OutboxItem | undefined>
}

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
  /** Those whose stage was not reached yet. */
  readonly #waiters = new Map<Stage, Deferred<void>>()
  /** What happened before it was watched is not known: the store is to be asked. */
  isDoubtful = false

  get known(): Known | undefined {
    return this.#known
  }

  /** Whether somebody waits for something that has not happened. */
  get isWaitedFor(): boolean {
    return this.#waiters.size > 0
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

  /** Nobody is told any more; whoever asks again begins anew. */
  giveUp(error: WatonError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error)
    this.#waiters.clear()
  }

  #settle(stage: Stage, waiter: Deferred<void>): void {
    const reached = this.#known?.state ?? 'queued'
    const wanted = STATE_OF[stage]
    if (this.#failure !== undefined) waiter.reject(this.#failure)
    else if (reached === wanted || advances(wanted, reached)) waiter.resolve()
    else return
    this.#waiters.delete(stage)
  }
}

/** Makes handles and moves them on. */
export class Handles {
  readonly #idle: BoundedMap<string, Progress>
  /** In the order in which somebody began to wait. */
  readonly #waited = new Map<string, Progress>()
  readonly #maxWaited: number
  readonly #source: HandleSource

  constructor(source: HandleSource, limits: { readonly idle: number; readonly waited: number } = LIMITS) {
    this.#source = source
    this.#idle = new BoundedMap(limits.idle)
    this.#maxWaited = limits.waited
  }

  /** Begins to watch a message. Called before its row is read, so that nothing that happens meanwhile is missed. */
  watch(id: string): void {
    if (this.#find(id) === undefined) this.#idle.set(id, new Progress())
  }

  /** A handle for an item in whatever state it is. */
  of(item: OutboxItem): SentMessage {
    const { id, chat } = item
    const watched = this.#find(id) ?? this.#doubtful(id)
    watched.advance(item, false)
    const now = (): Known => watched.known ?? knownOf(item)
    const follow = (stage: Stage): Promise<void> => this.#follow(id, watched, stage)
    const source = this.#source
    return {
      id,
      chat,
      get state() {
        return shownState(id, now(), source)
      },
      get waitingFor() {
        return waitReason({ id, chat }, now(), source)
      },
      get acked() {
        return follow('acked')
      },
      get delivered() {
        return follow('delivered')
      },
      get read() {
        return follow('read')
      },
    }
  }

  /** The item has reached a new state. */
  advance(item: OutboxItem): void {
    const watched = this.#find(item.id)
    if (watched === undefined) return
    watched.advance(item, true)
    if (watched.isWaitedFor || !this.#waited.delete(item.id)) return
    this.#idle.set(item.id, watched)
  }

  #find(id: string): Progress | undefined {
    return this.#waited.get(id) ?? this.#idle.get(id)
  }

  #doubtful(id: string): Progress {
    const watched = new Progress()
    watched.isDoubtful = true
    this.#idle.set(id, watched)
    return watched
  }

  #follow(id: string, watched: Progress, stage: Stage): Promise<void> {
    const promise = watched.wait(stage)
    if (!watched.isWaitedFor) return promise
    if (watched.isDoubtful || this.#find(id) !== watched) return this.#read(id, stage)
    if (this.#waited.has(id)) return promise
    this.#idle.delete(id)
    this.#waited.set(id, watched)
    const [oldest] = this.#waited
    if (oldest === undefined || this.#waited.size <= this.#maxWaited) return promise
    const [oldestId, given] = oldest
    this.#waited.delete(oldestId)
    given.giveUp(unwatched(oldestId))
    return promise
  }

  /** What was forgotten, or not watched from the beginning, is watched from here on. */
  #read(id: string, stage: Stage): Promise<void> {
    const reached = this.#source.find(id).then((item) => {
      if (item === undefined) throw unknownMessage(id)
      const watched = this.#find(id)
      if (watched !== undefined) watched.isDoubtful = false
      return this.of(item)[stage]
    })
    // a promise that nobody awaits is not an error
    reached.catch(ignore)
    return reached
  }

  /** The state of an item as users see it. */
  stateOf(item: OutboxItem): SendState {
    return shownState(item.id, this.#newest(item), this.#source)
  }

  /** What keeps an item. */
  waitOf(item: OutboxItem): WaitReason | undefined {
    return waitReason(item, this.#newest(item), this.#source)
  }

  /** It may have been read some time ago. */
  #newest(item: OutboxItem): Known {
    return this.#find(item.id)?.known ?? knownOf(item)
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

function unwatched(id: string): UsageError {
  return new UsageError(
    'WATON_SEND_UNWATCHED',
    'so many messages are waited for at once that this one is not watched any more; it goes on all the same: client.outbox.get(id) tells how far it is, and waiting for fewer at a time keeps all of them',
    { details: { id } },
  )
}

function ignore(): void {
  // a handle that nobody awaits is not an error
}
