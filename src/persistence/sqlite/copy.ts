/**
 * A copy of a store file that is taken while the store is in use: SQLite's own `VACUUM INTO`, which reads one consistent
 * state and holds up no writer. This file runs in a thread of its own (`copy-worker.ts`), because copying is one
 * statement that takes as long as the disk does.
 *
 * The copy is made under another name, stamped, checked and flushed; only then does it get the name that was asked for.
 * Whatever happens before, there is no file of that name, or the one that was there.
 *
 * @source https://www.sqlite.org/lang_vacuum.html, section 3
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SqlDriver } from './driver.ts'
import { corruptFailure } from './failures.ts'
import { createPrivateFile } from './preflight.ts'

/** What a copy is made of. Texts are in column form. */
export interface CopyRequest {
  /** The store file. */
  readonly source: string
  /** Where the copy shall be. */
  readonly target: string
  /** Where it is made; in the same folder as {@link target}. */
  readonly draft: string
  readonly overwrite: boolean
  readonly busyTimeoutMs: number
  /** A record that every account of the copy gets. */
  readonly stamp: {
    readonly kind: string
    readonly key: string
    readonly at: number
    readonly value: Uint8Array
  }
}

/** Makes the copy. Nothing of it is left when it fails. Throws what the driver and the file system throw. */
export function copyStore(driver: SqlDriver, request: CopyRequest): void {
  const { draft, target, overwrite } = request
  createPrivateFile(draft)
  try {
    vacuumInto(driver, request)
    stampCopy(driver, request)
    flush(draft)
    if (overwrite) renameSync(draft, target)
    else giveName(draft, target)
    flush(dirname(target))
  } catch (error) {
    for (const leftover of [draft, `${draft}-journal`]) rmSync(leftover, { force: true })
    throw error
  }
}

function vacuumInto(driver: SqlDriver, { source, draft, busyTimeoutMs }: CopyRequest): void {
  const database = driver.open(source, { readOnly: true, busyTimeoutMs })
  try {
    database.prepare('VACUUM INTO ?').run(draft)
  } finally {
    database.close()
  }
}

/** Marks every account of the copy, gives all of them back, and reads the copy through. */
function stampCopy(driver: SqlDriver, { draft, busyTimeoutMs, stamp }: CopyRequest): void {
  const { kind, key, at, value } = stamp
  const database = driver.open(draft, { readOnly: false, busyTimeoutMs })
  try {
    database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; BEGIN IMMEDIATE')
    database
      .prepare(
        `INSERT OR REPLACE INTO waton_records (account, kind, key, at, value)
          SELECT DISTINCT account, ?, ?, ?, ? FROM waton_records`,
      )
      .run(kind, key, at, value)
    // the owner of the original does not own the copy
    database.exec('UPDATE waton_ownership SET owner = NULL; COMMIT')
    const verdict = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
    if (verdict !== 'ok') throw corruptFailure(draft, undefined)
  } finally {
    database.close()
  }
}

/** Gives the copy its name unless there is a file of that name, which a rename would replace without a word. */
function giveName(draft: string, target: string): void {
  try {
    linkSync(draft, target)
    rmSync(draft)
  } catch (error) {
    if (isCode(error, 'EEXIST') || existsSync(target)) throw error
    // a file system without hard links: the look and the rename are two steps there
    renameSync(draft, target)
  }
}

function flush(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } catch (error) {
    // folders cannot be flushed everywhere; there, renaming is durable by itself
    if (!isCode(error, 'EPERM') && !isCode(error, 'EISDIR') && !isCode(error, 'EINVAL')) throw error
  } finally {
    closeSync(descriptor)
  }
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}
