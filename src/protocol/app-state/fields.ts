/**
 * Walks the fields of a protobuf message without making an object of each: a snapshot has thousands of records of three
 * nested messages, and of all that only a few byte strings are wanted. Places are offsets into the outermost message; a
 * view is made of what is kept, and of nothing else, because a view costs as much as reading a record does.
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
const MAX_FIELD = 2 ** 29 - 1

/** See the file comment. */
export class Fields {
  /** The number of the field that {@link next} came to. */
  field = 0
  /** Whether that field is bytes. */
  isBytes = false
  /** The number of that field; 0 when it is bytes. */
  number = 0
  /** Where the bytes of that field begin. */
  from = 0
  /** Where they end. */
  to = 0
  readonly #bytes: Uint8Array
  readonly #end: number
  #offset: number

  /** Walks a message, or the part of one that is a message itself. */
  constructor(bytes: Uint8Array, from: number = 0, to: number = bytes.length) {
    this.#bytes = bytes
    this.#offset = from
    this.#end = to
  }

  /**
   * Goes to the next field; false at the end.
   *
   * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when a field leaves the message, or there can be none like it
   */
  next(): boolean {
    if (this.#offset >= this.#end) return false
    const tag = this.#varint()
    this.field = tag < 128 ? tag >> 3 : Math.floor(tag / 8)
    if (this.field < 1 || this.field > MAX_FIELD)
      throw malformed('a field number is out of range', this.#place)
    const wireType = tag % 8
    this.isBytes = wireType === BYTES
    this.number = 0
    if (wireType === BYTES) this.#take(this.#varint())
    else if (wireType === VARINT) this.number = this.#varint()
    else if (wireType === FIXED64) this.#take(8)
    else if (wireType === FIXED32) this.#take(4)
    else throw malformed('a field has an unknown wire type', this.#place)
    return true
  }

  /** The bytes of the field, as a view. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.from, this.to)
  }

  /** The fields within the field, which is a message. */
  within(): Fields {
    return new Fields(this.#bytes, this.from, this.to)
  }

  /** The bytes of field 1 within the field: many messages of app state have only that one. */
  bytesWithin(): Uint8Array | undefined {
    const inner = this.within()
    let from = -1
    let to = 0
    // the last counts, as protobuf says
    while (inner.next()) if (inner.field === 1 && inner.isBytes) ({ from, to } = inner)
    return from < 0 ? undefined : this.#bytes.subarray(from, to)
  }

  /** Field 1 within the field as a number; 0 when it is absent, as protobuf's default says. */
  numberWithin(): number {
    const inner = this.within()
    let number = 0
    while (inner.next()) if (inner.field === 1 && !inner.isBytes) ({ number } = inner)
    return number
  }

  #varint(): number {
    const first = this.#bytes[this.#offset] ?? 0
    if (first < 0x80 && this.#offset < this.#end) {
      this.#offset += 1
      return first
    }
    let value = 0
    let scale = 1
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      if (this.#offset >= this.#end) throw malformed('it ends inside a number', this.#place)
      const byte = this.#bytes[this.#offset++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw malformed('a number has more than 64 bits', this.#place)
  }

  #take(length: number): void {
    this.from = this.#offset
    this.to = this.#offset + length
    if (this.to > this.#end) throw malformed('a field is longer than its message', this.#place)
    this.#offset = this.to
  }

  /** Where it reads. */
  get #place(): { readonly offset: number } {
    return { offset: this.#offset }
  }
}
