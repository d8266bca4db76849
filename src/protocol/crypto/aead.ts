/**
 * AES-256-GCM with the 16-byte tag behind the ciphertext: the cipher of the Noise transport, the pairing code and
 * message secrets. The caller chooses the nonce and must never repeat it under one key.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CryptoError } from '../../base/errors.ts'
import { checkBytes } from './check.ts'
import { plainBytes } from './hash.ts'

/** Length of the authentication tag in bytes. */
export const GCM_TAG_BYTES = 16

const KEY_BYTES = 32
const ALGORITHM = 'aes-256-gcm'

/**
 * Encrypts and authenticates: ciphertext followed by the 16-byte tag.
 *
 * @param key - 32 bytes
 * @param iv - 12 bytes, never used before under this key
 * @param aad - authenticated but not encrypted
 */
export function aesGcmSeal(
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
  aad?: Uint8Array,
): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + GCM_TAG_BYTES)
  aesGcmSealInto(sealed, 0, { key, iv, plaintext, aad })
  return sealed
}

/** What is sealed, and with what; see {@link aesGcmSeal}. */
export interface GcmSealing {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes, never used before under this key. */
  readonly iv: Uint8Array
  /** What is sealed. */
  readonly plaintext: Uint8Array
  /** What is signed with it and travels beside it. */
  readonly aad?: Uint8Array | undefined
}

/**
 * {@link aesGcmSeal} into memory of the caller, for a frame that is put together in place.
 *
 * @param target - holds the plaintext's length and {@link GCM_TAG_BYTES} bytes from `offset` on; anything else in it stays
 */
export function aesGcmSealInto(target: Uint8Array, offset: number, sealing: GcmSealing): void {
  const { key, iv, plaintext, aad } = sealing
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkNonce(iv)
  const cipher = createCipheriv(ALGORITHM, key, iv)
  if (aad !== undefined && aad.length > 0) cipher.setAAD(aad)
  target.set(cipher.update(plaintext), offset)
  cipher.final()
  target.set(cipher.getAuthTag(), offset + plaintext.length)
}

/**
 * Checks the tag and decrypts what {@link aesGcmSeal} made.
 *
 * @throws {CryptoError} `WATON_CRYPTO_TAG` when key, nonce, data or additional data differ in any bit
 */
export function aesGcmOpen(
  key: Uint8Array,
  iv: Uint8Array,
  sealed: Uint8Array,
  aad?: Uint8Array,
): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkNonce(iv)
  const length = sealed.length - GCM_TAG_BYTES
  if (length < 0) throw tagError()
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: GCM_TAG_BYTES })
  if (aad !== undefined && aad.length > 0) decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(length))
  const plaintext = decipher.update(sealed.subarray(0, length))
  try {
    decipher.final()
  } catch {
    throw tagError()
  }
  return plainBytes(plaintext)
}

function tagError(): CryptoError {
  return new CryptoError(
    'WATON_CRYPTO_TAG',
    'the data failed authentication: it was altered, or sealed with another key or nonce; discard it',
  )
}

function checkNonce(iv: Uint8Array): void {
  if (iv.length === 0) checkBytes('AES-GCM nonce', iv, 12)
}
