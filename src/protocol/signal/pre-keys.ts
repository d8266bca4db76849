/**
 * The keys that a device publishes so that others can open sessions with it while it is away, and the check of the
 * bundles that others published. Numbering, storage and upload are the client's business.
 */
import { CryptoError, UsageError } from '../../base/errors.ts'
import { randomInteger, type RandomSource } from '../../base/random.ts'
import { CURVE_KEY_BYTES, generateKeyPair, sign, verify, type KeyPair } from '../crypto/index.ts'
import { invalidKey } from './failures.ts'
import { typedKey } from './keys.ts'

/** Pre-key ids travel in three bytes; 0 is never used because libsignal takes it for "none". */
export const MAX_PRE_KEY_ID = 0xffffff
/** Registration ids have 14 bits; the highest values are reserved and 0 means "none". */
const REGISTRATION_IDS = 16380

/** What a device has published, as a server hands it out. All keys are raw 32 bytes. */
export interface PreKeyBundle {
  /** The other device's own number. */
  readonly registrationId: number
  /** The other device's long-lived key, 32 bytes. */
  readonly identityKey: Uint8Array
  /** Its current signed pre-key; the signature is verified before anything is built on it. */
  readonly signedPreKey: {
    readonly id: number
    readonly publicKey: Uint8Array
    /** XEdDSA by the identity key over 0x05 and the public key, 64 bytes. */
    readonly signature: Uint8Array
  }
  /** Absent when the device has run out of one-time keys. */
  readonly preKey?: { readonly id: number; readonly publicKey: Uint8Array }
}

/** A pre-key pair with the id under which it is published. */
export interface PreKeyPair extends KeyPair {
  /** Its number on the server, 24 bits and never 0. */
  readonly id: number
}

/** A pre-key pair with the signature that ties it to an identity. */
export interface SignedPreKeyPair extends PreKeyPair {
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** A new registration id, 1 to 16380. */
export function generateRegistrationId(random: RandomSource): number {
  return 1 + randomInteger(random, REGISTRATION_IDS)
}

/**
 * `count` one-time pre-keys with consecutive ids from `firstId`; after 16,777,215 the ids go on at 1.
 *
 * @throws {UsageError} `WATON_SIGNAL_PRE_KEY_ID` when `firstId` is not 1 to 16,777,215 or `count` is negative
 */
export function generatePreKeys(firstId: number, count: number, random: RandomSource): PreKeyPair[] {
  checkId(firstId)
  if (!Number.isInteger(count) || count < 0 || count > MAX_PRE_KEY_ID) {
    throw new UsageError('WATON_SIGNAL_PRE_KEY_ID', 'the number of pre-keys must be a whole number from 0', {
      details: { count },
    })
  }
  return Array.from({ length: count }, (_, index) => ({
    id: ((firstId - 1 + index) % MAX_PRE_KEY_ID) + 1,
    ...generateKeyPair(random),
  }))
}

/**
 * A signed pre-key for an identity.
 *
 * @throws {UsageError} `WATON_SIGNAL_PRE_KEY_ID` when the id is not 1 to 16,777,215
 */
export function generateSignedPreKey(identity: KeyPair, id: number, random: RandomSource): SignedPreKeyPair {
  checkId(id)
  const pair = generateKeyPair(random)
  return { id, ...pair, signature: sign(identity.privateKey, typedKey(pair.publicKey), random) }
}

/**
 * Refuses a bundle whose signed pre-key was not signed by its identity key. Without this check a server could put its
 * own pre-key in front of anyone's identity and read the first messages of a session.
 *
 * @throws {CryptoError} `WATON_SIGNAL_BUNDLE_SIGNATURE`
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when a key does not have 32 bytes
 */
export function verifyBundle(bundle: PreKeyBundle): void {
  const { identityKey, signedPreKey, preKey } = bundle
  checkKey(identityKey, 'the identity key')
  checkKey(signedPreKey.publicKey, 'the signed pre-key')
  if (preKey !== undefined) checkKey(preKey.publicKey, 'the one-time pre-key')
  if (verify(identityKey, typedKey(signedPreKey.publicKey), signedPreKey.signature)) return
  throw new CryptoError(
    'WATON_SIGNAL_BUNDLE_SIGNATURE',
    'the signed pre-key was not signed by the identity key next to it: someone altered the bundle; do not use it',
    { details: { signedPreKeyId: signedPreKey.id } },
  )
}

function checkKey(publicKey: Uint8Array, field: string): void {
  if (publicKey.length !== CURVE_KEY_BYTES) throw invalidKey(field, { length: publicKey.length })
}

function checkId(id: number): void {
  if (Number.isInteger(id) && id >= 1 && id <= MAX_PRE_KEY_ID) return
  throw new UsageError('WATON_SIGNAL_PRE_KEY_ID', 'a pre-key id is a whole number from 1 to 16777215', {
    details: { id },
  })
}
