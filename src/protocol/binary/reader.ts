/**
 * A read position in a frame with the scalar forms of the stanza format: integers, bytes, raw text and packed text. It
 * knows nothing of stanzas or JIDs (`decode.ts`). Every reading checks the end of the bytes first.
 */
import { asBuffer } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { HEX_PAIRS, NIBBLE_PAIRS, NO_PAIR, ODD_BIT } from './packed.ts'
import { HEX_8, MAX_PACKED_LENGTH } from './tags.ts'

/** Node's native conversions of a part of a buffer; `toString` reaches the same functions by way of option parsing. */
interface NativeText {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
}

/** Where packed text is unpacked; a length byte of 127 gives 254 characters. Empty between calls. */
const scratch = new Uint8Array(2 * MAX_PACKED_LENGTH)
const scratchText = asBuffer(scratch) as unknown as NativeText

/** See the file comment. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #text: NativeText
  #at: number
  #items = 0

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#text = asBuffer(bytes) as unknown as NativeText
    this.#at = start
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** Counts stanzas and attributes as they are read. @returns how many there were so far */
  charge(items: number): number {
    this.#items += items
    return this.#items
  }

  /** One byte. */
  byte(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) throw this.truncated()
    this.#at++
    return value
  }

  /** An unsigned number of two bytes. */
  uint16(): number {
    return (this.byte() << 8) | this.byte()
  }

  /** An unsigned number of 20 bits; the upper four of the three bytes are ignored. */
  uint20(): number {
    return ((this.byte() & 15) << 16) | (this.byte() << 8) | this.byte()
  }

  /** An unsigned number of four bytes. */
  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16()
  }

  /** The next bytes, over the memory of the frame. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length)
  }

  /** The next bytes as UTF-8 text; invalid sequences become U+FFFD. */
  text(length: number): string {
    const start = this.#advance(length)
    return this.#text.utf8Slice(start, start + length)
  }

  /** Packed text under its tag, which was read already. */
  packed(tag: number): string {
    const header = this.byte()
    const count = header & ~ODD_BIT
    let at = this.#advance(count)
    const bytes = this.#bytes
    const pairs = tag === HEX_8 ? HEX_PAIRS : NIBBLE_PAIRS
    let length = 0
    for (const end = at + count; at < end; at++) {
      const pair = pairs[bytes[at] ?? 0] ?? NO_PAIR
      if (pair === NO_PAIR) throw this.malformed('packed text has a half byte without a character')
      scratch[length++] = pair & 0xff
      scratch[length++] = pair >> 8
    }
    if (header >= ODD_BIT && length > 0) length--
    return scratchText.latin1Slice(0, length)
  }

  /** The error for bytes that the format does not allow. */
  malformed(reason: string): ProtocolError {
    return new ProtocolError('WATON_NODE_MALFORMED', `the stanza cannot be read: ${reason}`, {
      details: { offset: this.#at, lengthBytes: this.#bytes.length, reason },
    })
  }

  /** The error for a frame that ends too early. */
  truncated(): ProtocolError {
    return this.malformed('it ends too early')
  }

  #advance(count: number): number {
    const start = this.#at
    if (count > this.#bytes.length - start) throw this.truncated()
    this.#at = start + count
    return start
  }
}
