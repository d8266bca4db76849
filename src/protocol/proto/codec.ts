/**
 * The safe way in and out of protobuf: bytes from a peer become a value or a `ProtocolError`, never another exception.
 * The classes themselves are generated (see `README.md`); nothing in here knows what a field means.
 */
import { Reader, Writer } from 'protobufjs/minimal.js'
import { asBuffer } from '../../base/bytes.ts'
import { ProtocolError, UsageError, describeError } from '../../base/errors.ts'

/** A generated class seen as something that can be decoded. */
export interface DecodableType<Value> {
  /** Reads a message. */
  decode(reader: Reader | Uint8Array, length?: number): Value
}

/** A generated class seen as something that can be encoded; plain objects with the same fields are accepted. */
export interface EncodableType<Properties> {
  /** Writes a message. */
  encode(message: Properties, writer?: Writer): Writer
}

type Wide = number | { readonly low: number; readonly high: number; readonly unsigned: boolean }

const HIGH_WORD = 2 ** 32

/** 64-bit integers as numbers: exact up to 2^53, which covers every time, size and counter of the schema. */
function toNumber(value: Wide): number {
  if (typeof value === 'number') return value
  return (value.unsigned ? value.high >>> 0 : value.high) * HIGH_WORD + (value.low >>> 0)
}

/** protobufjs's reader as it really is: what the 64-bit methods return depends on what is installed. */
interface WideMethods {
  string(): string
  int64(): Wide
  uint64(): Wide
  sint64(): Wide
  fixed64(): Wide
  sfixed64(): Wide
}
const WideReader: new (bytes: Uint8Array) => Omit<Reader, keyof WideMethods> & WideMethods = Reader

/**
 * protobufjs gives `Long` objects for 64-bit fields whenever the `long` package is installed, and its switch for that is
 * global to the process. A reader of our own decides for our messages only. It also keeps unknown fields, so that a
 * message written again has what this version of the schema does not know.
 */
class NumberReader extends WideReader {
  constructor(bytes: Uint8Array) {
    super(bytes)
    this.discardUnknown = false
  }

  /** Long texts natively, as protobufjs reads those of a Node `Buffer`: in JavaScript they take twice as long. */
  override string(): string {
    const before = this.pos
    if ((this.buf[before] ?? 0) < LONG_TEXT_BYTES) return super.string()
    const length = this.uint32()
    const start = this.pos
    const end = start + length
    if (end > this.len) {
      // protobufjs refuses it
      this.pos = before
      return super.string()
    }
    this.pos = end
    return asBuffer(this.buf).toString('utf8', start, end)
  }

  override int64(): number {
    return this.#shortVarint() ?? toNumber(super.int64())
  }

  override uint64(): number {
    return this.#shortVarint() ?? toNumber(super.uint64())
  }

  /** A number of at most 49 bits, as nearly all are, without a pair of words; `undefined` leaves the reader where it is. */
  #shortVarint(): number | undefined {
    const { buf, len } = this
    const end = Math.min(len, this.pos + SHORT_VARINT_BYTES)
    let value = 0
    let scale = 1
    for (let position = this.pos; position < end; position++) {
      const byte = buf[position] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.pos = position + 1
        return value
      }
      scale *= 128
    }
    return undefined
  }

  override sint64(): number {
    return toNumber(super.sint64())
  }

  override fixed64(): number {
    return toNumber(super.fixed64())
  }

  override sfixed64(): number {
    return toNumber(super.sfixed64())
  }
}

/** From this length on a native call reads a text faster than a loop; below 128, so that one byte of length tells. */
const LONG_TEXT_BYTES = 64

/** Seven bytes of seven bits each are exact as a number. */
const SHORT_VARINT_BYTES = 7

/** Levels of messages within messages that are read before the input counts as hostile (protobufjs enforces it). */
export const MAX_PROTO_DEPTH: number = 100

/**
 * Reads one protobuf message.
 *
 * Byte fields are views of `bytes`, which must not be changed afterwards. Unknown fields are kept (`$unknowns`).
 *
 * @param what - name for the error, e.g. `ClientPayload`
 * @throws {ProtocolError} `WATON_PROTO_MALFORMED` when the bytes are not such a message, or nest deeper than
 *   {@link MAX_PROTO_DEPTH}
 */
export function decodeProto<Value>(type: DecodableType<Value>, bytes: Uint8Array, what: string): Value {
  const reader = new NumberReader(bytes)
  try {
    return type.decode(reader as unknown as Reader)
  } catch (cause) {
    throw new ProtocolError(
      'WATON_PROTO_MALFORMED',
      `the bytes are not a well-formed ${what} message: ${describeError(cause)}`,
      { details: { what, offset: reader.pos, lengthBytes: bytes.length }, cause },
    )
  }
}

/** A writer whose buffer has grown beyond this is not kept for the next message. */
const MAX_KEPT_BYTES = 64 * 1024
let writer = Writer.create()

/** Writes with the same writer every time: its buffer has grown already. Nothing in here is asynchronous. */
function written<Properties>(type: EncodableType<Properties>, message: Properties): Uint8Array {
  const own = writer
  try {
    type.encode(message, own)
    const bytes = own.finish()
    own.reset()
    if (bytes.length > MAX_KEPT_BYTES) writer = Writer.create()
    // protobufjs hands out a Node Buffer, a small one out of Node's pool; the rest of waton sees plain byte arrays
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    // it stands in the middle of a message
    writer = Writer.create()
    throw error
  }
}

/**
 * Writes one protobuf message; fields that are `undefined` or `null` are left out.
 *
 * @param what - name for the error
 * @throws {UsageError} `WATON_PROTO_UNENCODABLE` when the message contains itself or a field has a value of the wrong type
 */
export function encodeProto<Properties>(
  type: EncodableType<Properties>,
  message: Properties,
  what: string,
): Uint8Array {
  try {
    return written(type, message)
  } catch (cause) {
    throw new UsageError(
      'WATON_PROTO_UNENCODABLE',
      `a ${what} message cannot be written: it contains itself, or a field has a value of the wrong type`,
      {
        details: { what },
        cause,
      },
    )
  }
}

/** Fields that were on the wire but not in the schema, in `message` and everything below it. For counters and traces. */
export function countUnknownFields(message: unknown, depth: number = 0): number {
  if (
    typeof message !== 'object' ||
    message === null ||
    message instanceof Uint8Array ||
    depth > MAX_PROTO_DEPTH
  )
    return 0
  const { $unknowns: own } = message as { readonly $unknowns?: readonly Uint8Array[] }
  let count = own?.length ?? 0
  for (const value of Object.values(message)) count += countUnknownFields(value, depth + 1)
  return count
}
