/**
 * HMAC-SHA-512 of inputs of a few kilobytes as two plain hashes, for the same reason as in short-hmac.ts: a snapshot of
 * app state has thousands of them, and their native objects cost twice as much as the hashing and as much again to
 * collect. The blocks below are shared: nothing here is asynchronous.
 *
 * @source RFC 2104
 */
import { hash } from 'node:crypto'
import { asBuffer } from '../../base/bytes.ts'
import { writeDigest } from './short-hmac.ts'

const BLOCK_BYTES = 128
const DIGEST_BYTES = 64
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/** The longest input that {@link shortHmac512} takes, in bytes. */
export const MAX_SHORT_HMAC_512_BYTES = 4096

/** The longest key that is not hashed first, in bytes. */
export const MAX_SHORT_KEY_512_BYTES: number = BLOCK_BYTES

const inner = asBuffer(new Uint8Array(BLOCK_BYTES + MAX_SHORT_HMAC_512_BYTES))
const outer = asBuffer(new Uint8Array(BLOCK_BYTES + DIGEST_BYTES))

/** The HMAC of the joined parts, at most {@link MAX_SHORT_HMAC_512_BYTES}, under a key of at most a block: 64 bytes. */
export function shortHmac512(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = key[index] ?? 0
    inner[index] = byte ^ INNER_PAD
    outer[index] = byte ^ OUTER_PAD
  }
  let end = BLOCK_BYTES
  for (const part of parts) {
    inner.set(part, end)
    end += part.length
  }
  outer.write(hash('sha512', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'latin1')
  const mac = new Uint8Array(DIGEST_BYTES)
  writeDigest(hash('sha512', outer, 'binary'), mac, 0)
  return mac
}
