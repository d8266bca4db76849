/**
 * AES-256 without authentication: CBC with PKCS#7 padding, and CTR. Whoever decrypts CBC must have checked a MAC over
 * the ciphertext first; a padding error then means a bug or a lying sender, never a guess that may be repeated.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CryptoError } from '../../base/errors.ts'
import { checkBytes } from './check.ts'
import { plainBytes } from './hash.ts'

const KEY_BYTES = 32
const BLOCK_BYTES = 16

/** Where short plaintexts are padded: memory outside of the heap costs more than encrypting them. */
const SCRATCH_BYTES = 4096
const scratch = new Uint8Array(SCRATCH_BYTES)

/**
 * Encrypts with AES-256-CBC and PKCS#7 padding (1 to 16 bytes are added).
 *
 * @param key - 32 bytes
 * @param iv - 16 bytes
 */
export function aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  const padding = BLOCK_BYTES - (plaintext.length % BLOCK_BYTES)
  const length = plaintext.length + padding
  const padded = length <= SCRATCH_BYTES ? scratch.subarray(0, length) : new Uint8Array(length)
  padded.set(plaintext)
  padded.fill(padding, plaintext.length)
  // whole blocks come out at once: `final` would add nothing but the cost of a call and a buffer
  return plainBytes(createCipheriv('aes-256-cbc', key, iv).update(padded))
}

/**
 * Decrypts AES-256-CBC and removes the PKCS#7 padding.
 *
 * @throws {CryptoError} `WATON_CRYPTO_PADDING` when the length is no positive multiple of 16 or the padding is wrong
 */
export function aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  if (ciphertext.length === 0 || ciphertext.length % BLOCK_BYTES !== 0) throw paddingFailure()
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  decipher.setAutoPadding(false)
  const padded = decipher.update(ciphertext)
  const padding = padded.at(-1) ?? 0
  if (padding < 1 || padding > BLOCK_BYTES) throw paddingFailure()
  const length = padded.length - padding
  for (let index = length; index < padded.length; index++)
    if (padded[index] !== padding) throw paddingFailure()
  return plainBytes(padded.subarray(0, length))
}

function paddingFailure(): CryptoError {
  return new CryptoError(
    'WATON_CRYPTO_PADDING',
    'the block padding is wrong: the data was truncated or encrypted with another key; discard it',
  )
}

/**
 * Encrypts or decrypts (it is the same) with AES-256-CTR.
 *
 * @param key - 32 bytes
 * @param iv - the first 16-byte counter block, never used before under this key
 */
export function aesCtr(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CTR counter block', iv, BLOCK_BYTES)
  return plainBytes(createCipheriv('aes-256-ctr', key, iv).update(data))
}
