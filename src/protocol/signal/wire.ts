/**
 * The protobuf wire format, as far as Signal messages need it: 32-bit numbers and byte strings. Writing is into a
 * buffer whose size the caller computed; reading walks all fields, skips unknown ones and refuses anything that leaves
 * the buffer. Not a protobuf library; stanza contents use the generated classes of protocol/proto.
 *
 * @source https://protobuf.dev/programming-guides/encoding/
 */
import { malformed } from './failures.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
/** Seven bits per byte: ten bytes hold 64 bits. */
const MAX_VARINT_BYTES = 10
const UINT32_LIMIT = 2 ** 32

/** The fields of a message that Signal defines; of a repeated field the last one counts, as protobuf says. */
export interface WireFields {
  /** Numbers by field number; 64-bit values above 2^32 - 1 count as absent. */
  readonly uints: readonly (number | undefined)[]
  /** Byte strings by field number, as views into the message. */
  readonly strings: readonly (Uint8Array | undefined)[]
}

/** Bytes that {@link writeUint} needs for a number (tag included; field numbers up to 15). */
export function uintSize(value: number): number {
  return 1 + varintSize(value)
}

/** Bytes that {@link writeBytes} needs for a byte string (tag and length included; field numbers up to 15). */
export function bytesSize(lengthBytes: number): number {
  return 1 + varintSize(lengthBytes) + lengthBytes
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a number field at `offset` and returns the offset behind it. */
export function writeUint(target: Uint8Array, offset: number, field: number, value: number): number {
  target[offset] = (field << 3) | VARINT
  return writeVarint(target, offset + 1, value)
}

/** Writes a byte string field at `offset` and returns the offset behind it. */
export function writeBytes(target: Uint8Array, offset: number, field: number, value: Uint8Array): number {
  const start = writeBytesHead(target, offset, field, value.length)
  target.set(value, start)
  return start + value.length
}

/** Writes what stands in front of a byte string of a known length; the caller writes the bytes behind it. */
export function writeBytesHead(
  target: Uint8Array,
  offset: number,
  field: number,
  lengthBytes: number,
): number {
  target[offset] = (field << 3) | BYTES
  return writeVarint(target, offset + 1, lengthBytes)
}

function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let position = offset
  let rest = value
  while (rest > 0x7f) {
    target[position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  target[position++] = rest
  return position
}

/**
 * Reads all fields up to `maxField`; the others are stepped over.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED` when a field leaves the buffer, has an unknown wire type or number,
 * or a number exceeds 64 bits
 */
export function readFields(bytes: Uint8Array, maxField: number): WireFields {
  const reader = new WireReader(bytes)
  const uints: (number | undefined)[] = []
  const strings: (Uint8Array | undefined)[] = []
  while (!reader.atEnd) {
    const tag = reader.varint()
    const field = Math.floor(tag / 8)
    if (field === 0 || tag >= UINT32_LIMIT) throw malformed('a field number is out of range', reader.place)
    const value = reader.value(tag % 8)
    if (field > maxField) continue
    if (typeof value === 'object') strings[field] = value
    else if (value !== undefined && value < UINT32_LIMIT) uints[field] = value
  }
  return { uints, strings }
}

class WireReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length
  }

  /** Where it reads, counted from the version byte that stands in front of the fields. */
  get place(): { readonly offset: number } {
    return { offset: Math.min(this.#offset, this.#bytes.length) + 1 }
  }

  /** The value behind a tag; `undefined` for the fixed-size types, which Signal does not use. */
  value(wireType: number): number | Uint8Array | undefined {
    switch (wireType) {
      case VARINT:
        return this.varint()
      case BYTES:
        return this.#take(this.varint())
      case FIXED64:
        this.#take(8)
        return undefined
      case FIXED32:
        this.#take(4)
        return undefined
      default:
        throw malformed('a field has an unknown wire type', { ...this.place, wireType })
    }
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#bytes[this.#offset++]
      if (byte === undefined) throw malformed('it ends inside a number', this.place)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw malformed('a number has more than 64 bits', this.place)
  }

  #take(length: number): Uint8Array {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw malformed('a field is longer than the message', this.place)
    const taken = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }
}
