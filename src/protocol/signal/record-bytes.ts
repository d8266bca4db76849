/**
 * The alphabet of the records that this layer keeps in a store: single bytes, numbers as varints (7 bits per byte, low bits
 * first) and raw 32-byte keys. Which follows which is the business of each record's codec.
 */
import type { ProtocolError } from '../../base/errors.ts'
import { CURVE_KEY_BYTES } from '../crypto/index.ts'
import type { SkippedSeed } from './chain.ts'

const KEY_BYTES = CURVE_KEY_BYTES
/** Seven bytes hold 49 bits: counters and epoch milliseconds fit, and sums stay exact. */
const MAX_VARINT_BYTES = 7
/** More than one session without skipped keys needs, so that the buffer rarely grows. */
const INITIAL_BYTES = 512

/** Writes a record front to back. */
export class RecordWriter {
  #bytes = new Uint8Array(INITIAL_BYTES)
  #length = 0

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  number(value: number): void {
    this.#reserve(MAX_VARINT_BYTES)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#length++] = rest
  }

  key(key: Uint8Array): void {
    this.#reserve(KEY_BYTES)
    this.#bytes.set(key, this.#length)
    this.#length += KEY_BYTES
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(this.#bytes.length * 2)
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** Reads what {@link RecordWriter} wrote; whatever else it is given ends in the error that it was made with. */
export class RecordReader {
  readonly #bytes: Uint8Array
  readonly #refuse: (why: string, offset: number) => ProtocolError
  #offset = 0

  constructor(bytes: Uint8Array, refuse: (why: string, offset: number) => ProtocolError) {
    this.#bytes = bytes
    this.#refuse = refuse
  }

  /** The error for what cannot be here, counted from the version byte that stands in front of the record. */
  damaged(why: string): ProtocolError {
    return this.#refuse(why, Math.min(this.#offset, this.#bytes.length) + 1)
  }

  flags(known: number): number {
    const value = this.#bytes[this.#offset++]
    if (value === undefined || (value & ~known) !== 0) throw this.damaged('its flags are unknown')
    return value
  }

  number(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#bytes[this.#offset++]
      if (byte === undefined) throw this.damaged('it ends inside a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw this.damaged('a number is too large')
  }

  key(): Uint8Array {
    const end = this.#offset + KEY_BYTES
    if (end > this.#bytes.length) throw this.damaged('it ends inside a key')
    const key = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return key
  }

  list<Item>(limit: number, read: (reader: RecordReader) => Item): Item[] {
    const count = this.number()
    if (count > limit) throw this.damaged('a list is too long')
    return Array.from({ length: count }, () => read(this))
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw this.damaged('bytes follow its end')
  }
}

/** Writes a list of seeds; read each with {@link nextSkippedSeed}. */
export function writeSkippedSeeds(writer: RecordWriter, skipped: readonly SkippedSeed[]): void {
  writer.number(skipped.length)
  for (const { counter, seed } of skipped) {
    writer.number(counter)
    writer.key(seed)
  }
}

/** One seed of a list. */
export function nextSkippedSeed(reader: RecordReader): SkippedSeed {
  return { counter: reader.number(), seed: reader.key() }
}
