/**
 * Public keys as they stand in Signal messages: a type byte 0x05 (Curve25519) and 32 bytes. Inside waton keys are the
 * 32 bytes alone; the type byte is added and removed here.
 */
import { CURVE_KEY_BYTES, type KeyPair } from '../crypto/index.ts'
import { invalidKey } from './failures.ts'

/** The type byte of a Curve25519 public key. */
export const KEY_TYPE = 0x05
/** Length of a public key with its type byte. */
export const TYPED_KEY_BYTES: number = CURVE_KEY_BYTES + 1

/** Who we are in every session. */
export interface LocalIdentity {
  /** 14-bit number that tells apart installations on one device id. */
  readonly registrationId: number
  /** The device's long-lived key. */
  readonly identityKey: KeyPair
}

/** The key with its type byte in front, 33 bytes. */
export function typedKey(publicKey: Uint8Array): Uint8Array {
  const typed = new Uint8Array(TYPED_KEY_BYTES)
  typed[0] = KEY_TYPE
  typed.set(publicKey, 1)
  return typed
}

/**
 * The 32 bytes behind the type byte.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when length or type byte are wrong
 */
export function untypedKey(typed: Uint8Array, field: string): Uint8Array {
  if (typed.length !== TYPED_KEY_BYTES || typed[0] !== KEY_TYPE) {
    throw invalidKey(field, { length: typed.length, keyType: typed[0] })
  }
  return typed.slice(1)
}
