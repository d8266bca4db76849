/**
 * Compares what the server says it holds of us with what we hold. Nothing is changed here; what follows from it is
 * `key-upkeep.ts`.
 */
import { equalBytes } from '../../base/bytes.ts'
import { sha1 } from '../../protocol/crypto/index.ts'
import type { PreKeyDigest, PublicSignedPreKey } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { PRE_KEY, SELF, SIGNED_PRE_KEY, SIGNED_PRE_KEY_STATE } from '../state/records.ts'
import { publicHalf } from './signed-pre-key.ts'

/** What a comparison found. */
export interface DirectoryVerdict {
  /** What differs, for the log; absent when nothing does. */
  readonly difference?: 'identity' | 'signed pre-key' | 'one-time pre-keys' | 'hash'
  /** The server has the key whose rotation was under way. */
  readonly hasCandidate: boolean
  /** One-time pre-keys that the server lists and we do not hold. */
  readonly foreignIds: readonly number[]
}

/** See the file comment. */
export async function compareDirectory(
  digest: PreKeyDigest,
  state: AccountState,
  self: Self,
): Promise<DirectoryVerdict> {
  const { identityKey, registrationId, signedPreKeyId } = self.credentials
  const { candidateId } = (await state.read(SIGNED_PRE_KEY_STATE, SELF)) ?? {}
  const hasCandidate = candidateId !== undefined && (await isKey(state, candidateId, digest.signedPreKey))
  const isCurrent = hasCandidate || (await isKey(state, signedPreKeyId, digest.signedPreKey))
  const publicKeys: Uint8Array[] = []
  const foreignIds: number[] = []
  for (const id of digest.preKeyIds) {
    const pair = await state.read(PRE_KEY, String(id))
    if (pair === undefined) foreignIds.push(id)
    else publicKeys.push(pair.publicKey)
  }
  const verdict = { hasCandidate, foreignIds }
  if (!equalBytes(digest.identityKey, identityKey.publicKey) || digest.registrationId !== registrationId)
    return { ...verdict, difference: 'identity' }
  if (!isCurrent) return { ...verdict, difference: 'signed pre-key' }
  if (foreignIds.length > 0) return { ...verdict, difference: 'one-time pre-keys' }
  const hash = directoryHash(identityKey.publicKey, digest.signedPreKey, publicKeys)
  if (digest.hash !== undefined && !equalBytes(digest.hash, hash)) return { ...verdict, difference: 'hash' }
  return verdict
}

/**
 * What the server computes over our keys.
 *
 * @source whatsapp-rust 0.7 (after WhatsApp Web): SHA-1 of the identity key, the signed pre-key, its signature, then
 *   every one-time pre-key in the order of the list, each as 32 raw bytes
 */
function directoryHash(
  identityKey: Uint8Array,
  { publicKey, signature }: PublicSignedPreKey,
  preKeys: readonly Uint8Array[],
): Uint8Array {
  return sha1(identityKey, publicKey, signature, ...preKeys)
}

async function isKey(state: AccountState, id: number, published: PublicSignedPreKey): Promise<boolean> {
  const stored = await state.read(SIGNED_PRE_KEY, String(id))
  return stored !== undefined && isSame(publicHalf(stored), published)
}

function isSame(ours: PublicSignedPreKey, theirs: PublicSignedPreKey): boolean {
  return (
    ours.id === theirs.id &&
    equalBytes(ours.publicKey, theirs.publicKey) &&
    equalBytes(ours.signature, theirs.signature)
  )
}
