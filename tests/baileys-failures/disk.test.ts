/**
 * What Baileys does with keys when a disk fails, and when two sockets share one auth folder, beside the store of waton.
 * Rows D2, D3 and L19 of the list in README.md.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  addTransactionCapability,
  makeCacheableSignalKeyStore,
  useMultiFileAuthState,
} from '@whiskeysockets/baileys'
import type { SignalKeyStore } from '@whiskeysockets/baileys'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Addition, EventRow } from 'waton/persistence'
import { openSqlite } from 'waton/sqlite'
import { failCommits, faultyStore } from 'waton/testing'
import { systemClock } from '../../src/base/clock.ts'
import { deferred } from '../../src/base/deferred.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { LID_BY_PN } from '../../src/client/state/records.ts'
import { linkedClient, newClient, settle } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { memoryKeys } from './memory-keys.ts'
import { startStage, temporaryFolder } from './stage.ts'

const silent = pino({ level: 'silent' })
const ONCE = { maxCommitRetries: 1, delayBetweenTriesMs: 1 }
/** The address of a session. */
const BOB = '100000000002_1.0'
const LEASE_MS = 60_000

/** A session as Baileys keeps it: bytes. Here they say what has been done in it. */
async function sessionIn(keys: Pick<SignalKeyStore, 'get'>): Promise<string | undefined> {
  const bytes = (await keys.get('session', [BOB]))[BOB]
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}

function session(text: string): { session: Record<string, Uint8Array> } {
  return { session: { [BOB]: Buffer.from(text) } }
}

test('D2: Baileys keeps half of what belongs together when a write fails; waton all or nothing', async () => {
  const folder = temporaryFolder()
  const { keys } = (await useMultiFileAuthState(folder)).state
  const pair = { public: Buffer.alloc(32, 1), private: Buffer.alloc(32, 2) }
  await keys.set({ 'pre-key': { 7: pair } })
  // the session's file cannot be written
  mkdirSync(join(folder, `session-${BOB}.json`))
  const inTransactions = addTransactionCapability(keys, silent, ONCE)
  // what the first message of a new session does: the session begins, and its one-time key is spent
  const decrypted = inTransactions.transaction(async () => {
    await inTransactions.get('pre-key', ['7'])
    await inTransactions.set(session('begun'))
    await inTransactions.set({ 'pre-key': { 7: null } })
  }, BOB)
  await expect(decrypted).rejects.toMatchObject({ code: 'EISDIR' })
  // neither the session nor the key that a redelivery would need
  await until('the key to be gone', () => !existsSync(join(folder, 'pre-key-7.json')))
  expect((await keys.get('pre-key', ['7']))['7']).toBeNull()

  const path = join(temporaryFolder(), 'd2.db')
  const store = await openSqlite(path)
  const claim = await store.claim('default', { owner: 'D2', nowMs: Date.now(), leaseMs: LEASE_MS })
  const record = (kind: string, key: string): Addition => ({
    op: 'put-record',
    row: { kind, key, value: Uint8Array.of(1), at: 1 },
  })
  const event: EventRow = { seq: 1, type: 'x', version: 1, at: 1, chat: '', value: Uint8Array.of(1) }
  await store.commit(claim, [record('pre-key', '7'), { op: 'append-event', row: event }])
  const torn = store.commit(claim, [
    record('session', BOB),
    { op: 'delete-record', kind: 'pre-key', key: '7' },
    // cannot be written: there is one
    { op: 'append-event', row: event },
  ])
  await expect(torn).rejects.toMatchObject({ code: 'WATON_STORE_CONFLICT' })
  await store.close()
  const again = await openSqlite(path)
  expect(await again.readRecord('default', 'pre-key', '7')).toEqual(Uint8Array.of(1))
  expect(await again.readRecord('default', 'session', BOB)).toBeUndefined()
  await again.close()
})

test('D3: Baileys goes on with what could not be written; waton with what the store has', async () => {
  const disk = memoryKeys()
  const failing = { ...disk, set: () => Promise.reject(new Error('the disk is full')) }
  await disk.set(session('written'))
  const cached = makeCacheableSignalKeyStore(failing, silent)
  expect(await sessionIn(cached)).toBe('written')
  await expect(cached.set(session('not written'))).rejects.toThrow('the disk is full')
  expect(await sessionIn(cached)).toBe('not written')
  // a process later
  expect(await sessionIn(makeCacheableSignalKeyStore(disk, silent))).toBe('written')

  const store = faultyStore(new MemoryStore(), failCommits([2]))
  const nowMs = systemClock.nowMs()
  const claim = await store.claim('default', { owner: 'D3', nowMs, leaseMs: LEASE_MS })
  const state = await AccountState.open({
    ...{ store, claim, clock: systemClock, logger: silentLogger },
    onEvents: () => undefined,
    onFailure: () => undefined,
  })
  const write = (text: string): Promise<void> =>
    state.commit((unit) => {
      unit.put(LID_BY_PN, BOB, text)
      return Promise.resolve()
    })
  await write('written')
  await expect(write('not written')).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
  expect(await state.read(LID_BY_PN, BOB)).toBe('written')
})

test('L19: two sockets of Baileys overwrite each other; waton has one owner, and refuses the former one', async () => {
  const folder = memoryKeys()
  await folder.set(session('one'))
  // every socket puts its own locks around the state that it is given
  const [before, after] = [1, 2].map(() => addTransactionCapability(folder, silent, ONCE))
  if (before === undefined || after === undefined) throw new Error('two sockets')
  const add = (keys: typeof before, text: string, meanwhile?: Promise<unknown>): Promise<void> =>
    keys.transaction(async () => {
      const found = await sessionIn(keys)
      await meanwhile
      await keys.set(session(`${found ?? ''} ${text}`))
    }, BOB)
  const hasCome = deferred<undefined>()
  // the socket that was left is still sending, and a message comes in on the new one
  const late = add(before, 'late', hasCome.promise)
  const come = add(after, 'two')
  await settle()
  hasCome.resolve(undefined)
  await Promise.all([late, come])
  expect(await sessionIn(folder)).toBe('one late')

  const stage = await startStage('L19')
  const store = new MemoryStore()
  await linkedClient(stage.world, stage.alice, { store })
  const second = newClient(stage.world, { store })
  await expect(second.connect()).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })

  const request = { owner: 'before', nowMs: 1, leaseMs: 1 }
  const former = await store.claim('other', request)
  const owner = await store.claim('other', { ...request, owner: 'after', nowMs: 10 })
  const put = (text: number): Addition => ({
    op: 'put-record',
    row: { kind: 'session', key: BOB, value: Uint8Array.of(text), at: 1 },
  })
  await store.commit(owner, [put(2)])
  await expect(store.commit(former, [put(1)])).rejects.toMatchObject({ code: 'WATON_STORE_FENCED' })
  expect(await store.readRecord('other', 'session', BOB)).toEqual(Uint8Array.of(2))
})
