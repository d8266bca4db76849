/**
 * The hash of a whole collection: a sum of what its values hash to, so that adding or removing one value does not take
 * the others, and the order does not matter. It is 64 numbers of 16 bits, little endian, each added modulo 2^16.
 *
 * @source whatsmeow `appstate/lthash/lthash.go`; whatsapp-rust-bridge 0.5.5 LTHashAntiTampering
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { hkdfSha256Into } from '../crypto/index.ts'
import { malformed } from './failures.ts'

/** Bytes of such a hash. */
export const LT_HASH_BYTES = 128
const WORDS = LT_HASH_BYTES / 2
const INFO = utf8Bytes('WhatsApp Patch Integrity')
const BLOCK_BYTES = 32
/** What a value is expanded into, as a whole and in the blocks in which it is made. Nothing here is asynchronous. */
const expanded = new Uint8Array(LT_HASH_BYTES)
const blocks = [0, 1, 2, 3].map((block) => expanded.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))

/** The hash of a collection without values. Not to be written to. */
export const EMPTY_LT_HASH: Uint8Array = new Uint8Array(LT_HASH_BYTES)

/** A hash that values are added to and removed from. */
export class LtHash {
  readonly #words = new Uint16Array(WORDS)

  /** @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when the hash has not 128 bytes */
  constructor(hash: Uint8Array) {
    if (hash.length !== LT_HASH_BYTES) {
      throw malformed('the hash of a collection must have 128 bytes', { lengthBytes: hash.length })
    }
    for (let word = 0; word < WORDS; word++) this.#words[word] = wordAt(hash, word)
  }

  /** Adds a value by its MAC. */
  add(valueMac: Uint8Array): void {
    hkdfSha256Into(valueMac, INFO, blocks)
    const words = this.#words
    for (let word = 0; word < WORDS; word++) words[word] = (words[word] ?? 0) + wordAt(expanded, word)
  }

  /** Removes a value by its MAC. */
  subtract(valueMac: Uint8Array): void {
    hkdfSha256Into(valueMac, INFO, blocks)
    const words = this.#words
    for (let word = 0; word < WORDS; word++) words[word] = (words[word] ?? 0) - wordAt(expanded, word)
  }

  /** The hash as it stands, in bytes of its own. */
  bytes(): Uint8Array {
    const hash = new Uint8Array(LT_HASH_BYTES)
    this.#words.forEach((value, word) => {
      hash[2 * word] = value
      hash[2 * word + 1] = value >>> 8
    })
    return hash
  }
}

function wordAt(bytes: Uint8Array, word: number): number {
  return (bytes[2 * word] ?? 0) | ((bytes[2 * word + 1] ?? 0) << 8)
}

/**
 * The hash after these values were added.
 *
 * @param hash - 128 bytes, left as they are
 * @param valueMacs - 32 bytes each
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when the hash has not 128 bytes
 */
export function addToLtHash(hash: Uint8Array, valueMacs: Iterable<Uint8Array>): Uint8Array {
  const sum = new LtHash(hash)
  for (const valueMac of valueMacs) sum.add(valueMac)
  return sum.bytes()
}

/** The hash after these values were removed; see {@link addToLtHash}. */
export function subtractFromLtHash(hash: Uint8Array, valueMacs: Iterable<Uint8Array>): Uint8Array {
  const sum = new LtHash(hash)
  for (const valueMac of valueMacs) sum.subtract(valueMac)
  return sum.bytes()
}
