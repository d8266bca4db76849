/**
 * Protobuf's wire format, field by field, for what is too much to be decoded whole: a history of a hundred thousand
 * messages. It knows tags, lengths and varints, and no schema. Everything else decodes with `protocol/proto`.
 *
 * @source https://protobuf.dev/programming-guides/encoding
 */
import { asBuffer } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'

/** How a field's value is written. */
export const WIRE_VARINT = 0
export const WIRE_FIXED64 = 1
export const WIRE_BYTES = 2
export const WIRE_FIXED32 = 5

const FIXED64_BYTES = 8
const FIXED32_BYTES = 4

/** The longest varint; of one with more than 53 bits the lowest are not exact. */
const MAX_VARINT_BYTES = 10

/** What {@link WireCursor.tryVarint} gives when the bytes end in the middle. */
export const ENDS_TOO_EARLY = -1

type NodeBytes = ReturnType<typeof asBuffer>

/** A place in some bytes, which are part of a larger whole. Made once and moved along. */
export class WireCursor {
  /** Where the next byte is read. */
  position = 0
  /** Where reading stops. */
  end = 0
  #bytes: NodeBytes = asBuffer(new Uint8Array(0))
  #offset = 0

  /** Goes to the beginning of other bytes, which begin at `offset` of the whole. */
  enter(bytes: Uint8Array, offset: number): void {
    this.#bytes = asBuffer(bytes)
    this.#offset = offset
    this.position = 0
    this.end = bytes.length
  }

  /** The place in the whole. */
  get offset(): number {
    return this.#offset + this.position
  }

  /** An unsigned number, or {@link ENDS_TOO_EARLY}. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  tryVarint(): number {
    const bytes = this.#bytes
    const last = Math.min(this.end, this.position + MAX_VARINT_BYTES)
    let value = 0
    let scale = 1
    for (let position = this.position; position < last; position++) {
      const byte = bytes[position] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.position = position + 1
        return value
      }
      scale *= 128
    }
    if (last - this.position === MAX_VARINT_BYTES) throw this.malformed('a number has more than ten bytes')
    return ENDS_TOO_EARLY
  }

  /** An unsigned number. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  varint(): number {
    const value = this.tryVarint()
    if (value === ENDS_TOO_EARLY) throw this.malformed('a number is cut off')
    return value
  }

  /** Goes over a length to the value, and returns where that ends. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  lengthEnd(): number {
    const length = this.varint()
    const end = this.position + length
    if (end > this.end) throw this.malformed('a field is longer than what it is in')
    return end
  }

  /** The bytes of a field with a length, as a view. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  bytes(): Uint8Array {
    return this.view(this.lengthEnd())
  }

  /** The text of a field with a length. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  text(): string {
    const end = this.lengthEnd()
    const text = this.#bytes.toString('utf8', this.position, end)
    this.position = end
    return text
  }

  /** The bytes from here on, as a view, which the cursor passes. */
  view(end: number): Uint8Array {
    const { buffer, byteOffset } = this.#bytes
    const bytes = new Uint8Array(buffer, byteOffset + this.position, end - this.position)
    this.position = end
    return bytes
  }

  /** Goes over a value. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
  skip(wire: number): void {
    if (wire === WIRE_VARINT) this.varint()
    else if (wire === WIRE_BYTES) this.position = this.lengthEnd()
    else {
      const end = this.position + this.fixedBytes(wire)
      if (end > this.end) throw this.malformed('a number is cut off')
      this.position = end
    }
  }

  /** How long a number of this kind is. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` for groups and what is nothing */
  fixedBytes(wire: number): number {
    if (wire === WIRE_FIXED64) return FIXED64_BYTES
    if (wire === WIRE_FIXED32) return FIXED32_BYTES
    throw this.malformed('a field is of a kind that has no use')
  }

  /** What to throw when the bytes are none. */
  malformed(reason: string): ProtocolError {
    return new ProtocolError(
      'WATON_HISTORY_MALFORMED',
      `the bytes are no history from here on: ${reason}; what came before it is good`,
      { details: { offset: this.offset, reason } },
    )
  }
}

/** The number of the field that a tag announces. */
export function fieldOf(tag: number): number {
  return Math.floor(tag / 8)
}

/** How that field's value is written. */
export function wireOf(tag: number): number {
  return tag & 7
}
