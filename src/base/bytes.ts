/**
 * Byte helpers shared by every layer. Bytes are always `Uint8Array` in signatures; `Buffer` is used inside this file
 * only, because Node's native text conversions are several times faster than any loop.
 */
import { Buffer } from 'node:buffer'

/** An empty byte array that must not be written to. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0)

/** A `Buffer` over the same memory, for Node calls that want one. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Joins the parts into one new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Up to this length a loop compares faster than a native call does. */
const SHORT_COMPARE_BYTES = 64

/** Whether both hold the same bytes. Not constant time: for secrets use `protocol/crypto`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const { length } = a
  if (length !== b.length) return false
  if (length > SHORT_COMPARE_BYTES) return Buffer.compare(a, b) === 0
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return false
  return true
}

/** Lower-case hexadecimal text. */
export function toHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex')
}

/** Bytes of a hexadecimal text; stops at the first character that is not hexadecimal. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64')
}

/** Bytes of a base64 or base64url text; characters outside the alphabet are skipped. */
export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

/** UTF-8 bytes of a text. */
export function utf8Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}

/** The text of UTF-8 bytes; invalid sequences become U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8')
}

/** `value` as 2 bytes, big endian. */
export function uint16Bytes(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff)
}

/** `value` as 3 bytes, big endian. */
export function uint24Bytes(value: number): Uint8Array {
  return Uint8Array.of((value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** `value` as 4 bytes, big endian. */
export function uint32Bytes(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** The unsigned big-endian number in all of `bytes` (at most 6 bytes). */
export function uintFromBytes(bytes: Uint8Array): number {
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value
}
