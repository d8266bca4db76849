/** Length checks at the crypto door: a wrong length is refused with a code of ours before Node sees it. */
import { CryptoError } from '../../base/errors.ts'

/** Throws `WATON_CRYPTO_LENGTH` unless `bytes` has exactly `lengthBytes` bytes. */
export function checkBytes(what: string, bytes: Uint8Array, lengthBytes: number): void {
  if (bytes.length === lengthBytes) return
  throw new CryptoError(
    'WATON_CRYPTO_LENGTH',
    `${what} must have ${lengthBytes.toString()} bytes but has ${bytes.length.toString()}`,
    { details: { expected: lengthBytes, actual: bytes.length } },
  )
}
