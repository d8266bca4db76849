/**
 * Sender keys: one encryption for a whole group, version 3 of Signal's protocol as WhatsApp uses it. Keys and records in,
 * keys and records out; no storage, no clock, no network. The sessions that distribute keys are in protocol/signal.
 */
export {
  createSenderKey,
  decryptSenderKey,
  encryptSenderKey,
  senderKeyDistribution,
  takeDistribution,
  type DecryptedSenderKey,
  type EncryptedSenderKey,
} from './cipher.ts'
export {
  readDistribution,
  readSenderKeyMessage,
  type SenderKeyDistribution,
  type SenderKeyMessage,
} from './message.ts'
export {
  decodeOwnSenderKey,
  decodeSenderKeyRecord,
  encodeOwnSenderKey,
  encodeSenderKeyRecord,
} from './record-codec.ts'
export { OwnSenderKey, SenderKeyRecord } from './record.ts'
