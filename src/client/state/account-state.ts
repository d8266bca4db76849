/**
 * The one place through which an account's durable state is read and changed. Units of work run one after the other
 * (no network inside), become visible at once in an overlay, and are committed in order, as many together as the
 * writer allows: a batch closes when the writer is free, never on a timer. When a commit fails, the overlay and
 * everything staged after it are dropped and every waiter learns of it; the store is the truth again, also about whether
 * the failed commit was written after all.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { StorageError, errorCode } from '../../base/errors.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { seam } from '../../base/seams.ts'
import type { Claim, MessageKey, MessageRow, Store } from '../../persistence/contract/index.ts'
import type { QuarantinedEvent } from '../events.ts'
import { checkedEvents } from './event-check.ts'
import { countChanges } from './log-size.ts'
import type { Written } from './log-size.ts'
import { Overlay } from './overlay.ts'
import type { Unreadable } from './overlay.ts'
import type { RecordKind } from './record-kind.ts'
import { QUARANTINE } from './records.ts'
import { Unit, logEvent } from './unit.ts'
import type { EventDraft, LoggedEvent } from './unit.ts'

/** What {@link AccountState} is made of. */
export interface AccountStateOptions {
  readonly store: Store
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
  /** Gets the events of each commit, in order, after they are durable. */
  readonly onEvents: (events: readonly LoggedEvent[]) => void
  /** A commit failed and the overlay was dropped. */
  readonly onFailure: (error: StorageError) => void
  /** Something in the store could not be read; the account goes on without it. */
  readonly onQuarantined?: (event: QuarantinedEvent) => void
}

/** The result of a unit that was staged. */
export interface Staged<Value> {
  readonly value: Value
  /** Resolves when the unit is durable; rejects with `StorageError` when it was dropped. */
  readonly committed: Promise<void>
}

/** A unit that waits for its commit. */
interface Waiting {
  readonly unit: Unit
  readonly events: readonly LoggedEvent[]
  readonly done: Deferred<void>
}

/** Units in one commit at most: bounds how long a commit and the loss of one can take. */
const MAX_UNITS_PER_COMMIT = 512

/** Reports of unreadable entries that are remembered, so that each is made once. */
const MAX_REPORTED = 1024

/** Units staged and not yet durable at most; beyond it new work waits for the writer. */
const MAX_STAGED_UNITS = 2048

/** A commit that fails like this fails whenever it is tried: something in it is no row. */
const AT_FAULT: ReadonlySet<string> = new Set(['WATON_STORE_ROW', 'WATON_STORE_TEXT'])

/** Whether a unit itself, and not the store, is the reason why its commit failed. */
export function isAtFault(error: unknown): error is StorageError {
  return error instanceof StorageError && AT_FAULT.has(error.code)
}

/** See the file comment. */
export class AccountState {
  readonly #options: AccountStateOptions
  readonly #overlay: Overlay
  #tail: Promise<unknown> = Promise.resolve()
  #queue: Waiting[] = []
  #writing: readonly Waiting[] = []
  #generation = 0
  #lastSeq: number
  #room: Deferred<void> | undefined
  /** A commit failed: only the store knows what it holds, also whether the failed commit was written after all. */
  #isStale = false
  /** Events of a commit that was reported as failed: if they are in the store, nobody has been told of them. */
  #inDoubt: readonly LoggedEvent[] = []
  #closed = false
  /** How many units are committed one by one, to find the one that is at fault. */
  #alone = 0
  readonly #written: Written = { logBytes: 0, upTo: 0, hashes: 0 }
  readonly #reported = new BoundedMap<string, true>(MAX_REPORTED)

  private constructor(options: AccountStateOptions, lastSeq: number) {
    this.#options = options
    this.#lastSeq = lastSeq
    this.#overlay = new Overlay(options.store, options.claim.account, (unreadable) => {
      this.#setAside(unreadable)
    })
  }

  /** Reads where the event log ends and is ready for units. */
  static async open(options: AccountStateOptions): Promise<AccountState> {
    const bounds = await options.store.eventBounds(options.claim.account)
    return new AccountState(options, bounds.last)
  }

  get account(): string {
    return this.#options.claim.account
  }

  get store(): Store {
    return this.#options.store
  }

  /** The sequence number of the newest event, durable or not. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** What was committed since the account was opened. */
  get written(): Readonly<Written> {
    return this.#written
  }

  /** The keys of a kind that begin with `prefix`, staged ones included; for rare, small listings. */
  listKeys<Value>(kind: RecordKind<Value>, prefix: string): Promise<readonly string[]> {
    return this.#overlay.listKeys(kind.kind, prefix)
  }

  /** Reads a record outside of a unit: for decisions that are checked again inside one. */
  async read<Value>(kind: RecordKind<Value>, key: string): Promise<Value | undefined> {
    return (await this.#overlay.readRecord(kind as RecordKind<unknown>, key)) as Value | undefined
  }

  /** Reads a message outside of a unit, staged or durable. */
  readMessage(key: MessageKey): Promise<MessageRow | undefined> {
    return this.#overlay.readMessage(key)
  }

  /**
   * Runs one unit of work alone and stages what it changed. `work` must not wait for the network, and must not start
   * another unit. When it throws, nothing is changed.
   */
  transact<Value>(work: (unit: Unit) => Promise<Value>): Promise<Staged<Value>> {
    const result = this.#tail.then(() => this.#run(work))
    this.#tail = result.catch(ignore)
    return result
  }

  /** Like {@link transact}, and waits until the unit is durable. */
  async commit<Value>(work: (unit: Unit) => Promise<Value>): Promise<Value> {
    const staged = await this.transact(work)
    await staged.committed
    return staged.value
  }

  /** Tells, once, that something in the store cannot be read and that the account goes on without it. */
  reportUnreadable(kind: string, id: string, error: unknown): void {
    const slot = `${kind}/${id}`
    if (this.#reported.has(slot)) return
    this.#reported.set(slot, true)
    const code = errorCode(error) ?? 'WATON_STORE_RECORD'
    this.#options.logger.error({ kind, id, code }, 'a part of the store cannot be read and was set aside')
    this.#options.onQuarantined?.({ kind, id, code })
  }

  /** Waits until everything staged so far is durable or dropped. */
  async flush(): Promise<void> {
    await this.#tail
    const last = this.#queue.at(-1) ?? this.#writing.at(-1)
    await last?.done.promise.catch(ignore)
  }

  /** Stages nothing more; what is staged is still written. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
  }

  async #run<Value>(work: (unit: Unit) => Promise<Value>): Promise<Staged<Value>> {
    while (this.#queue.length >= MAX_STAGED_UNITS) {
      this.#room ??= deferred()
      await this.#room.promise
    }
    if (this.#closed)
      throw new StorageError('WATON_STATE_CLOSED', 'the client was closed; nothing more is recorded', {
        action: 'reopen',
      })
    if (this.#isStale) await this.#reload()
    const generation = this.#generation
    const unit = new Unit(this.#overlay, this.#options.clock.nowMs())
    const value = await work(unit)
    if (unit.events.length > 0) unit.events = await checkedEvents(unit.events, this.#options.logger)
    if (generation !== this.#generation) throw dropped()
    return { value, committed: this.#stage(unit) }
  }

  /** Staged before the unit that has asked for the record, so that the bytes are kept before anything replaces them. */
  #setAside({ kind, key, bytes, error, replacement }: Unreadable): void {
    if (this.#closed) return
    const unit = new Unit(this.#overlay, this.#options.clock.nowMs())
    unit.put(QUARANTINE, `${kind.kind}/${key}`, bytes)
    unit.put(kind, key, replacement)
    unit.onCommit(() => {
      this.reportUnreadable(kind.kind, key, error)
    })
    void this.#stage(unit)
  }

  async #reload(): Promise<void> {
    const bounds = await this.#options.store.eventBounds(this.account)
    this.#lastSeq = bounds.last
    this.#isStale = false
    const events = this.#inDoubt
    this.#inDoubt = []
    // nobody else writes to the account: a log that reaches as far as the failed commit has it
    const newest = events.at(-1)
    if (newest !== undefined && bounds.last >= newest.row.seq) this.#publish(events)
  }

  #stage(unit: Unit): Promise<void> {
    if (unit.isEmpty && this.#queue.length === 0 && this.#writing.length === 0) {
      for (const action of unit.afterCommit) this.#perform(action)
      return Promise.resolve()
    }
    const events = unit.events.map((draft) => {
      this.#lastSeq += 1
      this.#reportFault(unit, draft, this.#lastSeq)
      draft.onSeq?.(this.#lastSeq)
      return logEvent(draft, this.#lastSeq, unit.nowMs)
    })
    this.#overlay.stage(unit)
    const waiting: Waiting = { unit, events, done: deferred() }
    // a unit's failure is told to those who wait for it; nobody waiting is not an unhandled rejection
    waiting.done.promise.catch(ignore)
    this.#queue.push(waiting)
    seam('state:staged')
    this.#pump()
    return waiting.done.promise
  }

  #reportFault(unit: Unit, { fault }: EventDraft, seq: number): void {
    if (fault === undefined) return
    unit.onCommit(() => {
      this.reportUnreadable('event', String(seq), fault)
    })
  }

  #pump(): void {
    if (this.#writing.length > 0 || this.#queue.length === 0) return
    const batch = this.#queue.splice(0, this.#alone > 0 ? 1 : MAX_UNITS_PER_COMMIT)
    this.#alone = Math.max(0, this.#alone - batch.length)
    this.#writing = batch
    this.#room?.resolve()
    this.#room = undefined
    void this.#write(batch)
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const units = batch.map((waiting) => waiting.unit)
    const events = batch.flatMap((waiting) => waiting.events)
    try {
      const changes = this.#overlay.changesOf(
        units,
        events.map((event) => event.row),
      )
      seam('state:committing')
      if (changes.length > 0) await this.#options.store.commit(this.#options.claim, changes)
      countChanges(this.#written, changes)
    } catch (cause) {
      this.#drop(batch, cause)
      return
    }
    seam('state:committed')
    this.#overlay.settle(units)
    this.#writing = []
    for (const waiting of batch) {
      for (const action of waiting.unit.afterCommit) this.#perform(action)
      waiting.done.resolve()
    }
    this.#publish(events)
    this.#pump()
  }

  #publish(events: readonly LoggedEvent[]): void {
    if (events.length === 0) return
    this.#perform(() => {
      seam('events:dispatching')
      this.#options.onEvents(events)
      seam('events:dispatched')
    })
  }

  #drop(batch: readonly Waiting[], cause: unknown): void {
    const error =
      cause instanceof StorageError
        ? cause
        : new StorageError('WATON_STORE_WRITE', 'the store failed to write; nothing of the batch was kept', {
            cause,
            retryable: true,
          })
    const lost = [...batch, ...this.#queue]
    this.#generation += 1
    this.#writing = []
    this.#queue = []
    this.#overlay.clear()
    this.#isStale = true
    this.#inDoubt = batch.flatMap((waiting) => waiting.events)
    this.#room?.resolve()
    this.#room = undefined
    this.#options.logger.error({ units: lost.length, error }, 'commit failed, staged work dropped')
    // in company nobody knows whose fault it was: all are tried again, one by one
    const isSomeones = isAtFault(error)
    if (isSomeones) this.#alone = lost.length
    const isFound = !isSomeones || batch.length === 1
    for (const waiting of lost)
      waiting.done.reject(isFound && (!isSomeones || waiting === batch[0]) ? error : dropped())
    this.#options.onFailure(error)
  }

  #perform(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#options.logger.error({ error }, 'an action after a commit failed')
    }
  }
}

function dropped(): StorageError {
  return new StorageError(
    'WATON_STORE_WRITE',
    'an earlier commit failed, so this work was dropped before it was written',
    {
      retryable: true,
    },
  )
}

function ignore(): void {
  // told to those who wait
}
