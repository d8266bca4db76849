/** What a device leaves behind when it is given up: nothing that is signed or agreed on with its keys is used again. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton/persistence'
import { VirtualClock } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { retireDevice } from '../../src/client/identity/retire.ts'
import { ROTATION_MS, stageRotation } from '../../src/client/keys/signed-pre-key.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { SIGNED_PRE_KEY } from '../../src/client/state/records.ts'
import { verify } from '../../src/protocol/crypto/index.ts'
import { concatBytes } from '../../src/base/bytes.ts'

test('a rotation that was under way is not finished with a key that the old identity signed', async () => {
  const clock = new VirtualClock()
  const store = new MemoryStore()
  const random = seededRandom('retire')
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
  const ignore = (): void => undefined
  const options = { store, claim, clock, logger: silentLogger, onEvents: ignore, onFailure: ignore }
  const state = await AccountState.open(options)
  const self = await loadSelf(state, random, 'recent')
  clock.advance(ROTATION_MS)
  const candidate = await state.commit((unit) => stageRotation(unit, self, random))
  expect(candidate).toBeDefined()

  await retireDevice({ state, self, random, history: 'recent' })
  expect(await state.commit((unit) => stageRotation(unit, self, random))).toBeUndefined()
  clock.advance(ROTATION_MS)
  const next = await state.commit((unit) => stageRotation(unit, self, random))
  const { publicKey } = self.credentials.identityKey
  const signed = next && concatBytes(Uint8Array.of(5), next.keyPair.publicKey)
  expect(next && signed && verify(publicKey, signed, next.signature)).toBe(true)
  // the keys of the old device are kept (promise G8)
  expect(await state.read(SIGNED_PRE_KEY, '1')).toBeDefined()
})
