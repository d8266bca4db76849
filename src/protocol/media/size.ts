/** How long a file is once it is encrypted: whole blocks with at least one byte of padding, and the MAC. */

/** Bytes of the MAC behind the ciphertext. */
export const MEDIA_MAC_BYTES = 10

const BLOCK_BYTES = 16

/** Bytes of what is uploaded for a file of this many bytes. */
export function encryptedMediaBytes(lengthBytes: number): number {
  return lengthBytes - (lengthBytes % BLOCK_BYTES) + BLOCK_BYTES + MEDIA_MAC_BYTES
}

/** Whether something encrypted can have this many bytes. */
export function isEncryptedSize(bytes: number): boolean {
  return bytes >= BLOCK_BYTES + MEDIA_MAC_BYTES && (bytes - MEDIA_MAC_BYTES) % BLOCK_BYTES === 0
}
