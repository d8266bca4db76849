/** What is wrong with app state, each with its code. Nothing that was found wrong is ever given to a caller. */
import { fromHex, toHex } from '../../base/bytes.ts'
import { CryptoError, ProtocolError, hasCode, type ErrorDetails } from '../../base/errors.ts'

/** Ids that fit into an error; a collection is rarely written with more than two keys. */
const MAX_NAMED_KEYS = 64

/** The bytes are not what they should be, or a rule of the format is broken. */
export function malformed(reason: string, details: ErrorDetails = {}, cause?: unknown): ProtocolError {
  return new ProtocolError(
    'WATON_APP_STATE_MALFORMED',
    `app state cannot be read: ${reason}; fetch the collection again, as a snapshot if it stays so`,
    { details, ...(cause === undefined ? {} : { cause }) },
  )
}

/** Keys that the account's devices have and this one does not. */
export function missingKeys(collection: string, keyIds: readonly Uint8Array[]): ProtocolError {
  const named = keyIds.slice(0, MAX_NAMED_KEYS).map(toHex)
  return new ProtocolError(
    'WATON_APP_STATE_KEY_MISSING',
    'app state is encrypted with a key that this device does not have; ask the other devices of the account for it and verify again when it is there',
    { action: 'wait', details: { collection, keyId: named[0], keyIds: named.join(' ') } },
  )
}

/** The ids of the keys that an error says are missing; empty for all other errors. */
export function missingKeyIds(error: unknown): readonly Uint8Array[] {
  if (!hasCode(error, 'WATON_APP_STATE_KEY_MISSING')) return []
  const { keyIds } = error.details
  return typeof keyIds === 'string' && keyIds !== '' ? keyIds.split(' ').map(fromHex) : []
}

/** A patch that does not follow on what is known. */
export function gap(collection: string, version: number, knownVersion: number): ProtocolError {
  return new ProtocolError(
    'WATON_APP_STATE_GAP',
    'a patch of app state does not follow on the version that is known: one before it is missing; ask for all since that version, or for a snapshot',
    { action: 'retry', details: { collection, version, knownVersion } },
  )
}

/** A patch or a snapshot that says nothing new. */
export function old(collection: string, version: number, knownVersion: number): ProtocolError {
  return new ProtocolError(
    'WATON_APP_STATE_OLD',
    'app state came that is older than what is known: skip it, nothing is missing',
    { action: 'discard', details: { collection, version, knownVersion } },
  )
}

/** The state that results is not the one that the sender had. */
export function wrongHash(collection: string, version: number): CryptoError {
  return new CryptoError(
    'WATON_APP_STATE_HASH',
    'the state that results is not the one that its sender had: something was left out, added or applied before; fetch the collection as a snapshot',
    { details: { collection, version } },
  )
}

/** The patch as a whole is not by a device of the account. */
export function wrongPatchMac(collection: string, version: number): CryptoError {
  return new CryptoError(
    'WATON_APP_STATE_PATCH_MAC',
    'a patch of app state was altered, or made without the key that it names; fetch the collection as a snapshot',
    { details: { collection, version } },
  )
}

/** One value is not by a device of the account. */
export function wrongValueMac(collection: string, version: number): CryptoError {
  return new CryptoError(
    'WATON_APP_STATE_VALUE_MAC',
    'a value of app state was altered, or made without the key that it names; fetch the collection as a snapshot',
    { details: { collection, version } },
  )
}

/** One value stands under an index that is not its own. */
export function wrongIndexMac(collection: string, version: number): CryptoError {
  return new CryptoError(
    'WATON_APP_STATE_INDEX_MAC',
    'a value of app state stands under an index that is not its own; fetch the collection as a snapshot',
    { details: { collection, version } },
  )
}
