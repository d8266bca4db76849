/**
 * Device identities (ADV): how an account vouches for its linked devices. The phone signs one when it links a device and
 * checks the ones of other companions when they start a session. No stanzas here, only the signed structures.
 *
 * @source reference Baileys 7.0.0-rc14 `lib/Utils/validate-connection.js`; whatsmeow `pair.go` (prefixes 06 00 and 06 01)
 */
import { concatBytes, EMPTY_BYTES, equalBytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { generateKeyPair, hmacSha256, sign, verify } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import {
  ADVDeviceIdentity,
  ADVEncryptionType,
  ADVKeyIndexList,
  ADVSignedDeviceIdentity,
  ADVSignedDeviceIdentityHMAC,
  ADVSignedKeyIndexList,
  decodeProto,
  encodeProto,
} from '../../protocol/proto/index.ts'

const ACCOUNT_SIGNATURE_PREFIX = Uint8Array.of(6, 0)
/** In front of what the account signs, and of what is HMACed, where a provider hosts the account. */
const HOSTED_SIGNATURE_PREFIX = Uint8Array.of(6, 5)
const DEVICE_SIGNATURE_PREFIX = Uint8Array.of(6, 1)
/** In front of a list of device keys. @source Cobalt `DeviceADVValidator` (after WA Web `WAWebAdvSignatureConstants`) */
const KEY_INDEX_LIST_PREFIX = Uint8Array.of(6, 2)
const SIGNATURE_BYTES = 64
const KEY_BYTES = 32

/**
 * Ways to make a pairing that a companion must refuse: `hmac` was made without the secret of the QR code,
 * `account-signature` signs another device, `account-key` names a key that did not sign, `incomplete` has no account signature,
 * `primary` gives the companion the phone's own address.
 */
export type PairingForgery = 'hmac' | 'account-signature' | 'account-key' | 'incomplete' | 'primary'

/** What a device identity says and who says it. */
export interface DeviceIdentityInput {
  /** Identity key pair of the account, that is of the phone. */
  readonly account: KeyPair
  /** Identity key of the companion, 32 bytes. */
  readonly companionKey: Uint8Array
  /** Secret from the QR code, 32 bytes. */
  readonly advSecret: Uint8Array
  /** Stays the same for the life of the account. */
  readonly rawId: number
  readonly keyIndex: number
  readonly atSeconds: number
  readonly random: RandomSource
  /** Whether a provider hosts the account. @default false */
  readonly isHosted?: boolean
  readonly forge?: PairingForgery
}

/** Signs a new companion into the account: a serialised `ADVSignedDeviceIdentityHMAC`. */
export function signDeviceIdentity(input: DeviceIdentityInput): Uint8Array {
  const { forge, random, isHosted = false } = input
  const type = isHosted ? ADVEncryptionType.HOSTED : ADVEncryptionType.E2EE
  const identity = {
    rawId: input.rawId,
    timestamp: input.atSeconds,
    keyIndex: input.keyIndex,
    accountType: type,
    deviceType: type,
  }
  const details = encodeProto(ADVDeviceIdentity, identity, 'ADVDeviceIdentity')
  const vouched = forge === 'account-signature' ? random.bytes(KEY_BYTES) : input.companionKey
  const message = concatBytes(accountPrefix(isHosted), details, vouched)
  const accountSignature = sign(input.account.privateKey, message, random)
  const signed = {
    details,
    accountSignatureKey:
      forge === 'account-key' ? generateKeyPair(random).publicKey : input.account.publicKey,
    ...(forge === 'incomplete' ? {} : { accountSignature }),
  }
  const signedBytes = encodeProto(ADVSignedDeviceIdentity, signed, 'ADVSignedDeviceIdentity')
  const secret = forge === 'hmac' ? random.bytes(KEY_BYTES) : input.advSecret
  const hmac = hmacSha256(secret, isHosted ? HOSTED_SIGNATURE_PREFIX : EMPTY_BYTES, signedBytes)
  const wrapped = { details: signedBytes, hmac, ...(isHosted ? { accountType: type } : {}) }
  return encodeProto(ADVSignedDeviceIdentityHMAC, wrapped, 'ADVSignedDeviceIdentityHMAC')
}

function accountPrefix(isHosted: boolean): Uint8Array {
  return isHosted ? HOSTED_SIGNATURE_PREFIX : ACCOUNT_SIGNATURE_PREFIX
}

/** What a phone says of its linked devices. */
export interface KeyIndexListInput {
  /** Identity key pair of the account, that is of the phone. */
  readonly account: KeyPair
  readonly rawId: number
  /** Key indexes of the devices that are linked now. */
  readonly indexes: readonly number[]
  /** The newest index that was ever given out. */
  readonly currentIndex: number
  readonly atSeconds: number
  readonly random: RandomSource
}

/** Signs which devices are linked: a serialised `ADVSignedKeyIndexList`, without the account's key, as phones make it. */
export function signKeyIndexList(input: KeyIndexListInput): Uint8Array {
  const { account, rawId, indexes, currentIndex, atSeconds, random } = input
  const list = {
    rawId,
    timestamp: atSeconds,
    currentIndex,
    validIndexes: [...indexes],
    accountType: ADVEncryptionType.E2EE,
  }
  const details = encodeProto(ADVKeyIndexList, list, 'ADVKeyIndexList')
  const accountSignature = sign(account.privateKey, concatBytes(KEY_INDEX_LIST_PREFIX, details), random)
  return encodeProto(ADVSignedKeyIndexList, { details, accountSignature }, 'ADVSignedKeyIndexList')
}

/** What to check a companion's device identity against. */
export interface DeviceIdentityCheck {
  /** Identity key that the companion used, 32 bytes. */
  readonly companionKey: Uint8Array
  /** Identity key of the companion's account (its phone), when known, 32 bytes. */
  readonly accountKey: Uint8Array | undefined
}

/**
 * Checks that an account vouches for a companion and that the companion accepted.
 *
 * An identity without its account key is read with the known one; when neither is there, only the lengths are checked,
 * because nobody can say more.
 *
 * @throws {CryptoError} `WATON_PHONE_DEVICE_IDENTITY` @throws {ProtocolError} when it is not such a structure
 */
export function checkDeviceIdentity(bytes: Uint8Array, check: DeviceIdentityCheck): void {
  const { details, isHosted, accountSignature, accountSignatureKey, deviceSignature } = readSigned(bytes)
  const accountKey = accountSignatureKey ?? check.accountKey
  if (accountKey === undefined) return
  if (check.accountKey !== undefined && !equalBytes(accountKey, check.accountKey)) throw refuse()
  const vouched = concatBytes(details, check.companionKey)
  if (!verify(accountKey, concatBytes(accountPrefix(isHosted), vouched), accountSignature)) throw refuse()
  if (!verify(check.companionKey, concatBytes(DEVICE_SIGNATURE_PREFIX, vouched, accountKey), deviceSignature))
    throw refuse()
}

interface Signed {
  readonly details: Uint8Array
  readonly isHosted: boolean
  readonly accountSignature: Uint8Array
  readonly deviceSignature: Uint8Array
  readonly accountSignatureKey: Uint8Array | undefined
}

function readSigned(bytes: Uint8Array): Signed {
  const { details, accountSignature, accountSignatureKey, deviceSignature } = decodeProto(
    ADVSignedDeviceIdentity,
    bytes,
    'ADVSignedDeviceIdentity',
  )
  if (accountSignature?.length !== SIGNATURE_BYTES || deviceSignature?.length !== SIGNATURE_BYTES)
    throw refuse()
  if (!(details instanceof Uint8Array)) throw refuse()
  const { deviceType } = decodeProto(ADVDeviceIdentity, details, 'ADVDeviceIdentity')
  const hasKey = accountSignatureKey?.length === KEY_BYTES
  return {
    details,
    isHosted: deviceType === ADVEncryptionType.HOSTED,
    accountSignature,
    deviceSignature,
    accountSignatureKey: hasKey ? accountSignatureKey : undefined,
  }
}

function refuse(): CryptoError {
  return new CryptoError(
    'WATON_PHONE_DEVICE_IDENTITY',
    'the device identity of a companion does not verify: its account did not sign it, or it did not accept',
  )
}
