/**
 * Verifying a patch or a snapshot: all MACs of all values, of the patch, and of the state that results. It runs in
 * steps, because a snapshot of thousands of values takes longer than an event loop may be held; what it returns is
 * whole, and before it returns nothing has left it.
 *
 * Three rules of WhatsApp Web that other clients do not all follow:
 * - within one patch an index occurs at most once for each operation, or the patch is refused;
 * - when a patch both sets and removes an index, the value set stays, and the removal takes the value from before;
 * - in a snapshot the last of two records with one index counts.
 *
 * A removal of what was never there takes nothing from the hash. It is no fault by itself: whether the sender's state
 * was the same is what the MAC of the resulting state tells.
 *
 * @source whatsapp-rust pull requests 374, 752, 829, 1158 and 1365 (which quote `WAWebSyncdAntiTampering` and
 * `WAWebSyncdValidateMutations`); whatsmeow `appstate/decode.go` and `appstate/hash.go`
 */
import { toHex } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { constantTimeEqual, createCbcOpener } from '../crypto/index.ts'
import { gap, malformed, missingKeys, old, wrongHash, wrongPatchMac } from './failures.ts'
import type { AppStateKeys } from './keys.ts'
import { EMPTY_LT_HASH, LtHash } from './lt-hash.ts'
import { type CollectionVersion, patchMacOf, snapshotMacOf } from './macs.ts'
import { type AppStateMutation, type KeyInUse, openMutation } from './mutation.ts'
import {
  type AppStatePatch,
  type AppStateSnapshot,
  type SealedMutation,
  distinct,
  recordsOf,
} from './read.ts'

/** A collection as it is known at one version. */
export interface AppStateVersion {
  /** Counts patches; 0 when nothing is known. */
  readonly version: number
  /** The hash of all its values, 128 bytes. */
  readonly ltHash: Uint8Array
}

/** A collection of which nothing is known. */
export const EMPTY_APP_STATE: AppStateVersion = { version: 0, ltHash: EMPTY_LT_HASH }

/** What was verified. */
export interface VerifiedAppState {
  /** The collection after it. */
  readonly to: AppStateVersion
  /** What it changes, at most one for each index. */
  readonly mutations: readonly AppStateMutation[]
}

/** Gives control back every few hundred microseconds; the caller decides how many steps it makes before others run. */
export type AppStateSteps = Generator<undefined, VerifiedAppState, undefined>

/** Gives the keys with an id, when they are there. */
export type AppStateKeyring = (keyId: Uint8Array) => AppStateKeys | undefined

/** See {@link verifyPatch}. */
export interface PatchVerification {
  /** The collection that it belongs to, e.g. `regular_high`. */
  readonly collection: string
  /** The collection as it is known. */
  readonly from: AppStateVersion
  /** The patch as it was read. */
  readonly patch: AppStatePatch
  /** Those of the external blob, when the patch has one. @default those in the patch */
  readonly mutations?: readonly SealedMutation[]
  /** Gives the keys that are known. */
  readonly keyOf: AppStateKeyring
  /** The value MAC that is known for an index, by its MAC. */
  readonly previousValueMac: (indexMac: Uint8Array) => Uint8Array | undefined
}

/** See {@link verifySnapshot}. */
export interface SnapshotVerification {
  /** The collection that it is of, e.g. `regular_high`. */
  readonly collection: string
  /** The snapshot as it was read. */
  readonly snapshot: AppStateSnapshot
  /** Gives the keys that are known. */
  readonly keyOf: AppStateKeyring
  /** The version that is known: an older snapshot is refused. @default 0 */
  readonly knownVersion?: number
}

/** What a step may take before it ends: about half a millisecond. */
const STEP_MUTATIONS = 32
const STEP_BYTES = 64 * 1024

/**
 * Verifies a patch, in steps.
 *
 * @returns the new version, and what changed; a removal of an index that the same patch sets is left out
 * @throws {ProtocolError} `WATON_APP_STATE_OLD` when the version is known already, `WATON_APP_STATE_GAP` when one is
 *   missing before it, `WATON_APP_STATE_KEY_MISSING` (see `missingKeyIds`), `WATON_APP_STATE_MALFORMED`
 * @throws {CryptoError} `WATON_APP_STATE_PATCH_MAC`, `WATON_APP_STATE_VALUE_MAC`, `WATON_APP_STATE_INDEX_MAC`,
 *   `WATON_APP_STATE_HASH`
 * @throws {UsageError} `WATON_APP_STATE_EXTERNAL` when the patch's mutations are elsewhere and were not given
 */
export function* verifyPatch(input: PatchVerification): AppStateSteps {
  const { collection, from, patch, keyOf } = input
  const at = { collection, version: patch.version ?? from.version + 1 }
  if (at.version <= from.version) throw old(collection, at.version, from.version)
  if (at.version > from.version + 1) throw gap(collection, at.version, from.version)
  const sealed = mutationsOf(input)
  const ring = keyringOf(collection, [patch.keyId, ...sealed.map(({ keyId }) => keyId)], keyOf)
  const { keys } = ring(patch.keyId)
  const valueMacs = sealed.map(({ valueMac }) => valueMac)
  if (!constantTimeEqual(patchMacOf(keys, patch.snapshotMac, valueMacs, at), patch.patchMac))
    throw wrongPatchMac(collection, at.version)
  const opened = yield* openAll(sealed, ring, at)
  const { set, removed } = indexesOf(opened)
  const hash = new LtHash(from.ltHash)
  const isStepOver = stepper()
  for (const { operation, indexMac, valueMac } of opened) {
    if (operation === 'set') hash.add(valueMac)
    // the removal takes the value from before, once
    const isLeftToRemoval = operation === 'set' && removed.has(toHex(indexMac))
    const before = isLeftToRemoval ? undefined : input.previousValueMac(indexMac)
    if (before !== undefined) hash.subtract(before)
    if (isStepOver()) yield
  }
  const to = { version: at.version, ltHash: hash.bytes() }
  if (!constantTimeEqual(snapshotMacOf(keys, to.ltHash, at), patch.snapshotMac))
    throw wrongHash(collection, at.version)
  const isLasting = (mutation: AppStateMutation): boolean =>
    mutation.operation === 'set' || !set.has(toHex(mutation.indexMac))
  return { to, mutations: opened.filter(isLasting) }
}

/**
 * Verifies a snapshot, in steps.
 *
 * @returns its version, and all it has as mutations that set
 * @throws {ProtocolError} `WATON_APP_STATE_OLD` when a newer version is known, `WATON_APP_STATE_KEY_MISSING` (see
 *   `missingKeyIds`), `WATON_APP_STATE_MALFORMED`
 * @throws {CryptoError} `WATON_APP_STATE_VALUE_MAC`, `WATON_APP_STATE_INDEX_MAC`, `WATON_APP_STATE_HASH`
 */
export function* verifySnapshot(input: SnapshotVerification): AppStateSteps {
  const { collection, snapshot, keyOf, knownVersion = 0 } = input
  const at = { collection, version: snapshot.version }
  if (at.version < knownVersion) throw old(collection, at.version, knownVersion)
  const sealed = yield* readAll(snapshot)
  const ring = keyringOf(collection, [snapshot.keyId, ...sealed.map(({ keyId }) => keyId)], keyOf)
  const { keys } = ring(snapshot.keyId)
  const opened = yield* openAll(sealed, ring, at)
  const hash = new LtHash(EMPTY_LT_HASH)
  const isStepOver = stepper()
  for (const { valueMac } of opened) {
    hash.add(valueMac)
    if (isStepOver()) yield
  }
  const to = { version: at.version, ltHash: hash.bytes() }
  if (!constantTimeEqual(snapshotMacOf(keys, to.ltHash, at), snapshot.mac))
    throw wrongHash(collection, at.version)
  return { to, mutations: opened }
}

/** The records of a snapshot; of two with one index the last. */
function* readAll(snapshot: AppStateSnapshot): Generator<undefined, readonly SealedMutation[], undefined> {
  const byIndex = new Map<string, SealedMutation>()
  const isStepOver = stepper()
  for (const sealed of recordsOf(snapshot)) {
    byIndex.set(toHex(sealed.indexMac), sealed)
    if (isStepOver()) yield
  }
  return [...byIndex.values()]
}

function* openAll(
  sealed: readonly SealedMutation[],
  ring: (keyId: Uint8Array) => KeyInUse,
  at: CollectionVersion,
): Generator<undefined, readonly AppStateMutation[], undefined> {
  const opened: AppStateMutation[] = []
  const isStepOver = stepper()
  let keyId: Uint8Array | undefined
  let inUse: KeyInUse | undefined
  for (const mutation of sealed) {
    if (inUse === undefined || mutation.keyId !== keyId) inUse = ring(mutation.keyId)
    ;({ keyId } = mutation)
    opened.push(openMutation(mutation, inUse, at))
    if (isStepOver(mutation.encrypted.length)) yield
  }
  return opened
}

/** Says when a step has taken enough. */
function stepper(): (bytes?: number) => boolean {
  let count = 0
  let taken = 0
  return (bytes = 0) => {
    count += 1
    taken += bytes
    if (count < STEP_MUTATIONS && taken < STEP_BYTES) return false
    count = 0
    taken = 0
    return true
  }
}

function mutationsOf({ collection, patch, mutations }: PatchVerification): readonly SealedMutation[] {
  if (mutations !== undefined) return mutations
  if (patch.external === undefined) return patch.mutations
  throw new UsageError(
    'WATON_APP_STATE_EXTERNAL',
    'the mutations of this patch are in a file: fetch it, read it with readExternalMutations, and give them along',
    { details: { collection } },
  )
}

/** All keys that are needed, each asked for once. */
function keyringOf(
  collection: string,
  keyIds: readonly Uint8Array[],
  keyOf: AppStateKeyring,
): (keyId: Uint8Array) => KeyInUse {
  const ring = new Map<string, KeyInUse>()
  const missing: Uint8Array[] = []
  // values share the view of their key's id where they can
  for (const keyId of distinct([...new Set(keyIds)])) {
    const keys = keyOf(keyId)
    if (keys === undefined) missing.push(keyId)
    else ring.set(toHex(keyId), { keys, cipher: createCbcOpener(keys.valueEncryption) })
  }
  if (missing.length > 0) throw missingKeys(collection, missing)
  return (keyId) => {
    const inUse = ring.get(toHex(keyId))
    if (inUse === undefined) throw missingKeys(collection, [keyId])
    return inUse
  }
}

/** The indexes that a patch sets and removes. @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when one is repeated */
function indexesOf(mutations: readonly AppStateMutation[]): Readonly<Record<'set' | 'removed', Set<string>>> {
  const set = new Set<string>()
  const removed = new Set<string>()
  for (const { operation, indexMac } of mutations) {
    const seen = operation === 'set' ? set : removed
    const index = toHex(indexMac)
    if (seen.has(index)) throw malformed('a patch does the same twice to one value', { operation })
    seen.add(index)
  }
  return { set, removed }
}
