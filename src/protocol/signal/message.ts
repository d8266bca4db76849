/**
 * The two Signal messages of 1:1 sessions as bytes: the ordinary one ("msg") and the one that opens a session
 * ("pkmsg"). Layout, version 3:
 *
 *     msg    0x33 | ratchetKey 1, counter 2, previousCounter 3, ciphertext 4 | MAC, 8 bytes
 *     pkmsg  0x33 | preKeyId 1, baseKey 2, identityKey 3, message 4, registrationId 5, signedPreKeyId 6
 *
 * The MAC is HMAC-SHA-256 over sender identity, receiver identity (each with type byte) and everything before it.
 * Nothing here holds a session; see session.ts.
 *
 * @source Signal's WhisperTextProtocol.proto; field numbers as in the wa-proto schema (SignalMessage, PreKeySignalMessage)
 */
import { constantTimeEqual, hmacSha256 } from '../crypto/index.ts'
import { badMac, malformed } from './failures.ts'
import { KEY_TYPE, TYPED_KEY_BYTES, untypedKey } from './keys.ts'
import { bytesSize, readFields, uintSize, writeBytes, writeBytesHead, writeUint } from './wire.ts'

/** Version 3 in both halves: the version of the message and the newest one that the sender knows. */
const VERSION_BYTE = 0x33
const VERSION = 3
const MAC_BYTES = 8
/** The type byte of a key, as the MAC covers it. */
const KEY_TYPE_BYTE: Uint8Array = Uint8Array.of(KEY_TYPE)

/** The content of an ordinary message, its MAC not yet checked. */
export interface SignalMessage {
  /** The sender's current ratchet key, 32 bytes. */
  readonly ratchetKey: Uint8Array
  readonly counter: number
  readonly previousCounter: number
  readonly ciphertext: Uint8Array
  /** All bytes before the MAC. */
  readonly authenticated: Uint8Array
  /** The 8 bytes that were received as MAC. */
  readonly mac: Uint8Array
}

/** What goes into an ordinary message. */
export interface SignalMessageContent {
  readonly ratchetKey: Uint8Array
  readonly counter: number
  readonly previousCounter: number
  readonly ciphertext: Uint8Array
}

/** Who authenticates a message to whom, and with which key. */
export interface MacContext {
  readonly macKey: Uint8Array
  readonly senderIdentity: Uint8Array
  readonly receiverIdentity: Uint8Array
}

/** A message that opens a session, its inner message not yet decrypted. */
export interface PreKeySignalMessage {
  /** The sender's registration id; 0 when absent. */
  readonly registrationId: number
  /** The one-time pre-key that the sender used, if it was given one. */
  readonly preKeyId?: number
  /** Which of the receiver's signed pre-keys it was made with. */
  readonly signedPreKeyId: number
  /** The sender's ephemeral key of the agreement, 32 bytes; it identifies the session. */
  readonly baseKey: Uint8Array
  /** The identity that the sender claims, 32 bytes; proven only once the inner message authenticates. */
  readonly identityKey: Uint8Array
  /** The ordinary message inside. */
  readonly message: Uint8Array
}

/** Encodes and authenticates an ordinary message. */
export function encodeSignalMessage(content: SignalMessageContent, context: MacContext): Uint8Array {
  const { ratchetKey, counter, previousCounter, ciphertext } = content
  const size =
    1 +
    bytesSize(TYPED_KEY_BYTES) +
    uintSize(counter) +
    uintSize(previousCounter) +
    bytesSize(ciphertext.length)
  const body = new Uint8Array(size + MAC_BYTES)
  body[0] = VERSION_BYTE
  let offset = writeKey(body, 1, 1, ratchetKey)
  offset = writeUint(body, offset, 2, counter)
  offset = writeUint(body, offset, 3, previousCounter)
  writeBytes(body, offset, 4, ciphertext)
  body.set(messageMac(body.subarray(0, size), context), size)
  return body
}

/**
 * Reads an ordinary message without checking its MAC.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED` or `WATON_SIGNAL_INVALID_KEY`, nothing else, on any input
 */
export function parseSignalMessage(body: Uint8Array): SignalMessage {
  checkVersion(body, 1 + MAC_BYTES)
  const end = body.length - MAC_BYTES
  const { uints, strings } = readFields(body.subarray(1, end), 4)
  const [ratchetKey, counter, ciphertext] = [strings[1], uints[2], strings[4]]
  if (ratchetKey === undefined || counter === undefined || ciphertext === undefined) {
    throw malformed('a required field is missing', { offset: body.length })
  }
  return {
    ratchetKey: untypedKey(ratchetKey, 'the ratchet key'),
    counter,
    previousCounter: uints[3] ?? 0,
    ciphertext,
    authenticated: body.subarray(0, end),
    mac: body.subarray(end),
  }
}

/**
 * Checks the MAC of a parsed message in constant time.
 *
 * @throws {CryptoError} `WATON_SIGNAL_BAD_MAC`
 */
export function checkSignalMac(message: SignalMessage, context: MacContext): void {
  if (!constantTimeEqual(messageMac(message.authenticated, context), message.mac)) throw badMac()
}

/** Wraps an ordinary message into one that opens a session. */
export function encodePreKeySignalMessage(content: PreKeySignalMessage): Uint8Array {
  const { preKeyId, signedPreKeyId, registrationId, message } = content
  const size =
    1 +
    (preKeyId === undefined ? 0 : uintSize(preKeyId)) +
    2 * bytesSize(TYPED_KEY_BYTES) +
    bytesSize(message.length) +
    uintSize(registrationId) +
    uintSize(signedPreKeyId)
  const body = new Uint8Array(size)
  body[0] = VERSION_BYTE
  let offset = preKeyId === undefined ? 1 : writeUint(body, 1, 1, preKeyId)
  offset = writeKey(body, offset, 2, content.baseKey)
  offset = writeKey(body, offset, 3, content.identityKey)
  offset = writeBytes(body, offset, 4, message)
  offset = writeUint(body, offset, 5, registrationId)
  writeUint(body, offset, 6, signedPreKeyId)
  return body
}

/**
 * Reads a message that opens a session, for example to learn which pre-keys to load.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED` or `WATON_SIGNAL_INVALID_KEY`, nothing else, on any input
 */
export function readPreKeySignal(body: Uint8Array): PreKeySignalMessage {
  checkVersion(body, 1)
  const { uints, strings } = readFields(body.subarray(1), 6)
  const [baseKey, identityKey, message] = [strings[2], strings[3], strings[4]]
  const signedPreKeyId = uints[6]
  if (
    baseKey === undefined ||
    identityKey === undefined ||
    message === undefined ||
    signedPreKeyId === undefined
  ) {
    throw malformed('a required field is missing', { offset: body.length })
  }
  const preKeyId = uints[1]
  return {
    registrationId: uints[5] ?? 0,
    ...(preKeyId === undefined ? {} : { preKeyId }),
    signedPreKeyId,
    baseKey: untypedKey(baseKey, 'the base key'),
    identityKey: untypedKey(identityKey, 'the identity key'),
    message,
  }
}

function checkVersion(body: Uint8Array, minimumBytes: number): void {
  if (body.length < minimumBytes) throw malformed('it is too short', { offset: body.length })
  const version = (body[0] ?? 0) >> 4
  if (version !== VERSION) throw malformed('its version is not 3', { offset: 0, version })
}

/** Writes a public key with its type byte as a byte string field and returns the offset behind it. */
function writeKey(target: Uint8Array, offset: number, field: number, key: Uint8Array): number {
  const start = writeBytesHead(target, offset, field, TYPED_KEY_BYTES)
  target[start] = KEY_TYPE
  target.set(key, start + 1)
  return start + TYPED_KEY_BYTES
}

function messageMac(authenticated: Uint8Array, context: MacContext): Uint8Array {
  const { macKey, senderIdentity, receiverIdentity } = context
  const mac = hmacSha256(
    macKey,
    KEY_TYPE_BYTE,
    senderIdentity,
    KEY_TYPE_BYTE,
    receiverIdentity,
    authenticated,
  )
  return mac.subarray(0, MAC_BYTES)
}
