/** Keyed digests (RFC 2104): HMAC-SHA-256 and HMAC-SHA-512 over one or more parts as if they were joined. */
import { createHmac } from 'node:crypto'
import { plainBytes } from './hash.ts'
import { hmacKeyState, shortHmac } from './short-hmac.ts'

const BLOCK_BYTES = 64
/** Up to this length of input, one block with its padding, the JavaScript form is faster than a native call (measured on Node 20). */
const MAX_SHORT_BYTES = 55

function keyedDigest(algorithm: string, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(algorithm, key)
  for (const part of parts) mac.update(part)
  return plainBytes(mac.digest())
}

/** HMAC-SHA-256 of the joined parts, 32 bytes; the key may have any length. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  return length <= MAX_SHORT_BYTES && key.length <= BLOCK_BYTES
    ? shortHmac(hmacKeyState(key), parts)
    : keyedDigest('sha256', key, parts)
}

/** HMAC-SHA-256 of two inputs under one key, as a ratchet's chain step takes them: a short key is prepared once. */
export function hmacSha256Pair(
  key: Uint8Array,
  first: Uint8Array,
  second: Uint8Array,
): readonly [Uint8Array, Uint8Array] {
  if (key.length > BLOCK_BYTES || Math.max(first.length, second.length) > MAX_SHORT_BYTES) {
    return [hmacSha256(key, first), hmacSha256(key, second)]
  }
  const state = hmacKeyState(key)
  return [shortHmac(state, [first]), shortHmac(state, [second])]
}

/** HMAC-SHA-512 of the joined parts, 64 bytes; the key may have any length. */
export function hmacSha512(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return keyedDigest('sha512', key, parts)
}
