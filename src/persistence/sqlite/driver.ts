/**
 * The little of SQLite that waton needs, as a shape: `DatabaseSync` of Node's own `node:sqlite`, and of
 * `@photostructure/sqlite` for Node versions without one that is complete. Nothing else in waton names a driver.
 */
import { StorageError } from '../../base/errors.ts'

/** What can be bound to a statement and what a column gives back. */
export type SqlValue = string | number | null | Uint8Array

/** One row of an answer. */
export type SqlRow = Readonly<Record<string, SqlValue | bigint>>

/** A prepared statement. */
export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint }
  get(...values: SqlValue[]): SqlRow | undefined
  all(...values: SqlValue[]): SqlRow[]
}

/** An open connection. */
export interface SqlDatabase {
  exec(sql: string): void
  prepare(sql: string): SqlStatement
  close(): void
}

/** A SQLite that was found on this machine. */
export interface SqlDriver {
  readonly name: string
  open(path: string, options: { readonly readOnly: boolean; readonly busyTimeoutMs: number }): SqlDatabase
}

/** Empty bytes with memory behind them. */
const EMPTY = new Uint8Array(1).subarray(1)

/**
 * Bytes in a form that every driver binds as bytes: without memory behind them, as in an empty block that came from
 * another thread, `node:sqlite` of Node 22 takes empty bytes for NULL, which equals nothing and fits no column.
 */
export function bytesToColumn(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? EMPTY : bytes
}

type DatabaseSync = new (path: string, options: { readOnly: boolean }) => SqlDatabase

/**
 * Finds a SQLite: the one inside Node (22.15 and later), else the optional dependency.
 *
 * One process must use one SQLite library for one file: POSIX locks belong to the process, and a second copy of the
 * library would drop the locks of the first. The choice therefore depends on Node alone, and the writer thread is
 * started so that it makes the same one (`writer.ts`).
 *
 * @throws {StorageError} `WATON_STORE_DRIVER` when there is none
 */
export async function loadDriver(): Promise<SqlDriver> {
  const builtIn = builtInSqlite()
  if (builtIn !== undefined) return driverOf('node:sqlite', builtIn.DatabaseSync)
  try {
    const addOn = await import('@photostructure/sqlite')
    return driverOf('@photostructure/sqlite', addOn.DatabaseSync)
  } catch (error) {
    throw new StorageError(
      'WATON_STORE_DRIVER',
      `this Node (${process.version}) has no complete SQLite of its own and "@photostructure/sqlite" could not be loaded: ` +
        'use Node 22.15 or later, or install it with `npm install @photostructure/sqlite`',
      { cause: error, action: 'upgrade' },
    )
  }
}

/**
 * Whether a Node of this version has a SQLite that opens URIs, as the look at a file needs it (`preflight.ts`): 22.13 and
 * 22.14 take the URI for the name of a file that is missing.
 *
 * @source https://nodejs.org/api/sqlite.html, history of `new DatabaseSync(path)`
 */
export function hasCompleteSqlite(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major === 22) return minor >= 15
  if (major === 23) return minor >= 10
  return major > 23
}

/** Node's own SQLite, where it is complete and no flag hides it. */
export function builtInSqlite(): { readonly DatabaseSync: DatabaseSync } | undefined {
  if (!hasCompleteSqlite(process.versions.node)) return undefined
  return process.getBuiltinModule('node:sqlite') as { DatabaseSync: DatabaseSync } | undefined
}

function driverOf(name: string, Database: DatabaseSync): SqlDriver {
  return {
    name,
    open(path, { readOnly, busyTimeoutMs }) {
      const database = new Database(path, { readOnly })
      try {
        database.exec(`PRAGMA busy_timeout = ${String(Math.trunc(busyTimeoutMs))}`)
      } catch (error) {
        database.close()
        throw error
      }
      return database
    },
  }
}
