/**
 * The `Store` contract: what the client needs of a back end, and nothing that a back end would need Signal for.
 *
 * A store holds many accounts; the account is the first column of every key. Values are opaque bytes whose first byte
 * is a record version that only the writer understands; a back end queries columns and never looks inside a value.
 * All writes go through `commit`, which is atomic and durable when it resolves. There are no interactive transactions:
 * the client is the only owner of an account, so what it read cannot change under it.
 */
import type { Change, EventRow, MessageKey, MessageRow, OutboxRow, RecordRow } from './rows.ts'

/** The right to write one account, held by one owner at a time (promise G6). */
export interface Claim {
  /** The account that is claimed. */
  readonly account: string
  /** The fencing number: grows by one with every claim of the account. A commit with an older epoch is refused. */
  readonly epoch: number
  /** When the lease ends unless it is renewed, in milliseconds since the epoch. */
  readonly expiresAtMs: number
  /**
   * Extends the lease.
   *
   * @throws {StorageError} `WATON_STORE_OWNERSHIP_LOST` when another owner has taken the account
   */
  renew(nowMs: number): Promise<void>
  /** Gives the account back. Idempotent; later commits of this claim are refused. */
  release(): Promise<void>
}

/** Who claims, and for how long. */
export interface ClaimRequest {
  /** Names the process and client in the refusal that another one gets, e.g. `host:pid:nonce`. */
  readonly owner: string
  /** The time by the caller's clock, in milliseconds since the epoch. */
  readonly nowMs: number
  /** How long the claim holds without renewal, in milliseconds. */
  readonly leaseMs: number
}

/** What a commit did. */
export interface CommitResult {
  /** How many changes were applied. */
  readonly changes: number
}

/** A range of the event log. */
export interface EventRange {
  /** Exclusive lower bound. */
  readonly after: number
  /** How many events at most. */
  readonly limit: number
}

/** Which outbox rows to list, in sending order. */
export interface OutboxQuery {
  /** Only rows in one of these states. */
  readonly states: readonly string[]
  /** Exclusive lower bound of `position`. @default -1 */
  readonly after?: number
  /** How many rows at most. */
  readonly limit: number
}

/** Where the event log begins and ends; both 0 when it is empty. */
export interface EventBounds {
  /** The lowest `seq` that is held; 0 when there is none. */
  readonly first: number
  /** The highest `seq` that is held; 0 when there is none. */
  readonly last: number
}

/** What a copy of a store needs to know. */
export interface BackupRequest {
  /** A record that every account of the copy gets, and none of the original: whoever opens the copy knows it by that. */
  readonly stamp: RecordRow
  /** Replaces a file that exists, unless it is a store in use. @default false */
  readonly overwrite?: boolean
}

/**
 * A durable home for any number of accounts.
 *
 * Every method rejects with `StorageError` and nothing else (`backup` also with `UsageError`), after `close()` with `WATON_STORE_CLOSED`. `waton/testing` has the conformance suite that decides
 * whether an implementation is right.
 */
export interface Store {
  /**
   * Takes an account for one owner. Refused while somebody holds it; a claim whose lease has ended may be taken over,
   * unless the back end knows better that its owner is alive. A back end that knows that the owner is dead does not
   * wait for the lease.
   *
   * @throws {StorageError} `WATON_STORE_OWNED` when somebody else holds it; `details.owner` says who. It is
   *   retryable when only a lease stands in the way; `details.leaseEndsAtMs` says until when
   */
  claim(account: string, request: ClaimRequest): Promise<Claim>

  /**
   * Applies all changes or none; durable when it resolves. Commits of one claim are applied in call order.
   *
   * @throws {StorageError} `WATON_STORE_FENCED` when the claim is no longer the owner: nothing was written
   * @throws {StorageError} `WATON_STORE_CONFLICT` when an appended event's seq exists: nothing was written
   * @throws {StorageError} `WATON_STORE_WRITE` when the back end failed: nothing was written; retryable unless the
   *   commit itself is at fault (`WATON_STORE_ROW`, `WATON_STORE_TEXT`)
   * @throws {StorageError} `WATON_STORE_INTERRUPTED` when the back end went away before it answered: the commit may or
   *   may not have been written; open the store again and read
   */
  commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult>

  /** The value of one record, or `undefined`. */
  readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined>
  /** The values of several records of a kind; missing keys are left out. */
  readRecords(
    account: string,
    kind: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Uint8Array>>
  /** Records of a kind in key order (by code point, which is the byte order of UTF-8), after `after` exclusively. */
  listRecords(
    account: string,
    kind: string,
    after: string | undefined,
    limit: number,
  ): Promise<readonly RecordRow[]>

  /** One message, or `undefined`. */
  readMessage(account: string, key: MessageKey): Promise<MessageRow | undefined>
  /** Which of the ciphertext hashes were recognised before. The answer has the order of the question. */
  readRecognised(account: string, hashes: readonly Uint8Array[]): Promise<readonly boolean[]>

  /** Events in the order of `seq`. */
  readEvents(account: string, range: EventRange): Promise<readonly EventRow[]>
  /** The first and last `seq` that are held. */
  eventBounds(account: string): Promise<EventBounds>

  /** One row of the outbox, or `undefined`. */
  readOutbox(account: string, id: string): Promise<OutboxRow | undefined>
  /** Rows of the outbox in the order of `position`. */
  listOutbox(account: string, query: OutboxQuery): Promise<readonly OutboxRow[]>

  /** The accounts that have any row, in order. */
  listAccounts(): Promise<readonly string[]>

  /**
   * Writes a copy of all accounts to a file while the store is in use: one consistent state, with every commit that had
   * resolved before the call, and without anybody's claim. The file is whole and durable when this resolves, readable by
   * its owner only, and absent when it rejects. A store that cannot do this leaves the method out.
   *
   * @throws {UsageError} `WATON_BACKUP_EXISTS`, `WATON_BACKUP_PATH`
   * @throws {StorageError} `WATON_BACKUP_FAILED`
   */
  readonly backup?: ((path: string, request: BackupRequest) => Promise<void>) | undefined

  /** Waits for commits under way, releases every claim and closes the back end. Idempotent. */
  close(): Promise<void>
}
