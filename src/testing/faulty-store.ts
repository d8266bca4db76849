/**
 * A store that fails when a plan says so, in front of any real one: full disks, lost ownership and reads that fail,
 * at exactly the commit where a test wants them.
 */
import { StorageError } from '../base/errors.ts'
import { randomInteger } from '../base/random.ts'
import type { RandomSource } from '../base/random.ts'
import type { Change, Claim, CommitResult, Store } from '../persistence/contract/index.ts'
import { StoreWrapper } from './store-wrapper.ts'

/** A commit that is about to happen. */
export interface CommitAttempt {
  /** Counts the commits of this store, from 1. */
  readonly number: number
  /** The account that commits. */
  readonly account: string
  /** What it wants to write. */
  readonly changes: readonly Change[]
}

/** How a call fails. */
export interface Fault {
  /** What the caller gets. */
  readonly error: StorageError
  /**
   * Whether the commit is written although the caller is told that it failed, as when the answer of a database server
   * is lost. @default false
   */
  readonly isApplied?: boolean
}

/** Decides which calls fail; `undefined` lets one through. */
export interface StoreFaultPlan {
  /** Decides about one commit. */
  commit?(attempt: CommitAttempt): Fault | undefined
  /** @param number - counts the reads of this store, from 1 */
  read?(number: number): Fault | undefined
}

/**
 * Puts a plan of failures in front of a store.
 *
 * ```ts
 * const store = faultyStore(new MemoryStore(), failCommits([3]))
 * ```
 */
export function faultyStore(store: Store, plan: StoreFaultPlan): Store {
  return new FaultyStore(store, plan)
}

/** Fails the commits with these numbers (from 1). */
export function failCommits(numbers: readonly number[], error: StorageError = writeFault()): StoreFaultPlan {
  return { commit: ({ number }) => (numbers.includes(number) ? { error } : undefined) }
}

/** Fails about one commit in `oneIn`, the same ones for the same random source. */
export function failSomeCommits(
  random: RandomSource,
  oneIn: number,
  error: StorageError = writeFault(),
): StoreFaultPlan {
  return { commit: () => (randomInteger(random, oneIn) === 0 ? { error } : undefined) }
}

/** Fails every commit while the function says so: a disk that is full, and has room again later. */
export function failWhile(isFailing: () => boolean, error: StorageError = writeFault()): StoreFaultPlan {
  return { commit: () => (isFailing() ? { error } : undefined) }
}

/** The failure of a full disk, as a back end reports it: retryable, nothing written. */
export function writeFault(): StorageError {
  return new StorageError(
    'WATON_STORE_WRITE',
    'this commit fails because the test wants it: nothing was written',
    {
      retryable: true,
    },
  )
}

class FaultyStore extends StoreWrapper {
  readonly #plan: StoreFaultPlan
  #commits = 0
  #reads = 0

  constructor(inner: Store, plan: StoreFaultPlan) {
    super(inner)
    this.#plan = plan
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const fault = this.#plan.commit?.({ number: ++this.#commits, account: claim.account, changes })
    if (fault === undefined) return this.inner.commit(claim, changes)
    if (fault.isApplied === true) await this.inner.commit(claim, changes)
    throw fault.error
  }

  protected override async read<T>(work: () => Promise<T>): Promise<T> {
    const fault = this.#plan.read?.(++this.#reads)
    if (fault !== undefined) throw fault.error
    return work()
  }
}
