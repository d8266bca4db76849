/**
 * Whether the other end of a handshake is WhatsApp. The server proves it with a chain of two certificates: the root key
 * (compiled in) signed the intermediate one, the intermediate key signed the leaf, and the leaf names the static key
 * that the server used in this very handshake. All of it is checked, and nothing of a chain is believed before. The
 * certificates are WhatsApp's own protobuf, not X.509.
 *
 * @source whatsmeow `handshake.go` verifyServerCert; a chain of the real server is in tests/vectors/noise/whatsapp-xx.json
 */
import { equalBytes, fromHex } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { CURVE_KEY_BYTES, SIGNATURE_BYTES, verify } from '../crypto/index.ts'
import { decodeProto } from '../proto/codec.ts'
import { CertChain } from '../proto/connection.ts'

/** The Curve25519 key with which WhatsApp signs its intermediate certificates: 32 bytes. Not to be written to. */
export const WHATSAPP_ROOT_KEY: Uint8Array = fromHex(
  '142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b',
)

/** The serial number of that key. */
export const WHATSAPP_ROOT_SERIAL = 0

/**
 * How far our clock may be off before a certificate counts as invalid: a day, more than any mistake about a time zone or
 * a machine that slept. WhatsApp's own clients do not look at the validity at all; a certificate lives about four months.
 */
export const CLOCK_TOLERANCE_SECONDS = 86_400

/** One checked certificate. */
export interface NoiseCertificate {
  /** Its own number. */
  readonly serial: number
  /** The number of the certificate that signed it. */
  readonly issuerSerial: number
  /** Curve25519, 32 bytes. */
  readonly key: Uint8Array
  /** Seconds since the Unix epoch, inclusive. */
  readonly notBeforeSeconds: number
  /** Seconds since the Unix epoch, inclusive. */
  readonly notAfterSeconds: number
}

/** A chain that passed every check. */
export interface CertificateChain {
  /** Signed by the root key. */
  readonly intermediate: NoiseCertificate
  /** Signed by the intermediate; its key is the server's static key. */
  readonly leaf: NoiseCertificate
}

/** What a chain is checked against. */
export interface CertificateTrust {
  /** The static key that the server proved to own in this handshake, 32 bytes. */
  readonly serverStatic: Uint8Array
  /** The key that must have signed the intermediate certificate. @default WhatsApp's */
  readonly rootKey?: Uint8Array
  /** The issuer serial that the intermediate certificate must name. @default 0, WhatsApp's */
  readonly rootSerial?: number
  /** The time at which the chain must be valid, give or take a day; seconds since the Unix epoch. */
  readonly nowSeconds: number
}

interface SignedDetails {
  readonly details: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Checks the certificate chain of a server hello.
 *
 * @param bytes - serialised `CertChain`
 * @throws {ProtocolError} `WATON_NOISE_CERTIFICATE_MALFORMED` when it is no complete chain
 * @throws {CryptoError} `WATON_NOISE_CERTIFICATE_SIGNATURE`, `..._ISSUER` (serial numbers do not link up to the root),
 *   `..._KEY` (the leaf is about another key than the server used) or `..._VALIDITY`: do not go on with the handshake
 */
export function checkCertificateChain(bytes: Uint8Array, trust: CertificateTrust): CertificateChain {
  const { rootKey = WHATSAPP_ROOT_KEY, rootSerial = WHATSAPP_ROOT_SERIAL } = trust
  const { intermediate: signedIntermediate, leaf: signedLeaf } = readChain(bytes)

  checkSignature('intermediate', signedIntermediate, rootKey)
  const intermediate = readDetails('intermediate', signedIntermediate.details)
  checkIssuer('intermediate', intermediate, rootSerial)

  checkSignature('leaf', signedLeaf, intermediate.key)
  const leaf = readDetails('leaf', signedLeaf.details)
  checkIssuer('leaf', leaf, intermediate.serial)

  if (!equalBytes(leaf.key, trust.serverStatic)) throw keyError()
  checkValidity('intermediate', intermediate, trust.nowSeconds)
  checkValidity('leaf', leaf, trust.nowSeconds)
  return { intermediate, leaf }
}

function readChain(bytes: Uint8Array): { intermediate: SignedDetails; leaf: SignedDetails } {
  const { intermediate, leaf } = decoded('chain', () => decodeProto(CertChain, bytes, 'CertChain'))
  return { intermediate: readSigned('intermediate', intermediate), leaf: readSigned('leaf', leaf) }
}

function readSigned(
  name: string,
  certificate: CertChain.INoiseCertificate | null | undefined,
): SignedDetails {
  const { details, signature } = certificate ?? {}
  if (details == null || signature?.length !== SIGNATURE_BYTES) throw malformedError(name)
  return { details, signature }
}

function readDetails(name: string, bytes: Uint8Array): NoiseCertificate {
  const { serial, issuerSerial, key, notBefore, notAfter } = decoded(name, () =>
    decodeProto(CertChain.NoiseCertificate.Details, bytes, 'CertChain.NoiseCertificate.Details'),
  )
  if (serial == null || key?.length !== CURVE_KEY_BYTES || notBefore == null || notAfter == null) {
    throw malformedError(name)
  }
  return {
    serial,
    // A writer may leave out a zero, and the root's serial is one.
    issuerSerial: issuerSerial ?? 0,
    key,
    notBeforeSeconds: notBefore,
    notAfterSeconds: notAfter,
  }
}

function decoded<Value>(name: string, decode: () => Value): Value {
  try {
    return decode()
  } catch (cause) {
    throw malformedError(name, cause)
  }
}

function checkSignature(name: string, { details, signature }: SignedDetails, issuerKey: Uint8Array): void {
  if (verify(issuerKey, details, signature)) return
  throw new CryptoError(
    'WATON_NOISE_CERTIFICATE_SIGNATURE',
    `the server's ${name} certificate was not signed by its issuer, so the server is not who it claims to be; check the network for interception, or the root key of a test server`,
    { details: { certificate: name }, action: 'check-network' },
  )
}

function checkIssuer(name: string, certificate: NoiseCertificate, expected: number): void {
  const { issuerSerial } = certificate
  if (issuerSerial === expected) return
  throw new CryptoError(
    'WATON_NOISE_CERTIFICATE_ISSUER',
    `the server's ${name} certificate names issuer ${issuerSerial.toString()} instead of ${expected.toString()}, so the chain does not lead to the trusted root; do not use this connection`,
    { details: { certificate: name, issuerSerial, expected }, action: 'check-network' },
  )
}

function checkValidity(name: string, certificate: NoiseCertificate, nowSeconds: number): void {
  const { notBeforeSeconds, notAfterSeconds } = certificate
  const earlySeconds = notBeforeSeconds - nowSeconds
  const lateSeconds = nowSeconds - notAfterSeconds
  if (Math.max(earlySeconds, lateSeconds) <= CLOCK_TOLERANCE_SECONDS) return
  const problem =
    earlySeconds > 0
      ? `is not valid for another ${daysOf(earlySeconds)} days`
      : `expired ${daysOf(lateSeconds)} days ago`
  throw new CryptoError(
    'WATON_NOISE_CERTIFICATE_VALIDITY',
    `by the clock of this machine the server's ${name} certificate ${problem}; set the clock, and if it is right do not use this connection`,
    {
      details: { certificate: name, nowSeconds, notBeforeSeconds, notAfterSeconds },
      action: 'check-network',
    },
  )
}

function daysOf(seconds: number): string {
  return Math.floor(seconds / 86_400).toString()
}

function keyError(): CryptoError {
  return new CryptoError(
    'WATON_NOISE_CERTIFICATE_KEY',
    'the certificate is about another key than the server used, so a genuine certificate was replayed by somebody else; do not use this connection',
    { action: 'check-network' },
  )
}

function malformedError(name: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    'WATON_NOISE_CERTIFICATE_MALFORMED',
    `the server's certificate is incomplete or unreadable (${name}); check that the address is that of a WhatsApp server`,
    { details: { certificate: name }, cause, action: 'check-network' },
  )
}
