/** Publishing pre-keys and checking the bundles of others; signatures are checked by the Rust library. */
import { describe, expect, it } from 'vitest'
import { verifySignature } from 'whatsapp-rust-bridge'
import { concatBytes } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair, keyPairFromPrivate, sign } from '../crypto/index.ts'
import {
  generatePreKeys,
  generateRegistrationId,
  generateSignedPreKey,
  MAX_PRE_KEY_ID,
  verifyBundle,
  type PreKeyBundle,
} from './pre-keys.ts'

const random = seededRandom('pre-keys')
const identity = generateKeyPair(random)
const signedPreKey = generateSignedPreKey(identity, 1, random)
const bundle: PreKeyBundle = { registrationId: 1, identityKey: identity.publicKey, signedPreKey }

function refuses(altered: PreKeyBundle, name: string, code: string): void {
  expect(() => {
    verifyBundle(altered)
  }).toThrow(expect.objectContaining({ name, code }))
}

describe('a bundle', () => {
  it('is refused when key, identity or signature were exchanged', () => {
    const other = generateSignedPreKey(generateKeyPair(random), 1, random)
    const forgeries: PreKeyBundle[] = [
      { ...bundle, identityKey: generateKeyPair(random).publicKey },
      { ...bundle, signedPreKey: other },
      { ...bundle, signedPreKey: { ...signedPreKey, publicKey: other.publicKey } },
      { ...bundle, signedPreKey: { ...signedPreKey, signature: other.signature } },
      { ...bundle, signedPreKey: { ...signedPreKey, signature: new Uint8Array(64) } },
      { ...bundle, signedPreKey: { ...signedPreKey, signature: new Uint8Array(0) } },
    ]
    for (const forgery of forgeries) refuses(forgery, 'CryptoError', 'WATON_SIGNAL_BUNDLE_SIGNATURE')
  })

  it('is refused when the signature is over the key without its type byte', () => {
    const signature = sign(identity.privateKey, signedPreKey.publicKey, random)
    refuses(
      { ...bundle, signedPreKey: { ...signedPreKey, signature } },
      'CryptoError',
      'WATON_SIGNAL_BUNDLE_SIGNATURE',
    )
  })

  it('is refused when a key does not have 32 bytes', () => {
    const short = new Uint8Array(31)
    refuses({ ...bundle, identityKey: short }, 'ProtocolError', 'WATON_SIGNAL_INVALID_KEY')
    refuses({ ...bundle, preKey: { id: 1, publicKey: short } }, 'ProtocolError', 'WATON_SIGNAL_INVALID_KEY')
    refuses(
      { ...bundle, signedPreKey: { ...signedPreKey, publicKey: short } },
      'ProtocolError',
      'WATON_SIGNAL_INVALID_KEY',
    )
  })

  it('is accepted as published', () => {
    verifyBundle(bundle)
    const typed = concatBytes(Uint8Array.of(5), signedPreKey.publicKey)
    const typedIdentity = concatBytes(Uint8Array.of(5), identity.publicKey)
    expect(verifySignature(typedIdentity, typed, signedPreKey.signature)).toBe(true)
  })
})

describe('pre-keys', () => {
  it('are refused for ids outside three bytes, for 0, and for impossible counts', () => {
    const refused = expect.objectContaining({ name: 'UsageError', code: 'WATON_SIGNAL_PRE_KEY_ID' }) as Error
    for (const id of [0, -1, MAX_PRE_KEY_ID + 1, 1.5, Number.NaN]) {
      expect(() => generatePreKeys(id, 1, random)).toThrow(refused)
      expect(() => generateSignedPreKey(identity, id, random)).toThrow(refused)
    }
    for (const count of [-1, 0.5, MAX_PRE_KEY_ID + 1]) {
      expect(() => generatePreKeys(1, count, random)).toThrow(refused)
    }
  })

  it('go on at 1 after the largest id, and are never 0', () => {
    const ids = generatePreKeys(MAX_PRE_KEY_ID - 1, 4, random).map(({ id }) => id)
    expect(ids).toEqual([MAX_PRE_KEY_ID - 1, MAX_PRE_KEY_ID, 1, 2])
  })

  it('are different key pairs', () => {
    const keys = generatePreKeys(1, 50, random)
    expect(new Set(keys.map(({ publicKey }) => publicKey.join())).size).toBe(50)
    for (const { publicKey, privateKey } of keys) {
      expect(keyPairFromPrivate(privateKey).publicKey).toEqual(publicKey)
    }
  })
})

describe('registration ids', () => {
  it('are never 0 and have at most 14 bits', () => {
    for (let round = 0; round < 2000; round++) {
      const id = generateRegistrationId(random)
      expect(id).toBeGreaterThanOrEqual(1)
      expect(id).toBeLessThanOrEqual(16380)
    }
  })
})
