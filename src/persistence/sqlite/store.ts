/**
 * `SqliteStore`: the contract over one SQLite file. Writes go to the process's writer thread, reads to a connection on
 * this thread. It holds no rows of its own.
 */
import { StorageError } from '../../base/errors.ts'
import { closedFailure } from '../contract/failures.ts'
import type { Change, EventRow, MessageKey, MessageRow, OutboxRow, RecordRow } from '../contract/rows.ts'
import type {
  BackupRequest,
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  OutboxQuery,
  Store,
} from '../contract/store.ts'
import { backUp } from './backup.ts'
import type { SqlDriver } from './driver.ts'
import { readFailure } from './failures.ts'
import type { WriterRequest, WriterValue } from './messages.ts'
import { packChanges } from './packing.ts'
import { Reader } from './reader.ts'
import { textToColumn } from './text-column.ts'
import type { FileFacts } from './writer-file.ts'
import type { Writer } from './writer.ts'

/** What an open store is made of. */
interface SqliteParts {
  readonly path: string
  readonly driver: SqlDriver
  readonly writer: Writer
  /** The writer's number of the file. */
  readonly file: number
  readonly busyTimeoutMs: number
}

/** A store in one SQLite file; made by `openSqlite`. */
export class SqliteStore implements Store {
  /** The absolute path of the file. */
  readonly path: string
  readonly #parts: SqliteParts
  #openReader: Reader | undefined
  #closing: Promise<void> | undefined

  constructor(parts: SqliteParts) {
    this.path = parts.path
    this.#parts = parts
  }

  async claim(account: string, request: ClaimRequest): Promise<Claim> {
    const { owner, nowMs, leaseMs } = request
    const file = this.#parts.file
    const expiresAtMs = nowMs + leaseMs
    const texts = { account: textToColumn(account), owner: textToColumn(owner) }
    const epoch = Number(await this.#ask({ kind: 'claim', file, ...texts, nowMs, expiresAtMs }))
    return new SqliteClaim({ account, epoch, leaseMs }, expiresAtMs, {
      renew: async (nextMs) => {
        await this.#ask({ kind: 'renew', file, account: texts.account, epoch, expiresAtMs: nextMs })
      },
      release: async () => {
        // Closing the store has released it, or is about to.
        if (!this.#isClosed) await this.#ask({ kind: 'release', file, account: texts.account, epoch })
      },
    })
  }

  async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const packed = packChanges(changes)
    const { account, epoch } = claim
    await this.#ask(
      { kind: 'commit', file: this.#parts.file, account: textToColumn(account), epoch, changes: packed },
      [packed.bytes.buffer],
    )
    return { changes: changes.length }
  }

  readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined> {
    return this.#read((reader) => reader.record(account, kind, key))
  }

  readRecords(
    account: string,
    kind: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#read((reader) => reader.recordsOf(account, kind, keys))
  }

  listRecords(
    account: string,
    kind: string,
    after: string | undefined,
    limit: number,
  ): Promise<readonly RecordRow[]> {
    return this.#read((reader) => reader.listRecords(account, kind, after, limit))
  }

  readMessage(account: string, key: MessageKey): Promise<MessageRow | undefined> {
    return this.#read((reader) => reader.message(account, key))
  }

  readRecognised(account: string, hashes: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return this.#read((reader) => reader.recognised(account, hashes))
  }

  readEvents(account: string, range: EventRange): Promise<readonly EventRow[]> {
    return this.#read((reader) => reader.events(account, range))
  }

  eventBounds(account: string): Promise<EventBounds> {
    return this.#read((reader) => reader.bounds(account))
  }

  readOutbox(account: string, id: string): Promise<OutboxRow | undefined> {
    return this.#read((reader) => reader.outboxRow(account, id))
  }

  listOutbox(account: string, query: OutboxQuery): Promise<readonly OutboxRow[]> {
    return this.#read((reader) => reader.outbox(account, query))
  }

  listAccounts(): Promise<readonly string[]> {
    return this.#read((reader) => reader.accounts())
  }

  async backup(path: string, request: BackupRequest): Promise<void> {
    if (this.#isClosed) throw closedFailure()
    await backUp({ path: this.path, busyTimeoutMs: this.#parts.busyTimeoutMs }, path, request)
  }

  /** Facts about the open file, for diagnosis. */
  async facts(): Promise<FileFacts> {
    return (await this.#ask({ kind: 'facts', file: this.#parts.file })) as FileFacts
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { writer, file } = this.#parts
    this.#openReader?.close()
    try {
      // Behind every commit under way: the writer answers in order.
      if (!writer.hasEnded) await writer.request({ kind: 'close', file })
    } finally {
      await writer.release()
    }
  }

  get #isClosed(): boolean {
    return this.#closing !== undefined || this.#parts.writer.hasEnded
  }

  async #ask(request: WriterRequest, transfer: readonly ArrayBuffer[] = []): Promise<WriterValue> {
    if (this.#isClosed) throw closedFailure()
    return this.#parts.writer.request(request, transfer)
  }

  async #read<T>(work: (reader: Reader) => T | Promise<T>): Promise<T> {
    try {
      if (this.#isClosed) throw closedFailure()
      const { driver, busyTimeoutMs } = this.#parts
      this.#openReader ??= new Reader(driver, this.path, busyTimeoutMs)
      return await work(this.#openReader)
    } catch (error) {
      // A list that was cut short by close() fails below us with whatever the driver says then.
      if (this.#isClosed && !(error instanceof StorageError)) throw closedFailure()
      throw readFailure(this.path, error)
    }
  }
}

/** What a claim asks of its store. */
interface ClaimDoor {
  renew(expiresAtMs: number): Promise<void>
  release(): Promise<void>
}

class SqliteClaim implements Claim {
  readonly account: string
  readonly epoch: number
  readonly #leaseMs: number
  readonly #door: ClaimDoor
  #expiresAtMs: number
  #releasing: Promise<void> | undefined

  constructor(
    identity: { readonly account: string; readonly epoch: number; readonly leaseMs: number },
    expiresAtMs: number,
    door: ClaimDoor,
  ) {
    this.account = identity.account
    this.epoch = identity.epoch
    this.#leaseMs = identity.leaseMs
    this.#expiresAtMs = expiresAtMs
    this.#door = door
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  async renew(nowMs: number): Promise<void> {
    const expiresAtMs = nowMs + this.#leaseMs
    await this.#door.renew(expiresAtMs)
    this.#expiresAtMs = expiresAtMs
  }

  release(): Promise<void> {
    this.#releasing ??= this.#door.release()
    return this.#releasing
  }
}
