/**
 * Damage that is found late, and files beside the store: a page that was overwritten anywhere, a log that a killed process
 * left behind, paths that cannot be written. Whatever it is, the error is typed, names the file and a way out, and the
 * file and its log are left as they are. The index of the log (`-shm`) is a cache that SQLite makes anew for every reader.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { StorageError, errorCode } from '../../src/base/errors.ts'
import { randomInteger } from '../../src/base/random.ts'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import { appendEvent, claimOf, putMessage, putRecord } from '../../src/testing/conformance/context.ts'
import { forSeeds } from '../../src/testing/seeds.ts'
import { fingerprint, openDatabase, siblings, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()

const PAGE_BYTES = 4096

/** Writes rows of every kind. */
async function fill(path: string, rows = 150): Promise<void> {
  const store = await openSqlite(path)
  const claim = await claimOf(store)
  const value = new Uint8Array(300).fill(7)
  await store.commit(
    claim,
    Array.from({ length: rows }, (_, index) => [
      putRecord({ key: String(index), value }),
      putMessage({ id: String(index), value }),
      appendEvent({ seq: index + 1, value }),
    ]).flat(),
  )
  await store.close()
}

/** A copy of a store as a killed process leaves it: with a log that is not in the file yet. */
async function leftBehind(name: string, last: (path: string) => Promise<void>): Promise<string> {
  const path = newPath(`live-${name}.db`)
  await fill(path)
  const holder = await openDatabase(path)
  holder.exec('PRAGMA wal_autocheckpoint = 0; BEGIN; SELECT count(*) FROM waton_records')
  await last(path)
  const copy = newPath(`${name}.db`)
  for (const suffix of ['', '-wal', '-shm']) copyFileSync(path + suffix, copy + suffix)
  holder.exec('COMMIT')
  holder.close()
  return copy
}

function stateOf(path: string): Readonly<Record<string, string>> {
  const suffixes = siblings(path)
  return Object.fromEntries(
    suffixes.map((suffix) => [suffix, suffix === '-shm' ? 'there' : fingerprint(path + suffix)]),
  )
}

async function expectRefused(path: string, code: string | RegExp): Promise<StorageError> {
  const before = stateOf(path)
  const error: unknown = await openSqlite(path).then(
    (store) => store.close(),
    (reason: unknown) => reason,
  )
  if (!(error instanceof StorageError)) throw new Error(`expected a StorageError, got ${String(error)}`)
  expect(error.code).toMatch(code)
  expect(error.message).toContain(path)
  expect(stateOf(path)).toEqual(before)
  return error
}

describe('a page that was overwritten', () => {
  test('is refused with the file untouched, or met by typed errors only', async () => {
    const sound = newPath('sound.db')
    await fill(sound)
    const content = readFileSync(sound)
    let refused = 0
    let opened = 0
    const seeds = Array.from({ length: 16 }, (_, seed) => seed)
    await forSeeds(seeds, async (random, seed) => {
      const path = newPath(`page-${String(seed)}.db`)
      const bytes = Uint8Array.from(content)
      const page = randomInteger(random, Math.floor(bytes.length / PAGE_BYTES))
      bytes.set(random.bytes(PAGE_BYTES), page * PAGE_BYTES)
      writeFileSync(path, bytes)
      const before = stateOf(path)
      const store = await openSqlite(path).catch((error: unknown) => error)
      if (store instanceof Error) {
        expect(store).toBeInstanceOf(StorageError)
        expect(errorCode(store), `page ${String(page)}`).toMatch(/^WATON_STORE_(CORRUPT|FOREIGN|NEWER)$/)
        expect(stateOf(path)).toEqual(before)
        refused += 1
        return
      }
      // a page that nothing uses
      opened += 1
      const reader = store as Awaited<ReturnType<typeof openSqlite>>
      expect(await reader.listRecords('default', 'session', undefined, 1000)).toHaveLength(150)
      await reader.close()
    })
    expect(refused).toBeGreaterThan(opened)
  })

  test('after the store was opened is a typed error that no retry can mend', async () => {
    const path = newPath()
    await fill(path, 2000)
    const store = await openSqlite(path)
    const bytes = readFileSync(path)
    const untouched = 8 * PAGE_BYTES
    writeFileSync(path, new Uint8Array(bytes.length - untouched).fill(0xee), { flag: 'r+' })
    const error: unknown = await store
      .listRecords('default', 'session', undefined, 5000)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ code: 'WATON_STORE_CORRUPT', retryable: false })
    expect((error as StorageError).message).toContain(path)
    await store.close().catch(() => undefined)
  })
})

describe('a store with a log that was left behind', () => {
  test('opens with what the log has', async () => {
    const copy = await leftBehind('log', async (path) => {
      const store = await openSqlite(path)
      await store.commit(await claimOf(store), [putRecord({ key: 'late' })])
      await store.close()
    })
    expect(statSync(`${copy}-wal`).size).toBeGreaterThan(0)
    const store = await openSqlite(copy)
    expect(await store.readRecord('default', 'session', 'late')).toBeDefined()
    await store.close()
  })

  test('is refused, file and log untouched, when a newer waton wrote it', async () => {
    const copy = await leftBehind('newer', async (path) => {
      const newer = await openDatabase(path)
      newer.exec('PRAGMA user_version = 999')
      newer.close()
    })
    await expectRefused(copy, 'WATON_STORE_NEWER')
  })

  test('is refused, file and log untouched, when its pages are damaged', async () => {
    const copy = await leftBehind('damaged', async (path) => {
      const store = await openSqlite(path)
      await store.commit(await claimOf(store), [putRecord({ key: 'late' })])
      await store.close()
    })
    const bytes = readFileSync(copy)
    bytes.fill(0xee, 5 * PAGE_BYTES, 12 * PAGE_BYTES)
    writeFileSync(copy, bytes)
    await expectRefused(copy, 'WATON_STORE_CORRUPT')
  })
})

describe('paths that lead elsewhere', () => {
  test('a link to a file of somebody else is refused and both are left as they are', async () => {
    const target = newPath('letters.txt')
    writeFileSync(target, 'dear Bob\n'.repeat(100))
    const before = fingerprint(target)
    const link = newPath('link.db')
    symlinkSync(target, link)
    const error: unknown = await openSqlite(link).catch((reason: unknown) => reason)
    expect(errorCode(error)).toBe('WATON_STORE_FOREIGN')
    expect(fingerprint(target)).toBe(before)
    expect(siblings(link)).toEqual([''])
    expect(siblings(target)).toEqual([''])
  })

  test('a link to nothing is refused, and nothing is made where it leads', async () => {
    const target = newPath('later.db')
    const link = newPath('dangling.db')
    symlinkSync(target, link)
    const error: unknown = await openSqlite(link).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'WATON_STORE_FOREIGN' })
    expect((error as StorageError).message).toContain(link)
    expect(existsSync(target)).toBe(false)
  })

  test('a folder is refused, and stays as it is', async () => {
    const path = newPath('folder')
    mkdirSync(path)
    const error: unknown = await openSqlite(path).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'WATON_STORE_FOREIGN' })
    expect(statSync(path).isDirectory()).toBe(true)
    expect(siblings(path)).toEqual([''])
  })
})

interface Opened {
  readonly opened: boolean
  readonly code?: string
  readonly message?: string
  readonly name?: string
}

/** Somebody without rights of their own: tests that run as the superuser open stores as this one. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined

/** Gives a file or folder to whoever {@link openAsUser} is. */
function handOver(...paths: readonly string[]): void {
  if (NOBODY !== undefined) for (const path of paths) chownSync(path, NOBODY, NOBODY)
}

/** A store in a folder of a user without special rights, with rows in it. */
async function ofUser(name: string): Promise<{ folder: string; path: string }> {
  const folder = newPath(name)
  // the way there must be open to that user
  chmodSync(dirname(folder), 0o711)
  mkdirSync(folder)
  const path = join(folder, 'store.db')
  await fill(path)
  handOver(folder, ...siblings(path).map((suffix) => path + suffix))
  return { folder, path }
}

/** What comes of opening a store in a process without special rights. */
async function openAsUser(path: string): Promise<Opened> {
  const script = fileURLToPath(new URL('open-child.mjs', import.meta.url))
  const input = JSON.stringify({ path, ...(NOBODY === undefined ? {} : { user: NOBODY }) })
  const child = fork(script, [input], { execArgv: [] })
  const [said] = (await once(child, 'message')) as [Opened]
  return said
}

describe.skipIf(process.platform === 'win32')('rights that are missing', () => {
  test('are not missing in general: a store of the same user opens', async () => {
    const { path } = await ofUser('open')
    expect(await openAsUser(path)).toEqual({ opened: true })
  })

  test('for the file: it is refused, and its rights are not changed', async () => {
    const { path } = await ofUser('read-only')
    chmodSync(path, 0o400)
    const before = stateOf(path)
    const { code, message } = await openAsUser(path)
    expect(code).toBe('WATON_STORE_OPEN')
    expect(message).toContain('read and write')
    expect(message).toContain(path)
    expect(statSync(path).mode & 0o777).toBe(0o400)
    expect(stateOf(path)).toEqual(before)
  })

  test('for reading: it is refused', async () => {
    const { path } = await ofUser('unreadable')
    chmodSync(path, 0o000)
    expect(await openAsUser(path)).toMatchObject({ opened: false, code: 'WATON_STORE_OPEN' })
    chmodSync(path, 0o600)
  })

  test('for the folder: it is refused, and nothing appears in it', async () => {
    const { folder, path } = await ofUser('locked')
    chmodSync(folder, 0o500)
    try {
      const before = stateOf(path)
      expect(await openAsUser(path)).toMatchObject({ opened: false, name: 'StorageError' })
      expect(stateOf(path)).toEqual(before)
      const missing = await openAsUser(join(folder, 'new.db'))
      expect(missing).toMatchObject({ opened: false, code: 'WATON_STORE_OPEN' })
      expect(siblings(join(folder, 'new.db'))).toEqual([])
    } finally {
      chmodSync(folder, 0o700)
    }
  })
})
