/** What is kept of people: their addresses, their devices, and the sessions with these. See `records.ts` for all kinds. */
import { decodeSessionRecord, encodeSessionRecord } from '../../protocol/signal/index.ts'
import type { SessionRecord } from '../../protocol/signal/index.ts'
import { bytes, integer, integers, list, optional } from './record-fields.ts'
import { jsonRecord, textRecord } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** The devices of one person that a message goes to, the phone among them. */
export interface DeviceList {
  readonly devices: readonly ListedDevice[]
  /** When the server was asked last. */
  readonly fetchedAtMs: number
  /** Something has changed, or the list could not be trusted: it is asked for again, and stands in until then. */
  readonly isStale?: true
  /** What the person's phone has signed last about which linked devices are its own. */
  readonly signed?: SignedIndexes
  /** What the phone is said to have signed, while its key is not known: `ADVSignedKeyIndexList`. */
  readonly unverified?: Uint8Array
}

/** One device of a list. */
export interface ListedDevice {
  /** 0 is the phone. */
  readonly id: number
  /** Which of the account's device keys it uses; the phone has none. */
  readonly keyIndex?: number
  /** Lives at a provider, under an address of its own. */
  readonly isHosted?: true
}

/** The indexes of a list of device keys: see `protocol/pairing/key-index-list.ts`. */
export interface SignedIndexes {
  readonly rawId: number
  readonly timestampSeconds: number
  readonly currentIndex: number
  readonly validIndexes: readonly number[]
}

/** Somebody registered anew, and what waton holds of their sessions was made before: a reason to ask for their keys again. */
export interface IdentityChange {
  readonly atMs: number
  /** The key of their phone before, 32 bytes: a session with another one was made since. */
  readonly formerKey?: Uint8Array
}

function listedDevice(value: unknown): ListedDevice {
  const { id, keyIndex, isHosted } = value as Record<string, unknown>
  return {
    id: integer(id),
    ...optional('keyIndex', keyIndex, integer),
    ...(isHosted === true ? { isHosted: true } : {}),
  }
}

function signedIndexes(value: unknown): SignedIndexes {
  const { rawId, timestampSeconds, currentIndex, validIndexes } = value as Record<string, unknown>
  return {
    rawId: integer(rawId),
    timestampSeconds: integer(timestampSeconds),
    currentIndex: integer(currentIndex),
    validIndexes: integers(validIndexes),
  }
}

/** Device lists by canonical user JID. Version 1 had device numbers alone. */
export const DEVICE_LIST: RecordKind<DeviceList> = jsonRecord('device-list', 2, (parsed): DeviceList => ({
  devices:
    parsed.devices === undefined
      ? integers(parsed.deviceIds).map((id) => ({ id }))
      : list(parsed.devices, listedDevice),
  fetchedAtMs: integer(parsed.fetchedAtMs),
  ...(parsed.isStale === true ? { isStale: true } : {}),
  ...optional('signed', parsed.signed, signedIndexes),
  ...optional('unverified', parsed.unverified, (value) => bytes(value)),
}))

/** Identity changes by canonical user JID, until the sessions are refreshed. Sessions are kept: late messages need them. */
export const IDENTITY_CHANGE: RecordKind<IdentityChange> = jsonRecord(
  'identity-change',
  1,
  (parsed): IdentityChange => ({
    atMs: integer(parsed.atMs),
    ...optional('formerKey', parsed.formerKey, (value) => bytes(value, 32)),
  }),
)

/** LID user by phone-number user. */
export const LID_BY_PN: RecordKind<string> = textRecord('lid-by-pn')

/** Phone-number user by LID user. */
export const PN_BY_LID: RecordKind<string> = textRecord('pn-by-lid')

/** The phone-number user under whom a person was known by when their LID was learned, by LID user: see `wasRecorded`. */
export const FORMER_ADDRESS: RecordKind<string> = textRecord('former-address')

/** Signal sessions by address (`user.device`, canonical). */
export const SESSION: RecordKind<SessionRecord> = {
  kind: 'session',
  encode: encodeSessionRecord,
  decode: decodeSessionRecord,
}
