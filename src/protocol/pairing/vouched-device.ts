/**
 * Checking the signed identity of somebody else's linked device: that their account vouches for the key it publishes, and
 * that the device has agreed. The server delivers it beside the keys and cannot make one. Our own is
 * `device-identity.ts`.
 *
 * @source Cobalt `DeviceADVValidator` (after WA Web `WAWebAdvSignatureApi` validateADVwithIdentityKey); whatsmeow `pair.go`
 */
import { concatBytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { constantTimeEqual, verify } from '../crypto/index.ts'
import { decodeProto } from '../proto/codec.ts'
import { ADVDeviceIdentity, ADVEncryptionType, ADVSignedDeviceIdentity } from '../proto/connection.ts'
import {
  ACCOUNT_SIGNATURE_PREFIX,
  DEVICE_SIGNATURE_PREFIX,
  HOSTED_ACCOUNT_SIGNATURE_PREFIX,
  HOSTED_DEVICE_SIGNATURE_PREFIX,
} from './adv.ts'

const KEY_BYTES = 32

const PREFIXES = { account: [ACCOUNT_SIGNATURE_PREFIX], device: [DEVICE_SIGNATURE_PREFIX] }

/** Which of the two applies is told differently by implementations: each stands for a signature that was made. */
const HOSTED_PREFIXES = {
  account: [HOSTED_ACCOUNT_SIGNATURE_PREFIX, ACCOUNT_SIGNATURE_PREFIX],
  device: [HOSTED_DEVICE_SIGNATURE_PREFIX, DEVICE_SIGNATURE_PREFIX],
}

/** The key of the phone in a serialised `ADVSignedDeviceIdentity`, 32 bytes, when it has one. @throws {ProtocolError} */
export function accountKeyIn(deviceIdentity: Uint8Array): Uint8Array | undefined {
  const { accountSignatureKey } = decodeProto(
    ADVSignedDeviceIdentity,
    deviceIdentity,
    'ADVSignedDeviceIdentity',
  )
  return accountSignatureKey?.length === KEY_BYTES ? accountSignatureKey : undefined
}

/**
 * Checks a linked device.
 *
 * @param deviceIdentity - serialised `ADVSignedDeviceIdentity`
 * @param keys - `identityKey`: what the device publishes, 32 bytes; `accountKey`: identity key of the account's phone, when
 *   it is known. When the identity brings no key and none is known, there is nothing to check with
 * @throws {CryptoError} `WATON_DEVICE_IDENTITY` @throws {ProtocolError} `WATON_PROTO_MALFORMED`
 */
export function verifyDeviceIdentity(
  deviceIdentity: Uint8Array,
  keys: { readonly identityKey: Uint8Array; readonly accountKey?: Uint8Array | undefined },
): void {
  const signed = decodeProto(ADVSignedDeviceIdentity, deviceIdentity, 'ADVSignedDeviceIdentity')
  const { details, accountSignature, deviceSignature } = signed
  if (!details || !accountSignature || !deviceSignature) throw refused('it is not complete')
  const carried = accountKeyIn(deviceIdentity)
  if (carried !== undefined && keys.accountKey !== undefined && !constantTimeEqual(carried, keys.accountKey))
    throw refused('it names another account')
  const accountKey = keys.accountKey ?? carried
  if (accountKey === undefined) return
  const prefixes = isHostedDevice(details) ? HOSTED_PREFIXES : PREFIXES
  const vouched = concatBytes(details, keys.identityKey)
  if (!isSigned(accountKey, accountSignature, vouched, prefixes.account))
    throw refused('its account did not sign it')
  if (!isSigned(keys.identityKey, deviceSignature, concatBytes(vouched, accountKey), prefixes.device))
    throw refused('it did not agree')
}

function isSigned(
  key: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
  prefixes: readonly Uint8Array[],
): boolean {
  if (signature.length !== 64) return false
  return prefixes.some((prefix) => verify(key, concatBytes(prefix, message), signature))
}

function isHostedDevice(details: Uint8Array): boolean {
  try {
    const { deviceType, accountType } = decodeProto(ADVDeviceIdentity, details, 'ADVDeviceIdentity')
    return deviceType === ADVEncryptionType.HOSTED || accountType === ADVEncryptionType.HOSTED
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

function refused(why: string): CryptoError {
  return new CryptoError(
    'WATON_DEVICE_IDENTITY',
    `the identity of a linked device does not verify (${why}); nothing is sent to it`,
    { action: 'wait' },
  )
}
