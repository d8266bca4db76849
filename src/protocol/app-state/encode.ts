/**
 * Patches of our own: what another device of the account verifies as `verify.ts` does. A patch carries no version; the
 * server gives it the one that its MACs are made for, or refuses it.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` encodeSyncdPatch; whatsmeow `appstate/encode.go` EncodePatch
 */
import { EMPTY_BYTES, concatBytes, toHex, utf8Bytes } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { aesCbcEncrypt } from '../crypto/index.ts'
import { encodeProto } from '../proto/codec.ts'
import { SyncActionData, type SyncActionValue, SyncdMutation, SyncdPatch } from '../proto/app-state.ts'
import type { AppStateKeys } from './keys.ts'
import { LtHash } from './lt-hash.ts'
import { type AppStateOperation, indexMacOf, patchMacOf, snapshotMacOf, valueMacOf } from './macs.ts'
import type { AppStateMutation } from './mutation.ts'
import type { AppStateVersion, VerifiedAppState } from './verify.ts'

const IV_BYTES = 16
const { SET, REMOVE } = SyncdMutation.SyncdOperation

/** One change to write. */
export interface AppStateChange {
  /** Whether the value is put under its index or taken away. */
  readonly operation: AppStateOperation
  /** The name of an action and what that action needs. */
  readonly index: readonly string[]
  /** What is said of it; of a removal the other devices read only the index. */
  readonly value: SyncActionValue.$Properties
  /** The version of the action's format. */
  readonly actionVersion: number
}

/** See {@link encodePatch}. */
export interface PatchEncoding {
  /** The collection that it belongs to, e.g. `regular_high`. */
  readonly collection: string
  /** The collection as it is known; the server must not know a newer one. */
  readonly from: AppStateVersion
  /** At most one for each index. */
  readonly changes: readonly AppStateChange[]
  /** The key to encrypt with: the newest that the account's devices share. */
  readonly keyId: Uint8Array
  /** What that key expands to. */
  readonly keys: AppStateKeys
  /** The value MAC that is known for an index, by its MAC. */
  readonly previousValueMac: (indexMac: Uint8Array) => Uint8Array | undefined
  /** Where ivs come from. */
  readonly random: RandomSource
}

/** A patch to send, and what is known once the server has taken it. */
export interface EncodedPatch extends VerifiedAppState {
  /** A `SyncdPatch`. */
  readonly bytes: Uint8Array
}

/**
 * Writes a patch. What it says of the new state is true when the server has accepted it, and not before.
 *
 * @throws {UsageError} `WATON_APP_STATE_REPEATED` when two changes are about one index
 */
export function encodePatch(input: PatchEncoding): EncodedPatch {
  const { collection, from, keyId, keys } = input
  const at = { collection, version: from.version + 1 }
  const sealed = input.changes.map((change) => sealChange(change, input))
  const hash = new LtHash(from.ltHash)
  const seen = new Set<string>()
  for (const { mutation } of sealed) {
    const index = toHex(mutation.indexMac)
    if (seen.has(index)) throw repeated(mutation)
    seen.add(index)
    const before = input.previousValueMac(mutation.indexMac)
    if (before !== undefined) hash.subtract(before)
    if (mutation.operation === 'set') hash.add(mutation.valueMac)
  }
  const mutations = sealed.map(({ mutation }) => mutation)
  const to = { version: at.version, ltHash: hash.bytes() }
  const snapshotMac = snapshotMacOf(keys, to.ltHash, at)
  const valueMacs = mutations.map(({ valueMac }) => valueMac)
  const patchMac = patchMacOf(keys, snapshotMac, valueMacs, at)
  const records = sealed.map(({ record }) => record)
  const patch = { mutations: records, snapshotMac, patchMac, keyId: { id: keyId } }
  return { bytes: encodeProto(SyncdPatch, patch, 'SyncdPatch'), to, mutations }
}

interface SealedChange {
  readonly mutation: AppStateMutation
  readonly record: SyncdMutation.$Properties
}

function sealChange(change: AppStateChange, { keys, keyId, random }: PatchEncoding): SealedChange {
  const { operation, index, value, actionVersion } = change
  const indexJson = utf8Bytes(JSON.stringify(index))
  const action = { index: indexJson, value, padding: EMPTY_BYTES, version: actionVersion }
  const data = encodeProto(SyncActionData, action, 'SyncActionData')
  const iv = random.bytes(IV_BYTES)
  const encrypted = concatBytes(iv, aesCbcEncrypt(keys.valueEncryption, iv, data))
  const valueMac = valueMacOf(keys, { operation, keyId, encrypted })
  const indexMac = indexMacOf(keys, indexJson)
  return {
    mutation: { ...change, indexMac, valueMac, keyId, data, isReadable: true },
    record: {
      operation: operation === 'set' ? SET : REMOVE,
      record: {
        index: { blob: indexMac },
        value: { blob: concatBytes(encrypted, valueMac) },
        keyId: { id: keyId },
      },
    },
  }
}

function repeated({ index }: AppStateMutation): UsageError {
  return new UsageError(
    'WATON_APP_STATE_REPEATED',
    'a patch may change each index once: leave out all but the last of the changes to it',
    { details: { action: index[0] } },
  )
}
