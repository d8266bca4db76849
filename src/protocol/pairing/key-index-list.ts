/**
 * The signed list of device keys ("key index list"): which linked devices a phone vouches for at this moment. The server
 * hands it out beside its own list of devices, and cannot change it. Bytes in, values out; where it stands in a stanza is
 * said in `stanza/iq/usync/devices.ts`.
 *
 * @source Cobalt `DeviceADVValidator`, `DeviceService` (after WA Web `WAWebHandleAdvDeviceNotificationUtils`,
 *   `WAWebAdvSignatureConstants`); whatsapp-rust `wacore/src/adv.rs` for the rule of what counts
 */
import { concatBytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { verify } from '../crypto/index.ts'
import { decodeProto } from '../proto/codec.ts'
import { ADVEncryptionType, ADVKeyIndexList, ADVSignedKeyIndexList } from '../proto/connection.ts'
import { KEY_INDEX_LIST_PREFIX } from './adv.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Device keys that a list may name: an account has a handful, and a hostile list must not cost memory. */
const MAX_INDEXES = 1024

/** What a phone has signed. */
export interface KeyIndexList {
  /** Stays the same until the account is registered anew. */
  readonly rawId: number
  /** When it was signed, in seconds since the epoch. */
  readonly timestampSeconds: number
  /** The newest index when it was signed: whatever is above it came later. */
  readonly currentIndex: number
  /** The indexes that the phone vouches for. */
  readonly validIndexes: readonly number[]
  /** Whether a provider hosts the account. */
  readonly isHosted: boolean
  /** The key that the list brought with it, when it did. */
  readonly accountKey?: Uint8Array
  /** Whether its signature was checked; without any key it cannot be. */
  readonly isVerified: boolean
}

/**
 * Reads and checks a list.
 *
 * @param accountKey - the identity key of the account's phone, 32 bytes, when it is known: only that counts then. Without
 *   it the key in the list itself is taken, which shows that the list is whole and not whose it is
 * @throws {CryptoError} `WATON_KEY_INDEX_SIGNATURE` when the key did not sign it
 * @throws {ProtocolError} `WATON_KEY_INDEX_LIST`, `WATON_PROTO_MALFORMED` when it is no such list
 */
export function readKeyIndexList(signedList: Uint8Array, accountKey?: Uint8Array): KeyIndexList {
  const signed = decodeProto(ADVSignedKeyIndexList, signedList, 'ADVSignedKeyIndexList')
  const details = present(signed.details, 'details')
  const own = signed.accountSignatureKey
  const carriedKey = own?.length === KEY_BYTES ? own : undefined
  const key = accountKey ?? carriedKey
  if (key !== undefined) {
    const signature = present(signed.accountSignature, 'accountSignature', SIGNATURE_BYTES)
    if (!verify(key, concatBytes(KEY_INDEX_LIST_PREFIX, details), signature)) throw notSigned()
  }
  const list = decodeProto(ADVKeyIndexList, details, 'ADVKeyIndexList')
  if (typeof list.rawId !== 'number' || typeof list.timestamp !== 'number')
    throw incomplete('rawId, timestamp')
  if (list.validIndexes.length > MAX_INDEXES) throw incomplete('validIndexes')
  return {
    rawId: list.rawId,
    timestampSeconds: list.timestamp,
    currentIndex: list.currentIndex ?? 0,
    validIndexes: list.validIndexes,
    isHosted: list.accountType === ADVEncryptionType.HOSTED,
    ...(carriedKey === undefined ? {} : { accountKey: carriedKey }),
    isVerified: key !== undefined,
  }
}

/** Whether a phone vouches for a device key: it is on the list, or newer than the list. */
export function isVouchedFor(
  keyIndex: number,
  { validIndexes, currentIndex }: Pick<KeyIndexList, 'validIndexes' | 'currentIndex'>,
): boolean {
  return keyIndex > currentIndex || validIndexes.includes(keyIndex)
}

function notSigned(): CryptoError {
  return new CryptoError(
    'WATON_KEY_INDEX_SIGNATURE',
    'the list of device keys was not signed by the phone of that account; only devices known before are sent to',
    { action: 'wait' },
  )
}

function present(value: Uint8Array | null | undefined, field: string, lengthBytes?: number): Uint8Array {
  if (value && value.length > 0 && (lengthBytes === undefined || value.length === lengthBytes)) return value
  throw incomplete(field)
}

function incomplete(field: string): ProtocolError {
  return new ProtocolError('WATON_KEY_INDEX_LIST', `a list of device keys came without a usable "${field}"`, {
    details: { field },
  })
}
