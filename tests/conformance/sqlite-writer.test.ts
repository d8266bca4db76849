/** The writer thread: durability settings, sharing between stores, and what happens when it dies. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import { acquireWriter } from '../../src/persistence/sqlite/writer.ts'
import { appendEvent, claimOf, LEASE_MS, NOW_MS, putRecord } from '../../src/testing/conformance/context.ts'
import { openDatabase, startChild, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()
const SYNCHRONOUS_NORMAL = 1
const SYNCHRONOUS_FULL = 2

/** Tries to take the lock on a file and says what happened. */
const RIVAL = `
  const database = (await loadDriver()).open(args[0], { readOnly: false, busyTimeoutMs: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    say('taken')
  } catch (error) {
    say(error.message)
  }
  database.close()
`

describe('durability', () => {
  test('a commit is flushed to the drive unless less was asked for', async () => {
    const store = await openSqlite(newPath())
    const quick = await openSqlite(newPath(), { durability: 'process' })
    expect(await store.facts()).toMatchObject({
      synchronous: SYNCHRONOUS_FULL,
      journalMode: 'wal',
      schemaVersion: 1,
    })
    expect(await quick.facts()).toMatchObject({ synchronous: SYNCHRONOUS_NORMAL, journalMode: 'wal' })
    await Promise.all([store.close(), quick.close()])
  })

  test('of two stores on one file the stricter durability holds', async () => {
    const path = newPath()
    const quick = await openSqlite(path, { durability: 'process' })
    const strict = await openSqlite(path)
    const quickAgain = await openSqlite(path, { durability: 'process' })
    for (const store of [quick, strict, quickAgain]) {
      expect((await store.facts()).synchronous).toBe(SYNCHRONOUS_FULL)
    }
    await Promise.all([quick.close(), strict.close(), quickAgain.close()])
  })
})

describe('two stores on one file in one process', () => {
  test('the second is refused an account of the first, and gets it when the first is closed', async () => {
    const path = newPath()
    const first = await openSqlite(path)
    const second = await openSqlite(path)
    await claimOf(first, 'default', 'first')
    await expect(claimOf(second)).rejects.toMatchObject({
      code: 'WATON_STORE_OWNED',
      details: { owner: 'first' },
    })
    await first.close()
    const claim = await claimOf(second)
    expect(claim.epoch).toBe(2)
    await second.commit(claim, [putRecord({ key: 'a' })])
    await second.close()
  })

  test('a refused claim does not break the lock of the owner', async () => {
    const path = newPath()
    const store = await openSqlite(path)
    await claimOf(store)
    for (let attempt = 0; attempt < 3; attempt++) {
      const other = await openSqlite(path)
      await expect(claimOf(other)).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })
      await other.close()
    }
    // Only another process asks the kernel: within one, SQLite knows its own locks, also those that are gone.
    const rival = startChild(RIVAL, { arguments: [`${path}-default.owner`] })
    expect(await rival.ended).toBe(0)
    expect(rival.lines).toEqual(['database is locked'])
    await store.close()
  })

  test('a lease of another machine is respected until it ends', async () => {
    const path = newPath()
    const store = await openSqlite(path)
    await (await claimOf(store)).release()
    const elsewhere = await openDatabase(path)
    elsewhere.exec(`UPDATE waton_ownership SET owner = 'far away', machine = 'another', epoch = epoch + 1,
      expires_at = ${String(NOW_MS + LEASE_MS)}`)
    elsewhere.close()
    await expect(claimOf(store)).rejects.toMatchObject({
      code: 'WATON_STORE_OWNED',
      retryable: true,
      details: { owner: 'far away', leaseEndsAtMs: NOW_MS + LEASE_MS },
    })
    const later = { owner: 'here', nowMs: NOW_MS + LEASE_MS, leaseMs: LEASE_MS }
    expect((await store.claim('default', later)).epoch).toBe(3)
    await store.close()
  })
})

describe('the writer thread', () => {
  test('is one for all stores of the process and ends with the last one', async () => {
    const stores = await Promise.all([openSqlite(newPath()), openSqlite(newPath()), openSqlite(newPath())])
    const writer = acquireWriter()
    await writer.release()
    expect(writer.hasEnded).toBe(false)
    for (const store of stores) await store.close()
    expect(writer.hasEnded).toBe(true)
    const next = await openSqlite(newPath())
    await next.commit(await claimOf(next), [putRecord({ key: 'a' })])
    await next.close()
  })

  test('when it dies, what is under way is rejected, the store is closed, and the account can be claimed again', async () => {
    const path = newPath()
    const store = await openSqlite(path)
    const claim = await claimOf(store)
    const writer = acquireWriter()
    const before = store.commit(claim, [putRecord({ key: 'durable' })])
    const end = writer.end()
    const underWay = [
      store.commit(claim, [appendEvent({ seq: 1 })]),
      claim.renew(NOW_MS),
      claimOf(store, 'other'),
    ]
    for (const call of underWay) await expect(call).rejects.toMatchObject({ code: 'WATON_STORE_INTERRUPTED' })
    await Promise.all([before, end])
    await expect(store.commit(claim, [])).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    await expect(store.readRecord('default', 'session', 'durable')).rejects.toMatchObject({
      code: 'WATON_STORE_CLOSED',
    })
    await claim.release()
    await store.close()
    await writer.release()

    const again = await openSqlite(path)
    expect((await claimOf(again)).epoch).toBe(2)
    expect(await again.readRecord('default', 'session', 'durable')).toHaveLength(1)
    await again.close()
  })

  test('a list that is being read when the store closes is refused', async () => {
    const store = await openSqlite(newPath())
    const claim = await claimOf(store)
    await store.commit(
      claim,
      Array.from({ length: 500 }, (_, index) => putRecord({ key: String(index) })),
    )
    const list = store.listRecords('default', 'session', undefined, 500)
    const answer = expect(list).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    await store.close()
    await answer
  })

  test('bounds what may wait for it', async () => {
    const store = await openSqlite(newPath())
    const claim = await claimOf(store)
    const results = await Promise.allSettled(Array.from({ length: 5000 }, () => store.commit(claim, [])))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBe(5000 - 4096)
    await nextTurn()
    await store.commit(claim, [putRecord({ key: 'a' })])
    await store.close()
  })

  test('refuses a change that is no row of the contract, and goes on', async () => {
    const store = await openSqlite(newPath())
    const claim = await claimOf(store)
    const noNumber = store.commit(claim, [putRecord({ key: 'a', at: Number.NaN })])
    await expect(noNumber).rejects.toMatchObject({ code: 'WATON_STORE_ROW', retryable: false })
    await store.commit(claim, [putRecord({ key: 'b' })])
    await store.close()
  })
})
