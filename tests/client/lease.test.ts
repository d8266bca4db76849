/** A claim that cannot be renewed (promise G6): the connection goes when it may be somebody else's, and comes back when it is not. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { CloseReason } from 'waton'
import type { Claim, ClaimRequest } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { StorageError } from '../../src/base/errors.ts'
import { until } from '../helpers/until.ts'
import { DEVICE, World, linkedClient, settle, uncaught } from './support.ts'

/** Short enough for a test to wait for it. */
const LEASE_MS = 150

/** A store whose renewals fail, or never answer, while the test says so. */
class StubbornStore extends StoreWrapper {
  mode: 'works' | 'fails' | 'hangs' = 'works'
  refused = 0

  override async claim(account: string, request: ClaimRequest): Promise<Claim> {
    const claim = await super.claim(account, request)
    return new Proxy(claim, {
      get: (target, name) => {
        if (name === 'renew') return (nowMs: number) => this.#renew(target, nowMs)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    })
  }

  #renew(claim: Claim, nowMs: number): Promise<void> {
    if (this.mode === 'works') return claim.renew(nowMs)
    this.refused += 1
    if (this.mode === 'hangs') return new Promise(() => undefined)
    return Promise.reject(new StorageError('WATON_STORE_READ', 'no disk'))
  }
}

test.each(['fails', 'hangs'] as const)(
  'a renewal that %s for as long as the lease costs the connection, until the store answers',
  async (mode) => {
    const errors = uncaught()
    const world = new World(`lease ${mode}`)
    const { alice } = await world.addPair()
    const store = new StubbornStore(new MemoryStore())
    const client = await linkedClient(world, alice, {
      store,
      timing: { leaseMs: LEASE_MS, queryTimeoutMs: 500 },
    })
    const reasons: CloseReason[] = []
    client.on('connection.closed', (reason) => {
      reasons.push(reason)
    })
    const { sockets } = world
    store.mode = mode
    await until('the client to notice', () => client.state === 'waiting')
    expect(store.refused).toBeGreaterThan(0)
    expect(reasons[0]).toMatchObject({ reason: 'store-failed', retrying: true, action: 'check-store' })
    expect(world.device(DEVICE).isOnline).toBe(false)
    // the next attempt asks the store first
    await until('the next attempt', () => reasons.length > 1)
    expect(world.sockets).toBe(sockets)
    store.mode = 'works'
    await until('the client to be open again', () => client.state === 'open')
    expect(world.sockets).toBe(sockets + 1)
    expect(errors).toEqual([])
  },
)

test('closing does not wait for a store that never answers a renewal', async () => {
  const world = new World('lease and close')
  const { alice } = await world.addPair()
  const store = new StubbornStore(new MemoryStore())
  const client = await linkedClient(world, alice, { store, timing: { leaseMs: LEASE_MS } })
  store.mode = 'hangs'
  await until('the client to notice', () => client.state === 'waiting')
  await until('the question to the store', () => client.state === 'connecting')
  await client.close()
  expect(client.state).toBe('closed')
})

test('an account that somebody took meanwhile is not touched again', async () => {
  const world = new World('lease and thief')
  const { alice } = await world.addPair()
  const inner = new MemoryStore()
  const store = new StubbornStore(inner)
  const client = await linkedClient(world, alice, { store, timing: { leaseMs: LEASE_MS } })
  const { sockets } = world
  store.mode = 'fails'
  await until('the client to notice', () => client.state === 'waiting')
  await inner.claim('default', { owner: 'thief', nowMs: Number.MAX_SAFE_INTEGER - 1e6, leaseMs: 1 })
  store.mode = 'works'
  await until('the client to stop', () => client.state === 'closed')
  await settle()
  expect(world.sockets).toBe(sockets)
})
