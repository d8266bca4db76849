import { describe, expect, test } from 'vitest'
import { StorageError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { Store } from '../persistence/contract/index.ts'
import { appendEvent, claimOf, putRecord } from './conformance/context.ts'
import { CrashStore } from './crash-store.ts'
import { failCommits, failSomeCommits, faultyStore, writeFault } from './faulty-store.ts'
import { forSeeds, pick, shuffle } from './seeds.ts'
import { StoreWrapper } from './store-wrapper.ts'

/** A store that counts: layers forbid the real ones here, and the wrappers only hand calls on. */
class CountingStore extends StoreWrapper {
  readonly committed: string[] = []
  claims = 0

  constructor() {
    super({} as Store)
  }

  override claim(account: string): ReturnType<Store['claim']> {
    const epoch = ++this.claims
    const release = (): Promise<void> => {
      this.committed.push(`release ${String(epoch)}`)
      return Promise.resolve()
    }
    return Promise.resolve({ account, epoch, expiresAtMs: 0, renew: () => Promise.resolve(), release })
  }

  override commit(...[, changes]: Parameters<Store['commit']>): ReturnType<Store['commit']> {
    for (const change of changes) this.committed.push(change.op)
    return Promise.resolve({ changes: changes.length })
  }

  override listAccounts(): Promise<readonly string[]> {
    return Promise.resolve(['default'])
  }
}

describe('faultyStore', () => {
  test('fails the commits of its plan and writes nothing of them', async () => {
    const disk = new CountingStore()
    const store = faultyStore(disk, failCommits([2]))
    const claim = await claimOf(store)
    await store.commit(claim, [putRecord({ key: 'a' })])
    await expect(store.commit(claim, [putRecord({ key: 'b' })])).rejects.toMatchObject({
      code: 'WATON_STORE_WRITE',
    })
    await store.commit(claim, [appendEvent({ seq: 1 })])
    expect(disk.committed).toEqual(['put-record', 'append-event'])
  })

  test('can write a commit and fail it all the same', async () => {
    const disk = new CountingStore()
    const error = new StorageError('WATON_STORE_INTERRUPTED', 'the answer was lost')
    const store = faultyStore(disk, { commit: () => ({ error, isApplied: true }) })
    await expect(store.commit(await claimOf(store), [putRecord({ key: 'a' })])).rejects.toBe(error)
    expect(disk.committed).toEqual(['put-record'])
  })

  test('fails reads of its plan', async () => {
    const store = faultyStore(new CountingStore(), {
      read: (number) => (number === 1 ? { error: writeFault() } : undefined),
    })
    await expect(store.listAccounts()).rejects.toThrow(StorageError)
    expect(await store.listAccounts()).toEqual(['default'])
  })

  test('fails the same commits for the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const store = faultyStore(new CountingStore(), failSomeCommits(seededRandom(seed), 3))
      const claim = await claimOf(store)
      const results = await Promise.allSettled(Array.from({ length: 40 }, () => store.commit(claim, [])))
      return results.map(({ status }) => status.charAt(0)).join('')
    }
    expect(await run(7)).toBe(await run(7))
    expect(await run(7)).not.toBe(await run(8))
    expect(await run(7)).toMatch(/r.*f|f.*r/)
  })
})

describe('CrashStore', () => {
  test('drops the commits that it still holds, and rejects them and all that follows', async () => {
    const disk = new CountingStore()
    const store = new CrashStore(disk, { isHolding: true })
    const claim = await claimOf(store)
    const first = store.commit(claim, [putRecord({ key: 'a' })])
    const second = store.commit(claim, [appendEvent({ seq: 1 })])
    const lost = expect(second).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    await store.flush(1)
    await first
    expect(store.held).toBe(1)
    await store.crash()
    await lost
    await expect(store.commit(claim, [])).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    await expect(store.listAccounts()).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    expect(disk.committed).toEqual(['put-record', 'release 1'])
    expect((await claimOf(new CrashStore(disk))).epoch).toBe(2)
  })

  test('may have written commits of which nobody heard', async () => {
    const disk = new CountingStore()
    const store = new CrashStore(disk)
    const claim = await claimOf(store)
    store.hold()
    const unheard = store.commit(claim, [putRecord({ key: 'a' })])
    const lost = expect(unheard).rejects.toMatchObject({ code: 'WATON_STORE_CLOSED' })
    await store.crash(1)
    await lost
    expect(disk.committed).toEqual(['put-record', 'release 1'])
  })

  test('lets held commits through in order when it is closed', async () => {
    const disk = new CountingStore()
    const store = new CrashStore(disk, { isHolding: true })
    const claim = await claimOf(store)
    const commits = [
      store.commit(claim, [putRecord({ key: 'a' })]),
      store.commit(claim, [appendEvent({ seq: 1 })]),
    ]
    await store.close()
    await Promise.all(commits)
    expect(disk.committed).toEqual(['put-record', 'append-event', 'release 1'])
  })
})

describe('seeds', () => {
  test('a failure names the seed that shows it', async () => {
    const failing = forSeeds([1, 'two'], (_random, seed) => {
      expect(seed).toBe(1)
    })
    await expect(failing).rejects.toMatchObject({ code: 'WATON_TEST_SEED', details: { seed: 'two' } })
  })

  test('give the same picks and orders again', () => {
    const items = Array.from({ length: 20 }, (_, index) => index)
    const draw = (): unknown => {
      const random = seededRandom('seed of this test')
      return [pick(random, items), shuffle(random, items), shuffle(random, items)]
    }
    expect(draw()).toEqual(draw())
    expect(shuffle(seededRandom(1), items).toSorted((a, b) => a - b)).toEqual(items)
    expect(shuffle(seededRandom(1), items)).not.toEqual(items)
  })
})
