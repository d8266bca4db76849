/**
 * The same primitives for data that comes in pieces and is too large for memory: SHA-256, HMAC-SHA-256 and AES-256-CBC.
 * Each object is used for one stream, from front to back, and is thrown away after its end.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { CryptoError } from '../../base/errors.ts'
import { checkBytes } from './check.ts'
import { plainBytes } from './hash.ts'

const KEY_BYTES = 32
const BLOCK_BYTES = 16

/** A digest in the making. */
export interface DigestStream {
  /** Adds bytes; they are not kept, so the caller may change them afterwards. */
  update(bytes: Uint8Array): void
  /** The digest of all bytes; the object is used up. */
  digest(): Uint8Array
}

/** A cipher in the making. */
export interface CipherStream {
  /** What can be given out after these bytes: whole blocks, in memory of its own. */
  push(bytes: Uint8Array): Uint8Array
  /** The rest; the object is used up. */
  finish(): Uint8Array
}

/** SHA-256 of a stream. */
export function sha256Stream(): DigestStream {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: () => plainBytes(hash.digest()) }
}

/** HMAC-SHA-256 of a stream; the key may have any length. */
export function hmacSha256Stream(key: Uint8Array): DigestStream {
  const mac = createHmac('sha256', key)
  return { update: (bytes) => void mac.update(bytes), digest: () => plainBytes(mac.digest()) }
}

/**
 * Encrypts a stream with AES-256-CBC and PKCS#7 padding (1 to 16 bytes are added).
 *
 * @param key - 32 bytes
 * @param iv - 16 bytes
 */
export function aesCbcEncryptStream(key: Uint8Array, iv: Uint8Array): CipherStream {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  return {
    push: (bytes) => plainBytes(cipher.update(bytes)),
    finish: () => plainBytes(cipher.final()),
  }
}

/**
 * Decrypts a stream of AES-256-CBC and removes the PKCS#7 padding. The last block is held back until `finish`, which
 * throws `WATON_CRYPTO_PADDING` when the length is no positive multiple of 16 or the padding is wrong. As with
 * `aesCbcDecrypt`, whoever calls `finish` must have checked a MAC first.
 */
export function aesCbcDecryptStream(key: Uint8Array, iv: Uint8Array): CipherStream {
  checkBytes('AES-256 key', key, KEY_BYTES)
  checkBytes('AES-CBC iv', iv, BLOCK_BYTES)
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  return {
    push: (bytes) => plainBytes(decipher.update(bytes)),
    finish: () => {
      try {
        return plainBytes(decipher.final())
      } catch (cause) {
        throw new CryptoError(
          'WATON_CRYPTO_PADDING',
          'the block padding is wrong: the data was truncated or encrypted with another key; discard it',
          { cause },
        )
      }
    },
  }
}
