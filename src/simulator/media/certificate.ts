/**
 * The certificate of the media server: made when it is first asked for, signed by itself, for this machine's own names
 * only. Node reads certificates and cannot write them, so the few structures of one fixed shape are written here. It is
 * no certificate library; why none is used: `docs/decisions/0015-certificate-of-the-media-server.md`.
 *
 * @source RFC 5280 (structure, times), RFC 5480 (P-256 keys), RFC 5758 (ECDSA with SHA-256), X.690 (DER)
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { concatBytes, toBase64, utf8Bytes } from '../../base/bytes.ts'

/** What a TLS server needs; both are PEM. */
export interface ServerIdentity {
  readonly certificate: string
  readonly privateKey: string
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
  /** `[0]` and `[3]` of a certificate: its version, its extensions. */
  version: 0xa0,
  extensions: 0xa3,
  /** Of an alternative name. */
  dnsName: 0x82,
  ipAddress: 0x87,
} as const

/** Object identifiers, already encoded. */
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
} as const

const NAME = 'waton simulator'
/** Clients judge by the machine's time while the simulator's clock may stand anywhere: it never expires. */
const NOT_BEFORE = '000101000000Z'
const NOT_AFTER = '99991231235959Z'
const SERIAL_BYTES = 16
const PEM_LINE = /.{1,64}/g

/**
 * Makes a P-256 key and a certificate for it that is valid for `localhost` and `127.0.0.1`. Takes about a millisecond.
 *
 * @param serial - 16 bytes that tell certificates apart
 */
export function createServerIdentity(serial: Uint8Array): ServerIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(objectId(OID.ecdsaWithSha256))
  const content = sequence(
    der(TAG.version, der(TAG.integer, Uint8Array.of(2))),
    der(TAG.integer, positive(serial)),
    algorithm,
    distinguishedName(),
    sequence(der(TAG.utcTime, utf8Bytes(NOT_BEFORE)), der(TAG.generalizedTime, utf8Bytes(NOT_AFTER))),
    distinguishedName(),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(TAG.extensions, sequence(selfIssued(), alternativeNames())),
  )
  const certificate = sequence(content, algorithm, bitString(sign('sha256', content, privateKey)))
  return {
    certificate: pem(certificate),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function distinguishedName(): Uint8Array {
  const commonName = sequence(objectId(OID.commonName), der(TAG.utf8String, utf8Bytes(NAME)))
  return sequence(der(TAG.set, commonName))
}

/** It is its own issuer, and therefore one that may issue: some clients trust nothing else as a root. */
function selfIssued(): Uint8Array {
  const yes = der(TAG.boolean, Uint8Array.of(0xff))
  return sequence(objectId(OID.basicConstraints), yes, der(TAG.octetString, sequence(yes)))
}

function alternativeNames(): Uint8Array {
  const names = sequence(
    der(TAG.dnsName, utf8Bytes('localhost')),
    der(TAG.ipAddress, Uint8Array.of(127, 0, 0, 1)),
  )
  return sequence(objectId(OID.subjectAltName), der(TAG.octetString, names))
}

/** The serial number as a positive integer in its shortest form: the first byte is 1 to 127. */
function positive(serial: Uint8Array): Uint8Array {
  const bytes = serial.slice(0, SERIAL_BYTES)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01
  return bytes
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(TAG.sequence, ...parts)
}

function objectId(encoded: readonly number[]): Uint8Array {
  return der(TAG.objectId, Uint8Array.from(encoded))
}

/** All bits count: no unused ones at the end. */
function bitString(bytes: Uint8Array): Uint8Array {
  return der(TAG.bitString, Uint8Array.of(0), bytes)
}

/** Tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts)
  const { length } = content
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), content)
  if (length < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, length), content)
  return concatBytes(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), content)
}

function pem(certificate: Uint8Array): string {
  const lines = toBase64(certificate).match(PEM_LINE) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
