/**
 * The app state of one account as the server keeps it: for each collection the patches of the last time, and the records
 * that all patches together leave. It has no keys: to it an entry is an index MAC and an encrypted value, and the hashes
 * are bytes that the writer of a patch claims. What is asked and answered is `handlers/app-state.ts`.
 *
 * @source whatsmeow `appstate/decode.go`, `appstate/encode.go`; Baileys 7.0.0-rc14 `lib/Utils/chat-utils.js`
 */
import { concatBytes, toHex } from '../../base/bytes.ts'
import { SyncdMutation, SyncdPatch, SyncdSnapshot, type SyncdRecord } from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'

/** The names that a collection can have. */
export const COLLECTION_NAMES: readonly string[] = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
]

/** A patch that was taken, with the version that the server gave it inside. */
export interface LoggedPatch {
  readonly version: number
  /** Serialised `SyncdPatch`. */
  readonly bytes: Uint8Array
}

/** What became of a patch: taken; another was faster; or it is not one, and why. */
export type PatchOutcome = 'accepted' | 'conflict' | { readonly malformed: string }

/** Patches that a collection keeps; a device that is further behind gets a snapshot. */
export const MAX_PATCHES = 1_000
const MAX_RECORDS = 50_000
const MAX_MUTATIONS = 10_000
const MAC_BYTES = 32
/** An IV, one block, and the MAC behind it. */
const LEAST_VALUE_BYTES = 16 + 16 + MAC_BYTES
const { REMOVE } = SyncdMutation.SyncdOperation

type RecordFields = SyncdRecord.$Properties

/** What a snapshot is made of. */
interface Folded {
  version: number
  readonly records: Map<string, RecordFields>
  mac: Uint8Array
  keyId: Uint8Array
}

/** The log of one collection. */
export class CollectionLog {
  readonly #patches: LoggedPatch[] = []
  readonly #folded: Folded = {
    version: 0,
    records: new Map(),
    mac: new Uint8Array(0),
    keyId: new Uint8Array(0),
  }
  #version = 0

  /** Of the newest patch; 0 when there never was one. */
  get version(): number {
    return this.#version
  }

  /** Takes a patch that follows the version that its writer names. */
  accept(baseVersion: number, bytes: Uint8Array): PatchOutcome {
    const patch = decodeProto(SyncdPatch, bytes, 'SyncdPatch')
    const malformed = findFlaw(patch)
    if (malformed !== undefined) return { malformed }
    if (baseVersion !== this.#version) return 'conflict'
    if (this.#folded.records.size >= MAX_RECORDS) return { malformed: 'the collection is full' }
    this.#version += 1
    const version = encodeProto(SyncdPatch, { version: { version: this.#version } }, 'SyncdPatch')
    // fields may come in any order: what the writer serialised stays as it is
    this.#patches.push({ version: this.#version, bytes: concatBytes(version, bytes) })
    if (this.#patches.length > MAX_PATCHES) {
      this.#foldTo(this.#version - MAX_PATCHES)
      this.#patches.shift()
    }
    return 'accepted'
  }

  /** The patches after a version, in order; `undefined` when some of them are forgotten. */
  patchesAfter(version: number): readonly LoggedPatch[] | undefined {
    const oldest = this.#patches[0]?.version ?? 1
    if (version + 1 < oldest) return undefined
    return this.#patches.filter((patch) => patch.version > version)
  }

  /**
   * All records as they are, `undefined` while there is no patch.
   *
   * @param behind - how many patches the snapshot may lack; a later one can have been made before
   */
  snapshot(behind: number): { readonly version: number; readonly bytes: Uint8Array } | undefined {
    this.#foldTo(Math.max(1, this.#version - behind))
    const { version, records, mac, keyId } = this.#folded
    if (version === 0) return undefined
    const fields = { version: { version }, records: [...records.values()], mac, keyId: { id: keyId } }
    return { version, bytes: encodeProto(SyncdSnapshot, fields, 'SyncdSnapshot') }
  }

  /** Adds patches to what snapshots are made of. */
  #foldTo(version: number): void {
    for (const patch of this.#patches) {
      if (patch.version <= this.#folded.version) continue
      if (patch.version > version) return
      this.#fold(patch)
    }
  }

  #fold({ version, bytes }: LoggedPatch): void {
    const { mutations, snapshotMac, keyId } = decodeProto(SyncdPatch, bytes, 'SyncdPatch')
    const folded = this.#folded
    for (const { operation, record } of mutations) {
      const key = toHex(record?.index?.blob ?? new Uint8Array(0))
      // what was there goes first, so that records stand in the order in which they were written
      folded.records.delete(key)
      if (operation !== REMOVE && record) folded.records.set(key, record)
    }
    folded.version = version
    folded.mac = snapshotMac ?? folded.mac
    folded.keyId = keyId?.id ?? folded.keyId
  }
}

/** See the file comment. */
export class AppStateLog {
  readonly #collections: ReadonlyMap<string, CollectionLog> = new Map(
    COLLECTION_NAMES.map((name) => [name, new CollectionLog()]),
  )

  /** The log of a collection; `undefined` when there is none of this name. */
  collection(name: string): CollectionLog | undefined {
    return this.#collections.get(name)
  }
}

function findFlaw(patch: SyncdPatch): string | undefined {
  const { version, mutations, snapshotMac, patchMac, keyId, externalMutations } = patch
  const macs = [snapshotMac, patchMac]
  const flaws: readonly (readonly [isThere: boolean, flaw: string])[] = [
    [version != null, 'it has a version, which the server gives'],
    [externalMutations != null, 'its mutations are in a file'],
    [macs.some((mac) => mac?.length !== MAC_BYTES), 'a MAC of it is missing'],
    [!keyId?.id?.length, 'it does not name its key'],
    [mutations.length === 0 || mutations.length > MAX_MUTATIONS, 'it has no mutations, or too many'],
    [!mutations.every(({ record }) => isRecord(record)), 'a record of it is not complete'],
  ]
  return flaws.find(([isThere]) => isThere)?.[1]
}

function isRecord(record: RecordFields | null | undefined): boolean {
  const { index, value, keyId } = record ?? {}
  return (
    index?.blob?.length === MAC_BYTES &&
    (value?.blob?.length ?? 0) >= LEAST_VALUE_BYTES &&
    (keyId?.id?.length ?? 0) > 0
  )
}
