/**
 * Units of work, the overlay and the group commit, on stores that fail when they are told to (promises G1 and G2).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton/persistence'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import { VirtualClock, StoreWrapper, failCommits, faultyStore, writeFault } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import type { StorageError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import type { Staged } from '../../src/client/state/account-state.ts'
import { textRecord } from '../../src/client/state/record-kind.ts'
import type { LoggedEvent } from '../../src/client/state/unit.ts'

const NOTE = textRecord('note')
const CHAT = '100@lid'

interface SetUp {
  readonly state: AccountState
  readonly events: LoggedEvent[]
  readonly failures: StorageError[]
}

async function open(store: Store): Promise<SetUp> {
  const clock = new VirtualClock()
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
  const events: LoggedEvent[] = []
  const failures: StorageError[] = []
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger: silentLogger,
    onEvents: (batch) => events.push(...batch),
    onFailure: (error) => failures.push(error),
  })
  return { state, events, failures }
}

/** A store whose commits wait until they are let go, or fail. */
function heldStore(): {
  store: Store
  commits: (readonly Change[])[]
  release: () => void
  fail: (error: StorageError) => void
} {
  const commits: (readonly Change[])[] = []
  let gate = deferred<undefined>()
  const store = new (class extends StoreWrapper {
    override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
      commits.push(changes)
      await gate.promise
      return super.commit(claim, changes)
    }
  })(new MemoryStore())
  return {
    store,
    commits,
    release: () => {
      gate.resolve(undefined)
      gate = deferred<undefined>()
    },
    fail: (error) => {
      gate.reject(error)
      gate = deferred<undefined>()
    },
  }
}

describe('a unit of work', () => {
  test('waits for the writer when 2,048 others do, and is staged when it has gone on', async () => {
    const { store, release } = heldStore()
    const { state } = await open(store)
    let staged = 0
    const all = Array.from({ length: 2_100 }, (_, number) =>
      state.transact((unit) => {
        staged += 1
        unit.put(NOTE, String(number), 'x')
        return Promise.resolve()
      }),
    )
    await all[2_048]
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve()
    // one is being written, and no more than the bound wait behind it
    expect(staged).toBe(2_049)
    release()
    await Promise.all(all)
    expect(staged).toBe(2_100)
    release()
  })

  test('changes nothing when it throws', async () => {
    const { state } = await open(new MemoryStore())
    const failed = state.transact((unit) => {
      unit.put(NOTE, 'a', 'half done')
      throw new Error('in the middle')
    })
    await expect(failed).rejects.toThrow('in the middle')
    expect(await state.read(NOTE, 'a')).toBeUndefined()
  })

  test('is visible to the next one before it is durable', async () => {
    const { store, release } = heldStore()
    const { state } = await open(store)
    const first = await state.transact((unit) => {
      unit.put(NOTE, 'a', 'one')
      return Promise.resolve()
    })
    const seen = await state.transact((unit) => unit.read(NOTE, 'a'))
    expect(seen.value).toBe('one')
    expect(await store.readRecord('default', 'note', 'a')).toBeUndefined()
    release()
    await first.committed
    release()
    expect(await store.readRecord('default', 'note', 'a')).toBeDefined()
  })

  test('acts after its commit and not before', async () => {
    const { store, release } = heldStore()
    const { state } = await open(store)
    const acts: string[] = []
    const staged = await state.transact((unit) => {
      unit.put(NOTE, 'a', 'one')
      unit.onCommit(() => acts.push('answered'))
      return Promise.resolve()
    })
    expect(acts).toEqual([])
    release()
    await staged.committed
    expect(acts).toEqual(['answered'])
  })
})

describe('group commit', () => {
  test('takes everything that was staged while the writer was busy, and encodes a record once', async () => {
    const { store, commits, release } = heldStore()
    const { state } = await open(store)
    const put = (value: string): Promise<{ committed: Promise<void> }> =>
      state.transact((unit) => {
        unit.put(NOTE, 'a', value)
        return Promise.resolve()
      })
    await put('1')
    await put('2')
    await put('3')
    const last = await put('4')
    expect(commits).toHaveLength(1)
    release()
    await new Promise(setImmediate)
    release()
    await last.committed
    expect(commits.map((changes) => changes.length)).toEqual([1, 1])
  })

  test('gives events their numbers in staging order and hands them out after the commit', async () => {
    const { store, release } = heldStore()
    const { state, events } = await open(store)
    const first = await stageEvent(state, 'a')
    const second = await stageEvent(state, 'b')
    expect(events).toEqual([])
    release()
    await first.committed
    expect(events.map(({ row }) => row.seq)).toEqual([1])
    release()
    await second.committed
    expect(events.map(({ row }) => row.seq)).toEqual([1, 2])
  })
})

describe('a failed commit', () => {
  test('drops what was staged after it, tells every waiter, and leaves the store as it was', async () => {
    const { store, fail } = heldStore()
    const { state, failures } = await open(store)
    const acts: string[] = []
    const staged = []
    for (const key of ['a', 'b']) {
      const unit = await state.transact((work) => {
        work.put(NOTE, key, 'lost')
        work.onCommit(() => acts.push(key))
        return Promise.resolve()
      })
      staged.push(unit)
    }
    fail(writeFault())
    for (const { committed } of staged) {
      await expect(committed).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    }
    expect(failures).toHaveLength(1)
    expect(acts).toEqual([])
    expect(await state.read(NOTE, 'a')).toBeUndefined()
    expect(await state.read(NOTE, 'b')).toBeUndefined()
  })

  test('gives the numbers of lost events to the next ones', async () => {
    const { state, events } = await open(faultyStore(new MemoryStore(), failCommits([1])))
    await expect(logEvent(state, 'lost')).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    await logEvent(state, 'kept')
    expect(events.map(({ row }) => row.seq)).toEqual([1])
  })

  test('that was written after all is found out, and told, before anything builds on it', async () => {
    const store = faultyStore(new MemoryStore(), {
      commit: ({ number }) => (number === 1 ? { error: writeFault(), isApplied: true } : undefined),
    })
    const { state, events } = await open(store)
    await expect(logEvent(state, 'written')).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    await logEvent(state, 'next')
    expect(events.map(({ row }) => row.seq)).toEqual([1, 2])
  })

  test('refuses a unit that was under way and had seen what is lost', async () => {
    const { store, fail } = heldStore()
    const { state } = await open(store)
    const lost = await state.transact((unit) => {
      unit.put(NOTE, 'a', 'lost')
      return Promise.resolve()
    })
    const late = state.transact(async (unit) => {
      const seen = await unit.read(NOTE, 'a')
      await lost.committed.catch(() => undefined)
      unit.put(NOTE, 'b', `built on ${String(seen)}`)
    })
    await new Promise(setImmediate)
    fail(writeFault())
    await expect(late).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    expect(await state.read(NOTE, 'b')).toBeUndefined()
  })
})

function stageEvent(state: AccountState, id: string): Promise<Staged<void>> {
  return state.transact((unit) => {
    unit.event('send.failed', { id, chat: CHAT, code: 'X', action: 'report', advice: 'Y' }, CHAT)
    return Promise.resolve()
  })
}

async function logEvent(state: AccountState, id: string): Promise<void> {
  await (
    await stageEvent(state, id)
  ).committed
}
