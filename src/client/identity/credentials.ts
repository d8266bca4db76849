/**
 * The account's credentials: loaded, or made once. Something unreadable is reported and left alone; it is never a
 * reason to become a new device (promise G8).
 */
import type { RandomSource } from '../../base/random.ts'
import type { HistoryPolicy } from '../../protocol/noise/client-payload.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import { generateRegistrationId, generateSignedPreKey } from '../../protocol/signal/index.ts'
import type { AccountState } from '../state/account-state.ts'
import { CREDENTIALS, CURRENT_SIGNED_PRE_KEY, PRE_KEY_STATE, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import type { Credentials, StoredSignedPreKey } from '../state/records.ts'
import { Self } from './self.ts'

/** The id of a device's first signed pre-key. */
const FIRST_SIGNED_PRE_KEY_ID = 1

/**
 * Loads who we are, or makes it and waits until it is durable: no key reaches the server before it is on disk.
 *
 * @throws {StorageError} `WATON_STORE_RECORD` when credentials exist and cannot be read
 */
export async function loadSelf(
  state: AccountState,
  random: RandomSource,
  history: HistoryPolicy,
): Promise<Self> {
  const stored = await state.read(CREDENTIALS, SELF)
  if (stored !== undefined) {
    await state.read(CURRENT_SIGNED_PRE_KEY, String(stored.signedPreKeyId))
    return new Self(stored)
  }
  const { credentials, signedPreKey } = makeCredentials(random, history, FIRST_SIGNED_PRE_KEY_ID)
  await state.commit((unit) => {
    unit.put(CREDENTIALS, SELF, credentials)
    unit.put(PRE_KEY_STATE, SELF, { nextId: 1, firstUnuploadedId: 1, uploaded: false })
    unit.put(SIGNED_PRE_KEY, String(signedPreKey.id), { ...signedPreKey, createdAtMs: unit.nowMs })
    return Promise.resolve()
  })
  return new Self(credentials)
}

/** The keys of a new device. Nothing is written. */
export function makeCredentials(
  random: RandomSource,
  history: HistoryPolicy,
  signedPreKeyId: number,
): { readonly credentials: Credentials; readonly signedPreKey: Omit<StoredSignedPreKey, 'createdAtMs'> } {
  const identityKey = generateKeyPair(random)
  const { id, publicKey, privateKey, signature } = generateSignedPreKey(identityKey, signedPreKeyId, random)
  const credentials: Credentials = {
    noiseKey: generateKeyPair(random),
    identityKey,
    registrationId: generateRegistrationId(random),
    advSecret: random.bytes(32),
    signedPreKeyId: id,
    history,
  }
  return { credentials, signedPreKey: { id, keyPair: { publicKey, privateKey }, signature } }
}
