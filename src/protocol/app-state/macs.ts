/**
 * The four MACs of app state: of an index, of an encrypted value, of the state of a whole collection, and of a patch.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` generateMac, generateSnapshotMac, generatePatchMac; whatsmeow
 * `appstate/hash.go`
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { hmacSha256, hmacSha512 } from '../crypto/index.ts'
import type { AppStateKeys } from './keys.ts'

/** Bytes of every MAC. */
export const MAC_BYTES = 32

/** Whether a value is put under its index or taken away. */
export type AppStateOperation = 'set' | 'remove'

const OPERATION_BYTE: Readonly<Record<AppStateOperation, number>> = { set: 1, remove: 2 }
const LENGTH_BYTES = 8

/** What stands in front of the encrypted value. */
export interface ValueMacInput {
  readonly operation: AppStateOperation
  readonly keyId: Uint8Array
  /** The iv and the ciphertext. */
  readonly encrypted: Uint8Array
}

/** The MAC of an index, as the bytes of its JSON text: what a value is found by without telling what it is about. */
export function indexMacOf(keys: AppStateKeys, indexJson: Uint8Array): Uint8Array {
  return hmacSha256(keys.index, indexJson)
}

/** The MAC of an encrypted value: the first half of an HMAC-SHA-512. */
export function valueMacOf(keys: AppStateKeys, { operation, keyId, encrypted }: ValueMacInput): Uint8Array {
  const head = new Uint8Array(1 + keyId.length)
  head[0] = OPERATION_BYTE[operation]
  head.set(keyId, 1)
  const headLength = new Uint8Array(LENGTH_BYTES)
  headLength[LENGTH_BYTES - 1] = head.length
  return hmacSha512(keys.valueMac, head, encrypted, headLength).subarray(0, MAC_BYTES)
}

/** A collection at a version. */
export interface CollectionVersion {
  readonly collection: string
  readonly version: number
}

/** The MAC of the state of a whole collection, by its hash. */
export function snapshotMacOf(keys: AppStateKeys, ltHash: Uint8Array, at: CollectionVersion): Uint8Array {
  return hmacSha256(keys.snapshotMac, ltHash, uint64Bytes(at.version), utf8Bytes(at.collection))
}

/** The MAC of a patch: of the state it leads to and the MACs of all its values, in their order. */
export function patchMacOf(
  keys: AppStateKeys,
  snapshotMac: Uint8Array,
  valueMacs: readonly Uint8Array[],
  at: CollectionVersion,
): Uint8Array {
  const joined = new Uint8Array(valueMacs.length * MAC_BYTES)
  valueMacs.forEach((valueMac, place) => {
    joined.set(valueMac, place * MAC_BYTES)
  })
  return hmacSha256(keys.patchMac, snapshotMac, joined, uint64Bytes(at.version), utf8Bytes(at.collection))
}

/** A version, which is exact up to 2^53, as 8 bytes, big endian. */
function uint64Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, Math.floor(value / 2 ** 32))
  view.setUint32(4, value % 2 ** 32)
  return bytes
}
