/**
 * The nonce of AES-GCM under Noise: 4 zero bytes, then the message counter as 8 bytes, big endian. WhatsApp never
 * counts past 32 bits, so the first 8 bytes are always zero.
 *
 * @source The Noise Protocol Framework, revision 34, section 12.3
 */

/** Length of a nonce. */
export const NONCE_BYTES = 12

/** Messages under one key at most: the counter has 32 bits and never wraps. */
export const MAX_MESSAGES: number = 2 ** 32

/** The nonce of the message number `counter`. */
export function nonceBytes(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  writeNonce(nonce, counter)
  return nonce
}

/** Makes an existing nonce that of the message number `counter`. */
export function writeNonce(nonce: Uint8Array, counter: number): void {
  nonce[8] = counter >>> 24
  nonce[9] = counter >>> 16
  nonce[10] = counter >>> 8
  nonce[11] = counter
}
