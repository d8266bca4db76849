/**
 * The failures that only sender keys have, one function per stable code. What they share with sessions (an old counter, a
 * jump too far, bytes that are no message) is in protocol/signal. None carries key material.
 */
import { CryptoError, ProtocolError } from '../../base/errors.ts'

/** Nothing was distributed that could read the message, or not yet. */
export function unknownSenderKey(keyId: number): ProtocolError {
  return new ProtocolError(
    'WATON_SENDER_KEY_UNKNOWN',
    'the sender key of this message is not known; ask its sender to send the message again, with the key',
    { details: { keyId }, action: 'discard' },
  )
}

/** The message was not signed by the device whose sender key it names. */
export function badSignature(keyId: number): CryptoError {
  return new CryptoError(
    'WATON_SENDER_KEY_SIGNATURE',
    'the signature of the group message does not belong to its sender key; discard it',
    { details: { keyId } },
  )
}

/** The stored bytes are no record of this kind. */
export function damagedRecord(why: string, offset: number): ProtocolError {
  return new ProtocolError('WATON_SENDER_KEY_RECORD_MALFORMED', `the sender key record is damaged: ${why}`, {
    details: { offset },
    action: 'check-store',
  })
}

/** A newer waton wrote the record. */
export function newerRecord(version: number, newest: number): ProtocolError {
  return new ProtocolError(
    'WATON_SENDER_KEY_RECORD_VERSION',
    'the sender key record was written by a newer version of waton; open the store with that version or a later one',
    { details: { version, newest }, action: 'upgrade' },
  )
}
