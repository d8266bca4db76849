/**
 * Padding of messages before encryption, which hides their exact length. The last byte says how many bytes to drop.
 *
 * @source Baileys 7.0.0-rc14 `Utils/generics.js` writeRandomPadMax16, unpadRandomMax16
 */
import { ProtocolError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'

/** Adds 1 to 16 bytes, each with that number as its value. */
export function padMessage(message: Uint8Array, random: RandomSource): Uint8Array {
  const length = ((random.bytes(1)[0] ?? 0) & 0x0f) + 1
  const padded = new Uint8Array(message.length + length)
  padded.set(message)
  padded.fill(length, message.length)
  return padded
}

/**
 * Takes the padding off. Its length is all that is checked: the bytes were authenticated together with the message.
 *
 * @returns a view of `padded`
 * @throws {ProtocolError} `WATON_MESSAGE_PADDING` when the last byte is no possible length
 */
export function unpadMessage(padded: Uint8Array): Uint8Array {
  const length = padded.at(-1) ?? 0
  if (length === 0 || length > padded.length) {
    throw new ProtocolError('WATON_MESSAGE_PADDING', 'a decrypted message does not end in valid padding', {
      details: { lengthBytes: padded.length, padding: length },
    })
  }
  return padded.subarray(0, padded.length - length)
}
