/** PBKDF2 with HMAC-SHA-256 (RFC 8018), on Node's thread pool: the pairing code's 131,072 iterations take 34 ms. */
import { pbkdf2 } from 'node:crypto'
import { CryptoError } from '../../base/errors.ts'
import { plainBytes } from './hash.ts'

/**
 * Stretches a password into `lengthBytes` bytes without blocking the event loop.
 *
 * @param password - text is taken as UTF-8
 * @throws {CryptoError} `WATON_CRYPTO_PBKDF2` (as a rejection) when the parameters are refused
 */
export function pbkdf2Sha256(
  password: string | Uint8Array,
  salt: Uint8Array,
  iterations: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown): void => {
      reject(
        new CryptoError('WATON_CRYPTO_PBKDF2', 'password stretching failed; check the parameters', {
          cause,
          action: 'fix-call',
        }),
      )
    }
    try {
      pbkdf2(password, salt, iterations, lengthBytes, 'sha256', (error, key) => {
        if (error === null) resolve(plainBytes(key))
        else refuse(error)
      })
    } catch (error) {
      refuse(error)
    }
  })
}
