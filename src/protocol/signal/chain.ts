/**
 * A symmetric-key chain: every message takes one seed from the chain key and moves the key on, so that old keys cannot
 * be computed back. The seed of a message that was passed over is kept until that message arrives, within bounds.
 *
 * @source https://signal.org/docs/specifications/doubleratchet/ (section 5.2), constants as in Signal's version 3
 */
import { hkdfSha256, hmacSha256 } from '../crypto/index.ts'
import { oldCounter, tooFar } from './failures.ts'

/** How many messages may be missing in one jump. Signal's own clients and libsignal allow the same. */
export const MAX_JUMP = 2000

const SEED_INPUT: Uint8Array = Uint8Array.of(0x01)
const NEXT_INPUT: Uint8Array = Uint8Array.of(0x02)
const MESSAGE_KEYS_INFO = 'WhisperMessageKeys'
const MESSAGE_KEYS_BYTES = 80

/** The keys that protect one message. */
export interface MessageKeys {
  /** AES-256-CBC key, 32 bytes. */
  readonly cipherKey: Uint8Array
  /** HMAC-SHA-256 key, 32 bytes. */
  readonly macKey: Uint8Array
  /** AES-CBC initialisation vector, 16 bytes. */
  readonly iv: Uint8Array
}

/** The seed of a message that was passed over. */
export interface SkippedSeed {
  readonly counter: number
  readonly seed: Uint8Array
}

/** A chain that somebody else sends on. */
export interface Chain {
  readonly chainKey: Uint8Array
  /** The counter of the next message. */
  readonly counter: number
  /** Seeds of earlier messages not seen yet, ascending by counter. */
  readonly skipped: readonly SkippedSeed[]
}

/** A chain of a session. */
export interface ReceivingChain extends Chain {
  /** The other side's ratchet key, 32 bytes; it names the chain. */
  readonly ratchetKey: Uint8Array
}

/** One step of a chain: what the message at its position is protected with, and the chain key behind it. */
export interface ChainStep {
  /** 32 bytes, to be expanded by {@link messageKeys}. */
  readonly seed: Uint8Array
  /** 32 bytes. */
  readonly nextKey: Uint8Array
}

/** Takes one step. */
export function stepChain(chainKey: Uint8Array): ChainStep {
  return { seed: hmacSha256(chainKey, SEED_INPUT), nextKey: hmacSha256(chainKey, NEXT_INPUT) }
}

/** Expands the seed of one message into its keys. */
export function messageKeys(seed: Uint8Array): MessageKeys {
  const bytes = hkdfSha256(seed, MESSAGE_KEYS_BYTES, { info: MESSAGE_KEYS_INFO })
  return { cipherKey: bytes.subarray(0, 32), macKey: bytes.subarray(32, 64), iv: bytes.subarray(64) }
}

/** The seed of one message, and a way to the chain without it once the message has proven authentic. */
export interface ChainReach<Kind extends Chain> {
  readonly seed: Uint8Array
  /** The chain after this message. Computes the seeds of passed-over messages: call it only after the MAC check. */
  advance(): Kind
}

/**
 * Finds the seed for `counter` without changing the chain.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_OLD_COUNTER` when the seed was used or dropped; `WATON_SIGNAL_TOO_FAR` when
 * more than {@link MAX_JUMP} messages are missing
 */
export function reach<Kind extends Chain>(chain: Kind, counter: number): ChainReach<Kind> {
  return counter < chain.counter ? reachBack(chain, counter) : reachForward(chain, counter)
}

function reachBack<Kind extends Chain>(chain: Kind, counter: number): ChainReach<Kind> {
  const found = chain.skipped.find((skipped) => skipped.counter === counter)
  if (found === undefined) throw oldCounter(counter, chain.counter)
  return {
    seed: found.seed,
    advance: () => ({ ...chain, skipped: chain.skipped.filter((skipped) => skipped !== found) }),
  }
}

function reachForward<Kind extends Chain>(chain: Kind, counter: number): ChainReach<Kind> {
  const missing = counter - chain.counter
  if (missing > MAX_JUMP) throw tooFar(missing, MAX_JUMP)
  const passed: Uint8Array[] = []
  let chainKey = chain.chainKey
  for (let index = 0; index < missing; index++) {
    passed.push(chainKey)
    chainKey = hmacSha256(chainKey, NEXT_INPUT)
  }
  const { seed, nextKey } = stepChain(chainKey)
  return {
    seed,
    advance: () => ({
      ...chain,
      chainKey: nextKey,
      counter: counter + 1,
      skipped: missing === 0 ? chain.skipped : chain.skipped.concat(passed.map(skippedFrom(chain.counter))),
    }),
  }
}

function skippedFrom(firstCounter: number): (chainKey: Uint8Array, index: number) => SkippedSeed {
  return (chainKey, index) => ({ counter: firstCounter + index, seed: hmacSha256(chainKey, SEED_INPUT) })
}
