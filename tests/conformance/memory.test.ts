/** The in-memory store against the conformance suite. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/persistence/memory/index.ts'
import type { Change } from '../../src/persistence/contract/index.ts'
import { storeConformance } from '../../src/testing/index.ts'

describe('MemoryStore', () => {
  storeConformance(() => Promise.resolve(new MemoryStore()), { describe, test })
})

test('forgetting the oldest of many events does not sort all of them again', async () => {
  const store = new MemoryStore()
  const claim = await store.claim('default', { owner: 'test', nowMs: 0, leaseMs: 1 })
  const [count, slice] = [100_000, 64]
  const changes = Array.from({ length: count }, (_, index): Change => {
    const value = new Uint8Array(1)
    return {
      op: 'append-event',
      row: { seq: index + 1, type: 'message', version: 1, at: 1, chat: '', value },
    }
  })
  await store.commit(claim, changes)
  const startMs = performance.now()
  for (let upTo = slice; upTo <= 40 * slice; upTo += slice) {
    await store.commit(claim, [{ op: 'expire-events', upTo }])
    const [next] = await store.readEvents('default', { after: 0, limit: 1 })
    expect(next?.seq).toBe(upTo + 1)
  }
  // it took a fifth of a second for each slice
  expect(performance.now() - startMs).toBeLessThan(2_000)
})
