/** What is kept of app state, the settings that all devices of the account share: see `records.ts` for all kinds. */
import { concatBytes, toHex } from '../../base/bytes.ts'
import { bytes, integer, list, optional, text } from './record-fields.ts'
import { jsonRecord, recordBody, unreadableRecord, withVersion } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** How far a collection is. Without a record it was never fetched. */
export interface AppStateCollection {
  /** The version that the entries below it add up to. */
  readonly version: number
  /** 128 bytes over all of its entries. */
  readonly ltHash: Uint8Array
  /** What is here cannot be built upon: the whole collection is fetched, and told as its difference to the entries. */
  readonly needsSnapshot?: true
  /** Ids of keys, in hexadecimal, without which it cannot go on. */
  readonly missingKeys?: readonly string[]
  /** Why the last attempts came to nothing; absent once one has succeeded. */
  readonly fault?: CollectionFault
}

/** What was wrong with what the server has, as far as it was not cured yet. */
export interface CollectionFault {
  /** A stable code, e.g. `WATON_APP_STATE_HASH`. */
  readonly code: string
  /** Attempts in a row that failed. */
  readonly attempts: number
  /** It is not tried again before. */
  readonly retryAtMs: number
}

/** One entry of a collection, as it was verified. */
export interface AppStateEntry {
  /** 32 bytes: its part in the hash of the collection. */
  readonly valueMac: Uint8Array
  /** Serialised `SyncActionData`: what it is about, and what is said. */
  readonly data: Uint8Array
}

/** A key that the phone was asked for. */
export interface AppStateKeyRequest {
  readonly askedAtMs: number
}

const HASH_BYTES = 128
const MAC_BYTES = 32

/** Collections by name. */
export const APP_STATE_COLLECTION: RecordKind<AppStateCollection> = jsonRecord(
  'app-state-collection',
  1,
  (parsed): AppStateCollection => ({
    version: integer(parsed.version),
    ltHash: bytes(parsed.ltHash, HASH_BYTES),
    ...(parsed.needsSnapshot === true ? { needsSnapshot: true } : {}),
    ...optional('missingKeys', parsed.missingKeys, (value) => list(value, text)),
    ...optional('fault', parsed.fault, (value) => {
      const { code, attempts, retryAtMs } = value as Record<string, unknown>
      return { code: text(code), attempts: integer(attempts), retryAtMs: integer(retryAtMs) }
    }),
  }),
)

/** Entries of collections: see {@link entryKey}. Read when something replaces them, which is seldom. */
export const APP_STATE_ENTRY: RecordKind<AppStateEntry> = {
  kind: 'app-state-entry',
  isRarelyRead: true,
  encode: ({ valueMac, data }) => withVersion(1, concatBytes(valueMac, data)),
  decode(stored) {
    const body = recordBody('app-state-entry', 1, stored)
    if (body.length < MAC_BYTES) throw unreadableRecord('app-state-entry')
    return { valueMac: body.subarray(0, MAC_BYTES), data: body.subarray(MAC_BYTES) }
  },
}

/** Keys that were asked for, by key id in hexadecimal, so that the phone is not asked every time. */
export const APP_STATE_KEY_REQUEST: RecordKind<AppStateKeyRequest> = jsonRecord(
  'app-state-key-request',
  1,
  (parsed) => ({ askedAtMs: integer(parsed.askedAtMs) }),
)

/** What the keys of a collection's entries begin with. */
export function entryPrefix(collection: string): string {
  return `${collection}\u0000`
}

/** The key of an entry: its collection, and the MAC of what it is about in hexadecimal. */
export function entryKey(collection: string, indexMac: Uint8Array): string {
  return `${entryPrefix(collection)}${toHex(indexMac)}`
}
