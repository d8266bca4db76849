/** The SQLite store and processes: killed ones, rival ones, ones that forget to close, and a disk that is full. */
import { describe, expect, test } from 'vitest'
import { loadDriver } from '../../src/persistence/sqlite/driver.ts'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import { claimOf, LEASE_MS, NOW_MS, putRecord } from '../../src/testing/conformance/context.ts'
import { openDatabase, startChild, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()

/** Claims an account and says so, then lives until its input ends. */
const OWNER = `
  const store = await openSqlite(args[0])
  const request = { owner: 'child ' + process.pid, nowMs: ${String(NOW_MS)}, leaseMs: ${String(LEASE_MS)} }
  const claim = await store.claim(args[1] ?? 'default', request).catch((error) => error)
  say(claim.code ?? 'claimed ' + claim.epoch)
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
`

/** Begins to write to a file and says so; gives up when its input ends. */
const WRITER = `
  const database = (await loadDriver()).open(args[0], { readOnly: false, busyTimeoutMs: 0 })
  database.exec('BEGIN IMMEDIATE')
  say('writing')
  process.stdin.resume()
  process.stdin.on('end', () => {
    database.exec('ROLLBACK')
    process.exit(0)
  })
`

/** Commits numbered events and records, three commits in flight, and names each commit that resolved. */
const COMMIT_STREAM = `
  const store = await openSqlite(args[0], { durability: args[1] })
  const claim = await store.claim('default', { owner: 'stream', nowMs: 1, leaseMs: 60000 })
  const commit = async (seq) => {
    await store.commit(claim, [
      { op: 'append-event', row: { seq, type: 't', version: 1, at: seq, chat: '', value: new Uint8Array(300).fill(seq) } },
      { op: 'put-record', row: { kind: 'k', key: 'last', at: seq, value: new Uint8Array(2000).fill(seq) } },
      { op: 'put-record', row: { kind: 'k', key: 'r' + (seq % 50), at: seq, value: new Uint8Array(700).fill(seq) } },
    ])
    say(String(seq))
  }
  for (let seq = 1; ; seq += 3) await Promise.all([commit(seq), commit(seq + 1), commit(seq + 2)])
`

describe('a killed process', () => {
  // Different points of the stream, so that the kill falls into different moments of a commit and of a checkpoint.
  test.each([
    ['power-loss', 5],
    ['power-loss', 60],
    ['process', 200],
    ['power-loss', 700],
  ])('leaves every resolved commit readable (%s, killed after %i)', async (durability, killAfter) => {
    const path = newPath()
    const child = startChild(COMMIT_STREAM, { arguments: [path, durability] })
    while (Number(await child.nextLine()) < killAfter);
    child.process.kill('SIGKILL')
    expect(await child.ended).toBe('SIGKILL')
    const resolved = Math.max(...child.lines.map(Number))

    // At once, although the lease of the dead owner has not ended.
    const store = await openSqlite(path)
    const claim = await store.claim('default', { owner: 'next', nowMs: 2, leaseMs: 60_000 })
    expect(claim.epoch).toBe(2)
    const { first, last } = await store.eventBounds('default')
    expect(first).toBe(1)
    expect(last).toBeGreaterThanOrEqual(resolved)
    const events = await store.readEvents('default', { after: 0, limit: 1_000_000 })
    expect(events.map((row) => row.seq)).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    // All or nothing: the record of the last event's commit is there with it.
    expect((await store.readRecord('default', 'k', 'last'))?.[0]).toBe(last & 0xff)
    await store.close()
    const check = await openDatabase(path)
    expect(check.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    check.close()
  })
})

describe('two processes', () => {
  test('the second is refused at once, until the first has ended', async () => {
    const path = newPath()
    const first = startChild(OWNER, { arguments: [path] })
    expect(await first.nextLine()).toBe('claimed 1')
    const second = startChild(OWNER, { arguments: [path] })
    expect(await second.nextLine()).toBe('WATON_STORE_OWNED')
    const store = await openSqlite(path)
    await expect(claimOf(store)).rejects.toMatchObject({
      code: 'WATON_STORE_OWNED',
      details: { account: 'default', owner: `child ${String(first.process.pid)}` },
    })
    // Not even when the lease has ended: the lock says that the owner lives.
    const late = { owner: 'late', nowMs: NOW_MS + 10 * LEASE_MS, leaseMs: LEASE_MS }
    await expect(store.claim('default', late)).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })
    first.process.kill('SIGKILL')
    await first.ended
    expect((await claimOf(store)).epoch).toBe(2)
    second.process.stdin?.end()
    await second.ended
    await store.close()
  })

  test('write to different accounts of one file at the same time', async () => {
    const path = newPath()
    const program = `
      const store = await openSqlite(args[0])
      const claim = await store.claim(args[1], { owner: args[1], nowMs: 1, leaseMs: 60000 })
      for (let seq = 1; seq <= 100; seq++) {
        await store.commit(claim, [{ op: 'append-event', row: { seq, type: 't', version: 1, at: 1, chat: '', value: new Uint8Array(9) } }])
      }
      await store.close()
    `
    const names = ['a', 'b', 'c']
    const children = names.map((name) => startChild(program, { arguments: [path, name] }))
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0])
    const store = await openSqlite(path)
    for (const name of names) expect(await store.eventBounds(name)).toEqual({ first: 1, last: 100 })
    await store.close()
  })

  test('a writer elsewhere delays a commit; beyond the busy timeout it fails, and works when tried again', async () => {
    const path = newPath()
    const store = await openSqlite(path, { busyTimeoutMs: 50 })
    const claim = await claimOf(store)
    const other = startChild(WRITER, { arguments: [path] })
    expect(await other.nextLine()).toBe('writing')
    await expect(store.commit(claim, [putRecord({ key: 'a' })])).rejects.toMatchObject({
      code: 'WATON_STORE_WRITE',
      retryable: true,
    })
    other.process.stdin?.end()
    expect(await other.ended).toBe(0)
    expect(await store.readRecord('default', 'session', 'a')).toBeUndefined()
    await store.commit(claim, [putRecord({ key: 'a' })])
    await store.close()
  })
})

describe('both threads of a process', () => {
  const flag = '--no-experimental-sqlite'
  const canHide = process.allowedNodeEnvironmentFlags.has(flag)
  test.each(canHide ? [[], [flag]] : [[]])('use the same SQLite library (%s)', async (...flags) => {
    const program = `
      const store = await openSqlite(args[0])
      say((await loadDriver()).name)
      say((await store.facts()).driver)
      await store.close()
    `
    const child = startChild(program, { arguments: [newPath()], flags })
    expect(await child.ended).toBe(0)
    const [reader, writer] = child.lines
    expect(writer).toBe(reader)
    expect(reader).toBe(flags.length > 0 ? '@photostructure/sqlite' : (await loadDriver()).name)
  })
})

describe('the end of a process', () => {
  test('comes by itself after close()', async () => {
    const program = `
      const store = await openSqlite(args[0])
      const claim = await store.claim('default', { owner: 'x', nowMs: 1, leaseMs: 60000 })
      await store.commit(claim, [{ op: 'expire-events', upTo: 1 }])
      await store.listAccounts()
      await store.close()
      say('closed')
    `
    const child = startChild(program, { arguments: [newPath()] })
    expect(await child.ended).toBe(0)
    expect(child.lines).toEqual(['closed'])
  })

  test('comes by itself without close() too, and not before commits under way are durable', async () => {
    const path = newPath()
    const program = `
      const store = await openSqlite(args[0])
      const claim = await store.claim('default', { owner: 'x', nowMs: 1, leaseMs: 60000 })
      store.commit(claim, [{ op: 'put-record', row: { kind: 'session', key: 'a', at: 1, value: new Uint8Array(1) } }])
        .then(() => say('resolved'))
    `
    const child = startChild(program, { arguments: [path] })
    expect(await child.ended).toBe(0)
    expect(child.lines).toEqual(['resolved'])
    const store = await openSqlite(path)
    expect(await store.readRecord('default', 'session', 'a')).toHaveLength(1)
    expect((await claimOf(store)).epoch).toBe(2)
    await store.close()
  })

  test('process.exit() in the middle of commits ends with the code that was asked for', async () => {
    const path = newPath()
    const program = `
      const store = await openSqlite(args[0])
      const claim = await store.claim('default', { owner: 'x', nowMs: 1, leaseMs: 60000 })
      const put = (key) => store.commit(claim, [{ op: 'put-record', row: { kind: 'k', key, at: 1, value: new Uint8Array(2_000_000) } }])
      await put('durable')
      const keepBusy = async (key) => { for (;;) await put(key) }
      for (const key of ['a', 'b', 'c', 'd']) void keepBusy(key)
      setTimeout(() => process.exit(7), Number(args[1]))
    `
    for (const delayMs of ['1', '5', '20']) {
      const child = startChild(program, { arguments: [path, delayMs] })
      expect(await child.ended).toBe(7)
    }
    const store = await openSqlite(path)
    expect(await store.readRecord('default', 'k', 'durable')).toHaveLength(2_000_000)
    await store.close()
  })
})

describe.skipIf(process.platform === 'win32')('a disk that is full', () => {
  test('fails the commit whole; reads go on, and smaller commits too', async () => {
    const program = `
      const store = await openSqlite(args[0])
      const claim = await store.claim('default', { owner: 'x', nowMs: 1, leaseMs: 60000 })
      const put = (key, size) => ({ op: 'put-record', row: { kind: 'k', key, at: 1, value: new Uint8Array(size) } })
      await store.commit(claim, [put('small', 10)])
      const error = await store.commit(claim, [put('first', 10), put('huge', 4 << 20)]).catch((reason) => reason)
      say(error.code + ' ' + error.retryable)
      const keys = async () => (await store.listRecords('default', 'k', undefined, 10)).map((row) => row.key).join()
      say(await keys())
      await store.commit(claim, [put('later', 10)])
      say(await keys())
      await store.close()
    `
    const child = startChild(program, { arguments: [newPath()], fileLimitKb: 1024 })
    expect(await child.ended).toBe(0)
    expect(child.lines).toEqual(['WATON_STORE_WRITE true', 'small', 'later,small'])
  })
})
