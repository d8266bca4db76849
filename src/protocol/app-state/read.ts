/**
 * What the server keeps for the devices of an account, taken apart but not believed: patches, snapshots, lists of
 * mutations that were too long for their patch, and where those and snapshots lie on the media servers. Nothing here is
 * verified or decrypted; see `verify.ts`.
 *
 * @source `SyncdPatch`, `SyncdSnapshot`, `SyncdMutations` and `ExternalBlobReference` of the schema
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import { decodeProto } from '../proto/codec.ts'
import { ExternalBlobReference } from '../proto/app-state.ts'
import { malformed } from './failures.ts'
import { Fields } from './fields.ts'
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
  /** Its path at any of the media servers. */
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
  /** The version that it is of. */
  readonly version: number
  /** How many records it has. */
  readonly recordCount: number
  /** The MAC of the state. */
  readonly mac: Uint8Array
  /** Which key made it. */
  readonly keyId: Uint8Array
  /** All of it: its records are read while it is verified. */
  readonly bytes: Uint8Array
}

/**
 * Takes a patch apart.
 *
 * @param bytes - a `SyncdPatch`; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readPatch(bytes: Uint8Array): AppStatePatch {
  const mutations: SealedMutation[] = []
  const head: PatchHead = {}
  const fields = new Fields(bytes)
  while (fields.next()) {
    if (!fields.isBytes) continue
    if (fields.field === 2) mutations.push(mutationOf(fields, mutations.at(-1)?.keyId))
    else PATCH_FIELDS[fields.field]?.(head, fields)
  }
  const { snapshotMac, patchMac, keyId, version, external } = head
  if (snapshotMac === undefined || patchMac === undefined || keyId === undefined) {
    throw malformed('a patch came without its MACs or without the id of its key')
  }
  return {
    ...(version === undefined ? {} : { version }),
    mutations,
    ...(external === undefined ? {} : { external }),
    snapshotMac,
    patchMac,
    keyId,
    keyIds: distinct([keyId, ...mutations.map((mutation) => mutation.keyId)]),
    indexMacs: distinct(mutations.map((mutation) => mutation.indexMac)),
  }
}

/** What a patch has besides its mutations, as far as it was found. */
interface PatchHead {
  version?: number
  external?: AppStateBlob
  snapshotMac?: Uint8Array
  patchMac?: Uint8Array
  keyId?: Uint8Array | undefined
}

const PATCH_FIELDS: Readonly<Record<number, (head: PatchHead, field: Fields) => void>> = {
  1: (head, field) => (head.version = versionOf(field)),
  3: (head, field) => (head.external = readAppStateBlob(field.view())),
  4: (head, field) => (head.snapshotMac = field.view()),
  5: (head, field) => (head.patchMac = field.view()),
  6: (head, field) => (head.keyId = keyIdOf(field)),
}

/**
 * Takes a snapshot apart, as far as its records: those are read while it is verified.
 *
 * @param bytes - a `SyncdSnapshot`; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readSnapshot(bytes: Uint8Array): AppStateSnapshot {
  let recordCount = 0
  let version: number | undefined
  let mac: Uint8Array | undefined
  let keyId: Uint8Array | undefined
  const fields = new Fields(bytes)
  while (fields.next()) {
    if (!fields.isBytes) continue
    if (fields.field === 1) version = versionOf(fields)
    else if (fields.field === 2) recordCount += 1
    else if (fields.field === 3) mac = fields.view()
    else if (fields.field === 4) keyId = keyIdOf(fields)
  }
  if (version === undefined || mac === undefined || keyId === undefined) {
    throw malformed('a snapshot came without its version, its MAC or the id of its key')
  }
  return { version, recordCount, mac, keyId, bytes }
}

/** The records of a snapshot, one after the other, as the mutations that would put them there. */
export function* recordsOf({ bytes }: AppStateSnapshot): Generator<SealedMutation, void, undefined> {
  let keyId: Uint8Array | undefined
  const fields = new Fields(bytes)
  while (fields.next()) {
    if (fields.field !== 2 || !fields.isBytes) continue
    const record = recordOf(fields, 'set', keyId)
    ;({ keyId } = record)
    yield record
  }
}

/**
 * Takes apart the mutations of a patch that names an external blob.
 *
 * @param bytes - a `SyncdMutations`, the file as decrypted; what is returned are views of it
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED`
 */
export function readExternalMutations(bytes: Uint8Array): readonly SealedMutation[] {
  const mutations: SealedMutation[] = []
  const fields = new Fields(bytes)
  while (fields.next()) {
    if (fields.field === 1 && fields.isBytes) mutations.push(mutationOf(fields, mutations.at(-1)?.keyId))
  }
  return mutations
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

/** A `SyncdMutation`. One that does not say what it does puts its value there, as protobuf's default says. */
function mutationOf(field: Fields, likelyKeyId: Uint8Array | undefined): SealedMutation {
  const fields = field.within()
  let operation = 0
  let sealed: SealedMutation | undefined
  while (fields.next()) {
    if (fields.field === 1 && !fields.isBytes) operation = fields.number
    else if (fields.field === 2 && fields.isBytes) sealed = recordOf(fields, 'set', likelyKeyId)
  }
  if (sealed === undefined) throw malformed('a mutation came without its record')
  if (operation > 1) throw malformed('a mutation does something unknown', { operation })
  return operation === 0 ? sealed : { ...sealed, operation: 'remove' }
}

/** A `SyncdRecord`. Nearly all records of a collection have the key of the one before. */
function recordOf(
  field: Fields,
  operation: AppStateOperation,
  likelyKeyId: Uint8Array | undefined,
): SealedMutation {
  const fields = field.within()
  let indexMac: Uint8Array | undefined
  let blob: Uint8Array | undefined
  let keyId: Uint8Array | undefined
  while (fields.next()) {
    if (!fields.isBytes) continue
    if (fields.field === 1) indexMac = fields.bytesWithin()
    else if (fields.field === 2) blob = fields.bytesWithin()
    else if (fields.field === 3) keyId = keyIdOf(fields)
  }
  if (indexMac?.length !== MAC_BYTES || keyId === undefined) {
    throw malformed('a value came without its index or without the id of its key')
  }
  const isLikely = likelyKeyId !== undefined && equalBytes(keyId, likelyKeyId)
  return { operation, indexMac, ...partsOf(blob), keyId: isLikely ? likelyKeyId : keyId }
}

/** A value and its MAC. */
function partsOf(blob: Uint8Array | undefined): Pick<SealedMutation, 'encrypted' | 'valueMac'> {
  const lengthBytes = blob?.length ?? 0
  const encryptedBytes = lengthBytes - MAC_BYTES
  if (blob === undefined || encryptedBytes < MIN_ENCRYPTED_BYTES) {
    throw malformed('a value is too short', { lengthBytes })
  }
  return { encrypted: blob.subarray(0, encryptedBytes), valueMac: blob.subarray(encryptedBytes) }
}

function versionOf(field: Fields): number {
  const version = field.numberWithin()
  if (!Number.isSafeInteger(version)) throw malformed('a version is out of range')
  return version
}

function keyIdOf(field: Fields): Uint8Array | undefined {
  const keyId = field.bytesWithin()
  return keyId?.length === 0 ? undefined : keyId
}

/** Each of the byte strings once, in the order of their first appearance. */
function distinct(list: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(list.map((bytes) => [toHex(bytes), bytes])).values()]
}
