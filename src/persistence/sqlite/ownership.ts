/**
 * Who may write an account (promise G6), seen from the writer thread. Two things together make the answer:
 *
 * - a **lock** that dies with its process: an exclusive SQLite transaction on an empty file beside the store, one per
 *   account. While it is held nobody else on this machine can claim; after `kill -9` the kernel has dropped it, so the
 *   next process claims at once, whatever the lease says;
 * - a **row** with the fencing epoch and the lease, which also holds between machines, where file locks may not.
 *
 * Lock files are never deleted: deleting one while another process opens it would let two owners hold two files.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { StorageError } from '../../base/errors.ts'
import { fencedFailure, ownedFailure, ownershipLostFailure } from '../contract/failures.ts'
import type { SqlDatabase, SqlDriver, SqlStatement } from './driver.ts'
import { RESULT, resultCode } from './failures.ts'
import { createPrivateFile } from './preflight.ts'
import { textFromColumn } from './text-column.ts'

/** A claim as the store asks for it; texts in column form. */
export interface OwnershipRequest {
  /** The store object that claims: its claims end with it. */
  readonly holder: number
  readonly account: string
  readonly owner: string
  readonly nowMs: number
  readonly expiresAtMs: number
}

interface OwnershipRow {
  readonly epoch: number
  readonly owner: string | null
  readonly machine: string
  readonly expiresAtMs: number
}

interface HeldAccount {
  readonly lock: SqlDatabase
  readonly holder: number
  readonly epoch: number
  expiresAtMs: number
}

/** The claims of one store file that this process holds. */
export class Ownership {
  readonly #driver: SqlDriver
  readonly #path: string
  readonly #machine: string = machineId()
  readonly #held = new Map<string, HeldAccount>()
  readonly #read: SqlStatement
  readonly #take: SqlStatement
  readonly #renew: SqlStatement
  readonly #release: SqlStatement

  constructor(driver: SqlDriver, path: string, database: SqlDatabase) {
    this.#driver = driver
    this.#path = path
    this.#read = database.prepare(
      'SELECT epoch, owner, machine, expires_at FROM waton_ownership WHERE account = ?',
    )
    this.#take = database.prepare(`INSERT INTO waton_ownership (account, epoch, owner, machine, expires_at)
      VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch, owner = excluded.owner,
        machine = excluded.machine, expires_at = excluded.expires_at`)
    this.#renew = database.prepare(`UPDATE waton_ownership SET expires_at = ?
      WHERE account = ? AND epoch = ? AND owner IS NOT NULL`)
    this.#release = database.prepare(
      `UPDATE waton_ownership SET owner = NULL WHERE account = ? AND epoch = ?`,
    )
  }

  /**
   * Takes an account and returns its new epoch. `transaction` runs its argument in a durable write transaction.
   *
   * @throws {StorageError} `WATON_STORE_OWNED`
   */
  claim(request: OwnershipRequest, transaction: (work: () => number) => number): number {
    const { account, nowMs } = request
    const held = this.#held.get(account)
    if (held !== undefined && nowMs < held.expiresAtMs) throw this.#owned(account)
    const lock = held?.lock ?? this.#lock(account)
    try {
      const epoch = transaction(() => this.#takeRow(request))
      const { holder, expiresAtMs } = request
      this.#held.set(account, { lock, holder, epoch, expiresAtMs })
      return epoch
    } catch (error) {
      if (held === undefined) lock.close()
      throw error
    }
  }

  /** @throws {StorageError} `WATON_STORE_OWNERSHIP_LOST` */
  renew(account: string, epoch: number, expiresAtMs: number): void {
    const { changes } = this.#renew.run(expiresAtMs, account, epoch)
    if (Number(changes) === 0) throw ownershipLostFailure(textFromColumn(account), epoch)
    const held = this.#held.get(account)
    if (held?.epoch === epoch) held.expiresAtMs = expiresAtMs
  }

  /** Gives the row back; call {@link unlock} when that is durable. Nothing happens when the claim is not the owner's. */
  release(account: string, epoch: number): void {
    this.#release.run(account, epoch)
  }

  /** The accounts that a store object holds, with their epochs. */
  heldBy(holder: number): readonly { readonly account: string; readonly epoch: number }[] {
    const held = [...this.#held].filter(([, one]) => one.holder === holder)
    return held.map(([account, { epoch }]) => ({ account, epoch }))
  }

  /** Drops the lock of a claim that was released. */
  unlock(account: string, epoch: number): void {
    const held = this.#held.get(account)
    if (held?.epoch !== epoch) return
    this.#held.delete(account)
    held.lock.close()
  }

  /** @throws {StorageError} `WATON_STORE_FENCED` unless the claim is the owner's now */
  requireOwner(account: string, epoch: number): void {
    const row = this.#row(account)
    if (row?.epoch !== epoch || row.owner === null) throw fencedFailure(textFromColumn(account), epoch)
  }

  #takeRow({ account, owner, nowMs, expiresAtMs }: OwnershipRequest): number {
    const row = this.#row(account)
    // On this machine the lock has decided. A lease of another machine counts until it ends.
    const isElsewhere = row !== undefined && row.owner !== null && row.machine !== this.#machine
    if (isElsewhere && nowMs < row.expiresAtMs) throw this.#owned(account, row.expiresAtMs)
    const epoch = (row?.epoch ?? 0) + 1
    this.#take.run(account, epoch, owner, this.#machine, expiresAtMs)
    return epoch
  }

  #row(account: string): OwnershipRow | undefined {
    const row = this.#read.get(account)
    if (row === undefined) return undefined
    return {
      epoch: Number(row['epoch']),
      owner: row['owner'] === null ? null : String(row['owner']),
      machine: String(row['machine']),
      expiresAtMs: Number(row['expires_at']),
    }
  }

  #lock(account: string): SqlDatabase {
    const path = lockPath(this.#path, account)
    createPrivateFile(path)
    const lock = this.#driver.open(path, { readOnly: false, busyTimeoutMs: 0 })
    try {
      lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      return lock
    } catch (error) {
      lock.close()
      throw resultCode(error) === RESULT.busy ? this.#owned(account) : error
    }
  }

  #owned(account: string, leaseEndsAtMs?: number): StorageError {
    const owner = this.#row(account)?.owner ?? 'a process that is just starting or stopping'
    return ownedFailure(textFromColumn(account), textFromColumn(owner), leaseEndsAtMs)
  }
}

/** The lock file of an account; names that a file system could take for each other are hashed. */
function lockPath(path: string, account: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,39}$/.test(account)) return `${path}-${account}.owner`
  return `${path}-~${createHash('sha256').update(account).digest('hex').slice(0, 32)}.owner`
}

/**
 * Names the running kernel, within which file locks are reliable: Linux's boot id (containers of one host share it),
 * elsewhere the host name.
 */
function machineId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return hostname()
  }
}
