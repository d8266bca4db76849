/** HKDF with SHA-256 (RFC 5869), extract and expand in one call, as every key of the protocol is derived. */
import { BoundedMap } from '../../base/bounded-map.ts'
import { UsageError } from '../../base/errors.ts'
import { EMPTY_BYTES, utf8Bytes } from '../../base/bytes.ts'
import { hmacSha256 } from './hmac.ts'
import { MAX_SHORT_HMAC_BYTES, useShortKey, writeShortHmac } from './short-hmac.ts'

const HASH_BYTES = 32
const MAX_BLOCKS = 255
const ZERO_SALT = new Uint8Array(HASH_BYTES)
/** Info texts kept in their encoded form. */
const infoTexts = new BoundedMap<string, Uint8Array>(64)

/** What HKDF may be given besides the input key. */
export interface HkdfOptions {
  /** Extraction salt. @default 32 zero bytes, as RFC 5869 says */
  readonly salt?: Uint8Array
  /** Context of the expansion; text is taken as UTF-8. @default nothing */
  readonly info?: string | Uint8Array
}

/**
 * Derives `lengthBytes` bytes from `inputKey` with HKDF-SHA-256.
 *
 * @param lengthBytes - 1 to 8160
 * @throws {UsageError} `WATON_CRYPTO_HKDF_LENGTH` when the length is outside that range
 * @source RFC 5869; vectors in tests/vectors/crypto/hkdf-rfc5869.json
 */
export function hkdfSha256(inputKey: Uint8Array, lengthBytes: number, options: HkdfOptions = {}): Uint8Array {
  const blocks = Math.ceil(lengthBytes / HASH_BYTES)
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || blocks > MAX_BLOCKS) {
    throw new UsageError(
      'WATON_CRYPTO_HKDF_LENGTH',
      'HKDF-SHA-256 gives 1 to 8160 bytes; ask for a length in that range',
      { details: { lengthBytes } },
    )
  }
  const { salt = ZERO_SALT, info = EMPTY_BYTES } = options
  const infoBytes = typeof info === 'string' ? textBytes(info) : info
  const pseudoRandomKey = hmacSha256(salt, inputKey)
  const output = new Uint8Array(blocks * HASH_BYTES)
  const write = expander(pseudoRandomKey, infoBytes.length)
  let previous: Uint8Array = EMPTY_BYTES
  for (let block = 0; block < blocks; block++) {
    const offset = block * HASH_BYTES
    counter[0] = block + 1
    write([previous, infoBytes, counter], output, offset)
    previous = output.subarray(offset, offset + HASH_BYTES)
  }
  return output.subarray(0, lengthBytes)
}

/** Where {@link hkdfSha256Into} keeps what lies between its hashes. Nothing here is asynchronous. */
const extracted = new Uint8Array(HASH_BYTES)
const counter = new Uint8Array(1)

/**
 * Fills `blocks` with HKDF-SHA-256 of `inputKey`, without a salt and without making anything: for callers that derive
 * thousands of keys one after the other.
 *
 * @param inputKey - at most 1024 bytes
 * @param info - at most 512 bytes
 * @param blocks - adjoining views of one buffer, 32 bytes each, at most 255
 */
export function hkdfSha256Into(inputKey: Uint8Array, info: Uint8Array, blocks: readonly Uint8Array[]): void {
  useShortKey(ZERO_SALT)
  writeShortHmac([inputKey], extracted, 0)
  useShortKey(extracted)
  let previous: Uint8Array = EMPTY_BYTES
  for (let block = 0; block < blocks.length; block++) {
    const target = blocks[block] ?? EMPTY_BYTES
    counter[0] = block + 1
    writeShortHmac([previous, info, counter], target, 0)
    previous = target
  }
}

/** Writes one block of the expansion; the key is prepared once for all blocks when they are short. */
function expander(key: Uint8Array, infoLength: number): typeof writeShortHmac {
  if (HASH_BYTES + infoLength + 1 > MAX_SHORT_HMAC_BYTES) {
    return (parts, target, offset) => {
      target.set(hmacSha256(key, ...parts), offset)
    }
  }
  useShortKey(key)
  return writeShortHmac
}

/** UTF-8 of an info text. The protocol has a dozen of them, so they are converted once. */
function textBytes(text: string): Uint8Array {
  let bytes = infoTexts.get(text)
  if (bytes === undefined) {
    bytes = utf8Bytes(text)
    infoTexts.set(text, bytes)
  }
  return bytes
}
