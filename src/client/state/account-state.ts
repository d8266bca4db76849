/**
 * The one place through which an account's durable state is read and changed. Units of work run one after the other
 * (no network inside), become visible at once in an overlay, and are committed in order, as many together as the
 * writer allows: a batch closes when the writer is free, never on a timer. When a commit fails, the overlay and
 * everything staged after it are dropped and every waiter learns of it; the store is the truth again.
 */
import { StorageError } from '../../base/errors.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Claim, Store } from '../../persistence/contract/index.ts'
import { Overlay } from './overlay.ts'
import type { RecordKind } from './record-kind.ts'
import { Unit, logEvent } from './unit.ts'
import type { LoggedEvent } from './unit.ts'

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

/** Units staged and not yet durable at most; beyond it new work waits for the writer. */
const MAX_STAGED_UNITS = 2048

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
  #closed = false

  private constructor(options: AccountStateOptions, lastSeq: number) {
    this.#options = options
    this.#lastSeq = lastSeq
    this.#overlay = new Overlay(options.store, options.claim.account)
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

  /** Reads a record outside of a unit: for decisions that are checked again inside one. */
  async read<Value>(kind: RecordKind<Value>, key: string): Promise<Value | undefined> {
    return (await this.#overlay.readRecord(kind as RecordKind<unknown>, key)) as Value | undefined
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
    if (generation !== this.#generation) throw dropped()
    return { value, committed: this.#stage(unit) }
  }

  async #reload(): Promise<void> {
    const bounds = await this.#options.store.eventBounds(this.account)
    this.#lastSeq = bounds.last
    this.#isStale = false
  }

  #stage(unit: Unit): Promise<void> {
    if (unit.isEmpty && this.#queue.length === 0 && this.#writing.length === 0) {
      for (const action of unit.afterCommit) this.#perform(action)
      return Promise.resolve()
    }
    const events = unit.events.map((draft) => {
      this.#lastSeq += 1
      return logEvent(draft, this.#lastSeq, unit.nowMs)
    })
    this.#overlay.stage(unit)
    const waiting: Waiting = { unit, events, done: deferred() }
    // a unit's failure is told to those who wait for it; nobody waiting is not an unhandled rejection
    waiting.done.promise.catch(ignore)
    this.#queue.push(waiting)
    this.#pump()
    return waiting.done.promise
  }

  #pump(): void {
    if (this.#writing.length > 0 || this.#queue.length === 0) return
    const batch = this.#queue.splice(0, MAX_UNITS_PER_COMMIT)
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
      if (changes.length > 0) await this.#options.store.commit(this.#options.claim, changes)
    } catch (cause) {
      this.#drop(batch, cause)
      return
    }
    this.#overlay.settle(units)
    this.#writing = []
    for (const waiting of batch) {
      for (const action of waiting.unit.afterCommit) this.#perform(action)
      waiting.done.resolve()
    }
    if (events.length > 0)
      this.#perform(() => {
        this.#options.onEvents(events)
      })
    this.#pump()
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
    this.#room?.resolve()
    this.#room = undefined
    this.#options.logger.error({ units: lost.length, error }, 'commit failed, staged work dropped')
    for (const waiting of lost) waiting.done.reject(error)
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
