/** A store that hands every call to another one: the ground for stores that misbehave on purpose. */
import type {
  Change,
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  EventRow,
  MessageKey,
  MessageRow,
  OutboxQuery,
  OutboxRow,
  RecordRow,
  Store,
} from '../persistence/contract/index.ts'

/** Subclasses override the calls that shall behave differently; all reads pass through {@link StoreWrapper.read}. */
export class StoreWrapper implements Store {
  protected readonly inner: Store

  constructor(inner: Store) {
    this.inner = inner
  }

  claim(account: string, request: ClaimRequest): Promise<Claim> {
    return this.inner.claim(account, request)
  }

  commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    return this.inner.commit(claim, changes)
  }

  readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined> {
    return this.read(() => this.inner.readRecord(account, kind, key))
  }

  readRecords(
    account: string,
    kind: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.read(() => this.inner.readRecords(account, kind, keys))
  }

  listRecords(
    account: string,
    kind: string,
    after: string | undefined,
    limit: number,
  ): Promise<readonly RecordRow[]> {
    return this.read(() => this.inner.listRecords(account, kind, after, limit))
  }

  readMessage(account: string, key: MessageKey): Promise<MessageRow | undefined> {
    return this.read(() => this.inner.readMessage(account, key))
  }

  readRecognised(account: string, hashes: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return this.read(() => this.inner.readRecognised(account, hashes))
  }

  readEvents(account: string, range: EventRange): Promise<readonly EventRow[]> {
    return this.read(() => this.inner.readEvents(account, range))
  }

  eventBounds(account: string): Promise<EventBounds> {
    return this.read(() => this.inner.eventBounds(account))
  }

  readOutbox(account: string, id: string): Promise<OutboxRow | undefined> {
    return this.read(() => this.inner.readOutbox(account, id))
  }

  listOutbox(account: string, query: OutboxQuery): Promise<readonly OutboxRow[]> {
    return this.read(() => this.inner.listOutbox(account, query))
  }

  listAccounts(): Promise<readonly string[]> {
    return this.read(() => this.inner.listAccounts())
  }

  /** As the store behind it has it: absent when that cannot be copied. */
  get backup(): Store['backup'] {
    return this.inner.backup?.bind(this.inner)
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  /** Every read goes through here. */
  protected read<T>(work: () => Promise<T>): Promise<T> {
    return work()
  }
}
