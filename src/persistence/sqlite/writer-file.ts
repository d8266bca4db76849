/**
 * One store file in the writer thread: its only writing connection, shared by every store of the process that opened
 * the same file. Commits that wait at the same moment share a transaction, and each can still fail on its own.
 */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ChangeWriter } from './change-writer.ts'
import type { SqlDatabase, SqlDriver, SqlStatement } from './driver.ts'
import { noSharedMemoryFailure, openFailure, writeFailure } from './failures.ts'
import { Ownership } from './ownership.ts'
import type { OwnershipRequest } from './ownership.ts'
import type { PackedChanges } from './packing.ts'
import {
  createPrivateFile,
  inspectFile,
  makePrivate,
  readPragma,
  requireKnownVersion,
  requireRights,
} from './preflight.ts'
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts'

/** What `openSqlite` was asked for. */
export interface FileOptions {
  readonly durability: Durability
  readonly busyTimeoutMs: number
}

/** What a resolved commit survives: the loss of power, or only the end of the process. */
export type Durability = 'power-loss' | 'process'

/** A commit that waits; `account` in column form. */
export interface PendingCommit {
  readonly account: string
  readonly epoch: number
  readonly changes: PackedChanges
}

/** A failed commit's reason, or `undefined` for one that is durable. */
type CommitOutcome = Error | undefined

/** Facts about an open file, for diagnosis. */
export interface FileFacts {
  /** Which SQLite is used. */
  readonly driver: string
  /** Its version. */
  readonly sqliteVersion: string
  /** The version of the file's tables. */
  readonly schemaVersion: number
  /** `wal`, always. */
  readonly journalMode: string
  /** SQLite's number: 1 is NORMAL, 2 is FULL. */
  readonly synchronous: number
}

/** See the file comment. */
export class WriterFile {
  readonly path: string
  /** See {@link fileIdentity}. */
  readonly identity: string
  readonly #driver: SqlDriver
  readonly #database: SqlDatabase
  readonly #changes: ChangeWriter
  readonly #ownership: Ownership
  readonly #statements: TransactionStatements
  #users = 0

  /**
   * Opens or creates the file.
   *
   * @throws {StorageError} when it may not or cannot be opened; nothing of it was changed then
   */
  constructor(driver: SqlDriver, path: string, options: FileOptions) {
    this.path = path
    this.#driver = driver
    this.#database = openDatabase(driver, path, options)
    this.identity = fileIdentity(path) ?? path
    this.#changes = new ChangeWriter(this.#database)
    this.#ownership = new Ownership(driver, path, this.#database)
    this.#statements = transactionStatements(this.#database)
  }

  /** Counts one more store; the strictest durability of them holds for all. */
  attach(durability: Durability): void {
    this.#users++
    if (durability === 'power-loss') setDurability(this.#database, 'power-loss')
  }

  /** Whether the last store has been detached. */
  get isClosed(): boolean {
    return this.#users === 0
  }

  /**
   * Counts one store less and gives its accounts back; the last one closes the file. Closing goes on when the disk
   * refuses the release: the locks are dropped all the same.
   */
  detach(holder: number): void {
    const held = this.#ownership.heldBy(holder)
    try {
      if (held.length > 0)
        this.#transaction(() => {
          for (const one of held) this.#ownership.release(one.account, one.epoch)
        })
    } finally {
      for (const one of held) this.#ownership.unlock(one.account, one.epoch)
      this.#users--
      if (this.isClosed) this.#database.close()
    }
  }

  /** Commits in order; the answer has the order of the question. Every commit stands or falls alone. */
  commit(commits: readonly PendingCommit[]): readonly CommitOutcome[] {
    try {
      this.#statements.begin.run()
    } catch (error) {
      return commits.map(() => writeFailure(this.path, error))
    }
    try {
      const outcomes = commits.map((commit) => this.#tryOne(commit))
      this.#statements.commit.run()
      return outcomes
    } catch (error) {
      this.#rollBack()
      return commits.map(() => writeFailure(this.path, error))
    }
  }

  /** Takes an account; returns the epoch. */
  claim(request: OwnershipRequest): number {
    return this.#guard(() => this.#ownership.claim(request, (work) => this.#transaction(work)))
  }

  /** Extends a lease. */
  renew(account: string, epoch: number, expiresAtMs: number): void {
    this.#guard(() => {
      this.#transaction(() => {
        this.#ownership.renew(account, epoch, expiresAtMs)
      })
    })
  }

  /** Gives an account back. The lock is dropped even when the row could not be written. */
  release(account: string, epoch: number): void {
    try {
      this.#guard(() => {
        this.#transaction(() => {
          this.#ownership.release(account, epoch)
        })
      })
    } finally {
      this.#ownership.unlock(account, epoch)
    }
  }

  /** See {@link FileFacts}. */
  facts(): FileFacts {
    const text = (sql: string): string => String(Object.values(this.#database.prepare(sql).get() ?? {})[0])
    return {
      driver: this.#driver.name,
      sqliteVersion: text('SELECT sqlite_version()'),
      schemaVersion: readPragma(this.#database, 'user_version'),
      journalMode: text('PRAGMA journal_mode'),
      synchronous: readPragma(this.#database, 'synchronous'),
    }
  }

  /** Runs one commit inside a savepoint. Throws only when the whole transaction is lost. */
  #tryOne({ account, epoch, changes }: PendingCommit): CommitOutcome {
    this.#statements.save.run()
    try {
      this.#ownership.requireOwner(account, epoch)
      this.#changes.apply(account, changes)
    } catch (error) {
      // After a full disk SQLite may have rolled everything back: then these throw, and the group fails as a whole.
      this.#statements.rollBackToSave.run()
      this.#statements.dropSave.run()
      return writeFailure(this.path, error)
    }
    this.#statements.dropSave.run()
    return undefined
  }

  #transaction<T>(work: () => T): T {
    this.#statements.begin.run()
    try {
      const result = work()
      this.#statements.commit.run()
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.#statements.rollBack.run()
    } catch {
      // SQLite has rolled back by itself, as it does after some disk errors
    }
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw writeFailure(this.path, error)
    }
  }
}

interface TransactionStatements {
  readonly begin: SqlStatement
  readonly commit: SqlStatement
  readonly rollBack: SqlStatement
  readonly save: SqlStatement
  readonly rollBackToSave: SqlStatement
  readonly dropSave: SqlStatement
}

function transactionStatements(database: SqlDatabase): TransactionStatements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollBack: database.prepare('ROLLBACK'),
    save: database.prepare('SAVEPOINT one'),
    rollBackToSave: database.prepare('ROLLBACK TO one'),
    dropSave: database.prepare('RELEASE one'),
  }
}

function openDatabase(driver: SqlDriver, path: string, options: FileOptions): SqlDatabase {
  let database: SqlDatabase | undefined
  try {
    inspectFile(driver, path)
    requireRights(path)
    createPrivateFile(path)
    makePrivate(path)
    database = driver.open(path, { readOnly: false, busyTimeoutMs: options.busyTimeoutMs })
    prepareSchema(path, database)
    setDurability(database, options.durability)
    return database
  } catch (error) {
    database?.close()
    throw openFailure(path, error)
  }
}

/**
 * Brings the schema up to date, then switches to write-ahead logging. In this order a new file carries its marks in
 * the header itself before anything can be in the log only.
 */
function prepareSchema(path: string, database: SqlDatabase): void {
  if (readPragma(database, 'user_version') !== SCHEMA_VERSION) migrate(path, database)
  const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get() ?? {}
  if (mode !== 'wal') throw noSharedMemoryFailure(path)
  database.exec('PRAGMA journal_size_limit = 16777216')
}

function migrate(path: string, database: SqlDatabase): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = readPragma(database, 'user_version')
    requireKnownVersion(path, version)
    for (const sql of MIGRATIONS.slice(version)) database.exec(sql)
    database.exec(`PRAGMA application_id = ${String(APPLICATION_ID)}`)
    database.exec(`PRAGMA user_version = ${String(SCHEMA_VERSION)}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** `fullfsync` makes macOS flush the drive's own cache, which its fsync does not; elsewhere it does nothing. */
function setDurability(database: SqlDatabase, durability: Durability): void {
  const isFull = durability === 'power-loss'
  database.exec(
    `PRAGMA synchronous = ${isFull ? 'FULL' : 'NORMAL'}; PRAGMA fullfsync = ${isFull ? '1' : '0'}`,
  )
}

/**
 * The path without symbolic links, so that everybody finds the same files beside the store.
 *
 * @throws {StorageError} `WATON_STORE_OPEN` when its folder is missing
 */
export function realPath(path: string): string {
  try {
    return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path))
  } catch (error) {
    throw openFailure(path, error)
  }
}

/** Names a file by what it is, not by its path, so that two paths of one file share a connection. */
export function fileIdentity(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? undefined : `${String(stat.dev)}:${String(stat.ino)}`
}
