/**
 * The arithmetic of app state as a phone does it: the five keys that come from one, the sealed value of an entry, the MACs
 * over a patch, and the hash that all entries of a collection have together. Written a second time on purpose: the library's
 * own is `protocol/app-state`. Bytes only; what they mean is `app-state-actions.ts`.
 *
 * @source whatsmeow `appstate/keys.go`, `appstate/hash.go`, `appstate/lthash/lthash.go`; Baileys 7.0.0-rc14
 *   `lib/Utils/chat-utils.js`
 */
import { concatBytes, utf8Bytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  constantTimeEqual,
  hkdfSha256,
  hmacSha256,
  hmacSha512,
} from '../../protocol/crypto/index.ts'

/** What is made of the 32 bytes of an app-state key. */
export interface MutationKeys {
  readonly index: Uint8Array
  readonly cipher: Uint8Array
  readonly value: Uint8Array
  readonly snapshot: Uint8Array
  readonly patch: Uint8Array
}

/** Whether an entry is set or taken away. */
export type Operation = 'set' | 'remove'

/** Where a MAC is made: the collection and the version that it is for. */
export interface Place {
  readonly collection: string
  readonly version: number
}

const KEY_BYTES = 32
const IV_BYTES = 16
const MAC_BYTES = 32
const HASH_BYTES = 128
const OPERATION_BYTE: Readonly<Record<Operation, number>> = { set: 1, remove: 2 }

/** The hash of a collection without entries. */
export const EMPTY_HASH: Uint8Array = new Uint8Array(HASH_BYTES)

/** Expands a key. @param keyData - 32 bytes */
export function mutationKeys(keyData: Uint8Array): MutationKeys {
  const all = hkdfSha256(keyData, 5 * KEY_BYTES, { info: 'WhatsApp Mutation Keys' })
  const part = (index: number): Uint8Array => all.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES)
  return { index: part(0), cipher: part(1), value: part(2), snapshot: part(3), patch: part(4) }
}

/** Names an entry to the server. @param index - the JSON text of the index, as bytes */
export function indexMac(keys: MutationKeys, index: Uint8Array): Uint8Array {
  return hmacSha256(keys.index, index)
}

/** Encrypts a value. @returns the IV, the ciphertext and the MAC, in this order */
export function sealValue(
  keys: MutationKeys,
  entry: { readonly operation: Operation; readonly keyId: Uint8Array; readonly plain: Uint8Array },
  random: RandomSource,
): Uint8Array {
  const iv = random.bytes(IV_BYTES)
  const sealed = concatBytes(iv, aesCbcEncrypt(keys.cipher, iv, entry.plain))
  return concatBytes(sealed, valueMac(keys, { ...entry, sealed }))
}

/** Checks and decrypts a value. @throws {CryptoError} `WATON_PHONE_APP_STATE_MAC` */
export function openValue(
  keys: MutationKeys,
  entry: { readonly operation: Operation; readonly keyId: Uint8Array; readonly blob: Uint8Array },
): Uint8Array {
  const sealed = entry.blob.subarray(0, -MAC_BYTES)
  requireMac(macOf(entry.blob), valueMac(keys, { ...entry, sealed }), 'a value')
  return aesCbcDecrypt(keys.cipher, sealed.subarray(0, IV_BYTES), sealed.subarray(IV_BYTES))
}

/** The MAC at the end of a value. */
export function macOf(blob: Uint8Array): Uint8Array {
  return blob.subarray(-MAC_BYTES)
}

/** The MAC over everything that is in a collection. */
export function snapshotMac(keys: MutationKeys, hash: Uint8Array, place: Place): Uint8Array {
  return hmacSha256(keys.snapshot, hash, uint64(place.version), utf8Bytes(place.collection))
}

/** The MAC over one patch. @param valueMacs - in the order of the mutations */
export function patchMac(
  keys: MutationKeys,
  after: Uint8Array,
  valueMacs: readonly Uint8Array[],
  place: Place,
): Uint8Array {
  return hmacSha256(keys.patch, after, ...valueMacs, uint64(place.version), utf8Bytes(place.collection))
}

/**
 * The hash after some entries have gone and others have come, each by its value MAC: 64 numbers of 16 bits, to which
 * those of an entry are added, or from which they are taken. The order does not matter.
 */
export function changeHash(
  hash: Uint8Array,
  change: { readonly gone: readonly Uint8Array[]; readonly come: readonly Uint8Array[] },
): Uint8Array {
  const result = Uint8Array.from(hash)
  const numbers = new DataView(result.buffer)
  const mix = (mac: Uint8Array, sign: 1 | -1): void => {
    const expanded = hkdfSha256(mac, HASH_BYTES, { info: 'WhatsApp Patch Integrity' })
    const others = new DataView(expanded.buffer, expanded.byteOffset, HASH_BYTES)
    for (let at = 0; at < HASH_BYTES; at += 2)
      numbers.setUint16(at, numbers.getUint16(at, true) + sign * others.getUint16(at, true), true)
  }
  for (const mac of change.gone) mix(mac, -1)
  for (const mac of change.come) mix(mac, 1)
  return result
}

/** Compares a MAC with what it should be. @throws {CryptoError} `WATON_PHONE_APP_STATE_MAC` */
export function requireMac(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length === expected.length && constantTimeEqual(actual, expected)) return
  throw new CryptoError(
    'WATON_PHONE_APP_STATE_MAC',
    `the phone does not believe a change of app state: the MAC of ${what} is wrong`,
  )
}

function valueMac(
  keys: MutationKeys,
  entry: { readonly operation: Operation; readonly keyId: Uint8Array; readonly sealed: Uint8Array },
): Uint8Array {
  const described = concatBytes(Uint8Array.of(OPERATION_BYTE[entry.operation]), entry.keyId)
  const mac = hmacSha512(keys.value, described, entry.sealed, uint64(described.length))
  return mac.subarray(0, MAC_BYTES)
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
