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
  return plainBytes(padded.subarray(0, unpaddedLength(padded)))
}

/** Decrypts many messages under one key. */
export interface CbcOpener {
  /**
   * Decrypts one and removes its padding. What it gives shares memory with other messages: copy what is kept for long.
   *
   * @param sealed - the iv and the ciphertext
   * @throws {CryptoError} `WATON_CRYPTO_PADDING`, as {@link aesCbcDecrypt} does
   */
  open(sealed: Uint8Array): Uint8Array
}

/**
 * Decrypts AES-256-CBC messages that carry their iv in front, with one native object for all: making one costs as much
 * as decrypting, and collecting it again as much. A block is decrypted with the block before it as its iv, so messages
 * may follow each other; what comes out for an iv is no plaintext and is dropped.
 *
 * @param key - 32 bytes
 */
export function createCbcOpener(key: Uint8Array): CbcOpener {
  checkBytes('AES-256 key', key, KEY_BYTES)
  const decipher = createDecipheriv('aes-256-cbc', key, new Uint8Array(BLOCK_BYTES))
  decipher.setAutoPadding(false)
  const room = new Room()
  return {
    open: (sealed) => {
      if (sealed.length <= BLOCK_BYTES || sealed.length % BLOCK_BYTES !== 0) throw paddingFailure()
      const padded = decipher.update(sealed)
      return room.copy(padded.subarray(BLOCK_BYTES, unpaddedLength(padded)))
    },
  }
}

const FIRST_ROOM_BYTES = 2048
const MAX_ROOM_BYTES = 32 * 1024

/**
 * Memory for many short plaintexts: thousands of buffers of their own made a pause of the garbage collector half as long
 * again (13 ms instead of 9 for 2,500 of them).
 */
class Room {
  #bytes = new Uint8Array(FIRST_ROOM_BYTES)
  #used = 0

  copy(bytes: Uint8Array): Uint8Array {
    if (bytes.length > FIRST_ROOM_BYTES) return plainBytes(bytes)
    if (this.#used + bytes.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.min(2 * this.#bytes.length, MAX_ROOM_BYTES))
      this.#used = 0
    }
    const start = this.#used
    this.#used += bytes.length
    this.#bytes.set(bytes, start)
    return this.#bytes.subarray(start, this.#used)
  }
}

/** The length without the padding, which must be right to the last byte. */
function unpaddedLength(padded: Uint8Array): number {
  const padding = padded.at(-1) ?? 0
  if (padding < 1 || padding > BLOCK_BYTES) throw paddingFailure()
  const length = padded.length - padding
  for (let index = length; index < padded.length; index++)
    if (padded[index] !== padding) throw paddingFailure()
  return length
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
