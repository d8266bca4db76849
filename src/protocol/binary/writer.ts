/**
 * A growing byte buffer with the scalar forms of the stanza format: lengths, bytes, raw text and packed text. It knows
 * nothing of stanzas or JIDs (`encode.ts`). One writer serves every stanza, so writing allocates only the result.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { HALF_BYTES, ODD_BIT, PADDING } from './packed.ts'
import { BINARY_20, BINARY_32, BINARY_8, LIST_16, LIST_8, LIST_EMPTY } from './tags.ts'

/** First size of the buffer, in bytes: most stanzas are smaller. */
const INITIAL_BYTES = 4 * 1024
/** Largest buffer that is kept between stanzas, in bytes: one huge stanza must not hold its memory for ever. */
const RETAINED_BYTES = 1024 * 1024
/** Longest header that stands before bytes or packed text: tag and a 4-byte length. */
const MAX_HEADER_BYTES = 5
/** Longest text written character by character; above it the native conversion is faster. */
const MAX_SHORT_TEXT = 64

/** See the file comment. */
export class Writer {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES)
  #offset = 0

  /** Starts a new stanza. */
  reset(): void {
    this.#offset = 0
    if (this.#bytes.length > RETAINED_BYTES) this.#bytes = new Uint8Array(INITIAL_BYTES)
  }

  /** A copy of what was written since {@link reset}. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#offset)
  }

  /** One byte. */
  byte(value: number): void {
    if (this.#offset >= this.#bytes.length) this.#grow(1)
    this.#bytes[this.#offset++] = value
  }

  /** Two bytes, the first one first. */
  twoBytes(first: number, second: number): void {
    if (this.#offset + 2 > this.#bytes.length) this.#grow(2)
    this.#bytes[this.#offset++] = first
    this.#bytes[this.#offset++] = second
  }

  /** The head of a list of 0 to 65535 items. */
  list(size: number): void {
    if (size === 0) {
      this.byte(LIST_EMPTY)
    } else if (size < 256) {
      this.twoBytes(LIST_8, size)
    } else {
      this.byte(LIST_16)
      this.twoBytes(size >>> 8, size & 0xff)
    }
  }

  /** Bytes with their length. */
  binary(content: Uint8Array): void {
    this.#reserve(content.length + MAX_HEADER_BYTES)
    this.#length(content.length)
    this.#bytes.set(content, this.#offset)
    this.#offset += content.length
  }

  /** Text as UTF-8 bytes with their length. */
  raw(text: string): void {
    if (text.length > MAX_SHORT_TEXT || !this.#ascii(text)) this.binary(utf8Bytes(text))
  }

  /** The characters from `start` up to `end`, which `packedTag` put under `tag`. */
  packed(tag: number, text: string, start: number, end: number): void {
    const length = end - start
    const isOdd = (length & 1) === 1
    this.#reserve(2 + length)
    const bytes = this.#bytes
    let offset = this.#offset
    bytes[offset++] = tag
    bytes[offset++] = ((length + 1) >> 1) | (isOdd ? ODD_BIT : 0)
    const pairsEnd = isOdd ? end - 1 : end
    for (let index = start; index < pairsEnd; index += 2) {
      const first = HALF_BYTES[text.charCodeAt(index)] ?? 0
      bytes[offset++] = (first << 4) | (HALF_BYTES[text.charCodeAt(index + 1)] ?? 0)
    }
    if (isOdd) bytes[offset++] = ((HALF_BYTES[text.charCodeAt(pairsEnd)] ?? 0) << 4) | PADDING
    this.#offset = offset
  }

  /** Writes short text when all of it is ASCII; otherwise leaves everything as it was. */
  #ascii(text: string): boolean {
    const { length } = text
    this.#reserve(2 + length)
    const bytes = this.#bytes
    let offset = this.#offset
    bytes[offset++] = BINARY_8
    bytes[offset++] = length
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[offset++] = code
    }
    this.#offset = offset
    return true
  }

  /** The shortest header that holds the length. Room for it was reserved. */
  #length(length: number): void {
    const bytes = this.#bytes
    if (length < 256) {
      bytes[this.#offset++] = BINARY_8
    } else if (length < 1 << 20) {
      bytes[this.#offset++] = BINARY_20
      bytes[this.#offset++] = length >>> 16
      bytes[this.#offset++] = (length >>> 8) & 0xff
    } else {
      bytes[this.#offset++] = BINARY_32
      bytes[this.#offset++] = length >>> 24
      bytes[this.#offset++] = (length >>> 16) & 0xff
      bytes[this.#offset++] = (length >>> 8) & 0xff
    }
    bytes[this.#offset++] = length & 0xff
  }

  #reserve(count: number): void {
    if (this.#offset + count > this.#bytes.length) this.#grow(count)
  }

  #grow(count: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#offset + count))
    larger.set(this.#bytes.subarray(0, this.#offset))
    this.#bytes = larger
  }
}
