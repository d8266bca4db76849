/**
 * Signal sessions between two devices, version 3 of the protocol as WhatsApp uses it. Records in, records out; no
 * storage, no clock, no network. Group sessions (sender keys) are in protocol/sender-key.
 */
export { KEY_TYPE, TYPED_KEY_BYTES, typedKey, untypedKey, type LocalIdentity } from './keys.ts'
export { readPreKeySignal, type PreKeySignalMessage } from './message.ts'
export {
  generatePreKeys,
  generateRegistrationId,
  generateSignedPreKey,
  MAX_PRE_KEY_ID,
  verifyBundle,
  type PreKeyBundle,
  type PreKeyPair,
  type SignedPreKeyPair,
} from './pre-keys.ts'
export { decodeSessionRecord, encodeSessionRecord } from './record-codec.ts'
export {
  decryptPreKeySignal,
  decryptSignal,
  encryptSignal,
  hasOpenSession,
  sessionInfo,
  startSession,
  type DecryptedPreKeySignal,
  type DecryptedSignal,
  type DecryptPreKeySignalOptions,
  type DecryptSignalOptions,
  type EncryptedSignal,
  type EncryptSignalOptions,
  type SessionInfo,
  type SignalContext,
  type StartSessionOptions,
} from './session.ts'
export { asCopy, withoutCurrent, type SessionRecord } from './session-record.ts'
