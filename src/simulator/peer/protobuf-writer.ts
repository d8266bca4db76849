/**
 * A few lines that write protobuf by hand, for messages that the simulator writes a second time on purpose: a reader and a
 * writer from one generator would agree on a mistake. Every function gives the bytes of one field, or none when there is
 * nothing to write.
 *
 * @source protobuf's encoding: https://protobuf.dev/programming-guides/encoding/
 */
import { concatBytes, utf8Bytes } from '../../base/bytes.ts'

const WIRE_VARINT = 0
const WIRE_BYTES = 2
const NOTHING = new Uint8Array(0)

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** A number that is not negative. */
export function number(field: number, value: number | undefined): Uint8Array {
  if (value === undefined) return NOTHING
  return concatBytes(varint(field * 8 + WIRE_VARINT), varint(value))
}

/** `true`, or nothing. */
export function flag(field: number, value: boolean | undefined): Uint8Array {
  return value === true ? number(field, 1) : NOTHING
}

/** Bytes, or a message that is written already. */
export function bytes(field: number, value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return NOTHING
  return concatBytes(varint(field * 8 + WIRE_BYTES), varint(value.length), value)
}

/** Text as UTF-8. */
export function text(field: number, value: string | undefined): Uint8Array {
  return value === undefined ? NOTHING : bytes(field, utf8Bytes(value))
}

/** A message in the field: its own fields one after the other. */
export function message(field: number, ...fields: readonly Uint8Array[]): Uint8Array {
  return bytes(field, concatBytes(...fields))
}
