/**
 * What the server keeps for the devices of an account, taken apart but not believed: patches, snapshots, lists of
 * mutations that were too long for their patch, and where those and snapshots lie on the media servers. Nothing here is
 * verified or decrypted; see `patch.ts` and `snapshot.ts`.
 *
 * @source `SyncdPatch`, `SyncdSnapshot`, `SyncdMutations` and `ExternalBlobReference` of the schema
 */
import { EMPTY_BYTES, toHex } from '../../base/bytes.ts'
import { decodeProto } from '../proto/codec.ts'
import { ExternalBlobReference } from '../proto/app-state.ts'
import { malformed } from './failures.ts'
import { byteFields, bytesWithin, numberWithin } from './fields.ts'
import { MAC_BYTES, type AppStateOperation } from './macs.ts'

const MEDIA_KEY_BYTES = 32
const SHA256_BYTES = 32
/** An iv and at least one block. */
const MIN_ENCRYPTED_BYTES = 32

/** One change as it travels: what it is about is encrypted. */
export interface SealedMutation {
  /** Whether the value is put under its index or taken away. */
  readonly operation: AppStateOperation
  /** 32 bytes that stand for the index: the same index and key, the same bytes. */
  readonly indexMac: Uint8Array
  /** The iv and the ciphertext. */
  readonly encrypted: Uint8Array
  /** 32 bytes, the MAC of the value: what the hash of a collection is made of. */
  readonly valueMac: Uint8Array
  /** Which key it is encrypted with. */
  readonly keyId: Uint8Array
}

/** Where a snapshot, or the mutations of a patch, lie on the media servers: a file of kind `appState`. */
export interface AppStateBlob {
  /** 32 bytes. */
  readonly mediaKey: Uint8Array
  readonly directPath: string
  /** Bytes of the file. */
  readonly sizeBytes?: number
  /** SHA-256 of the file. */
  readonly sha256?: Uint8Array
  /** SHA-256 of what is fetched. */
  readonly encSha256?: Uint8Array
}

/** A patch that was read and not verified. */
export interface AppStatePatch {
  /** Absent in a patch as its author sent it: then it is the one after the version that is known. */
  readonly version?: number
  /** Its mutations, unless they are elsewhere. */
  readonly mutations: readonly SealedMutation[]
  /** Where its mutations are; read the file with {@link readExternalMutations}. */
  readonly external?: AppStateBlob
  /** The MAC of the state that the patch leads to. */
  readonly snapshotMac: Uint8Array
  /** The MAC of the patch. */
  readonly patchMac: Uint8Array
  /** Which key made those two. */
  readonly keyId: Uint8Array
  /** All keys that it needs, without those of external mutations. */
  readonly keyIds: readonly Uint8Array[]
  /** The indexes that it changes: their present value MACs are needed to verify it. */
  readonly indexMacs: readonly Uint8Array[]
}

/** A snapshot that was read and not verified. */
export interface AppStateSnapshot {
  readonly version: number
  /** Its records, each still to be read. */
  readonly records: readonly Uint8Array[]
  /** The MAC of the state. */
  readonly mac: Uint8Array
  /** Which key made it. */
  readonly keyId: Uint8Array
}

/**
 * Takes a patch apart.
 *
 * @param bytes - a `SyncdPatch`; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readPatch(bytes: Uint8Array): AppStatePatch {
  const { last, list } = byteFields(bytes, 6, 2)
  const [, version, , external, snapshotMac, patchMac, key] = last
  const keyId = bytesWithin(key)
  if (snapshotMac === undefined || patchMac === undefined || keyId === undefined) {
    throw malformed('a patch came without its MACs or without the id of its key')
  }
  const mutations = list.map(mutationOf)
  return {
    ...(version === undefined ? {} : { version: versionOf(version) }),
    mutations,
    ...(external === undefined ? {} : { external: readAppStateBlob(external) }),
    snapshotMac,
    patchMac,
    keyId,
    keyIds: distinct([keyId, ...mutations.map((mutation) => mutation.keyId)]),
    indexMacs: distinct(mutations.map((mutation) => mutation.indexMac)),
  }
}

/**
 * Takes a snapshot apart, as far as its records: those are read while it is verified.
 *
 * @param bytes - a `SyncdSnapshot`; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readSnapshot(bytes: Uint8Array): AppStateSnapshot {
  const { last, list: records } = byteFields(bytes, 4, 2)
  const [, version, , mac, key] = last
  const keyId = bytesWithin(key)
  if (version === undefined || mac === undefined || keyId === undefined) {
    throw malformed('a snapshot came without its version, its MAC or the id of its key')
  }
  return { version: versionOf(version), records, mac, keyId }
}

/**
 * Takes apart the mutations of a patch that names an external blob.
 *
 * @param bytes - a `SyncdMutations`, the file as decrypted; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readExternalMutations(bytes: Uint8Array): readonly SealedMutation[] {
  return byteFields(bytes, 1, 1).list.map(mutationOf)
}

/**
 * Reads where a snapshot or the mutations of a patch lie.
 *
 * @param bytes - an `ExternalBlobReference`
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when it names no place or no key
 */
export function readAppStateBlob(bytes: Uint8Array): AppStateBlob {
  let reference: ExternalBlobReference
  try {
    reference = decodeProto(ExternalBlobReference, bytes, 'ExternalBlobReference')
  } catch (cause) {
    throw malformed('the reference to a file is damaged', {}, cause)
  }
  const { mediaKey, directPath, fileSizeBytes, fileSha256, fileEncSha256 } = reference
  if (mediaKey?.length !== MEDIA_KEY_BYTES || (directPath ?? '') === '') {
    throw malformed('the reference to a file has no place or no key')
  }
  return {
    mediaKey,
    directPath: directPath ?? '',
    ...(typeof fileSizeBytes === 'number' ? { sizeBytes: fileSizeBytes } : {}),
    ...(fileSha256?.length === SHA256_BYTES ? { sha256: fileSha256 } : {}),
    ...(fileEncSha256?.length === SHA256_BYTES ? { encSha256: fileEncSha256 } : {}),
  }
}

/** One record of a snapshot, as the mutation that would put it there; or the record of a mutation. */
export function mutationOfRecord(record: Uint8Array, operation: AppStateOperation = 'set'): SealedMutation {
  const [, index, value, key] = byteFields(record, 3).last
  const indexMac = bytesWithin(index)
  const keyId = bytesWithin(key)
  if (indexMac?.length !== MAC_BYTES || keyId === undefined) {
    throw malformed('a value came without its index or without the id of its key')
  }
  const blob = bytesWithin(value) ?? EMPTY_BYTES
  const encryptedBytes = blob.length - MAC_BYTES
  if (encryptedBytes < MIN_ENCRYPTED_BYTES) {
    throw malformed('a value is too short', { lengthBytes: blob.length })
  }
  const encrypted = blob.subarray(0, encryptedBytes)
  return { operation, indexMac, encrypted, valueMac: blob.subarray(encryptedBytes), keyId }
}

/** A `SyncdMutation`. One that does not say what it does puts its value there, as protobuf's default says. */
function mutationOf(bytes: Uint8Array): SealedMutation {
  const [, , record] = byteFields(bytes, 2).last
  if (record === undefined) throw malformed('a mutation came without its record')
  const operation = numberWithin(bytes)
  if (operation > 1) throw malformed('a mutation does something unknown', { operation })
  return mutationOfRecord(record, operation === 0 ? 'set' : 'remove')
}

function versionOf(message: Uint8Array): number {
  const version = numberWithin(message)
  if (!Number.isSafeInteger(version)) throw malformed('a version is out of range')
  return version
}

/** Each of the byte strings once, in the order of their first appearance. */
export function distinct(list: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(list.map((bytes) => [toHex(bytes), bytes])).values()]
}
