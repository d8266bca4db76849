/** Keyed digests (RFC 2104): HMAC-SHA-256 and HMAC-SHA-512 over one or more parts as if they were joined. */
import { createHmac } from 'node:crypto'
import { plainBytes } from './hash.ts'
import { MAX_SHORT_HMAC_BYTES, MAX_SHORT_KEY_BYTES, useShortKey, writeShortHmac } from './short-hmac.ts'
import { MAX_SHORT_HMAC_512_BYTES, MAX_SHORT_KEY_512_BYTES, shortHmac512 } from './short-hmac-512.ts'

const DIGEST_BYTES = 32

function keyedDigest(algorithm: string, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(algorithm, key)
  for (const part of parts) mac.update(part)
  return plainBytes(mac.digest())
}

/** HMAC-SHA-256 of the joined parts, 32 bytes; the key may have any length. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = totalBytes(parts)
  if (length > MAX_SHORT_HMAC_BYTES || key.length > MAX_SHORT_KEY_BYTES) {
    return keyedDigest('sha256', key, parts)
  }
  useShortKey(key)
  const mac = new Uint8Array(DIGEST_BYTES)
  writeShortHmac(parts, mac, 0)
  return mac
}

/** HMAC-SHA-512 of the joined parts, 64 bytes; the key may have any length. */
export function hmacSha512(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const isShort = key.length <= MAX_SHORT_KEY_512_BYTES && totalBytes(parts) <= MAX_SHORT_HMAC_512_BYTES
  return isShort ? shortHmac512(key, parts) : keyedDigest('sha512', key, parts)
}

function totalBytes(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) length += part.length
  return length
}
