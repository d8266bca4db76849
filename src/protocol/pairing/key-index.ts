/** Which of an account's device keys a linked device uses, as its signed identity says: what tells it from every other. */
import { decodeProto } from '../proto/codec.ts'
import { ADVDeviceIdentity, ADVSignedDeviceIdentity } from '../proto/connection.ts'

/** The key index in a serialised `ADVSignedDeviceIdentity`; 0 when it names none. @throws {ProtocolError} `WATON_PROTO_MALFORMED` */
export function keyIndexIn(deviceIdentity: Uint8Array): number {
  const { details } = decodeProto(ADVSignedDeviceIdentity, deviceIdentity, 'ADVSignedDeviceIdentity')
  const identity = decodeProto(ADVDeviceIdentity, details ?? new Uint8Array(0), 'ADVDeviceIdentity')
  return identity.keyIndex ?? 0
}
