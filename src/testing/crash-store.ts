/**
 * A store that can die. It holds every commit back until a test lets it through, and at `crash()` the commits still
 * held are gone, as with `kill -9`: what was acknowledged is there afterwards, what was under way may or may not be.
 */
import { StorageError } from '../base/errors.ts'
import type { Change, Claim, ClaimRequest, CommitResult, Store } from '../persistence/contract/index.ts'
import { StoreWrapper } from './store-wrapper.ts'

interface HeldCommit {
  readonly claim: Claim
  readonly changes: readonly Change[]
  resolve(result: CommitResult): void
  reject(error: unknown): void
}

/** How a `CrashStore` behaves. */
export interface CrashOptions {
  /** Whether commits wait for `flush()`; otherwise they pass at once. @default false */
  readonly isHolding?: boolean
}

/**
 * See the file comment.
 *
 * ```ts
 * const disk = new MemoryStore()
 * const store = new CrashStore(disk, { isHolding: true })
 * // ... the client commits; some commits are let through with store.flush()
 * await store.crash()
 * const after = new CrashStore(disk)      // the next start of the program, over the same disk
 * ```
 */
export class CrashStore extends StoreWrapper {
  readonly #held: HeldCommit[] = []
  readonly #claims = new Set<Claim>()
  #isHolding: boolean
  #isDead = false

  constructor(disk: Store, options: CrashOptions = {}) {
    super(disk)
    this.#isHolding = options.isHolding ?? false
  }

  /** How many commits wait. */
  get held(): number {
    return this.#held.length
  }

  /** Holds every commit back from now on. */
  hold(): void {
    this.#isHolding = true
  }

  /** Lets the first `count` held commits become durable and resolve, in order; all of them when left out. */
  async flush(count: number = this.#held.length): Promise<void> {
    for (const one of this.#held.splice(0, count)) await this.#pass(one)
  }

  /** Lets everything through, now and later. */
  async letThrough(): Promise<void> {
    this.#isHolding = false
    await this.flush()
  }

  /**
   * Dies. Held commits are dropped, every call under way and every later one is refused with `WATON_STORE_CLOSED`, and
   * the accounts are free for the next owner at once.
   *
   * @param unacknowledged - how many of the held commits reach the disk although nobody hears of it. @default 0
   */
  async crash(unacknowledged = 0): Promise<void> {
    this.#isDead = true
    const held = this.#held.splice(0)
    for (const one of held) one.reject(crashed())
    for (const one of held.slice(0, unacknowledged)) await this.inner.commit(one.claim, one.changes)
    for (const claim of this.#claims) await claim.release()
    this.#claims.clear()
  }

  override async claim(account: string, request: ClaimRequest): Promise<Claim> {
    this.#requireAlive()
    const claim = await this.inner.claim(account, request)
    this.#claims.add(claim)
    return claim
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    this.#requireAlive()
    if (!this.#isHolding) return this.inner.commit(claim, changes)
    // The caller may reuse its buffers before the commit is let through.
    const copies = changes.map(copyChange)
    return new Promise((resolve, reject) => {
      this.#held.push({ claim, changes: copies, resolve, reject })
    })
  }

  override async close(): Promise<void> {
    if (this.#isDead) return
    await this.letThrough()
    this.#isDead = true
    for (const claim of this.#claims) await claim.release()
    this.#claims.clear()
  }

  protected override async read<T>(work: () => Promise<T>): Promise<T> {
    this.#requireAlive()
    return work()
  }

  async #pass(held: HeldCommit): Promise<void> {
    try {
      held.resolve(await this.inner.commit(held.claim, held.changes))
    } catch (error) {
      held.reject(error)
    }
  }

  #requireAlive(): void {
    if (this.#isDead) throw crashed()
  }
}

function crashed(): StorageError {
  return new StorageError('WATON_STORE_CLOSED', 'this store has crashed because the test wants it')
}

function copyChange(change: Change): Change {
  return structuredClone(change)
}
