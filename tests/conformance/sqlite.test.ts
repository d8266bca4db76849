/** The SQLite store against the conformance suite. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import type { Store } from '../../src/persistence/index.ts'
import { storeConformance } from '../../src/testing/index.ts'

describe('SqliteStore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waton-sqlite-'))
  let files = 0
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const paths = new Map<Store, string>()
  const open = async (path: string): Promise<Store> => {
    const store = await openSqlite(path)
    paths.set(store, path)
    return store
  }
  storeConformance(
    () => open(join(folder, `${String(++files)}.db`)),
    { describe, test },
    { reopen: (closed) => open(paths.get(closed) ?? '') },
  )
})
