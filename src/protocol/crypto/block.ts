/**
 * AES-256 without authentication: CBC with PKCS#7 padding, and CTR. Whoever decrypts CBC must have checked a MAC over
 * the ciphertext first; a padding error then means a bug or a lying sender, never a guess that may be repeated.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concatBytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import { checkBytes } from './check.ts'
import { plainBytes } from './hash.ts'

const KEY_BYTES = 32
const BLOCK_BYTES = 16

/**
 * Encrypts with AES-256-CBC and PKCS#7 padding (1 to 16 bytes are added).
 *
 * @param key - 32 bytes
 * @param iv - 16 bytes
 */
export function aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  return concatBytes(cipher.update(plaintext), cipher.final())
}

/**
 * Decrypts AES-256-CBC and removes the PKCS#7 padding.
 *
 * @throws {CryptoError} `WATON_CRYPTO_PADDING` when the length is no positive multiple of 16 or the padding is wrong
 */
export function aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  const head = decipher.update(ciphertext)
  let tail: Uint8Array
  try {
    tail = decipher.final()
  } catch {
    throw new CryptoError(
      'WATON_CRYPTO_PADDING',
      'the block padding is wrong: the data was truncated or encrypted with another key; discard it',
    )
  }
  return head.length === 0 ? plainBytes(tail) : concatBytes(head, tail)
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
