/**
 * A process that dies at a chosen moment, in memory: from then on nothing of it reaches the disk any more, and what was being
 * written at that moment has or has not reached it. Unlike a store that fails, nobody of the process learns what happened.
 */
import type { Change, Claim, ClaimRequest, CommitResult, Store } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { StorageError } from '../../src/base/errors.ts'

/** Which commit is the last one, counted from 1, and whether it is on the disk. */
export interface CrashPoint {
  readonly commit: number
  readonly isWritten: boolean
}

/** See the file comment. */
export class MortalStore extends StoreWrapper {
  readonly #point: CrashPoint
  readonly #claims: Claim[] = []
  /** Called at the moment of death. */
  onDeath: (() => void) | undefined
  #commits = 0
  #isDead = false

  constructor(disk: Store, point: CrashPoint = { commit: Infinity, isWritten: false }) {
    super(disk)
    this.#point = point
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Commits so far. */
  get commits(): number {
    return this.#commits
  }

  /** Dies now. */
  die(): void {
    this.#isDead = true
    this.onDeath?.()
  }

  /** What the next process finds: the accounts of a dead one are free. */
  async bury(): Promise<void> {
    this.die()
    for (const claim of this.#claims) await claim.release()
  }

  override async claim(account: string, request: ClaimRequest): Promise<Claim> {
    const claim = await super.claim(account, request)
    this.#claims.push(claim)
    return claim
  }

  /** Whether a commit is one of those that the point of death is counted in. */
  protected counts(changes: readonly Change[]): boolean {
    return changes.length > 0
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    if (this.#isDead) throw dead()
    if (!this.counts(changes)) return super.commit(claim, changes)
    this.#commits += 1
    if (this.#commits < this.#point.commit) return super.commit(claim, changes)
    const written = this.#point.isWritten ? super.commit(claim, changes) : undefined
    this.die()
    await written
    throw dead()
  }
}

function dead(): StorageError {
  return new StorageError('WATON_STORE_CLOSED', 'the process of this store is dead; the test says so')
}
