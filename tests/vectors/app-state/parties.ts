/**
 * Three implementations of app state: waton, unmodified Baileys, and a device that is put together from
 * `whatsapp-rust-bridge` (keys, MACs and hash in Rust) with Baileys' schema and Node's AES. Each keeps what it knows in
 * memory, and no test of app state has waton on both sides.
 */
import { createCipheriv } from 'node:crypto'
import { decodePatches, decodeSyncdSnapshot, encodeSyncdPatch, proto } from '@whiskeysockets/baileys'
import * as rust from 'whatsapp-rust-bridge'
import { concatBytes, toBase64, toHex, utf8Bytes } from '../../../src/base/bytes.ts'
import type { RandomSource } from '../../../src/base/random.ts'
import {
  type AppStateKeys,
  type AppStateMutation,
  type AppStateOperation,
  type AppStateSteps,
  type AppStateVersion,
  type EncodedPatch,
  type PatchVerification,
  type SnapshotVerification,
  type VerifiedAppState,
  EMPTY_APP_STATE,
  encodePatch,
  expandAppStateKeys,
  readPatch,
  readSnapshot,
  verifyPatch,
  verifySnapshot,
} from '../../../src/protocol/app-state/index.ts'

export const COLLECTION = 'regular_high'

/** A key that the devices of an account share. */
export interface SharedKey {
  readonly id: Uint8Array
  readonly data: Uint8Array
}

/** One change, in no party's own words. */
export interface Change {
  readonly operation: AppStateOperation
  readonly index: readonly string[]
  readonly value: proto.ISyncActionValue
}

/** What a device makes wrong on purpose. */
export interface Faults {
  /** The JSON of the index, in place of that of the change. */
  readonly indexJson?: string
  /** Another version than the next one. */
  readonly version?: number
  /** What is encrypted, in place of the change. */
  readonly data?: Uint8Array
  /** Leaves out the padding: the length of the data must be a multiple of 16. */
  readonly isUnpadded?: boolean
  /** Says in the patch which version it is, as the server does. */
  readonly isStamped?: boolean
}

const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
const ltHash = new rust.LTHashAntiTampering()

/** The device made of Rust. */
export class RustDevice {
  #key: SharedKey
  #keys: ReturnType<typeof rust.expandAppStateKeys>
  readonly #random: RandomSource
  readonly #records = new Map<string, proto.ISyncdRecord>()
  version = 0
  hash: Uint8Array = new Uint8Array(128)

  constructor(key: SharedKey, random: RandomSource) {
    this.#key = key
    this.#keys = rust.expandAppStateKeys(key.data)
    this.#random = random
  }

  /** How many values it has. */
  get size(): number {
    return this.#records.size
  }

  /** Goes on with another key, as devices do from time to time; its values stay under theirs. */
  rotate(key: SharedKey): void {
    this.#key = key
    this.#keys = rust.expandAppStateKeys(key.data)
  }

  /** The patch with these changes, which it has made itself. */
  patch(changes: readonly Change[], faults: Faults = {}): Uint8Array {
    const version = (this.version = faults.version ?? this.version + 1)
    const mutations = changes.map((change) => this.#mutation(change, faults))
    this.#account(mutations)
    const snapshotMac = this.#snapshotMac()
    const patchMac = rust.generatePatchMac(
      snapshotMac,
      mutations.map(({ record }) => valueMacOf(record)),
      BigInt(version),
      COLLECTION,
      this.#keys.patchMacKey,
    )
    const stamp = faults.isStamped === true ? { version: { version } } : {}
    return bytesOf(
      proto.SyncdPatch.encode({
        ...stamp,
        mutations,
        snapshotMac,
        patchMac,
        keyId: { id: this.#key.id },
      }),
    )
  }

  /** All it has. */
  snapshot(): Uint8Array {
    return bytesOf(
      proto.SyncdSnapshot.encode({
        version: { version: this.version },
        records: [...this.#records.values()],
        mac: this.#snapshotMac(),
        keyId: { id: this.#key.id },
      }),
    )
  }

  /** Takes changes to one index together: the value from before goes once, and one that is set stays. */
  #account(mutations: readonly (proto.ISyncdMutation & { record: proto.ISyncdRecord })[]): void {
    const before = new Map(this.#records)
    const added: Uint8Array[] = []
    const gone = new Map<string, Uint8Array>()
    for (const { operation, record } of mutations) {
      const index = toHex(record.index?.blob ?? new Uint8Array(0))
      const known = before.get(index)
      if (known !== undefined) gone.set(index, valueMacOf(known))
      if (operation === SET) added.push(valueMacOf(record))
      if (operation === SET) this.#records.set(index, record)
    }
    for (const { operation, record } of mutations) {
      const index = toHex(record.index?.blob ?? new Uint8Array(0))
      const isSet = mutations.some(
        (other) =>
          other.operation === SET && toHex(other.record.index?.blob ?? new Uint8Array(0)) === index,
      )
      if (operation === REMOVE && !isSet) this.#records.delete(index)
    }
    this.hash = ltHash.subtractThenAdd(this.hash, [...gone.values()], added)
  }

  #mutation(
    { operation, index, value }: Change,
    { indexJson = JSON.stringify(index), data: replaced, isUnpadded = false }: Faults,
  ): proto.ISyncdMutation & { record: proto.ISyncdRecord } {
    const indexBytes = utf8Bytes(indexJson)
    const data = replaced ?? proto.SyncActionData.encode({ index: indexBytes, value, version: 3 }).finish()
    const iv = this.#random.bytes(16)
    const cipher = createCipheriv('aes-256-cbc', this.#keys.valueEncryptionKey, iv)
    cipher.setAutoPadding(!isUnpadded)
    const encrypted = concatBytes(iv, cipher.update(data), cipher.final())
    const code = operation === 'set' ? SET : REMOVE
    const valueMac = rust.generateContentMac(
      // it counts from one
      code + 1,
      encrypted,
      this.#key.id,
      this.#keys.valueMacKey,
    )
    return {
      operation: code,
      record: {
        index: { blob: rust.generateIndexMac(indexBytes, this.#keys.indexKey) },
        value: { blob: concatBytes(encrypted, valueMac) },
        keyId: { id: this.#key.id },
      },
    }
  }

  #snapshotMac(): Uint8Array {
    return rust.generateSnapshotMac(
      this.hash,
      BigInt(this.version),
      COLLECTION,
      this.#keys.snapshotMacKey,
    )
  }
}

function valueMacOf(record: proto.ISyncdRecord): Uint8Array {
  return (record.value?.blob ?? new Uint8Array(0)).subarray(-32)
}

function bytesOf(writer: { finish(): Uint8Array }): Uint8Array {
  return new Uint8Array(writer.finish())
}

type BaileysState = Parameters<typeof encodeSyncdPatch>[2]

/** Makes a warning of Baileys, which goes on without what it could not verify, the error that it is. */
const STRICT = {
  trace() {},
  debug() {},
  info() {},
  warn(details: unknown, text?: string) {
    throw new Error(`Baileys: ${text ?? ''} ${JSON.stringify(details)}`)
  },
  error() {},
  child: () => STRICT,
  level: 'silent',
}

/** What a reader found. */
export interface Found {
  readonly index: readonly string[]
  readonly value: proto.ISyncActionValue | null | undefined
}

/** Unmodified Baileys, with every check that it has switched on. */
export class BaileysDevice {
  readonly #key: SharedKey
  state: BaileysState = { version: 0, hash: Buffer.alloc(128), indexValueMap: {} }

  constructor(key: SharedKey) {
    this.#key = key
  }

  readonly #keyOf = (id: string): Promise<proto.Message.IAppStateSyncKeyData | undefined> =>
    Promise.resolve(id === toBase64(this.#key.id) ? { keyData: this.#key.data } : undefined)

  /** Writes one change, as `chatModify` does. */
  async write({ operation, index, value }: Change): Promise<Uint8Array> {
    const { patch, state } = await encodeSyncdPatch(
      {
        type: COLLECTION,
        index: [...index],
        syncAction: value,
        apiVersion: 3,
        operation: operation === 'set' ? SET : REMOVE,
      },
      toBase64(this.#key.id),
      this.state,
      this.#keyOf,
    )
    this.state = state
    // Baileys keeps what it has removed, and its next patch for the same index would be wrong
    if (operation === 'remove') {
      const removed = toBase64(patch.mutations?.[0]?.record?.index?.blob ?? new Uint8Array(0))
      const rest = Object.entries(state.indexValueMap).filter(([known]) => known !== removed)
      this.state = { ...state, indexValueMap: Object.fromEntries(rest) }
    }
    return bytesOf(proto.SyncdPatch.encode(patch))
  }

  /** Reads a patch. It believes the version that the server puts in. */
  async read(bytes: Uint8Array): Promise<readonly Found[]> {
    const patch = proto.SyncdPatch.decode(bytes)
    patch.version ??= { version: this.state.version + 1 }
    const { state, mutationMap } = await decodePatches(
      COLLECTION,
      [patch],
      this.state,
      this.#keyOf,
      {},
      undefined,
      STRICT,
      true,
    )
    this.state = state
    return found(mutationMap)
  }

  async readSnapshot(bytes: Uint8Array): Promise<readonly Found[]> {
    const snapshot = proto.SyncdSnapshot.decode(bytes)
    const { state, mutationMap } = await decodeSyncdSnapshot(
      COLLECTION,
      snapshot,
      this.#keyOf,
      undefined,
      true,
      STRICT,
    )
    this.state = state
    return found(mutationMap)
  }
}

function found(
  mutations: Record<string, { index: readonly string[]; syncAction: proto.ISyncActionData }>,
): readonly Found[] {
  return Object.values(mutations).map(({ index, syncAction }) => ({ index, value: syncAction.value }))
}

/** waton. */
export class WatonDevice {
  readonly #id: Uint8Array
  readonly #keys: AppStateKeys
  readonly #ring = new Map<string, AppStateKeys>()
  readonly #random: RandomSource
  readonly #records = new Map<string, AppStateMutation>()
  at: AppStateVersion = EMPTY_APP_STATE

  constructor(key: SharedKey, random: RandomSource) {
    this.#id = key.id
    this.#keys = expandAppStateKeys(key.data)
    this.#random = random
    this.learn(key)
  }

  /** Takes a key that another device shares. */
  learn({ id, data }: SharedKey): void {
    this.#ring.set(toHex(id), expandAppStateKeys(data))
  }

  get records(): ReadonlyMap<string, AppStateMutation> {
    return this.#records
  }

  readonly keyOf = (id: Uint8Array): AppStateKeys | undefined => this.#ring.get(toHex(id))

  readonly previousValueMac = (indexMac: Uint8Array): Uint8Array | undefined =>
    this.#records.get(toHex(indexMac))?.valueMac

  /** Verifies a patch without taking it. */
  verify(bytes: Uint8Array, told: Partial<PatchVerification> = {}): VerifiedAppState {
    const { keyOf, previousValueMac } = this
    const patch = readPatch(bytes)
    const input = { collection: COLLECTION, from: this.at, patch, keyOf, previousValueMac, ...told }
    return finish(verifyPatch(input))
  }

  read(bytes: Uint8Array): readonly AppStateMutation[] {
    return this.#take(this.verify(bytes))
  }

  /** Verifies a snapshot without taking it. */
  verifySnapshot(bytes: Uint8Array, told: Partial<SnapshotVerification> = {}): VerifiedAppState {
    const snapshot = readSnapshot(bytes)
    return finish(verifySnapshot({ collection: COLLECTION, snapshot, keyOf: this.keyOf, ...told }))
  }

  readSnapshot(bytes: Uint8Array): readonly AppStateMutation[] {
    const verified = this.verifySnapshot(bytes)
    this.#records.clear()
    return this.#take(verified)
  }

  /** Writes a patch and takes it as the server would have accepted it. */
  write(changes: readonly Change[]): EncodedPatch {
    const encoded = encodePatch({
      collection: COLLECTION,
      from: this.at,
      changes: changes.map(({ operation, index, value }) => ({
        operation,
        index,
        value: plainValue(value),
        actionVersion: 3,
      })),
      keyId: this.#id,
      keys: this.#keys,
      previousValueMac: this.previousValueMac,
      random: this.#random,
    })
    this.#take(encoded)
    return encoded
  }

  #take({ to, mutations }: VerifiedAppState): readonly AppStateMutation[] {
    this.at = to
    for (const mutation of mutations) {
      const index = toHex(mutation.indexMac)
      if (mutation.operation === 'set') this.#records.set(index, mutation)
      else this.#records.delete(index)
    }
    return mutations
  }
}

/** Values in these tests have no 64-bit fields, which Baileys has as objects. */
function plainValue(value: proto.ISyncActionValue): EncodedPatch['mutations'][number]['value'] {
  return value as EncodedPatch['mutations'][number]['value']
}

/** All steps, one after the other. */
export function finish(steps: AppStateSteps): VerifiedAppState {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
