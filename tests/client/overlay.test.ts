/** What units of work read while commits come and go beneath them. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, RecordRow, Store } from 'waton/persistence'
import { VirtualClock, StoreWrapper, writeFault } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { textRecord } from '../../src/client/state/record-kind.ts'
import type { Unit } from '../../src/client/state/unit.ts'
import { settle } from './support.ts'

const NOTE = textRecord('note')
/** Not kept in memory once it is durable, like one-time pre-keys. */
const KEY = { ...textRecord('key'), isRarelyRead: true }

async function open(store: Store): Promise<AccountState> {
  const clock = new VirtualClock()
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
  const ignore = (): void => undefined
  return AccountState.open({ store, claim, clock, logger: silentLogger, onEvents: ignore, onFailure: ignore })
}

/** A store whose reads answer late with what they saw, and whose commits wait when they are told to. */
class LateStore extends StoreWrapper {
  reads: Promise<unknown> = Promise.resolve()
  commits: Promise<unknown> = Promise.resolve()
  readCount = 0
  /** Whether the next commit is written and fails all the same. */
  isLying = false

  override async listRecords(
    account: string,
    kind: string,
    after: string | undefined,
    limit: number,
  ): Promise<readonly RecordRow[]> {
    const seen = await super.listRecords(account, kind, after, limit)
    await this.reads
    return seen
  }

  override async readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined> {
    this.readCount += 1
    const seen = await super.readRecord(account, kind, key)
    await this.reads
    return seen
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    await this.commits
    const result = await super.commit(claim, changes)
    if (!this.isLying) return result
    this.isLying = false
    throw writeFault()
  }
}

function put(state: AccountState, key: string, value: string): Promise<{ committed: Promise<void> }> {
  return state.transact((unit) => {
    unit.put(NOTE, key, value)
    return Promise.resolve()
  })
}

describe('a listing of keys', () => {
  test('has what was staged when it began, also when that becomes durable while the store is read', async () => {
    const store = new LateStore(new MemoryStore())
    const state = await open(store)
    const commits = deferred<undefined>()
    const reads = deferred<undefined>()
    store.commits = commits.promise
    const staged = await put(state, 'a.1', 'one')
    store.reads = reads.promise
    const listing = state.transact((unit) => unit.listKeys(NOTE, 'a.'))
    await settle()
    commits.resolve(undefined)
    await staged.committed
    reads.resolve(undefined)
    expect((await listing).value).toEqual(['a.1'])
  })

  test('lacks what was staged as deleted, also when that becomes durable meanwhile', async () => {
    const store = new LateStore(new MemoryStore())
    const state = await open(store)
    await (
      await put(state, 'a.1', 'one')
    ).committed
    const commits = deferred<undefined>()
    const reads = deferred<undefined>()
    store.commits = commits.promise
    const staged = await state.transact((unit) => {
      unit.delete(NOTE, 'a.1')
      return Promise.resolve()
    })
    store.reads = reads.promise
    const listing = state.transact((unit) => unit.listKeys(NOTE, 'a.'))
    await settle()
    commits.resolve(undefined)
    await staged.committed
    reads.resolve(undefined)
    expect((await listing).value).toEqual([])
  })
})

describe('a read', () => {
  test('stays in memory, and nothing that is rarely read does: an account has hundreds of one-time pre-keys', async () => {
    const store = new LateStore(new MemoryStore())
    const state = await open(store)
    await state.commit((unit) => {
      unit.put(KEY, 'a', 'one')
      return Promise.resolve()
    })
    for (const [kind, reads] of [
      [NOTE, 1],
      [KEY, 2],
    ] as const) {
      store.readCount = 0
      await state.read(kind, 'a')
      await state.read(kind, 'a')
      expect(store.readCount).toBe(reads)
    }
  })

  test('that began before a commit which failed and was written all the same is not believed later', async () => {
    const store = new LateStore(new MemoryStore())
    const state = await open(store)
    const reads = deferred<undefined>()
    store.reads = reads.promise
    const reading = state.read(NOTE, 'a')
    await settle()
    store.isLying = true
    const staged = await put(state, 'a', 'written after all')
    await expect(staged.committed).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    reads.resolve(undefined)
    await reading
    expect(await state.read(NOTE, 'a')).toBe('written after all')
  })

  test.each([
    [
      'deleted',
      (unit: Unit) => {
        unit.delete(KEY, 'a')
      },
    ],
    [
      'expired',
      (unit: Unit) => {
        unit.changes.push({ op: 'expire-record', kind: 'key', key: 'a', before: Infinity })
      },
    ],
  ])('that began before its record was %s is not believed later', async (_how, take) => {
    const store = new LateStore(new MemoryStore())
    const state = await open(store)
    await state.commit((unit) => {
      unit.put(KEY, 'a', 'spent')
      return Promise.resolve()
    })
    const reads = deferred<undefined>()
    store.reads = reads.promise
    const reading = state.read(KEY, 'a')
    await settle()
    await state.commit((unit) => {
      take(unit)
      return Promise.resolve()
    })
    reads.resolve(undefined)
    await reading
    expect(await state.read(KEY, 'a')).toBeUndefined()
  })
})
