/** What the SQLite store does to files: it refuses what is not its own and leaves it as it is. */
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, test } from 'vitest'
import { StorageError, UsageError } from '../../src/base/errors.ts'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import { claimOf, putRecord } from '../../src/testing/conformance/context.ts'
import { fingerprint, openDatabase, siblings, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()

/** Opens, and returns the refusal. */
async function refusalOf(path: string): Promise<StorageError> {
  const error: unknown = await openSqlite(path).then(
    (store) => store.close(),
    (reason: unknown) => reason,
  )
  if (error instanceof StorageError) return error
  throw new Error(`expected a StorageError, got ${String(error)}`)
}

/** Writes a store with some rows and closes it. */
async function writeStore(path: string, records = 200): Promise<void> {
  const store = await openSqlite(path)
  const claim = await claimOf(store)
  const value = new Uint8Array(500).fill(7)
  const changes = Array.from({ length: records }, (_, index) => putRecord({ key: String(index), value }))
  await store.commit(claim, changes)
  await store.close()
}

/** Checks that a refusal names the file and that nothing was changed or left beside it. */
async function expectUntouched(path: string, code: string): Promise<void> {
  const before = { hash: fingerprint(path), mode: statSync(path).mode, files: siblings(path) }
  const refusal = await refusalOf(path)
  expect(refusal.code).toBe(code)
  expect(refusal.message).toContain(path)
  expect(refusal.retryable).toBe(false)
  expect({ hash: fingerprint(path), mode: statSync(path).mode, files: siblings(path) }).toEqual(before)
}

describe('files that are not ours', () => {
  test('refuses a file that is no database', async () => {
    const path = newPath('notes.txt')
    writeFileSync(path, 'these are my notes, please keep them\n'.repeat(500), { mode: 0o644 })
    await expectUntouched(path, 'WATON_STORE_FOREIGN')
  })

  test('refuses a short file', async () => {
    const path = newPath()
    writeFileSync(path, 'x')
    await expectUntouched(path, 'WATON_STORE_FOREIGN')
  })

  test.each(['DELETE', 'WAL'])('refuses the database of another program (%s)', async (mode) => {
    const path = newPath()
    const other = await openDatabase(path)
    other.exec(
      `PRAGMA journal_mode = ${mode}; CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep me')`,
    )
    other.close()
    await expectUntouched(path, 'WATON_STORE_FOREIGN')
  })

  test('refuses the database of another program that has it open, without disturbing it', async () => {
    const path = newPath()
    const other = await openDatabase(path)
    other.exec(
      `PRAGMA journal_mode = WAL; CREATE TABLE notes (text); BEGIN IMMEDIATE; INSERT INTO notes VALUES ('a')`,
    )
    await expectUntouched(path, 'WATON_STORE_FOREIGN')
    other.exec('COMMIT')
    expect(other.prepare('SELECT count(*) AS rows FROM notes').get()).toEqual({ rows: 1 })
    other.close()
  })

  test('refuses a folder', async () => {
    const path = newPath()
    mkdirSync(path)
    expect((await refusalOf(path)).code).toBe('WATON_STORE_FOREIGN')
  })
})

describe('damaged files', () => {
  test('refuses a store that was cut short', async () => {
    const path = newPath()
    await writeStore(path)
    truncateSync(path, Math.floor(statSync(path).size / 2))
    await expectUntouched(path, 'WATON_STORE_CORRUPT')
  })

  test('refuses a store that was cut inside its header', async () => {
    const path = newPath()
    await writeStore(path)
    truncateSync(path, 50)
    await expectUntouched(path, 'WATON_STORE_CORRUPT')
  })

  test('refuses a store whose first bytes were overwritten', async () => {
    const path = newPath()
    await writeStore(path)
    overwrite(path, 0, 100)
    await expectUntouched(path, 'WATON_STORE_CORRUPT')
  })

  test('refuses a store whose pages were overwritten in the middle', async () => {
    const path = newPath()
    await writeStore(path)
    overwrite(path, 4096 * 10, 4096 * 3)
    await expectUntouched(path, 'WATON_STORE_CORRUPT')
  })
})

describe('files of another version', () => {
  test('refuses a store that a newer waton wrote', async () => {
    const path = newPath()
    await writeStore(path)
    const newer = await openDatabase(path)
    newer.exec('PRAGMA user_version = 999')
    newer.close()
    await expectUntouched(path, 'WATON_STORE_NEWER')
    expect((await refusalOf(path)).details).toMatchObject({ found: 999, known: 1 })
  })
})

describe('paths', () => {
  test('refuses paths that name no file', async () => {
    for (const path of ['', '  ', ':memory:', 'a\0b'])
      await expect(openSqlite(path)).rejects.toThrow(UsageError)
  })

  test('refuses a folder that does not exist and does not create it', async () => {
    const refusal = await refusalOf(`${newPath('missing')}/store.db`)
    expect(refusal.code).toBe('WATON_STORE_OPEN')
    expect(refusal.message).toContain('folder')
  })

  test('two paths of one file are one store: the account is refused through the other path', async () => {
    const path = newPath()
    const link = newPath('link.db')
    const store = await openSqlite(path)
    symlinkSync(path, link)
    const other = await openSqlite(link)
    await claimOf(store)
    await expect(claimOf(other)).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })
    await Promise.all([store.close(), other.close()])
    expect(siblings(link)).toEqual([''])
  })
})

describe.skipIf(process.platform === 'win32')('file modes', () => {
  test('store files are readable by their owner only, also while they are open', async () => {
    const path = newPath()
    const umask = process.umask(0)
    try {
      const store = await openSqlite(path)
      await store.commit(await claimOf(store), [putRecord({ key: 'a' })])
      expect(siblings(path)).toEqual(['', '-default.owner', '-shm', '-wal'])
      for (const suffix of siblings(path)) expect(statSync(path + suffix).mode & 0o777, suffix).toBe(0o600)
      await store.close()
      expect(siblings(path)).toEqual(['', '-default.owner'])
    } finally {
      process.umask(umask)
    }
  })

  test('takes away rights that a copied store came with', async () => {
    const path = newPath()
    await writeStore(path)
    chmodSync(path, 0o644)
    const store = await openSqlite(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await store.close()
  })

  test('an empty file that exists already becomes a store with its own mode', async () => {
    const path = newPath()
    writeFileSync(path, '', { mode: 0o644 })
    const store = await openSqlite(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await store.close()
    expect(readFileSync(path).subarray(68, 72).toString('latin1')).toBe('watn')
  })
})

function overwrite(path: string, from: number, length: number): void {
  const bytes = readFileSync(path)
  bytes.fill(0xee, from, from + length)
  writeFileSync(path, bytes)
}
