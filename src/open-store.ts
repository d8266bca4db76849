/**
 * Turns what a user calls a store into one: the only place of the library that picks a back end. Back ends are loaded
 * on demand, so nobody pays for one that they do not use.
 */
import { checkArgument, objectWith } from './base/check.ts'
import { UsageError } from './base/errors.ts'
import type { Store } from './persistence/contract/index.ts'

/** A store, or the path of an SQLite file. */
export type StoreSource = string | Store

const STORE = objectWith('the path of a file, or a store', 'claim', 'close')

/**
 * Opens the store behind a path; a store is handed back as it is.
 *
 * @param source - a path such as `me.db` (created when missing, readable by its owner only), or a `Store`
 * @throws {UsageError} `WATON_STORE_PATH` for an empty path or an address of a database server
 * @throws {UsageError} `WATON_ARGUMENT` for what is neither
 * @throws {StorageError} when the file cannot be opened
 */
export async function openStore(source: StoreSource): Promise<Store> {
  if (typeof source !== 'string') {
    checkArgument('the store', source, STORE)
    return source
  }
  if (source.trim() === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(source)) {
    throw new UsageError(
      'WATON_STORE_PATH',
      `${JSON.stringify(source)} is not the path of a file: give a path such as 'me.db', or open another kind of store yourself and pass that`,
    )
  }
  const { openSqlite } = await import('./persistence/sqlite/index.ts')
  return openSqlite(source)
}
