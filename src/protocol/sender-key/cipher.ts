/**
 * Encrypting once for a whole group: a device makes a sender key, distributes it to every other device over their sessions,
 * and encrypts with it from then on. Every function is pure: a key or record in, a new one out; when one throws, the
 * caller's is exactly what it was. Who gets a key, when one is replaced and where records live is decided above.
 *
 * Every message is signed, so that members of a group, who all hold the chain, cannot write in each other's name.
 *
 * @source https://signal.org/docs/ (sender keys, version 3): libsignal's group cipher for constants and order of fields
 */
import type { RandomSource } from '../../base/random.ts'
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  CURVE_KEY_BYTES,
  generateKeyPair,
  hkdfSha256,
  sign,
  verify,
} from '../crypto/index.ts'
import { reach, stepChain } from '../signal/chain.ts'
import { badSignature, unknownSenderKey } from './failures.ts'
import {
  encodeDistribution,
  encodeSenderKeyMessage,
  readDistribution,
  readSenderKeyMessage,
} from './message.ts'
import { EMPTY_SENDER_KEYS, findKey, OwnSenderKey, withAdvancedKey, withDistributed } from './record.ts'
import type { SenderKeyRecord } from './record.ts'

const MESSAGE_KEYS_INFO = 'WhisperGroup'
const IV_BYTES = 16
const MESSAGE_KEYS_BYTES = 48
/** Key ids have 31 bits, as in Signal's clients: some of them read the number as signed. */
const KEY_ID_BITS = 0x7fffffff

/** What {@link encryptSenderKey} returns: store the key before the ciphertext leaves. */
export interface EncryptedSenderKey {
  /** The key for the next message. */
  readonly senderKey: OwnSenderKey
  /** The `skmsg`. */
  readonly body: Uint8Array
}

/** What {@link decryptSenderKey} returns. */
export interface DecryptedSenderKey {
  /** The record without the spent seed. */
  readonly record: SenderKeyRecord
  /** Padding included. */
  readonly plaintext: Uint8Array
}

/** A new key for one group. */
export function createSenderKey(random: RandomSource): OwnSenderKey {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4)
  return new OwnSenderKey({
    keyId: ((a << 24) | (b << 16) | (c << 8) | d) & KEY_ID_BITS,
    iteration: 0,
    chainKey: random.bytes(CURVE_KEY_BYTES),
    signingKey: generateKeyPair(random),
  })
}

/** What another device needs to read from the next message on. It is secret: it belongs into a session. */
export function senderKeyDistribution({ state }: OwnSenderKey): Uint8Array {
  const { keyId, iteration, chainKey, signingKey } = state
  return encodeDistribution({ keyId, iteration, chainKey, signingKey: signingKey.publicKey })
}

/** Encrypts one message for everybody who has the key. */
export function encryptSenderKey(
  { state }: OwnSenderKey,
  plaintext: Uint8Array,
  random: RandomSource,
): EncryptedSenderKey {
  const { seed, nextKey } = stepChain(state.chainKey)
  const { iv, cipherKey } = messageKeys(seed)
  const content = {
    keyId: state.keyId,
    iteration: state.iteration,
    ciphertext: aesCbcEncrypt(cipherKey, iv, plaintext),
  }
  return {
    senderKey: new OwnSenderKey({ ...state, iteration: state.iteration + 1, chainKey: nextKey }),
    body: encodeSenderKeyMessage(content, (bytes) => sign(state.signingKey.privateKey, bytes, random)),
  }
}

/**
 * Takes in what a device distributed.
 *
 * @param record - its keys for this group; `undefined` when there is none yet
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED` or `WATON_SIGNAL_INVALID_KEY`, nothing else, on any input
 */
export function takeDistribution(
  record: SenderKeyRecord | undefined,
  distribution: Uint8Array,
): SenderKeyRecord {
  const { keyId, iteration, chainKey, signingKey } = readDistribution(distribution)
  const fresh = { keyId, signingKey, chainKey, counter: iteration, skipped: [] }
  return withDistributed(record ?? EMPTY_SENDER_KEYS, fresh)
}

/**
 * Decrypts a message of a group.
 *
 * @param record - the keys of the device that wrote it, for this group
 * @throws {ProtocolError} `WATON_SENDER_KEY_UNKNOWN`, `WATON_SIGNAL_OLD_COUNTER`, `WATON_SIGNAL_TOO_FAR`,
 *   `WATON_SIGNAL_MALFORMED`
 * @throws {CryptoError} `WATON_SENDER_KEY_SIGNATURE`, `WATON_CRYPTO_PADDING`
 */
export function decryptSenderKey(record: SenderKeyRecord | undefined, body: Uint8Array): DecryptedSenderKey {
  const message = readSenderKeyMessage(body)
  const key = record === undefined ? undefined : findKey(record, message.keyId)
  if (record === undefined || key === undefined) throw unknownSenderKey(message.keyId)
  // before the chain: nobody but the sender may make us walk it
  if (!verify(key.signingKey, message.signed, message.signature)) throw badSignature(message.keyId)
  const reached = reach(key, message.iteration)
  const { iv, cipherKey } = messageKeys(reached.seed)
  const plaintext = aesCbcDecrypt(cipherKey, iv, message.ciphertext)
  return { record: withAdvancedKey(record, key, reached.advance()), plaintext }
}

function messageKeys(seed: Uint8Array): { readonly iv: Uint8Array; readonly cipherKey: Uint8Array } {
  const bytes = hkdfSha256(seed, MESSAGE_KEYS_BYTES, { info: MESSAGE_KEYS_INFO })
  return { iv: bytes.subarray(0, IV_BYTES), cipherKey: bytes.subarray(IV_BYTES) }
}
