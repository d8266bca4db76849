/**
 * What is remembered of sender keys. {@link OwnSenderKey} is a device's own key for one group, with which it encrypts;
 * {@link SenderKeyRecord} holds the keys that another device has distributed for one group, the latest first. Both are
 * immutable values: every operation makes a new one, so a failed decryption has changed nothing and a failed commit only
 * has to forget the new value. Bytes are made in record-codec.ts; what is done with them is in cipher.ts.
 *
 * Both hold keys. The classes show none of their content to `console.log` and `JSON.stringify`.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { KeyPair } from '../crypto/index.ts'
import type { Chain } from '../signal/chain.ts'

/** Keys kept per sender and group, as in Signal's clients: what was on its way while a key was replaced needs the former. */
export const MAX_SENDER_KEYS = 5
/** Seeds of passed-over messages kept per key; the oldest go first. */
export const MAX_SKIPPED_SEEDS = 2000

/** A key that somebody has distributed. Its `counter` is the iteration of the next message. */
export interface SenderKeyState extends Chain {
  readonly keyId: number
  /** Public, 32 bytes. */
  readonly signingKey: Uint8Array
}

/** A device's own sender key for one group. */
export interface OwnSenderKeyState {
  readonly keyId: number
  /** The number of the next message. */
  readonly iteration: number
  /** 32 bytes. */
  readonly chainKey: Uint8Array
  readonly signingKey: KeyPair
}

/** See the file comment. Opaque to callers. */
export class OwnSenderKey {
  readonly #state: OwnSenderKeyState

  /** @internal */
  constructor(state: OwnSenderKeyState) {
    this.#state = state
  }

  /** All of it, the private key included. @internal */
  get state(): OwnSenderKeyState {
    return this.#state
  }

  /** Tells this key from the one before it. */
  get keyId(): number {
    return this.#state.keyId
  }

  /** The number of the next message. */
  get iteration(): number {
    return this.#state.iteration
  }

  /** Which key, and how far: never the key itself. */
  toJSON(): { readonly keyId: number; readonly iteration: number } {
    return { keyId: this.keyId, iteration: this.iteration }
  }
}

/** See the file comment. Opaque to callers. */
export class SenderKeyRecord {
  readonly #states: readonly SenderKeyState[]

  /** @internal */
  constructor(states: readonly SenderKeyState[]) {
    this.#states = states
  }

  /** The keys, the latest first. @internal */
  get states(): readonly SenderKeyState[] {
    return this.#states
  }

  /** Counts only: a record must never reach a log with its keys. */
  toJSON(): { readonly keys: number } {
    return { keys: this.#states.length }
  }
}

/** Nothing distributed yet. */
export const EMPTY_SENDER_KEYS: SenderKeyRecord = new SenderKeyRecord([])

/** The key with an id. */
export function findKey(record: SenderKeyRecord, keyId: number): SenderKeyState | undefined {
  return record.states.find((state) => state.keyId === keyId)
}

/**
 * Takes in a distributed key as the latest. One that is there already stays as it is: what was distributed is a place in the
 * same chain, and ours may be further, with seeds of messages that are still on their way.
 */
export function withDistributed(record: SenderKeyRecord, fresh: SenderKeyState): SenderKeyRecord {
  const known = findKey(record, fresh.keyId)
  const isKnown = known !== undefined && equalBytes(known.signingKey, fresh.signingKey)
  // an id that comes again with another signing key is a new key: the former could not be told from it
  const others = record.states.filter(({ keyId }) => keyId !== fresh.keyId)
  return new SenderKeyRecord([isKnown ? known : fresh, ...others].slice(0, MAX_SENDER_KEYS))
}

/** Puts the advanced state of a key in place of the old one. */
export function withAdvancedKey(
  record: SenderKeyRecord,
  before: SenderKeyState,
  after: SenderKeyState,
): SenderKeyRecord {
  const surplus = after.skipped.length - MAX_SKIPPED_SEEDS
  const bounded = surplus <= 0 ? after : { ...after, skipped: after.skipped.slice(surplus) }
  return new SenderKeyRecord(record.states.map((state) => (state === before ? bounded : state)))
}
