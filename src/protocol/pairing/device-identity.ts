/**
 * The signed device identity ("ADV"): how a phone vouches for a device that it links. The server delivers it in
 * `pair-success`; it proves that it came from the phone that scanned our secret (HMAC) and that the account's key signed
 * our identity key. Only then do we sign it too. Bytes in, bytes out; the stanza around it is `stanza/iq/pairing.ts`.
 *
 * Message prefixes and the order of the signed bytes: whatsmeow `pair.go`, Baileys 7.0.0-rc14 `Utils/validate-connection.js`.
 */
import { concatBytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError, WatonError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { constantTimeEqual, hmacSha256, sign, verify, type KeyPair } from '../crypto/index.ts'
import { decodeProto, encodeProto } from '../proto/codec.ts'
import { ACCOUNT_SIGNATURE_PREFIX, DEVICE_SIGNATURE_PREFIX, HOSTED_ACCOUNT_SIGNATURE_PREFIX } from './adv.ts'
import {
  ADVDeviceIdentity,
  ADVEncryptionType,
  ADVSignedDeviceIdentity,
  ADVSignedDeviceIdentityHMAC,
} from '../proto/connection.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const NO_BYTES = new Uint8Array(0)

/** What is needed to accept an identity. */
export interface PairSuccessInput {
  /** Content of `<device-identity>`: an `ADVSignedDeviceIdentityHMAC`. */
  readonly deviceIdentity: Uint8Array
  /** The 32 bytes that the QR code carried. */
  readonly advSecret: Uint8Array
  /** Our identity key pair. */
  readonly identity: KeyPair
  /** For the signature. */
  readonly random: RandomSource
}

/** An identity that was checked and signed. */
export interface AcceptedIdentity {
  /** `ADVSignedDeviceIdentity` for the answer to the server: without the account key, which the server wants left out. */
  readonly reply: Uint8Array
  /** `ADVSignedDeviceIdentity` with the account key: keep it, messages that start a session carry it. */
  readonly stored: Uint8Array
  /** Which of the account's device keys this is; goes into the answer. */
  readonly keyIndex: number
  /** 32 bytes: identity key of the account's phone (device 0). */
  readonly accountSignatureKey: Uint8Array
}

/** What to tell the server when an identity is refused. */
export interface PairingRefusal {
  /** The number that the server gets. */
  readonly code: number
  /** The word that the server gets beside it. */
  readonly text: string
}

const HMAC_MISMATCH: PairingRefusal = { code: 401, text: 'hmac-mismatch' }
const SIGNATURE_MISMATCH: PairingRefusal = { code: 401, text: 'signature-mismatch' }
const INTERNAL_ERROR: PairingRefusal = { code: 500, text: 'internal-error' }

/**
 * Checks the identity that the phone made for this device, and signs it.
 *
 * @returns what to answer and what to keep
 * @throws {CryptoError} `WATON_PAIRING_HMAC` when it was not made with our secret; `WATON_PAIRING_SIGNATURE` when the
 *   account key did not sign our identity key
 * @throws {ProtocolError} `WATON_PAIRING_IDENTITY` or `WATON_PROTO_MALFORMED` when it is not a complete identity. Answer the
 *   server with {@link pairingRefusal} of the error
 */
export function acceptPairSuccess(input: PairSuccessInput): AcceptedIdentity {
  const container = decodeProto(
    ADVSignedDeviceIdentityHMAC,
    input.deviceIdentity,
    'ADVSignedDeviceIdentityHMAC',
  )
  const isHostedAccount = container.accountType === ADVEncryptionType.HOSTED
  const signedBytes = requireField(container.details, 'details')
  checkHmac(input.advSecret, signedBytes, requireField(container.hmac, 'hmac'), isHostedAccount)

  const signed = decodeProto(ADVSignedDeviceIdentity, signedBytes, 'ADVSignedDeviceIdentity')
  const details = requireField(signed.details, 'details')
  const accountSignatureKey = requireField(signed.accountSignatureKey, 'accountSignatureKey', KEY_BYTES)
  const accountSignature = requireField(signed.accountSignature, 'accountSignature', SIGNATURE_BYTES)
  const { deviceType, keyIndex } = decodeProto(ADVDeviceIdentity, details, 'ADVDeviceIdentity')
  const isHosted = isHostedAccount || deviceType === ADVEncryptionType.HOSTED
  const own = input.identity.publicKey
  checkAccountSignature(concatBytes(details, own), accountSignatureKey, accountSignature, isHosted)

  const deviceMessage = concatBytes(DEVICE_SIGNATURE_PREFIX, details, own, accountSignatureKey)
  const deviceSignature = sign(input.identity.privateKey, deviceMessage, input.random)
  const identity = { details, accountSignature, deviceSignature }
  return {
    reply: encodeProto(ADVSignedDeviceIdentity, identity, 'ADVSignedDeviceIdentity'),
    stored: encodeProto(
      ADVSignedDeviceIdentity,
      { ...identity, accountSignatureKey },
      'ADVSignedDeviceIdentity',
    ),
    keyIndex: keyIndex ?? 0,
    accountSignatureKey,
  }
}

/** The error code and text that the server expects when {@link acceptPairSuccess} threw `error`. */
export function pairingRefusal(error: unknown): PairingRefusal {
  if (error instanceof WatonError) {
    if (error.code === 'WATON_PAIRING_HMAC') return HMAC_MISMATCH
    if (error.code === 'WATON_PAIRING_SIGNATURE') return SIGNATURE_MISMATCH
  }
  return INTERNAL_ERROR
}

function checkHmac(secret: Uint8Array, details: Uint8Array, expected: Uint8Array, isHosted: boolean): void {
  const prefix = isHosted ? HOSTED_ACCOUNT_SIGNATURE_PREFIX : NO_BYTES
  const actual = hmacSha256(secret, prefix, details)
  if (constantTimeEqual(actual, expected)) return
  throw new CryptoError(
    'WATON_PAIRING_HMAC',
    'the device identity was not made by the phone that scanned this code: its secret does not match; show a new code',
    { details: { replyCode: HMAC_MISMATCH.code, replyText: HMAC_MISMATCH.text }, action: 'link' },
  )
}

/**
 * Implementations disagree about which flag announces the hosted prefix (the account's in whatsmeow, the device's in
 * Baileys). Where either is set both prefixes are tried: each stands for a signature that the account key really made over
 * our identity key, so accepting either gives nothing away.
 */
function checkAccountSignature(
  message: Uint8Array,
  key: Uint8Array,
  signature: Uint8Array,
  isHosted: boolean,
): void {
  const prefixes = isHosted
    ? [HOSTED_ACCOUNT_SIGNATURE_PREFIX, ACCOUNT_SIGNATURE_PREFIX]
    : [ACCOUNT_SIGNATURE_PREFIX]
  if (prefixes.some((prefix) => verify(key, concatBytes(prefix, message), signature))) return
  throw new CryptoError(
    'WATON_PAIRING_SIGNATURE',
    'the account key did not sign the identity key of this device; link again, and do not trust this pairing',
    { details: { replyCode: SIGNATURE_MISMATCH.code, replyText: SIGNATURE_MISMATCH.text }, action: 'link' },
  )
}

function requireField(value: Uint8Array | null | undefined, name: string, lengthBytes?: number): Uint8Array {
  if (value && value.length > 0 && (lengthBytes === undefined || value.length === lengthBytes)) return value
  throw new ProtocolError(
    'WATON_PAIRING_IDENTITY',
    `the device identity came without a usable "${name}" field`,
    {
      details: {
        field: name,
        actualBytes: value?.length,
        replyCode: INTERNAL_ERROR.code,
        replyText: INTERNAL_ERROR.text,
      },
    },
  )
}
