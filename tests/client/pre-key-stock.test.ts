/** One-time pre-keys in the store: ids at the end of their range, what is served again, and what is forgotten. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton/persistence'
import { VirtualClock } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { concatBytes } from '../../src/base/bytes.ts'
import {
  leaveIdsToOriginal,
  markUploaded,
  skipForeignIds,
  stageUpload,
} from '../../src/client/keys/pre-key-stock.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { PRE_KEY, PRE_KEY_STATE, SELF, SPENT_PRE_KEY } from '../../src/client/state/records.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'

const LAST_ID = 0xffffff
const SEED = 'pre-key stock'

async function openState(nextId = 1): Promise<AccountState> {
  const clock = new VirtualClock()
  const store = new MemoryStore()
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
  const ignore = (): void => undefined
  const options = { store, claim, clock, logger: silentLogger, onEvents: ignore, onFailure: ignore }
  const state = await AccountState.open(options)
  await state.commit((unit) => {
    const oldestId = Math.max(1, nextId - 10)
    const marks = { nextId, firstUnuploadedId: nextId, uploaded: true, oldestId, oldestSpentId: oldestId }
    unit.put(PRE_KEY_STATE, SELF, marks)
    return Promise.resolve()
  })
  return state
}

const upload = async (state: AccountState, count: number): Promise<number[]> => {
  const keys = await state.commit((unit) => stageUpload(unit, count, seededRandom(SEED)))
  return keys.map(({ id }) => id)
}

test('ids go on at 1 after the last one, and 0 is never used', async () => {
  const state = await openState(LAST_ID - 1)
  const ids = await upload(state, 4)
  expect(ids).toEqual([LAST_ID - 1, LAST_ID, 1, 2])
  await state.commit((unit) => markUploaded(unit, 2))
  expect(await upload(state, 2)).toEqual([3, 4])
})

test('an id that the server knows and we do not is passed over, also across the end of the range', async () => {
  const state = await openState(LAST_ID)
  await state.commit((unit) => skipForeignIds(unit, [LAST_ID - 5, 2]))
  expect(await upload(state, 1)).toEqual([3])
  await state.commit((unit) => skipForeignIds(unit, [1, 2]))
  await state.commit((unit) => markUploaded(unit, 3))
  expect(await upload(state, 1)).toEqual([4])
})

test("a restored copy passes over ids that are the original's, also across the end of the range, and goes on from there", async () => {
  const state = await openState(LAST_ID - 100)
  await state.commit((unit) => leaveIdsToOriginal(unit, seededRandom(SEED)))
  const [first = 0, second] = await upload(state, 2)
  // a hundred and one ids are left before the range begins again
  expect(first).toBeGreaterThanOrEqual(512 - 101 + 1)
  expect(first).toBeLessThanOrEqual(512 + 1_536 - 101)
  expect(second).toBe(first + 1)
})

test('an unanswered upload is repeated without the keys that were used meanwhile', async () => {
  const state = await openState()
  expect(await upload(state, 3)).toEqual([1, 2, 3])
  await state.commit((unit) => {
    unit.delete(PRE_KEY, '2')
    unit.put(SPENT_PRE_KEY, '2', '100_1.0')
    return Promise.resolve()
  })
  expect(await upload(state, 3)).toEqual([1, 3, 4])
})

test('keys and tombstones far behind the newest are forgotten, and nothing else', async () => {
  const state = await openState()
  await upload(state, 3)
  await state.commit((unit) => {
    unit.put(SPENT_PRE_KEY, '1', '100_1.0')
    return Promise.resolve()
  })
  await state.commit((unit) => skipForeignIds(unit, [16_385]))
  await upload(state, 1)
  const kept = await Promise.all(['1', '2', '3', '16386'].map((id) => state.read(PRE_KEY, id)))
  expect(kept.map((key) => key !== undefined)).toEqual([false, false, true, true])
  expect(await state.read(SPENT_PRE_KEY, '1')).toBe('100_1.0')
})

test('a key that an earlier version stored, without its public half, is still read', () => {
  const pair = generateKeyPair(seededRandom(SEED))
  expect(PRE_KEY.decode(concatBytes(Uint8Array.of(1), pair.privateKey))).toEqual(pair)
  expect(PRE_KEY.decode(PRE_KEY.encode(pair))).toEqual(pair)
  for (const damaged of [Uint8Array.of(2), concatBytes(Uint8Array.of(2), pair.privateKey), Uint8Array.of()])
    expect(() => PRE_KEY.decode(damaged)).toThrow(expect.objectContaining({ code: 'WATON_STORE_RECORD' }))
})
