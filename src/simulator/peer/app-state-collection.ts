/**
 * One collection of app state as the phone has it: its version, its hash, and every entry that is in it. It makes the
 * phone's own patches and takes those of others, once every MAC is right; what does not fit changes nothing.
 *
 * @source whatsmeow `appstate/encode.go`, `appstate/decode.go`; Baileys 7.0.0-rc14 `lib/Utils/chat-utils.js`
 */
import { equalBytes, toHex, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  SyncActionData,
  SyncdMutation,
  SyncdMutations,
  SyncdPatch,
  SyncdSnapshot,
  type ExternalBlobReference,
  type SyncActionValue,
  type SyncdRecord,
} from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import {
  changeHash,
  EMPTY_HASH,
  indexMac,
  macOf,
  mutationKeys,
  openValue,
  patchMac,
  requireMac,
  sealValue,
  snapshotMac,
} from './app-state-crypto.ts'
import type { MutationKeys, Operation } from './app-state-crypto.ts'
import type { AppStateKey } from './first-login.ts'

/** A change of one entry, as it is meant. */
export interface Change {
  readonly operation: Operation
  /** What is changed, e.g. `['mute', chat]`. */
  readonly index: readonly string[]
  readonly value: SyncActionValue.$Properties
  /** Of the kind of change, as its newest writers have it. */
  readonly actionVersion: number
}

/** What a collection needs of the phone. */
export interface CollectionTools {
  readonly random: RandomSource
  /** The account's keys, oldest first. */
  readonly keys: () => readonly AppStateKey[]
  /** Fetches and opens a file. */
  readonly fetch: (reference: ExternalBlobReference.$Properties) => Uint8Array
}

/** A patch of the phone that is not sent yet, and what is done once the server has it. */
export interface OwnPatch {
  readonly bytes: Uint8Array
  readonly commit: () => void
}

interface Entry {
  readonly valueMac: Uint8Array
  readonly keyId: Uint8Array
  /** The JSON text of the index. */
  readonly index: string
}

interface Mutation {
  readonly change: Change
  readonly record: SyncdRecord.$Properties
}

interface State {
  readonly version: number
  readonly hash: Uint8Array
  /** By index MAC, in hex. */
  readonly entries: ReadonlyMap<string, Entry>
}

const { SET, REMOVE } = SyncdMutation.SyncdOperation
const EMPTY: State = { version: 0, hash: EMPTY_HASH, entries: new Map() }
const NO_BYTES = new Uint8Array(0)

/** See the file comment. */
export class PhoneCollection {
  readonly name: string
  readonly #tools: CollectionTools
  #state: State = EMPTY

  constructor(name: string, tools: CollectionTools) {
    this.name = name
    this.#tools = tools
  }

  get version(): number {
    return this.#state.version
  }

  /** Writes changes as the patch after what the phone has, with its newest key. */
  write(changes: readonly Change[]): OwnPatch {
    const key = this.#tools.keys().at(-1)
    if (key === undefined) throw keyMissing(NO_BYTES)
    const mutations = changes.flatMap((change) => this.#mutationsFor(change, key))
    const next = this.#after(this.#state, mutations, this.version + 1)
    const keys = mutationKeys(key.data)
    const place = { collection: this.name, version: next.version }
    const mac = snapshotMac(keys, next.hash, place)
    const fields = {
      mutations: mutations.map(({ change, record }) => ({
        operation: change.operation === 'set' ? SET : REMOVE,
        record,
      })),
      snapshotMac: mac,
      patchMac: patchMac(keys, mac, mutations.map(valueMacOf), place),
      keyId: { id: key.id },
      deviceIndex: 0,
    }
    return {
      bytes: encodeProto(SyncdPatch, fields, 'SyncdPatch'),
      commit: () => {
        this.#state = next
      },
    }
  }

  /** Takes a patch that the server hands out. @returns what it changes; nothing when the phone has it already */
  read(bytes: Uint8Array): readonly Change[] {
    const patch = decodeProto(SyncdPatch, bytes, 'SyncdPatch')
    const version = patch.version?.version ?? 0
    if (version <= this.version) return []
    if (version > this.version + 1) {
      const text = `a patch of ${this.name} has version ${String(version)} after ${String(this.version)}`
      throw new ProtocolError('WATON_PHONE_APP_STATE_GAP', `the phone lacks changes of app state: ${text}`)
    }
    const external = patch.externalMutations
    const listed = external
      ? decodeProto(SyncdMutations, this.#tools.fetch(external), 'SyncdMutations').mutations
      : patch.mutations
    const mutations = listed.map(({ operation, record }) =>
      this.#open(operation === REMOVE ? 'remove' : 'set', record ?? {}),
    )
    const next = this.#after(this.#state, mutations, version)
    const keys = this.#keysOf(patch.keyId?.id)
    const place = { collection: this.name, version }
    const claimed = patch.snapshotMac ?? NO_BYTES
    const expected = patchMac(keys, claimed, mutations.map(valueMacOf), place)
    requireMac(patch.patchMac ?? NO_BYTES, expected, 'a patch')
    requireMac(claimed, snapshotMac(keys, next.hash, place), 'all entries')
    this.#state = next
    return mutations.map(({ change }) => change)
  }

  /** Takes a snapshot in place of everything that the phone has. @returns what is in it, and what is gone */
  readSnapshot(bytes: Uint8Array): readonly Change[] {
    const snapshot = decodeProto(SyncdSnapshot, bytes, 'SyncdSnapshot')
    const version = snapshot.version?.version ?? 0
    const mutations = snapshot.records.map((record) => this.#open('set', record))
    const next = this.#after(EMPTY, mutations, version)
    const keys = this.#keysOf(snapshot.keyId?.id)
    const expected = snapshotMac(keys, next.hash, { collection: this.name, version })
    requireMac(snapshot.mac ?? NO_BYTES, expected, 'a snapshot')
    const former = this.#state
    this.#state = next
    const there = new Set([...next.entries.values()].map(({ index: text }) => text))
    const gone = [...former.entries.values()].filter(({ index: text }) => !there.has(text))
    const removals = gone.map(({ index: text }): Change => {
      return { operation: 'remove', index: readIndex(text), value: {}, actionVersion: 0 }
    })
    return [...removals, ...mutations.map(({ change }) => change)]
  }

  /**
   * An entry that was written with another key has another name to the server: it goes when the same index is written
   * again, or it would stay beside the new one for ever.
   */
  #mutationsFor(change: Change, key: AppStateKey): readonly Mutation[] {
    const text = JSON.stringify(change.index)
    const former = [...this.#state.entries.values()].filter(
      (entry) => entry.index === text && !equalBytes(entry.keyId, key.id),
    )
    const removals = former.map((entry) =>
      this.#seal({ ...change, operation: 'remove' }, this.#requireKey(entry.keyId)),
    )
    const isThere = former.length > 0 && change.operation === 'remove'
    return isThere ? removals : [...removals, this.#seal(change, key)]
  }

  #seal(change: Change, key: AppStateKey): Mutation {
    const { operation, index, value, actionVersion } = change
    const keys = mutationKeys(key.data)
    const name = utf8Bytes(JSON.stringify(index))
    const data = { index: name, value, padding: NO_BYTES, version: actionVersion }
    const plain = encodeProto(SyncActionData, data, 'SyncActionData')
    const blob = sealValue(keys, { operation, keyId: key.id, plain }, this.#tools.random)
    const record = { index: { blob: indexMac(keys, name) }, value: { blob }, keyId: { id: key.id } }
    return { change, record }
  }

  #open(operation: Operation, record: SyncdRecord.$Properties): Mutation {
    const { keyId, blob, index: claimed } = partsOf(record)
    const keys = this.#keysOf(keyId)
    const plain = openValue(keys, { operation, keyId, blob })
    const data = decodeProto(SyncActionData, plain, 'SyncActionData')
    const name = data.index ?? NO_BYTES
    requireMac(claimed, indexMac(keys, name), 'an index')
    const index = readIndex(utf8Text(name))
    return {
      change: { operation, index, value: data.value ?? {}, actionVersion: data.version ?? 0 },
      record,
    }
  }

  /** What is there once the mutations are done. */
  #after(state: State, mutations: readonly Mutation[], version: number): State {
    const entries = new Map(state.entries)
    const gone: Uint8Array[] = []
    const come: Uint8Array[] = []
    for (const mutation of mutations) {
      const { index, keyId } = partsOf(mutation.record)
      const name = toHex(index)
      const former = entries.get(name)
      if (former !== undefined) gone.push(former.valueMac)
      entries.delete(name)
      if (mutation.change.operation === 'remove') continue
      const valueMac = valueMacOf(mutation)
      come.push(valueMac)
      entries.set(name, { valueMac, keyId, index: JSON.stringify(mutation.change.index) })
    }
    return { version, hash: changeHash(state.hash, { gone, come }), entries }
  }

  #keysOf(keyId: Uint8Array | null | undefined): MutationKeys {
    return mutationKeys(this.#requireKey(keyId ?? NO_BYTES).data)
  }

  #requireKey(keyId: Uint8Array): AppStateKey {
    const key = this.#tools.keys().find(({ id }) => equalBytes(id, keyId))
    if (key === undefined) throw keyMissing(keyId)
    return key
  }
}

function partsOf({ index, value, keyId }: SyncdRecord.$Properties): {
  readonly index: Uint8Array
  readonly blob: Uint8Array
  readonly keyId: Uint8Array
} {
  return { index: index?.blob ?? NO_BYTES, blob: value?.blob ?? NO_BYTES, keyId: keyId?.id ?? NO_BYTES }
}

function valueMacOf({ record }: Mutation): Uint8Array {
  return macOf(partsOf(record).blob)
}

function readIndex(text: string): readonly string[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = undefined
  }
  if (Array.isArray(parsed) && parsed.every((part) => typeof part === 'string')) return parsed
  throw new ProtocolError(
    'WATON_PHONE_APP_STATE',
    'the phone cannot use a change of app state: what it is about is not a list of texts',
  )
}

function keyMissing(keyId: Uint8Array): ProtocolError {
  return new ProtocolError(
    'WATON_PHONE_APP_STATE_KEY',
    'the phone has no such key of app state: a linked device wrote with one that the phone never gave',
    { details: { keyId: toHex(keyId) } },
  )
}
