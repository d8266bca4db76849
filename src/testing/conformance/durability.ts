/** Conformance of stores that outlive their object: what was committed is there after closing and opening again. */
import assert from 'node:assert/strict'
import {
  appendEvent,
  bytes,
  claimOf,
  hashOf,
  message,
  plain,
  putMessage,
  putOutbox,
  putRecord,
} from './context.ts'
import type { ConformanceOptions, StoreTest } from './context.ts'

/** Defines the tests. */
export function durabilityTests(test: StoreTest, reopen: NonNullable<ConformanceOptions['reopen']>): void {
  test('has everything again after closing and opening, and the account is free', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [
      putRecord({ key: 'a', value: bytes(5) }),
      putMessage({ id: 'm' }),
      appendEvent({ seq: 4 }),
      putOutbox({ id: 'o', position: 3 }),
      { op: 'recognise', hash: hashOf(1), at: 1 },
    ])
    await store.close()
    const again = await reopen(store)
    try {
      assert.deepEqual(plain(await again.readRecord('default', 'session', 'a')), bytes(5))
      assert.equal((await again.readMessage('default', message({ id: 'm' })))?.id, 'm')
      assert.deepEqual(await again.eventBounds('default'), { first: 4, last: 4 })
      assert.equal((await again.readOutbox('default', 'o'))?.position, 3)
      assert.deepEqual(await again.readRecognised('default', [hashOf(1)]), [true])
      assert.deepEqual(await again.listAccounts(), ['default'])
      assert.equal((await claimOf(again)).epoch, claim.epoch + 1)
    } finally {
      await again.close()
    }
  })
}
