/**
 * A store in memory that can be copied as a file can be: it remembers what was committed, and a copy of it is all of that
 * again, with the stamp that a copy must have. Whatever is committed after the copy was made is not in it.
 */
import { MemoryStore } from 'waton'
import type { BackupRequest, Change, Claim, CommitResult } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'

/** What was written at once. */
interface Commit {
  readonly account: string
  readonly changes: readonly Change[]
}

/** A copy; it is a file that nobody has opened, and any number of stores can be made from it. */
export interface StoreCopy {
  readonly commits: readonly Commit[]
}

const OWNER = { owner: 'whoever restores the copy', nowMs: 0, leaseMs: 1 }

/** See the file comment. */
export class CopyableStore extends StoreWrapper {
  readonly #commits: Commit[] = []
  readonly #onCopy: (copy: StoreCopy, from: CopyableStore) => void

  /** @param onCopy - gets each copy at the moment to which it belongs */
  constructor(onCopy: (copy: StoreCopy, from: CopyableStore) => void) {
    super(new MemoryStore())
    this.#onCopy = onCopy
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    // the caller may reuse its buffers
    const copied = structuredClone(changes)
    const result = await this.inner.commit(claim, changes)
    this.#commits.push({ account: claim.account, changes: copied })
    return result
  }

  /** As the method of a store on a disk; the path says nothing here. */
  override get backup(): (path: string, request: BackupRequest) => Promise<void> {
    return (_path, { stamp }) => {
      const accounts = new Set(this.#commits.map(({ account }) => account))
      const stamps = [...accounts].map((account): Commit => {
        return { account, changes: [{ op: 'put-record', row: stamp }] }
      })
      this.#onCopy({ commits: [...this.#commits, ...stamps] }, this)
      return Promise.resolve()
    }
  }

  /** Fills this store, which is empty, with a copy. */
  async fill({ commits }: StoreCopy): Promise<void> {
    for (const { account, changes } of commits) {
      const claim = await this.claim(account, OWNER)
      await this.commit(claim, changes)
      await claim.release()
    }
  }
}
