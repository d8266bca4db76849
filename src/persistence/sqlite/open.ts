/** Opens a store file: checks the path, finds a SQLite, and asks the writer thread to open or create the file. */
import { resolve } from 'node:path'
import { checkArgument, checkOptions, oneOf, TEXT, wholeNumber } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import { loadDriver } from './driver.ts'
import { SqliteStore } from './store.ts'
import { acquireWriter } from './writer.ts'
import type { Durability } from './writer-file.ts'

/** How a store file is opened. */
export interface SqliteOptions {
  /**
   * What a resolved commit survives. `power-loss` flushes the drive at every commit (SQLite's `synchronous=FULL`);
   * `process` leaves that to the operating system (`NORMAL`): a killed process loses nothing, a power cut may lose the
   * last commits but never damages the file. When stores of one process open the same file, the stricter one holds.
   *
   * @default 'power-loss'
   */
  readonly durability?: Durability
  /**
   * How long a write waits for another process that writes to the same file, in milliseconds, before it fails with
   * `WATON_STORE_WRITE`.
   *
   * @default 5000
   */
  readonly busyTimeoutMs?: number
}

const OPTIONS = {
  durability: oneOf('power-loss', 'process'),
  busyTimeoutMs: wholeNumber(0, 3_600_000),
}

/**
 * Opens the SQLite file at `path`, which is created when it is missing (mode 0600; its folder must exist).
 *
 * A file holds any number of accounts; one file per account is the recommendation. Beside it appear `-wal` and `-shm`
 * while it is open, and one empty `.owner` file per account that stays.
 *
 * @throws {UsageError} `WATON_STORE_PATH` when the path is empty or not one of a file
 * @throws {StorageError} `WATON_STORE_FOREIGN`, `WATON_STORE_CORRUPT`, `WATON_STORE_NEWER` (the file was left as it is),
 *   `WATON_STORE_OPEN` (missing folder, missing rights), `WATON_STORE_DRIVER` (no SQLite on this Node)
 */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<SqliteStore> {
  const absolute = requirePath(path)
  checkOptions('openSqlite(path, options)', options, OPTIONS)
  const durability = options.durability ?? 'power-loss'
  const busyTimeoutMs = options.busyTimeoutMs ?? 5000
  const writer = acquireWriter()
  try {
    const driver = await loadDriver()
    const request = { kind: 'open', path: absolute, options: { durability, busyTimeoutMs } } as const
    const file = Number(await writer.request(request))
    return new SqliteStore({ path: absolute, driver, writer, file, busyTimeoutMs })
  } catch (error) {
    await writer.release()
    throw error
  }
}

function requirePath(path: string): string {
  checkArgument('the path in openSqlite(path)', path, TEXT)
  if (path.trim() === '' || path === ':memory:' || path.includes('\0')) {
    throw new UsageError(
      'WATON_STORE_PATH',
      `${JSON.stringify(path)} is not the path of a file: give a path such as 'me.db', or use MemoryStore to keep nothing`,
    )
  }
  return resolve(path)
}
