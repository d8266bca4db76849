/**
 * X25519 (RFC 7748): key pairs and shared secrets over Node's OpenSSL. Raw keys enter as JWK, which costs 6 µs (public)
 * and 35 µs (private) against 80 and 366 µs for DER; key objects are then kept in small bounded caches, so that
 * identity keys and live ratchet keys are imported once. Signatures with the same keys live in xeddsa.ts.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { BoundedMap } from '../../base/bounded-map.ts'
import { asBuffer, fromBase64 } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { checkBytes } from './check.ts'
import { plainBytes } from './hash.ts'

/** Length in bytes of every curve key, public or private, and of a shared secret. */
export const CURVE_KEY_BYTES = 32

/** A Curve25519 key pair as raw bytes; it both agrees on secrets (X25519) and signs (XEdDSA). */
export interface KeyPair {
  /** 32 bytes, without the 0x05 type byte that some wire messages put in front. */
  readonly publicKey: Uint8Array
  /** 32 bytes. */
  readonly privateKey: Uint8Array
}

/** Key objects kept at most, per kind; one is about 1 KB of native memory. */
const MAX_CACHED_KEYS = 512
const privateKeys = new BoundedMap<string, KeyObject>(MAX_CACHED_KEYS)
const publicKeys = new BoundedMap<string, KeyObject>(MAX_CACHED_KEYS)

/** A new key pair made of 32 injected random bytes (clamped, as RFC 7748 asks). */
export function generateKeyPair(random: RandomSource): KeyPair {
  const privateKey = random.bytes(CURVE_KEY_BYTES)
  privateKey[0] = (privateKey[0] ?? 0) & 0xf8
  privateKey[31] = ((privateKey[31] ?? 0) & 0x7f) | 0x40
  return { publicKey: publicKeyOf(privateKey), privateKey }
}

/**
 * The key pair of a private key.
 *
 * @param privateKey - 32 bytes, clamped or not; kept as given
 * @throws {CryptoError} `WATON_CRYPTO_LENGTH` when it has another length
 */
export function keyPairFromPrivate(privateKey: Uint8Array): KeyPair {
  return { publicKey: publicKeyOf(privateKey), privateKey }
}

/**
 * The X25519 secret that both holders compute.
 *
 * @returns 32 bytes; hash them before use as a key
 * @throws {CryptoError} `WATON_CRYPTO_WEAK_KEY` when the public key has low order, so that the secret would be all zero
 * and known to everyone; `WATON_CRYPTO_LENGTH` when a key does not have 32 bytes
 */
export function sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const own = privateKeyObject(privateKey)
  const theirs = publicKeyObject(publicKey)
  try {
    return plainBytes(diffieHellman({ privateKey: own, publicKey: theirs }))
  } catch {
    // OpenSSL refuses exactly one thing here: an all-zero result.
    throw new CryptoError(
      'WATON_CRYPTO_WEAK_KEY',
      'the other side sent a public key of low order, which would make the shared secret known to everyone; refuse it',
    )
  }
}

function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const { x } = privateKeyObject(privateKey).export({ format: 'jwk' })
  return fromBase64(x ?? '')
}

function privateKeyObject(privateKey: Uint8Array): KeyObject {
  checkBytes('a private key', privateKey, CURVE_KEY_BYTES)
  const bytes = asBuffer(privateKey)
  const name = bytes.toString('latin1')
  let key = privateKeys.get(name)
  if (key === undefined) {
    // `x` may be empty: OpenSSL derives the public half from `d` and never looks at it.
    key = createPrivateKey({
      key: { kty: 'OKP', crv: 'X25519', d: bytes.toString('base64url'), x: '' },
      format: 'jwk',
    })
    privateKeys.set(name, key)
  }
  return key
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  checkBytes('a public key', publicKey, CURVE_KEY_BYTES)
  const bytes = asBuffer(publicKey)
  const name = bytes.toString('latin1')
  let key = publicKeys.get(name)
  if (key === undefined) {
    key = createPublicKey({
      key: { kty: 'OKP', crv: 'X25519', x: bytes.toString('base64url') },
      format: 'jwk',
    })
    publicKeys.set(name, key)
  }
  return key
}
