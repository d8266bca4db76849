/**
 * One change of app state: decrypting it, checking that it stands under its own index, and reading what it says.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` decodeSyncdMutations; whatsmeow `appstate/decode.go` decodeMutation
 */
import { EMPTY_BYTES, utf8Text } from '../../base/bytes.ts'
import { type CbcOpener, constantTimeEqual } from '../crypto/index.ts'
import { decodeProto } from '../proto/codec.ts'
import { SyncActionData, type SyncActionValue } from '../proto/app-state.ts'
import { malformed, wrongIndexMac, wrongValueMac } from './failures.ts'
import type { AppStateKeys } from './keys.ts'
import { type AppStateOperation, type CollectionVersion, indexMacOf, valueMacOf } from './macs.ts'
import type { SealedMutation } from './read.ts'

/** One verified change. */
export interface AppStateMutation {
  /** Whether the value is put under its index or taken away. */
  readonly operation: AppStateOperation
  /** What it is about: the name of an action and what that action needs, e.g. `['mute', '15550000002@s.whatsapp.net']`. */
  readonly index: readonly string[]
  /** What is said of it. A removal has what its author chose to repeat, often nothing. */
  readonly value: SyncActionValue.$Properties
  /** The version of the action's format. */
  readonly actionVersion: number
  /** 32 bytes: what the value is found by. Another key gives another one for the same index. */
  readonly indexMac: Uint8Array
  /** 32 bytes: what the hash of the collection holds for it. */
  readonly valueMac: Uint8Array
  /** Which key it was encrypted with. */
  readonly keyId: Uint8Array
  /** The serialised `SyncActionData`: index, value and version in one. It shares memory with others: copy it to keep it. */
  readonly data: Uint8Array
  /**
   * False when a device of the account wrote an index that is not an array of texts: it counts in the hash and must be
   * kept like any other, but it says nothing. Its `index` is empty.
   */
  readonly isReadable: boolean
}

/** The keys of one id, and what decrypts with them. */
export interface KeyInUse {
  readonly keys: AppStateKeys
  readonly cipher: CbcOpener
}

/**
 * Verifies and decrypts one change.
 *
 * @throws {CryptoError} `WATON_APP_STATE_VALUE_MAC`, `WATON_APP_STATE_INDEX_MAC`
 * @throws {ProtocolError} `WATON_APP_STATE_MALFORMED` when a device with the key wrote what cannot be read
 */
export function openMutation(
  sealed: SealedMutation,
  { keys, cipher }: KeyInUse,
  at: CollectionVersion,
): AppStateMutation {
  const { operation, indexMac, encrypted, valueMac, keyId } = sealed
  if (!constantTimeEqual(valueMacOf(keys, sealed), valueMac)) throw wrongValueMac(at.collection, at.version)
  const data = decrypted(cipher, encrypted)
  const { index, value, version } = actionOf(data)
  const indexJson = index ?? EMPTY_BYTES
  if (!constantTimeEqual(indexMacOf(keys, indexJson), indexMac))
    throw wrongIndexMac(at.collection, at.version)
  const parts = indexParts(indexJson)
  return {
    operation,
    index: parts ?? [],
    value: value ?? {},
    actionVersion: version ?? 0,
    indexMac,
    valueMac,
    keyId,
    data,
    isReadable: parts !== undefined,
  }
}

function decrypted(cipher: CbcOpener, encrypted: Uint8Array): Uint8Array {
  try {
    return cipher.open(encrypted)
  } catch (cause) {
    throw malformed('a value of a device with the key is not padded', {}, cause)
  }
}

function actionOf(data: Uint8Array): SyncActionData {
  try {
    return decodeProto(SyncActionData, data, 'SyncActionData')
  } catch (cause) {
    throw malformed('a value of a device with the key is not what a value is', {}, cause)
  }
}

/** The parts of an index, or `undefined` when it is anything but an array of texts with at least one. */
function indexParts(indexJson: Uint8Array): readonly string[] | undefined {
  try {
    const parts: unknown = JSON.parse(utf8Text(indexJson))
    const isIndex =
      Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === 'string')
    return isIndex ? parts : undefined
  } catch {
    return undefined
  }
}
