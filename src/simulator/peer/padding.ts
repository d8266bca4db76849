/**
 * The padding around every encrypted message: 1 to 16 bytes, each holding their count. It hides the exact length and
 * nothing more; it is applied before Signal encryption and removed after decryption.
 *
 * @source reference whatsmeow `message.go` padMessage/unpadMessage; Baileys `lib/Utils/generics.js` (1 to 16 valid)
 */
import { concatBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'

const MAX_PADDING_BYTES = 16

/** Adds 1 to 16 random-length padding bytes. */
export function pad(plaintext: Uint8Array, random: RandomSource): Uint8Array {
  const count = ((random.bytes(1)[0] ?? 0) & 0x0f) + 1
  return concatBytes(plaintext, new Uint8Array(count).fill(count))
}

/** Removes the padding. @throws {ProtocolError} `WATON_PHONE_PADDING` when it is not 1 to 16 equal bytes */
export function unpad(padded: Uint8Array): Uint8Array {
  const count = padded[padded.length - 1] ?? 0
  const start = padded.length - count
  if (
    count < 1 ||
    count > MAX_PADDING_BYTES ||
    start < 0 ||
    padded.subarray(start).some((byte) => byte !== count)
  ) {
    throw new ProtocolError(
      'WATON_PHONE_PADDING',
      'the padding of a decrypted message is not 1 to 16 equal bytes',
      {
        details: { lengthBytes: padded.length, count },
      },
    )
  }
  return padded.subarray(0, start)
}
