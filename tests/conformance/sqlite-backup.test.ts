/** Copies of a SQLite store that is in use: what is refused, what a copy holds, and that the original never notices. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import type { SqliteStore } from '../../src/persistence/sqlite/index.ts'
import type { BackupRequest } from '../../src/persistence/index.ts'
import { claimOf, putRecord } from '../../src/testing/conformance/context.ts'
import { fingerprint, openDatabase, siblings, startChild, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()

const STAMP: BackupRequest = {
  stamp: { kind: 'stamp', key: 'self', at: 5, value: Uint8Array.of(1, 2, 3) },
}

/** A store with `records` rows of half a kilobyte. */
async function filledStore(records = 50): Promise<SqliteStore> {
  const store = await openSqlite(newPath())
  const value = new Uint8Array(500).fill(7)
  const claim = await claimOf(store)
  await store.commit(
    claim,
    Array.from({ length: records }, (_, index) => putRecord({ key: String(index), value })),
  )
  return store
}

/** What is in the folder of a path beside what was there. */
function leftovers(path: string): readonly string[] {
  return readdirSync(dirname(path)).filter((name) => name.includes('.partial'))
}

describe('a copy is refused', () => {
  test('over a file that exists, which is left as it is', async () => {
    const store = await filledStore()
    const path = newPath('notes.txt')
    writeFileSync(path, 'keep me')
    await expect(store.backup(path, STAMP)).rejects.toMatchObject({ code: 'WATON_BACKUP_EXISTS' })
    expect(readFileSync(path, 'utf8')).toBe('keep me')
    await store.close()
  })

  test('over the store itself, by any of its names, also when told to overwrite', async () => {
    const store = await filledStore()
    const link = newPath('link.db')
    symlinkSync(store.path, link)
    const before = fingerprint(store.path)
    for (const path of [store.path, link, join(dirname(store.path), '.', store.path.split('/').at(-1) ?? '')])
      await expect(store.backup(path, { ...STAMP, overwrite: true })).rejects.toMatchObject({
        code: 'WATON_BACKUP_PATH',
      })
    expect(fingerprint(store.path)).toBe(before)
    await store.close()
  })

  test('over another store that is open, also when told to overwrite', async () => {
    const [store, other] = [await filledStore(), await filledStore()]
    await expect(store.backup(other.path, { ...STAMP, overwrite: true })).rejects.toMatchObject({
      code: 'WATON_BACKUP_EXISTS',
    })
    await Promise.all([store.close(), other.close()])
  })

  test('where there is no folder, no right to write, or a folder of that name; nothing is left', async () => {
    const store = await filledStore()
    const folder = newPath('folder')
    mkdirSync(folder)
    await expect(store.backup(join(newPath('none'), 'copy.db'), STAMP)).rejects.toMatchObject({
      code: 'WATON_STORE_OPEN',
    })
    await expect(store.backup(folder, { ...STAMP, overwrite: true })).rejects.toMatchObject({
      code: 'WATON_BACKUP_FAILED',
    })
    expect(leftovers(folder)).toEqual([])
    await store.close()
  })

  test.each(['', ' ', ':memory:', 'a\0b'])('at %j, which is no path', async (path) => {
    const store = await filledStore(1)
    await expect(store.backup(path, STAMP)).rejects.toMatchObject({ code: 'WATON_BACKUP_PATH' })
    await store.close()
  })

  test('of a store that was closed', async () => {
    const store = await filledStore(1)
    await store.close()
    await expect(store.backup(newPath(), STAMP)).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
  })

  test('by a store without files: the method is not there', () => {
    expect(new MemoryStore()).not.toHaveProperty('backup')
  })

  test('on a full disk, with nothing left and the store going on', async () => {
    const path = newPath()
    const store = await filledStore(4000)
    const source = store.path
    await store.close()
    const child = startChild(
      `
      const store = await openSqlite(args[0])
      const stamp = { kind: 'stamp', key: 'self', at: 5, value: new Uint8Array(3) }
      const failure = await store.backup(args[1], { stamp }).then(() => undefined, (error) => error)
      say(String(failure?.code))
      const claim = await store.claim('default', { owner: 'child', nowMs: 1, leaseMs: 1000 })
      await store.commit(claim, [{ op: 'put-record', row: { kind: 'k', key: 'a', at: 1, value: new Uint8Array(1) } }])
      say('goes on')
      await store.close()
      `,
      { arguments: [source, path], fileLimitKb: 1024 },
    )
    expect(await child.nextLine()).toBe('WATON_BACKUP_FAILED')
    expect(await child.nextLine()).toBe('goes on')
    await child.ended
    expect(siblings(path)).toEqual([])
    expect(leftovers(path)).toEqual([])
  })
})

describe('a copy', () => {
  test('holds every row of every account, carries the stamp, and belongs to nobody', async () => {
    const store = await filledStore()
    await store.commit(await claimOf(store, 'other'), [putRecord({ key: 'x', value: Uint8Array.of(9) })])
    const path = newPath()
    await store.backup(path, STAMP)
    const copy = await openSqlite(path)
    expect(await copy.listAccounts()).toEqual(await store.listAccounts())
    for (const account of await store.listAccounts()) {
      expect(await copy.readRecord(account, 'stamp', 'self')).toEqual(Uint8Array.of(1, 2, 3))
      expect(await store.readRecord(account, 'stamp', 'self')).toBeUndefined()
    }
    expect(await copy.listRecords('default', 'session', undefined, 1000)).toEqual(
      await store.listRecords('default', 'session', undefined, 1000),
    )
    // the owner of the original holds it still, and the copy is free
    const claim = await claimOf(copy)
    expect(claim.epoch).toBeGreaterThan(1)
    await Promise.all([store.close(), copy.close()])
  })

  test('is one file of the mode 0600, whatever the umask, and a sound database', async () => {
    const store = await filledStore()
    const path = newPath()
    const umask = process.umask(0)
    try {
      await store.backup(path, STAMP)
    } finally {
      process.umask(umask)
    }
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(siblings(path)).toEqual([''])
    expect(leftovers(path)).toEqual([])
    const database = await openDatabase(path)
    expect(Object.values(database.prepare('PRAGMA integrity_check').get() ?? {})).toEqual(['ok'])
    database.close()
    await store.close()
  })

  test('replaces a file when told to, with a mode of its own', async () => {
    const store = await filledStore()
    const path = newPath()
    writeFileSync(path, 'an older backup')
    chmodSync(path, 0o644)
    await store.backup(path, { ...STAMP, overwrite: true })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path).subarray(68, 72).toString('latin1')).toBe('watn')
    await store.close()
  })

  test('is one state while commits go on, with everything committed before it was asked for', async () => {
    const store = await openSqlite(newPath())
    const claim = await claimOf(store)
    const path = newPath()
    const until = { stopped: false }
    let committed = 0
    const writing = (async () => {
      // both rows of a commit, or none
      for (let round = 0; !until.stopped; round += 1) {
        const value = new Uint8Array(2000).fill(round % 251)
        await store.commit(claim, [
          putRecord({ key: `a${String(round)}`, value }),
          putRecord({ key: `b${String(round)}`, value }),
        ])
        committed = round + 1
      }
    })()
    while (committed < 200) await new Promise(setImmediate)
    const before = committed
    await store.backup(path, STAMP)
    const during = committed
    until.stopped = true
    await writing
    const copy = await openSqlite(path)
    const keys = (await copy.listRecords('default', 'session', undefined, 1_000_000)).map(({ key }) => key)
    const rounds = (side: string): number[] =>
      keys.filter((key) => key.startsWith(side)).map((key) => Number(key.slice(1)))
    const [left, right] = [new Set(rounds('a')), new Set(rounds('b'))]
    expect(left).toEqual(right)
    expect(left.size).toBeGreaterThanOrEqual(before)
    expect(Math.max(...left)).toBe(left.size - 1)
    // the writer was not held up for the whole time
    expect(during).toBeGreaterThan(before)
    await Promise.all([store.close(), copy.close()])
  })

  test('of two that want one name at once, one is made and the other is refused', async () => {
    const store = await filledStore(500)
    const path = newPath()
    const ends = await Promise.allSettled([1, 2, 3].map(() => store.backup(path, STAMP)))
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'WATON_BACKUP_EXISTS' })
    expect(leftovers(path)).toEqual([])
    await store.close()
  })
})
