/**
 * The two messages of sender keys as bytes: the one that distributes a key to a device (SKDM), inside a message of a
 * session, and the one that is encrypted with it, once for the whole group (`skmsg`). Version 3:
 *
 *     distribution  0x33 | keyId 1, iteration 2, chainKey 3, signingKey 4 (with type byte)
 *     message       0x33 | keyId 1, iteration 2, ciphertext 3 | XEdDSA signature over all before it, 64 bytes
 *
 * Nothing here holds a key; see cipher.ts.
 *
 * @source Signal's WhisperTextProtocol.proto; field numbers as in the wa-proto schema (SenderKeyMessage,
 *   SenderKeyDistributionMessage)
 */
import { CURVE_KEY_BYTES, SIGNATURE_BYTES } from '../crypto/index.ts'
import { malformed } from '../signal/failures.ts'
import { TYPED_KEY_BYTES, typedKey, untypedKey } from '../signal/keys.ts'
import { bytesSize, readFields, uintSize, writeBytes, writeUint } from '../signal/wire.ts'

/** Version 3 in both halves: the version of the message and the newest one that the sender knows. */
const VERSION_BYTE = 0x33
const VERSION = 3

/** What a distribution hands over: the key from one message on. */
export interface SenderKeyDistribution {
  /** Tells the keys of a device for one group apart, 31 bits. */
  readonly keyId: number
  /** The number of the first message that it reads. */
  readonly iteration: number
  /** 32 bytes. */
  readonly chainKey: Uint8Array
  /** Public, 32 bytes: it signs every message of this key. */
  readonly signingKey: Uint8Array
}

/** A message of a group, its signature not yet checked. */
export interface SenderKeyMessage {
  /** Which key of the device it was encrypted with. */
  readonly keyId: number
  /** Its number among the messages of that key, from 0. */
  readonly iteration: number
  /** AES-256-CBC. */
  readonly ciphertext: Uint8Array
  /** All bytes before the signature. */
  readonly signed: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Encodes a distribution. */
export function encodeDistribution({
  keyId,
  iteration,
  chainKey,
  signingKey,
}: SenderKeyDistribution): Uint8Array {
  const size =
    1 + uintSize(keyId) + uintSize(iteration) + bytesSize(CURVE_KEY_BYTES) + bytesSize(TYPED_KEY_BYTES)
  const body = new Uint8Array(size)
  body[0] = VERSION_BYTE
  let offset = writeUint(body, 1, 1, keyId)
  offset = writeUint(body, offset, 2, iteration)
  offset = writeBytes(body, offset, 3, chainKey)
  writeBytes(body, offset, 4, typedKey(signingKey))
  return body
}

/**
 * Reads a distribution.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED` or `WATON_SIGNAL_INVALID_KEY`, nothing else, on any input
 */
export function readDistribution(body: Uint8Array): SenderKeyDistribution {
  checkVersion(body, 1)
  const { uints, strings } = readFields(body.subarray(1), 4)
  const [keyId, iteration, chainKey, signingKey] = [uints[1], uints[2], strings[3], strings[4]]
  if (keyId === undefined || iteration === undefined || chainKey === undefined || signingKey === undefined)
    throw malformed('a required field is missing', { offset: body.length })
  if (chainKey.length !== CURVE_KEY_BYTES)
    throw malformed('its chain key does not have 32 bytes', {
      offset: chainKey.byteOffset - body.byteOffset,
      length: chainKey.length,
    })
  return {
    keyId,
    iteration,
    // a copy: the key outlives the message that it came in
    chainKey: chainKey.slice(),
    signingKey: untypedKey(signingKey, 'the signing key'),
  }
}

/** Encodes a message and signs it. */
export function encodeSenderKeyMessage(
  { keyId, iteration, ciphertext }: Pick<SenderKeyMessage, 'keyId' | 'iteration' | 'ciphertext'>,
  signed: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const size = 1 + uintSize(keyId) + uintSize(iteration) + bytesSize(ciphertext.length)
  const body = new Uint8Array(size + SIGNATURE_BYTES)
  body[0] = VERSION_BYTE
  let offset = writeUint(body, 1, 1, keyId)
  offset = writeUint(body, offset, 2, iteration)
  writeBytes(body, offset, 3, ciphertext)
  body.set(signed(body.subarray(0, size)), size)
  return body
}

/**
 * Reads a message of a group without checking its signature, for example to learn which key it needs.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_MALFORMED`, nothing else, on any input
 */
export function readSenderKeyMessage(body: Uint8Array): SenderKeyMessage {
  checkVersion(body, 1 + SIGNATURE_BYTES)
  const end = body.length - SIGNATURE_BYTES
  const { uints, strings } = readFields(body.subarray(1, end), 3)
  const [keyId, iteration, ciphertext] = [uints[1], uints[2], strings[3]]
  if (keyId === undefined || iteration === undefined || ciphertext === undefined)
    throw malformed('a required field is missing', { offset: body.length })
  return { keyId, iteration, ciphertext, signed: body.subarray(0, end), signature: body.subarray(end) }
}

function checkVersion(body: Uint8Array, minimumBytes: number): void {
  if (body.length < minimumBytes) throw malformed('it is too short', { offset: body.length })
  const version = (body[0] ?? 0) >> 4
  if (version !== VERSION) throw malformed('its version is not 3', { offset: 0, version })
}
