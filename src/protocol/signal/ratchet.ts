/**
 * One half of a Diffie-Hellman ratchet step: a new secret between two ratchet keys moves the root key on and starts a
 * chain. A whole step is two halves; session.ts takes the receiving half when a new key arrives and the sending half
 * only when we answer, which saves a key pair and an agreement when we do not.
 *
 * @source https://signal.org/docs/specifications/doubleratchet/ (section 5.2), info string of Signal's version 3
 */
import { hkdfSha256, sharedSecret } from '../crypto/index.ts'
import { errorCode } from '../../base/errors.ts'
import { invalidKey } from './failures.ts'

const RATCHET_INFO = 'WhisperRatchet'

/** The root key after half a step, and the chain that it started. */
export interface RatchetHalf {
  readonly rootKey: Uint8Array
  readonly chainKey: Uint8Array
}

/**
 * Mixes the agreement of `privateKey` and `publicKey` into the root key.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when the public key has low order
 */
export function ratchetHalf(rootKey: Uint8Array, privateKey: Uint8Array, publicKey: Uint8Array): RatchetHalf {
  const secret = agree(privateKey, publicKey, 'the ratchet key')
  const bytes = hkdfSha256(secret, 64, { salt: rootKey, info: RATCHET_INFO })
  return { rootKey: bytes.subarray(0, 32), chainKey: bytes.subarray(32) }
}

/** An X25519 agreement whose refusal names the message field that was at fault. */
export function agree(privateKey: Uint8Array, publicKey: Uint8Array, field: string): Uint8Array {
  try {
    return sharedSecret(privateKey, publicKey)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw invalidKey(field)
  }
}
