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
import { type ProtocolError, UsageError } from '../../base/errors.ts'
import { constantTimeEqual, createCbcOpener } from '../crypto/index.ts'
import { gap, malformed, missingKeys, old, wrongHash, wrongPatchMac } from './failures.ts'
import type { AppStateKeys } from './keys.ts'
import { EMPTY_LT_HASH, LtHash } from './lt-hash.ts'
import { type CollectionVersion, patchMacOf, snapshotMacOf } from './macs.ts'
import { type AppStateMutation, type KeyInUse, openMutation } from './mutation.ts'
import { type AppStatePatch, type AppStateSnapshot, type SealedMutation, recordsOf } from './read.ts'

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
  const at = versionOf(input)
  const sealed = mutationsOf(input)
  const ring = new Keyring(collection, keyOf)
  const own = ring.find(patch.keyId)
  for (const { keyId } of sealed) ring.find(keyId)
  if (own === undefined || ring.isIncomplete) throw ring.missing()
  const { keys } = own
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
  const ring = new Keyring(collection, keyOf)
  const own = ring.find(snapshot.keyId)
  const byIndex = new Map<string, AppStateMutation>()
  const hash = new LtHash(EMPTY_LT_HASH)
  const isStepOver = stepper()
  for (const sealed of recordsOf(snapshot)) {
    const key = ring.find(sealed.keyId)
    // once a key is missing, only the ids of the others that are missing are wanted
    if (key !== undefined && !ring.isIncomplete) {
      const mutation = openMutation(sealed, key, at)
      const index = toHex(mutation.indexMac)
      const before = byIndex.get(index)
      if (before !== undefined) hash.subtract(before.valueMac)
      hash.add(mutation.valueMac)
      byIndex.set(index, mutation)
    }
    if (isStepOver(sealed.encrypted.length)) yield
  }
  if (own === undefined || ring.isIncomplete) throw ring.missing()
  const to = { version: at.version, ltHash: hash.bytes() }
  if (!constantTimeEqual(snapshotMacOf(own.keys, to.ltHash, at), snapshot.mac))
    throw wrongHash(collection, at.version)
  return { to, mutations: [...byIndex.values()] }
}

function* openAll(
  sealed: readonly SealedMutation[],
  ring: Keyring,
  at: CollectionVersion,
): Generator<undefined, readonly AppStateMutation[], undefined> {
  const opened: AppStateMutation[] = []
  const isStepOver = stepper()
  for (const mutation of sealed) {
    const key = ring.find(mutation.keyId)
    if (key === undefined) throw ring.missing()
    opened.push(openMutation(mutation, key, at))
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

/** The version that a patch leads to: the next one. */
function versionOf({ collection, from, patch }: PatchVerification): CollectionVersion {
  const { version = from.version + 1 } = patch
  if (version <= from.version) throw old(collection, version, from.version)
  if (version > from.version + 1) throw gap(collection, version, from.version)
  return { collection, version }
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

/** The keys in use, each asked for once. */
class Keyring {
  readonly #collection: string
  readonly #keyOf: AppStateKeyring
  readonly #known = new Map<string, KeyInUse>()
  readonly #missing = new Map<string, Uint8Array>()
  /** Nearly all values have the key of the one before, and share its id. */
  #last: readonly [keyId: Uint8Array, key: KeyInUse] | undefined

  constructor(collection: string, keyOf: AppStateKeyring) {
    this.#collection = collection
    this.#keyOf = keyOf
  }

  /** Whether a key was looked for in vain. */
  get isIncomplete(): boolean {
    return this.#missing.size > 0
  }

  /** The keys of one id, when they are there. */
  find(keyId: Uint8Array): KeyInUse | undefined {
    if (this.#last?.[0] === keyId) return this.#last[1]
    const name = toHex(keyId)
    const key = this.#known.get(name) ?? this.#ask(keyId)
    if (key === undefined) {
      this.#missing.set(name, keyId)
      return undefined
    }
    this.#known.set(name, key)
    this.#last = [keyId, key]
    return key
  }

  /** Says which keys were looked for in vain. */
  missing(): ProtocolError {
    return missingKeys(this.#collection, [...this.#missing.values()])
  }

  #ask(keyId: Uint8Array): KeyInUse | undefined {
    const keys = this.#keyOf(keyId)
    return keys === undefined ? undefined : { keys, cipher: createCbcOpener(keys.valueEncryption) }
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
