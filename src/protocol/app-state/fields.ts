/**
 * Walks the fields of a protobuf message without making an object of each: a snapshot has thousands of records of three
 * nested messages, and only a few byte strings of them are wanted. Fields that nobody asks for are stepped over.
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
class Fields {
  /** The number of the field that {@link next} came to. */
  field = 0
  /** The bytes of that field; `undefined` when it is a number. */
  bytes: Uint8Array | undefined = undefined
  /** The number of that field; 0 when it is bytes. */
  number = 0
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /**
   * Goes to the next field; false at the end.
   *
   * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when a field leaves the message, or there can be none like it
   */
  next(): boolean {
    if (this.#offset >= this.#bytes.length) return false
    const tag = this.#varint()
    this.field = Math.floor(tag / 8)
    if (this.field < 1 || this.field > MAX_FIELD) throw this.#malformed('a field number is out of range')
    this.bytes = undefined
    this.number = 0
    const wireType = tag % 8
    if (wireType === VARINT) this.number = this.#varint()
    else if (wireType === BYTES) this.bytes = this.#take(this.#varint())
    else if (wireType === FIXED64) this.#take(8)
    else if (wireType === FIXED32) this.#take(4)
    else throw this.#malformed('a field has an unknown wire type')
    return true
  }

  #varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#bytes[this.#offset++]
      if (byte === undefined) throw this.#malformed('it ends inside a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw this.#malformed('a number has more than 64 bits')
  }

  #take(length: number): Uint8Array {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw this.#malformed('a field is longer than its message')
    const taken = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }

  #malformed(reason: string): Error {
    return malformed(reason, { offset: Math.min(this.#offset, this.#bytes.length) })
  }
}

/** The byte strings of a message. */
export interface ByteFields {
  /** By field number; the last counts, as protobuf says. */
  readonly last: readonly (Uint8Array | undefined)[]
  /** All of the field that may be repeated. */
  readonly list: readonly Uint8Array[]
}

/** The byte strings of a message, up to field `maxField`, with those of one repeated field in a list. */
export function byteFields(message: Uint8Array, maxField: number, repeatedField: number = 0): ByteFields {
  const last: (Uint8Array | undefined)[] = []
  const list: Uint8Array[] = []
  const fields = new Fields(message)
  while (fields.next()) {
    const { field, bytes } = fields
    if (bytes === undefined || field > maxField) continue
    if (field === repeatedField) list.push(bytes)
    else last[field] = bytes
  }
  return { last, list }
}

/** Field 1 as bytes: many messages of app state have only that one. */
export function bytesWithin(message: Uint8Array | undefined): Uint8Array | undefined {
  return message === undefined ? undefined : byteFields(message, 1).last[1]
}

/** Field 1 as a number; 0 when it is absent, as protobuf's default says. */
export function numberWithin(message: Uint8Array): number {
  let number = 0
  const fields = new Fields(message)
  while (fields.next()) if (fields.field === 1 && fields.bytes === undefined) ({ number } = fields)
  return number
}
