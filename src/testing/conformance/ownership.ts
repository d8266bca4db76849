/** Conformance: who may write an account (promise G6). */
import assert from 'node:assert/strict'
import { claimOf, LEASE_MS, NOW_MS, putRecord, refused } from './context.ts'
import type { StoreTest } from './context.ts'

/** Defines the tests. */
export function ownershipTests(test: StoreTest): void {
  refusalTests(test)
  leaseTests(test)
}

function refusalTests(test: StoreTest): void {
  test('refuses a second claim of an account and says who holds it', async (store) => {
    await claimOf(store, 'default', 'host:1:first')
    const refusal = await refused(claimOf(store, 'default', 'host:2:second'), 'WATON_STORE_OWNED')
    assert.equal(refusal.details['owner'], 'host:1:first')
    await claimOf(store, 'other', 'host:2:second')
  })

  test('refuses commits of a claim that was released', async (store) => {
    const claim = await claimOf(store)
    await claim.release()
    await claim.release()
    await refused(store.commit(claim, [putRecord({ key: 'a' })]), 'WATON_STORE_FENCED')
    assert.equal(await store.readRecord('default', 'session', 'a'), undefined)
  })

  test('refuses commits and renewals of an owner whose account was taken over', async (store) => {
    const old = await claimOf(store, 'default', 'old')
    const later = NOW_MS + LEASE_MS + 1
    const taken = await store.claim('default', { owner: 'new', nowMs: later, leaseMs: LEASE_MS })
    await refused(store.commit(old, [putRecord({ key: 'a' })]), 'WATON_STORE_FENCED')
    await refused(old.renew(later), 'WATON_STORE_OWNERSHIP_LOST')
    await store.commit(taken, [putRecord({ key: 'b' })])
    assert.equal(await store.readRecord('default', 'session', 'a'), undefined)
  })

  test('a late release by the old owner does not free the account of the new one', async (store) => {
    const old = await claimOf(store, 'default', 'old')
    const nowMs = NOW_MS + LEASE_MS + 1
    const taken = await store.claim('default', { owner: 'new', nowMs, leaseMs: LEASE_MS })
    await old.release()
    await refused(store.claim('default', { owner: 'third', nowMs, leaseMs: LEASE_MS }), 'WATON_STORE_OWNED')
    await store.commit(taken, [putRecord({ key: 'a' })])
  })

  test('refuses to renew a claim that was released', async (store) => {
    const claim = await claimOf(store)
    await claim.release()
    await refused(claim.renew(NOW_MS), 'WATON_STORE_OWNERSHIP_LOST')
  })
}

function leaseTests(test: StoreTest): void {
  test('the epoch grows by one with every claim of an account', async (store) => {
    const first = await claimOf(store)
    await first.release()
    const second = await claimOf(store)
    await second.release()
    const third = await claimOf(store)
    assert.deepEqual([second.epoch, third.epoch], [first.epoch + 1, first.epoch + 2])
    assert.equal(third.account, 'default')
  })

  test('a renewed lease holds until its new end', async (store) => {
    const claim = await claimOf(store)
    assert.equal(claim.expiresAtMs, NOW_MS + LEASE_MS)
    await claim.renew(NOW_MS + LEASE_MS - 1)
    assert.equal(claim.expiresAtMs, NOW_MS + 2 * LEASE_MS - 1)
    const nowMs = NOW_MS + LEASE_MS + 1
    await refused(store.claim('default', { owner: 'other', nowMs, leaseMs: LEASE_MS }), 'WATON_STORE_OWNED')
    await store.commit(claim, [putRecord({ key: 'a' })])
  })

  test('a claim is refused until the instant at which the lease ends', async (store) => {
    await claimOf(store)
    const atEnd = NOW_MS + LEASE_MS
    await refused(
      store.claim('default', { owner: 'b', nowMs: atEnd - 1, leaseMs: LEASE_MS }),
      'WATON_STORE_OWNED',
    )
    await store.claim('default', { owner: 'b', nowMs: atEnd, leaseMs: LEASE_MS })
  })

  test('an owner that is late renews as long as nobody has taken the account', async (store) => {
    const claim = await claimOf(store)
    await claim.renew(NOW_MS + 10 * LEASE_MS)
    await store.commit(claim, [putRecord({ key: 'a' })])
  })

  test('of many claims at once exactly one succeeds', async (store) => {
    const attempts = Array.from({ length: 8 }, (_, index) =>
      claimOf(store, 'default', `owner ${String(index)}`),
    )
    const results = await Promise.allSettled(attempts)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  })
}
