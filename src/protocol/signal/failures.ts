/**
 * The failures of the Signal layer, one function per stable code, so that every place says the same about the same
 * event. None of them says which byte was wrong, and none carries key material.
 */
import { CryptoError, ProtocolError, type ErrorDetails } from '../../base/errors.ts'

/** There is no session that could encrypt or decrypt. */
export function noSession(details: ErrorDetails = {}): ProtocolError {
  return new ProtocolError(
    'WATON_SIGNAL_NO_SESSION',
    'there is no session with this device; fetch its pre-key bundle, or ask the sender to send the message again',
    { details, action: 'discard' },
  )
}

/** The message key of this counter was used or dropped already: in practice, a message delivered twice. */
export function oldCounter(counter: number, nextCounter: number): ProtocolError {
  return new ProtocolError(
    'WATON_SIGNAL_OLD_COUNTER',
    'the message was decrypted before, or its key was dropped after too many newer ones; treat it as a duplicate',
    { details: { counter, nextCounter }, action: 'discard' },
  )
}

/** No session authenticates the message. */
export function badMac(details: ErrorDetails = {}): CryptoError {
  return new CryptoError(
    'WATON_SIGNAL_BAD_MAC',
    'no session with this device authenticates the message; ask the sender to send it again',
    { details },
  )
}

/** The message claims that more messages are missing than a session bridges. */
export function tooFar(missing: number, limit: number): ProtocolError {
  return new ProtocolError(
    'WATON_SIGNAL_TOO_FAR',
    'the message lies too far ahead of the last one received; a new session is needed',
    { details: { missing, limit }, action: 'discard' },
  )
}

/** A public key with a wrong length, an unknown type byte, or of low order. */
export function invalidKey(field: string, details: ErrorDetails = {}): ProtocolError {
  return new ProtocolError(
    'WATON_SIGNAL_INVALID_KEY',
    `${field} is not a usable Curve25519 public key; refuse it`,
    {
      details: { field, ...details },
    },
  )
}

/** The bytes are not a Signal message of version 3. */
export function malformed(why: string, details: ErrorDetails = {}): ProtocolError {
  return new ProtocolError('WATON_SIGNAL_MALFORMED', `the Signal message cannot be read: ${why}`, { details })
}

/** The message was made for a pre-key that the caller does not hold (any more). */
export function unknownPreKey(kind: 'one-time' | 'signed', id: number): ProtocolError {
  return new ProtocolError(
    'WATON_SIGNAL_UNKNOWN_PRE_KEY',
    `the message was made for a ${kind} pre-key that is not held; answer with a retry receipt that carries fresh keys`,
    { details: { kind, id }, action: 'discard' },
  )
}
