/**
 * What a client says of itself in the last message of the handshake: either a new companion with its keys, or a device
 * that logs in. Read and checked here, acted on in `server.ts`.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/validate-connection.js` generateRegistrationNode, generateLoginNode
 */
import { uintFromBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { decodeProto } from '../../protocol/proto/codec.ts'
import { ClientPayload, DeviceProps } from '../../protocol/proto/connection.ts'
import { verifySignedPreKey } from '../stanza/keys.ts'
import type { DevicePublicKeys } from '../stanza/keys.ts'

/** The version of WhatsApp Web that a client says it is. */
export type ClientVersion = readonly [primary: number, secondary: number, tertiary: number]

/** A companion without an account. */
export interface RegistrationPayload {
  readonly kind: 'registration'
  readonly version: ClientVersion
  readonly keys: DevicePublicKeys
  /** The name of the operating system or client it wants to be shown with. */
  readonly os: string
  /** Serialised `DeviceProps`: also what it wants of history. */
  readonly deviceProps: Uint8Array
}

/** A device of an account. */
export interface LoginPayload {
  readonly kind: 'login'
  readonly version: ClientVersion
  readonly phoneNumber: string
  readonly deviceId: number
  /** Whether it wants its stanzas only after `<active/>`. */
  readonly isPassive: boolean
  /** Whether it pulls its backlog in batches. */
  readonly isPulled: boolean
}

const KEY_TYPE = 5
const BUILD_HASH_BYTES = 16

/**
 * Reads and checks a client payload.
 *
 * @throws {ProtocolError} `WATON_SIMULATOR_PAYLOAD`, `WATON_SIMULATOR_KEYS` naming what is wrong
 */
export function readClientPayload(bytes: Uint8Array): RegistrationPayload | LoginPayload {
  const payload = decodeProto(ClientPayload, bytes, 'ClientPayload')
  const { userAgent, username, device, devicePairingData, passive, pull } = payload
  const { primary, secondary, tertiary } = userAgent?.appVersion ?? {}
  if (primary == null) throw wrongPayload('the user agent has no version')
  const version: ClientVersion = [primary, secondary ?? 0, tertiary ?? 0]
  if (devicePairingData != null) {
    if (username != null) throw wrongPayload('it both registers and logs in')
    return { ...readRegistration(devicePairingData), version }
  }
  if (username == null || username <= 0) throw wrongPayload('it neither registers nor names its phone number')
  return {
    kind: 'login',
    version,
    phoneNumber: String(username),
    deviceId: device ?? 0,
    isPassive: passive === true,
    isPulled: pull === true,
  }
}

function readRegistration(
  data: ClientPayload.DevicePairingRegistrationData.$Properties,
): Omit<RegistrationPayload, 'version'> {
  if (uintFromBytes(exactly(data.eKeytype, 1, 'eKeytype')) !== KEY_TYPE)
    throw wrongPayload('eKeytype is not 5')
  exactly(data.buildHash, BUILD_HASH_BYTES, 'buildHash')
  const deviceProps = data.deviceProps ?? new Uint8Array(0)
  const { os } = decodeProto(DeviceProps, deviceProps, 'DeviceProps')
  if (os == null || os === '') throw wrongPayload('deviceProps name no operating system')
  const identityKey = exactly(data.eIdent, 32, 'eIdent')
  const signedPreKey = {
    id: uintFromBytes(exactly(data.eSkeyId, 3, 'eSkeyId')),
    publicKey: exactly(data.eSkeyVal, 32, 'eSkeyVal'),
    signature: exactly(data.eSkeySig, 64, 'eSkeySig'),
  }
  verifySignedPreKey(identityKey, signedPreKey)
  const registrationId = uintFromBytes(exactly(data.eRegid, 4, 'eRegid'))
  return { kind: 'registration', keys: { registrationId, identityKey, signedPreKey }, os, deviceProps }
}

function exactly(bytes: Uint8Array | null | undefined, lengthBytes: number, name: string): Uint8Array {
  if (bytes?.length !== lengthBytes) {
    throw wrongPayload(`${name} has ${String(bytes?.length ?? 0)} bytes instead of ${String(lengthBytes)}`)
  }
  return bytes
}

function wrongPayload(what: string): ProtocolError {
  return new ProtocolError('WATON_SIMULATOR_PAYLOAD', `a client payload is not acceptable: ${what}`)
}
