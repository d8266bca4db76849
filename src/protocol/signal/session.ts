/**
 * Sessions between two devices: opening one from a published bundle or from the first message received, encrypting,
 * and decrypting. Every function is pure: record in, new record out; when one throws, the caller's record is exactly
 * what it was. Who the devices are, where records live and what to do about failures is decided above.
 *
 * Two facts that decryption relies on. A ratchet key belongs to one session, so a message whose ratchet key is known
 * is tried in that session alone. A message with an unknown ratchet key is tried in every session, the current one
 * first, by deriving keys; nothing is copied and nothing is kept of the attempts that fail.
 *
 * @source https://signal.org/docs/specifications/doubleratchet/, https://signal.org/docs/specifications/x3dh/
 */
import { equalBytes } from '../../base/bytes.ts'
import { errorCode } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { aesCbcDecrypt, aesCbcEncrypt, generateKeyPair, type KeyPair } from '../crypto/index.ts'
import { MAX_JUMP, messageKeys, reach, stepChain, type ReceivingChain } from './chain.ts'
import { badMac, malformed, noSession, tooFar, unknownPreKey } from './failures.ts'
import type { LocalIdentity } from './keys.ts'
import {
  checkSignalMac,
  encodePreKeySignalMessage,
  encodeSignalMessage,
  parseSignalMessage,
  readPreKeySignal,
  type PreKeySignalMessage,
  type SignalMessage,
} from './message.ts'
import { verifyBundle, type PreKeyBundle, type PreKeyPair } from './pre-keys.ts'
import { ratchetHalf, type RatchetHalf } from './ratchet.ts'
import {
  allSessions,
  EMPTY_RECORD,
  findChain,
  withAdvancedSession,
  withChain,
  withNewSession,
  type SendingState,
  type SessionRecord,
  type SessionState,
} from './session-record.ts'
import { agreeAsInitiator, agreeAsResponder } from './x3dh.ts'

/**
 * Chain steps that one message may cost over all sessions it is tried in. A forged message with an unknown ratchet key
 * and a high counter would otherwise cost {@link MAX_JUMP} steps in each of 41 sessions, 0.2 s.
 */
const MAX_TRIAL_STEPS = 3 * MAX_JUMP

/** What every operation on a session is given. */
export interface SignalContext {
  /** This device's own keys. */
  readonly local: LocalIdentity
  /** Source of new ratchet keys. Decryption draws nothing: the sending half of a step waits until we answer. */
  readonly random: RandomSource
  /** The present in epoch milliseconds; used to forget replaced sessions. */
  readonly nowMs: number
}

/** What {@link startSession} needs. */
export interface StartSessionOptions extends SignalContext {
  /** The record so far; its current session is archived. */
  readonly record?: SessionRecord | undefined
  /** The other device's public keys, as the server gave them. */
  readonly bundle: PreKeyBundle
}

/** What {@link encryptSignal} needs. */
export interface EncryptSignalOptions extends SignalContext {
  /** The session with that device. */
  readonly record: SessionRecord
  /** What is encrypted, padding included. */
  readonly plaintext: Uint8Array
}

/** A ciphertext and the record that must be durable before it leaves. */
export interface EncryptedSignal {
  /** The session afterwards: store it before the body leaves. */
  readonly record: SessionRecord
  /** `pkmsg` until the other side has answered, then `msg`: the `type` attribute of `<enc>`. */
  readonly type: 'msg' | 'pkmsg'
  /** The serialised message. */
  readonly body: Uint8Array
}

/** What {@link decryptSignal} needs. */
export interface DecryptSignalOptions extends SignalContext {
  /** The session with that device. */
  readonly record: SessionRecord
  /** The serialised message. */
  readonly body: Uint8Array
}

/** A plaintext and the record that must be durable before it is acted on. */
export interface DecryptedSignal {
  /** The session afterwards: store it before the plaintext is used. */
  readonly record: SessionRecord
  /** What was encrypted, padding included. */
  readonly plaintext: Uint8Array
}

/** What {@link decryptPreKeySignal} needs. */
export interface DecryptPreKeySignalOptions extends SignalContext {
  /** The session with that device, when there is one. */
  readonly record?: SessionRecord | undefined
  /** The serialised message. */
  readonly body: Uint8Array
  /** The signed pre-key that the message names; not needed when its session exists already. */
  readonly signedPreKey?: PreKeyPair | undefined
  /** The one-time pre-key that the message names, if it names one; not needed when its session exists already. */
  readonly preKey?: PreKeyPair | undefined
}

/** The result of {@link decryptPreKeySignal}. */
export interface DecryptedPreKeySignal extends DecryptedSignal {
  /** The sender's identity, now proven. */
  readonly identityKey: Uint8Array
  /** Whether a session was made, so that the one-time pre-key is spent. */
  readonly isNewSession: boolean
}

/** Public facts about the current session. */
export interface SessionInfo {
  /** The initiator's base key, 32 bytes; it identifies the session on both sides. */
  readonly baseKey: Uint8Array
  /** The other device's long-lived key, 32 bytes. */
  readonly remoteIdentityKey: Uint8Array
  /** The other device's own number. */
  readonly remoteRegistrationId: number
  /** Whether the other side has not answered yet, so that our messages still carry the agreement. */
  readonly pendingPreKey: boolean
}

/** Whether messages can be encrypted with this record. */
export function hasOpenSession(record: SessionRecord): boolean {
  return record.current !== undefined
}

/** Public facts about the current session, or `undefined` without one. */
export function sessionInfo(record: SessionRecord): SessionInfo | undefined {
  const session = record.current
  if (session === undefined) return undefined
  return {
    baseKey: session.baseKey,
    remoteIdentityKey: session.remoteIdentityKey,
    remoteRegistrationId: session.remoteRegistrationId,
    pendingPreKey: session.pendingPreKey !== undefined,
  }
}

/**
 * Opens a session from a device's published bundle. The current session, if any, is archived and still decrypts.
 *
 * @throws {CryptoError} `WATON_SIGNAL_BUNDLE_SIGNATURE` when the bundle was altered
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when one of its keys is unusable
 */
export function startSession(options: StartSessionOptions): SessionRecord {
  const { record = EMPTY_RECORD, bundle, local, random, nowMs } = options
  verifyBundle(bundle)
  const base = generateKeyPair(random)
  const firstRoot = agreeAsInitiator({
    identity: local.identityKey,
    base,
    remoteIdentity: bundle.identityKey,
    remoteSignedPreKey: bundle.signedPreKey.publicKey,
    remotePreKey: bundle.preKey?.publicKey,
  })
  const { rootKey, sending } = stepSending(firstRoot, bundle.signedPreKey.publicKey, 0, random)
  const session: SessionState = {
    baseKey: base.publicKey,
    remoteIdentityKey: bundle.identityKey.slice(),
    remoteRegistrationId: bundle.registrationId,
    rootKey,
    sending,
    receiving: [],
    pendingPreKey: { signedPreKeyId: bundle.signedPreKey.id, preKeyId: bundle.preKey?.id },
    archivedAtMs: 0,
  }
  return withNewSession(record, session, nowMs)
}

/**
 * Encrypts for the other device in the current session.
 *
 * The returned record must be durable before `body` leaves: a record that is used twice would protect two plaintexts
 * with one key.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_NO_SESSION`
 */
export function encryptSignal(options: EncryptSignalOptions): EncryptedSignal {
  const { record, plaintext, local, random } = options
  const session = record.current
  if (session === undefined) throw noSession()
  const { rootKey, sending, chainKey } = readyToSend(session, random)
  const { seed, nextKey } = stepChain(chainKey)
  const { cipherKey, macKey, iv } = messageKeys(seed)
  const message = encodeSignalMessage(
    {
      ratchetKey: sending.ratchetKey.publicKey,
      counter: sending.counter,
      previousCounter: sending.previousCounter,
      ciphertext: aesCbcEncrypt(cipherKey, iv, plaintext),
    },
    { macKey, senderIdentity: local.identityKey.publicKey, receiverIdentity: session.remoteIdentityKey },
  )
  const advanced: SessionState = {
    ...session,
    rootKey,
    sending: { ...sending, chainKey: nextKey, counter: sending.counter + 1 },
  }
  const next = withAdvancedSession(record, session, advanced, options.nowMs)
  const { pendingPreKey } = session
  if (pendingPreKey === undefined) return { record: next, type: 'msg', body: message }
  const { signedPreKeyId, preKeyId } = pendingPreKey
  const body = encodePreKeySignalMessage({
    registrationId: local.registrationId,
    ...(preKeyId === undefined ? {} : { preKeyId }),
    signedPreKeyId,
    baseKey: session.baseKey,
    identityKey: local.identityKey.publicKey,
    message,
  })
  return { record: next, type: 'pkmsg', body }
}

/**
 * Decrypts an ordinary message, in the current session or in a replaced one, which then becomes the current one again.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_NO_SESSION`, `WATON_SIGNAL_OLD_COUNTER` (a duplicate),
 * `WATON_SIGNAL_TOO_FAR`, `WATON_SIGNAL_INVALID_KEY`, `WATON_SIGNAL_MALFORMED`
 * @throws {CryptoError} `WATON_SIGNAL_BAD_MAC`
 */
export function decryptSignal(options: DecryptSignalOptions): DecryptedSignal {
  const { record, body, local, nowMs } = options
  const message = parseSignalMessage(body)
  if (record.current === undefined && record.archived.length === 0) throw noSession()
  const { before, after, plaintext } = openInAny(record, message, local)
  return { record: withAdvancedSession(record, before, after, nowMs), plaintext }
}

/**
 * Decrypts a message that opens a session. When the record already holds that session, the message is an ordinary one
 * in it and no pre-keys are needed. A new session takes the current one's place only if the message proved authentic.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_UNKNOWN_PRE_KEY` when a pre-key that the message names was not given, and
 * everything that {@link decryptSignal} throws
 * @throws {CryptoError} `WATON_SIGNAL_BAD_MAC`
 */
export function decryptPreKeySignal(options: DecryptPreKeySignalOptions): DecryptedPreKeySignal {
  const { record = EMPTY_RECORD, local, nowMs } = options
  const envelope = readPreKeySignal(options.body)
  const message = parseSignalMessage(envelope.message)
  const { identityKey } = envelope
  if (allSessions(record).some((session) => isSessionOf(session, envelope))) {
    const { before, after, plaintext } = openInAny(record, message, local)
    const next = withAdvancedSession(record, before, after, nowMs)
    return { record: next, plaintext, identityKey: after.remoteIdentityKey, isNewSession: false }
  }
  const session = respond(envelope, options)
  const { after, plaintext } = openInSession(session, message, local)
  return { record: withNewSession(record, after, nowMs), plaintext, identityKey, isNewSession: true }
}

function isSessionOf(session: SessionState, envelope: PreKeySignalMessage): boolean {
  return (
    equalBytes(session.baseKey, envelope.baseKey) &&
    equalBytes(session.remoteIdentityKey, envelope.identityKey)
  )
}

/** The session that an envelope asks for, before its message has proven anything. */
function respond(envelope: PreKeySignalMessage, options: DecryptPreKeySignalOptions): SessionState {
  const { local, signedPreKey, preKey } = options
  if (signedPreKey?.id !== envelope.signedPreKeyId) throw unknownPreKey('signed', envelope.signedPreKeyId)
  if (envelope.preKeyId !== undefined && preKey?.id !== envelope.preKeyId) {
    throw unknownPreKey('one-time', envelope.preKeyId)
  }
  const rootKey = agreeAsResponder({
    identity: local.identityKey,
    signedPreKey,
    preKey: envelope.preKeyId === undefined ? undefined : preKey,
    remoteIdentity: envelope.identityKey,
    remoteBase: envelope.baseKey,
  })
  const ratchetKey: KeyPair = { publicKey: signedPreKey.publicKey, privateKey: signedPreKey.privateKey }
  return {
    baseKey: envelope.baseKey,
    remoteIdentityKey: envelope.identityKey,
    remoteRegistrationId: envelope.registrationId,
    rootKey,
    sending: { ratchetKey, chainKey: undefined, counter: 0, previousCounter: 0 },
    receiving: [],
    pendingPreKey: undefined,
    archivedAtMs: 0,
  }
}

interface Opened {
  readonly before: SessionState
  readonly after: SessionState
  readonly plaintext: Uint8Array
}

function openInAny(record: SessionRecord, message: SignalMessage, local: LocalIdentity): Opened {
  const { current } = record
  // nearly every message is on a known chain of the current session
  if (current !== undefined && findChain(current, message.ratchetKey) !== undefined)
    return openInSession(current, message, local)
  const sessions = allSessions(record)
  const owner = sessions.find((session) => findChain(session, message.ratchetKey) !== undefined)
  if (owner !== undefined) return openInSession(owner, message, local)
  if (message.counter > MAX_JUMP) throw tooFar(message.counter, MAX_JUMP)
  let steps = 0
  for (const session of sessions) {
    steps += message.counter
    if (steps > MAX_TRIAL_STEPS) break
    try {
      return openInSession(session, message, local)
    } catch (error) {
      if (errorCode(error) !== 'WATON_SIGNAL_BAD_MAC') throw error
    }
  }
  throw badMac({ sessions: sessions.length })
}

/** Decrypts in one session: derive, check the MAC, decrypt, and only then compute what the session becomes. */
function openInSession(session: SessionState, message: SignalMessage, local: LocalIdentity): Opened {
  const { chain, step } = chainFor(session, message.ratchetKey)
  const reached = reach(chain, message.counter)
  const { cipherKey, macKey, iv } = messageKeys(reached.seed)
  checkSignalMac(message, {
    macKey,
    senderIdentity: session.remoteIdentityKey,
    receiverIdentity: local.identityKey.publicKey,
  })
  const plaintext = decryptBody(cipherKey, iv, message.ciphertext)
  const receiving = withChain(session.receiving, reached.advance())
  const after: SessionState =
    step === undefined
      ? { ...session, receiving, pendingPreKey: undefined }
      : {
          ...session,
          rootKey: step.rootKey,
          receiving,
          sending: { ...session.sending, chainKey: undefined },
          pendingPreKey: undefined,
        }
  return { before: session, after, plaintext }
}

interface ReceivingStep {
  readonly chain: ReceivingChain
  /** The half step that made the chain, when it is new. */
  readonly step: RatchetHalf | undefined
}

function chainFor(session: SessionState, ratchetKey: Uint8Array): ReceivingStep {
  const known = findChain(session, ratchetKey)
  if (known !== undefined) return { chain: known, step: undefined }
  const step = stepReceiving(session, ratchetKey)
  return { chain: { ratchetKey, chainKey: step.chainKey, counter: 0, skipped: [] }, step }
}

interface SendingStep {
  readonly rootKey: Uint8Array
  readonly sending: SendingState
  readonly chainKey: Uint8Array
}

/** The state to send from: as it is, or after our half of the ratchet step that the last remote key began. */
function readyToSend(session: SessionState, random: RandomSource): SendingStep {
  const { rootKey, sending, receiving } = session
  const { chainKey } = sending
  if (chainKey !== undefined) return { rootKey, sending, chainKey }
  const [newest] = receiving
  if (newest === undefined) throw noSession()
  return stepSending(rootKey, newest.ratchetKey, sending.counter, random)
}

/** Our half of a ratchet step: a new ratchet key of ours against the other side's current one. */
function stepSending(
  rootKey: Uint8Array,
  remoteRatchetKey: Uint8Array,
  sentBefore: number,
  random: RandomSource,
): SendingStep {
  const ratchetKey = generateKeyPair(random)
  const half = ratchetHalf(rootKey, ratchetKey.privateKey, remoteRatchetKey)
  const { chainKey } = half
  const previousCounter = Math.max(sentBefore - 1, 0)
  return { rootKey: half.rootKey, chainKey, sending: { ratchetKey, chainKey, counter: 0, previousCounter } }
}

/**
 * The other side's half of a ratchet step. While our own half is outstanding the other side cannot take another one,
 * for it would need a key that we have not made yet: such a message is refused without an agreement.
 */
function stepReceiving(session: SessionState, remoteRatchetKey: Uint8Array): RatchetHalf {
  const { sending, receiving, rootKey } = session
  if (sending.chainKey === undefined && receiving.length > 0) throw badMac()
  return ratchetHalf(rootKey, sending.ratchetKey.privateKey, remoteRatchetKey)
}

function decryptBody(cipherKey: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  try {
    return aesCbcDecrypt(cipherKey, iv, ciphertext)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw malformed('it is authentic, but its padding is wrong')
  }
}
