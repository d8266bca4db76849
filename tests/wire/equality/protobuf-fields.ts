/**
 * Protobuf without a schema: the fields of a message in the order in which they were written. Two encoders that differ
 * only in field order or in what they write for an absent value differ here.
 */

/** One field as it stands in the bytes. */
export interface ProtobufField {
  readonly number: number
  readonly value: bigint | Uint8Array
}

const VARINT = 0
const FIXED_64 = 1
const BYTES = 2
const FIXED_32 = 5

/** Reads all fields. Throws on anything that is not protobuf: the caller is a test. */
export function readFields(bytes: Uint8Array): readonly ProtobufField[] {
  const fields: ProtobufField[] = []
  let offset = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('a protobuf number does not end')
  }
  const take = (length: number): Uint8Array => {
    const taken = bytes.subarray(offset, offset + length)
    if (taken.length !== length) throw new Error('a protobuf field is longer than its message')
    offset += length
    return taken
  }
  while (offset < bytes.length) {
    const key = Number(varint())
    const number = key >> 3
    switch (key & 7) {
      case VARINT:
        fields.push({ number, value: varint() })
        break
      case FIXED_64:
        fields.push({ number, value: take(8) })
        break
      case BYTES:
        fields.push({ number, value: take(Number(varint())) })
        break
      case FIXED_32:
        fields.push({ number, value: take(4) })
        break
      default:
        throw new Error(`a protobuf field has the wire type ${String(key & 7)}`)
    }
  }
  return fields
}
