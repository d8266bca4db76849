/**
 * Plain digests: SHA-256, SHA-1 and MD5, each over one or more parts as if they were joined. Node's one-shot
 * `crypto.hash` is used because a hash object costs more than hashing a short input does. Nothing here is keyed; see
 * hmac.ts. SHA-1 and MD5 are broken as signatures and are used only where the protocol fixes them.
 */
import { hash } from 'node:crypto'
import { concatBytes } from '../../base/bytes.ts'
import { writeDigest } from './short-hmac.ts'

/** A `Uint8Array` over the same memory as a Node `Buffer`, so that no caller sees `Buffer`'s different `slice`. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function digest(algorithm: string, parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  const input = parts.length === 1 && first !== undefined ? first : concatBytes(...parts)
  // as text of one character per byte: as a Buffer a digest costs three times as much
  const text = hash(algorithm, input, 'binary')
  const bytes = new Uint8Array(text.length)
  writeDigest(text, bytes, 0)
  return bytes
}

/** SHA-256 of the joined parts, 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest('sha256', parts)
}

/** SHA-512 of the joined parts, 64 bytes. */
export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return digest('sha512', parts)
}

/** SHA-1 of the joined parts, 20 bytes. Only for the key digest that the server compares. */
export function sha1(...parts: readonly Uint8Array[]): Uint8Array {
  return digest('sha1', parts)
}

/** MD5 of the joined parts, 16 bytes. Only for the build hash of the client payload. */
export function md5(...parts: readonly Uint8Array[]): Uint8Array {
  return digest('md5', parts)
}
