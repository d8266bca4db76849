/**
 * Looks at a file before anything may write to it: is it missing, a waton store, or something that must be left alone?
 * The look itself changes nothing: bytes of the header first, then a read-only connection.
 *
 * Care with POSIX locks: closing any descriptor of a file drops all locks that this process holds on it, also those of
 * SQLite. The header is therefore read directly only while no `-wal` and `-shm` show that somebody has the store open.
 *
 * @source https://www.sqlite.org/howtocorrupt.html, section 2.2; https://www.sqlite.org/fileformat2.html, section 1.3
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asBuffer, utf8Text } from '../../base/bytes.ts'
import type { StorageError } from '../../base/errors.ts'
import type { SqlDatabase, SqlDriver } from './driver.ts'
import { corruptFailure, foreignFailure, newerFailure, RESULT, resultCode } from './failures.ts'
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts'

/** Files up to this size are read through when they are opened, which takes some 50 ms per 16 MiB. */
const FULL_CHECK_BYTES = 16 * 1024 * 1024

/** How much of a file without SQLite's header is searched for our tables. */
const PROBE_BYTES = 64 * 1024

const MAGIC = 'SQLite format 3\0'

/**
 * Refuses a file that must not be touched. A missing or empty one is fine: it will become a store.
 *
 * @throws {StorageError} `WATON_STORE_FOREIGN`, `WATON_STORE_CORRUPT` or `WATON_STORE_NEWER`
 */
export function inspectFile(driver: SqlDriver, path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isFile()) throw foreignFailure(path, 'is not a file')
  if (stat.size === 0) return
  if (isInUse(path)) {
    inspectContent(driver, path, path)
    return
  }
  inspectHeader(path)
  try {
    // "Immutable" leaves no `-wal` and `-shm` behind.
    inspectContent(driver, path, `${pathToFileURL(path).href}?immutable=1`)
  } catch (error) {
    // Somebody has opened it since, so that the look without locks may have seen half of a change: look again.
    if (!isInUse(path)) throw error
    inspectContent(driver, path, path)
  }
}

/** Whether somebody has the store open, or had it when the power went. */
function isInUse(path: string): boolean {
  return existsSync(`${path}-shm`) || existsSync(`${path}-wal`)
}

/** Creates the file so that only its owner may read it; SQLite gives `-wal` and `-shm` the same mode. */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    // SQLite would follow the link and create the file with the rights that everybody gets
    if (!existsSync(path)) throw foreignFailure(path, 'is a link to a file that does not exist')
  }
}

/**
 * Checks that the file and its folder may be written: SQLite would open the file all the same, for reading, and every
 * commit would fail later.
 */
export function requireRights(path: string): void {
  accessSync(dirname(path), constants.W_OK | constants.X_OK)
  if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
}

/** Takes the rights of group and others away from a store that was copied or restored with them. */
export function makePrivate(path: string): void {
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = statSync(name, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o077) !== 0) chmodSync(name, mode & 0o700)
  }
}

function inspectHeader(path: string): void {
  const start = readStart(path)
  const header = asBuffer(start)
  if (utf8Text(start.subarray(0, MAGIC.length)) !== MAGIC) throw notSqlite(path, start)
  if (start.length < 100) throw corruptFailure(path, undefined)
  if (header.readUInt32BE(68) !== APPLICATION_ID) {
    throw foreignFailure(path, 'is a SQLite database of another program')
  }
  requireKnownVersion(path, header.readUInt32BE(60))
}

/** A file without SQLite's header is ours with a damaged start when our table names are in it. */
function notSqlite(path: string, start: Uint8Array): StorageError {
  const isOurs = asBuffer(start).includes('CREATE TABLE waton_')
  return isOurs ? corruptFailure(path, undefined) : foreignFailure(path, 'is not a waton store')
}

function readStart(path: string): Uint8Array {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(PROBE_BYTES)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, PROBE_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}

/** @param location - the file as SQLite shall open it */
function inspectContent(driver: SqlDriver, path: string, location: string): void {
  let database: SqlDatabase | undefined
  try {
    database = driver.open(location, { readOnly: true, busyTimeoutMs: 1000 })
    if (readPragma(database, 'application_id') !== APPLICATION_ID) {
      throw foreignFailure(path, 'is a SQLite database of another program')
    }
    requireKnownVersion(path, readPragma(database, 'user_version'))
    if (statSync(path).size <= FULL_CHECK_BYTES) requireSound(path, database)
  } catch (error) {
    const code = resultCode(error)
    if (code === RESULT.notADatabase) throw notSqlite(path, readStart(path))
    if (code === RESULT.corrupt) throw corruptFailure(path, error)
    // A crash while the file was created left a rollback journal, which only a writer can roll back.
    if (code !== RESULT.readOnly) throw error
  } finally {
    database?.close()
  }
}

function requireSound(path: string, database: SqlDatabase): void {
  const row = database.prepare('PRAGMA quick_check(1)').get()
  const verdict = Object.values(row ?? {})[0]
  if (verdict !== 'ok') throw corruptFailure(path, undefined)
}

/** The number that a pragma answers with. */
export function readPragma(database: SqlDatabase, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

/** @throws {StorageError} `WATON_STORE_NEWER` */
export function requireKnownVersion(path: string, version: number): void {
  if (version > SCHEMA_VERSION) throw newerFailure(path, version, SCHEMA_VERSION)
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}
