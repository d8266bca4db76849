/**
 * `MemoryStore`: the contract without a disk, for tests, demos and bots that pair anew at every start. Everything is
 * gone when the process ends. It is also the reference that says what the rules of the contract mean.
 */
import { StorageError } from '../../base/errors.ts'
import { closedFailure, fencedFailure, ownedFailure, ownershipLostFailure } from '../contract/failures.ts'
import type { Change, EventRow, MessageKey, MessageRow, OutboxRow, RecordRow } from '../contract/rows.ts'
import type {
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  OutboxQuery,
  Store,
} from '../contract/store.ts'
import { compareText, requireText } from '../contract/text.ts'
import { copyEvent, copyRow, MemoryAccount } from './account.ts'
import type { Undo } from './account.ts'

interface Ownership {
  epoch: number
  /** `undefined` when nobody holds the account. */
  owner: string | undefined
  expiresAtMs: number
}

/**
 * A store whose rows live in this object: any number of accounts, the same atomicity, order and ownership rules as a
 * store on disk.
 */
export class MemoryStore implements Store {
  readonly #accounts = new Map<string, MemoryAccount>()
  readonly #ownership = new Map<string, Ownership>()
  #isClosed = false

  claim(account: string, request: ClaimRequest): Promise<Claim> {
    return this.#attempt(() => {
      requireText(account)
      const held = this.#ownership.get(account)
      if (held?.owner !== undefined && request.nowMs < held.expiresAtMs)
        throw ownedFailure(account, held.owner)
      const epoch = (held?.epoch ?? 0) + 1
      const expiresAtMs = request.nowMs + request.leaseMs
      this.#ownership.set(account, { epoch, owner: request.owner, expiresAtMs })
      return new MemoryClaim(this.#ownershipDoor, { account, epoch, leaseMs: request.leaseMs }, expiresAtMs)
    })
  }

  commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    return this.#attempt(() => {
      if (!this.#isOwner(claim.account, claim.epoch)) throw fencedFailure(claim.account, claim.epoch)
      const account = this.#accounts.get(claim.account) ?? new MemoryAccount(claim.account)
      applyAll(account, changes)
      this.#accounts.set(claim.account, account)
      return { changes: changes.length }
    })
  }

  readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined> {
    return this.#attempt(() => this.#accounts.get(account)?.record(kind, key)?.value.slice())
  }

  readRecords(
    account: string,
    kind: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#attempt(() => {
      const found = new Map<string, Uint8Array>()
      for (const key of keys) {
        const row = this.#accounts.get(account)?.record(kind, key)
        if (row !== undefined) found.set(key, row.value.slice())
      }
      return found
    })
  }

  listRecords(
    account: string,
    kind: string,
    after: string | undefined,
    limit: number,
  ): Promise<readonly RecordRow[]> {
    return this.#attempt(() => (this.#accounts.get(account)?.records(kind, after, limit) ?? []).map(copyRow))
  }

  readMessage(account: string, key: MessageKey): Promise<MessageRow | undefined> {
    return this.#attempt(() => optionalCopy(this.#accounts.get(account)?.message(key)))
  }

  readRecognised(account: string, hashes: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return this.#attempt(() => hashes.map((hash) => this.#accounts.get(account)?.isRecognised(hash) ?? false))
  }

  readEvents(account: string, range: EventRange): Promise<readonly EventRow[]> {
    return this.#attempt(() =>
      (this.#accounts.get(account)?.events(range.after, range.limit) ?? []).map(copyEvent),
    )
  }

  eventBounds(account: string): Promise<EventBounds> {
    return this.#attempt(() => {
      const rows = this.#accounts.get(account)
      return { first: rows?.firstEvent()?.seq ?? 0, last: rows?.lastEvent()?.seq ?? 0 }
    })
  }

  readOutbox(account: string, id: string): Promise<OutboxRow | undefined> {
    return this.#attempt(() => optionalCopy(this.#accounts.get(account)?.outboxRow(id)))
  }

  listOutbox(account: string, query: OutboxQuery): Promise<readonly OutboxRow[]> {
    return this.#attempt(() => {
      const { after = -1, states, limit } = query
      return (this.#accounts.get(account)?.outbox(after, states, limit) ?? []).map(copyRow)
    })
  }

  listAccounts(): Promise<readonly string[]> {
    return this.#attempt(() => {
      const filled = [...this.#accounts].filter(([, rows]) => !rows.isEmpty)
      return filled.map(([name]) => name).sort(compareText)
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#accounts.clear()
    this.#ownership.clear()
    return Promise.resolve()
  }

  readonly #ownershipDoor: OwnershipDoor = {
    renew: ({ account, epoch }, expiresAtMs) =>
      this.#attempt(() => {
        const held = this.#ownership.get(account)
        if (held === undefined || !this.#isOwner(account, epoch)) throw ownershipLostFailure(account, epoch)
        held.expiresAtMs = expiresAtMs
      }),
    release: ({ account, epoch }) => {
      const held = this.#ownership.get(account)
      if (held?.epoch === epoch) held.owner = undefined
    },
  }

  #isOwner(account: string, epoch: number): boolean {
    const held = this.#ownership.get(account)
    return held?.owner !== undefined && held.epoch === epoch
  }

  /** Runs `work` at once (so calls take effect in call order) and turns what it throws into a rejection. */
  #attempt<T>(work: () => T): Promise<T> {
    try {
      if (this.#isClosed) throw closedFailure()
      return Promise.resolve(work())
    } catch (error) {
      return Promise.reject(asStorageError(error))
    }
  }
}

interface ClaimIdentity {
  readonly account: string
  readonly epoch: number
  readonly leaseMs: number
}

/** What a claim may ask of its store. */
interface OwnershipDoor {
  renew(claim: ClaimIdentity, expiresAtMs: number): Promise<void>
  release(claim: ClaimIdentity): void
}

class MemoryClaim implements Claim {
  readonly account: string
  readonly epoch: number
  readonly #door: OwnershipDoor
  readonly #identity: ClaimIdentity
  #expiresAtMs: number

  constructor(door: OwnershipDoor, identity: ClaimIdentity, expiresAtMs: number) {
    this.account = identity.account
    this.epoch = identity.epoch
    this.#door = door
    this.#identity = identity
    this.#expiresAtMs = expiresAtMs
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  async renew(nowMs: number): Promise<void> {
    const expiresAtMs = nowMs + this.#identity.leaseMs
    await this.#door.renew(this.#identity, expiresAtMs)
    this.#expiresAtMs = expiresAtMs
  }

  release(): Promise<void> {
    this.#door.release(this.#identity)
    return Promise.resolve()
  }
}

function applyAll(account: MemoryAccount, changes: readonly Change[]): void {
  const undo: Undo[] = []
  try {
    for (const change of changes) undo.push(account.apply(change))
  } catch (error) {
    for (const takeBack of undo.reverse()) takeBack()
    throw error
  }
}

function optionalCopy<T extends { readonly value: Uint8Array }>(row: T | undefined): T | undefined {
  return row === undefined ? undefined : copyRow(row)
}

function asStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  return new StorageError(
    'WATON_STORE_ROW',
    'a change of the commit is not a row of the contract: nothing was written',
    {
      cause: error,
      action: 'fix-call',
    },
  )
}
