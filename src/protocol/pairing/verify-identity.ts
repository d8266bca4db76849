/**
 * The signed device identity of somebody else's device: whether the account that it belongs to vouches for its keys.
 * What our own phone makes for us is `device-identity.ts`.
 *
 * @source whatsmeow `pair.go` and `prekeys.go`; whatsapp-rust `wacore/src/adv.rs`: prefixes 6,0 and 6,1, hosted 6,5 and 6,6
 */
import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { CryptoError, WatonError } from '../../base/errors.ts'
import { verify } from '../crypto/index.ts'
import { decodeProto } from '../proto/codec.ts'
import { ADVSignedDeviceIdentity } from '../proto/connection.ts'

/** What stands before the signed bytes, for an ordinary device and for one that a provider hosts. */
const ACCOUNT_PREFIXES: readonly Uint8Array[] = [Uint8Array.of(6, 0), Uint8Array.of(6, 5)]
const DEVICE_PREFIXES: readonly Uint8Array[] = [Uint8Array.of(6, 1), Uint8Array.of(6, 6)]

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Keys that claim to be a linked device's. */
export interface DeviceClaim {
  /** Serialised `ADVSignedDeviceIdentity`. */
  readonly deviceIdentity: Uint8Array
  /** The device's identity key, 32 bytes. */
  readonly identityKey: Uint8Array
  /** The identity key of the account's phone, 32 bytes, when it is known. */
  readonly accountKey?: Uint8Array | undefined
}

/**
 * Checks that an account vouches for the identity key of a device, and that the device has accepted.
 *
 * @throws {CryptoError} `WATON_DEVICE_IDENTITY` when it does not, or when nobody can say
 */
export function verifyDeviceIdentity({ deviceIdentity, identityKey, accountKey }: DeviceClaim): void {
  const signed = readSigned(deviceIdentity)
  const account = present(signed.accountSignatureKey, KEY_BYTES) ?? accountKey
  const accountSignature = present(signed.accountSignature, SIGNATURE_BYTES)
  const deviceSignature = present(signed.deviceSignature, SIGNATURE_BYTES)
  const { details } = signed
  if (!details || account === undefined || accountSignature === undefined || deviceSignature === undefined)
    throw refused('it is not complete')
  if (accountKey !== undefined && !equalBytes(account, accountKey)) throw refused('another account signed it')
  const vouched = concatBytes(details, identityKey)
  if (!isSigned(account, ACCOUNT_PREFIXES, vouched, accountSignature))
    throw refused('the account has not signed the key')
  if (!isSigned(identityKey, DEVICE_PREFIXES, concatBytes(vouched, account), deviceSignature))
    throw refused('the device has not signed it')
}

/** The key of the account that a device identity names; `undefined` when it names none. */
export function accountKeyOf(deviceIdentity: Uint8Array): Uint8Array | undefined {
  return present(readSigned(deviceIdentity).accountSignatureKey, KEY_BYTES)
}

function readSigned(bytes: Uint8Array): ADVSignedDeviceIdentity.$Properties {
  try {
    return decodeProto(ADVSignedDeviceIdentity, bytes, 'ADVSignedDeviceIdentity')
  } catch (error) {
    if (error instanceof WatonError) throw refused('it cannot be read')
    throw error
  }
}

function isSigned(
  key: Uint8Array,
  prefixes: readonly Uint8Array[],
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return prefixes.some((prefix) => verify(key, concatBytes(prefix, message), signature))
}

function present(value: Uint8Array | null | undefined, length: number): Uint8Array | undefined {
  return value?.length === length ? value : undefined
}

function refused(why: string): CryptoError {
  return new CryptoError(
    'WATON_DEVICE_IDENTITY',
    `the identity of a device does not verify: ${why}; its keys are not used`,
    { action: 'discard' },
  )
}
