/**
 * XEdDSA: Ed25519-like signatures made and checked with Curve25519 keys. Verification converts the Montgomery key to
 * its Edwards form and lets OpenSSL check an ordinary Ed25519 signature; signing follows the specification with the
 * base-point multiplication of signature-backend.ts.
 *
 * Two dialects are on the wire. The specification negates the private scalar until the Edwards key has sign 0;
 * libsignal keeps the scalar and stores that sign in the top bit of the signature. One rule reads both: the top bit of
 * byte 63 is the sign of the key. We write the second, as every WhatsApp client does.
 *
 * @source https://signal.org/docs/specifications/xeddsa/ (sections 2 and 3)
 */
import { createPublicKey, hash, verify as verifyEdwards, type KeyObject } from 'node:crypto'
import { BoundedMap } from '../../base/bounded-map.ts'
import { asBuffer, concatBytes, fromHex } from '../../base/bytes.ts'
import type { RandomSource } from '../../base/random.ts'
import { checkBytes } from './check.ts'
import { CURVE_KEY_BYTES } from './curve.ts'
import { signatureBackend, type SignatureBackend } from './signature-backend.ts'

/** Length of a signature in bytes. */
export const SIGNATURE_BYTES = 64

/** The field: 2^255 - 19. */
const P = 2n ** 255n - 19n
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n

const SIGN_BIT = 0x80
/** Random bytes mixed into the nonce ("Z" of the specification). */
const NONCE_RANDOM_BYTES = 64
/** Domain separation of the nonce hash: 2^256 - 2 in little endian ("hash_1"). */
const NONCE_PREFIX: Uint8Array = new Uint8Array(32).fill(0xff).fill(0xfe, 0, 1)

/**
 * Montgomery coordinates of low order. Under such a "key" nearly anything verifies, and no key pair has one.
 */
const LOW_ORDER: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
])

/** Converted keys kept at most, per kind. */
const MAX_CACHED_KEYS = 1024
const verifyKeys = new BoundedMap<string, KeyObject>(MAX_CACHED_KEYS)
const signingKeys = new BoundedMap<string, SigningKey>(MAX_CACHED_KEYS)

interface SigningKey {
  /** The private scalar modulo L. */
  readonly scalar: bigint
  readonly scalarBytes: Uint8Array
  /** The compressed Edwards public key, sign bit included. */
  readonly edwards: Uint8Array
}

/**
 * Signs a message with a Curve25519 private key.
 *
 * @param privateKey - 32 bytes
 * @param random - 64 bytes are drawn; they harden the nonce, so that even a repeated output of a broken generator
 * repeats no nonce for another message
 * @returns 64 bytes; the top bit of the last one is the sign of the Edwards public key
 * @throws {CryptoError} `WATON_CRYPTO_LENGTH` when the key does not have 32 bytes
 */
export function sign(privateKey: Uint8Array, message: Uint8Array, random: RandomSource): Uint8Array {
  return signWith(signatureBackend(), privateKey, message, random)
}

/** {@link sign} with a given backend; the bytes do not depend on which. */
export function signWith(
  backend: SignatureBackend,
  privateKey: Uint8Array,
  message: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const { scalar, scalarBytes, edwards } = signingKey(backend, privateKey)
  const nonce = hashToScalar(NONCE_PREFIX, scalarBytes, message, random.bytes(NONCE_RANDOM_BYTES))
  const commitment = backend.multiplyBase(nonce, littleEndian(nonce))
  const challenge = hashToScalar(commitment, edwards, message)
  const signature = concatBytes(commitment, littleEndian((nonce + challenge * scalar) % L))
  signature[63] = (signature[63] ?? 0) | ((edwards[31] ?? 0) & SIGN_BIT)
  return signature
}

/**
 * Whether `signature` over `message` was made by the holder of the Curve25519 key. Never throws: malformed keys and
 * signatures are simply false.
 *
 * @param publicKey - 32 bytes, without type byte
 * @param signature - 64 bytes, of either dialect
 */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== CURVE_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  const signBit = (signature[63] ?? 0) & SIGN_BIT
  const key = verifyKey(publicKey, signBit)
  if (key === undefined) return false
  const edwardsSignature = Uint8Array.from(signature)
  edwardsSignature[63] = (signature[63] ?? 0) & ~SIGN_BIT
  // OpenSSL refuses s >= L itself, so a signature cannot be altered into another valid one.
  return verifyEdwards(null, message, key, edwardsSignature)
}

function verifyKey(publicKey: Uint8Array, signBit: number): KeyObject | undefined {
  const name = `${asBuffer(publicKey).toString('latin1')}${signBit === 0 ? '+' : '-'}`
  const cached = verifyKeys.get(name)
  if (cached !== undefined) return cached
  const edwards = edwardsKey(publicKey, signBit)
  if (edwards === undefined) return undefined
  const x = asBuffer(edwards).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  verifyKeys.set(name, key)
  return key
}

/** y = (u - 1) / (u + 1), with the sign bit on top; `undefined` for a coordinate that no key pair has. */
function edwardsKey(publicKey: Uint8Array, signBit: number): Uint8Array | undefined {
  const u = fromLittleEndian(publicKey)
  if (u >= P || LOW_ORDER.has(u)) return undefined
  const edwards = littleEndian(((u - 1n) * inverse(u + 1n)) % P)
  edwards[31] = (edwards[31] ?? 0) | signBit
  return edwards
}

/** The inverse modulo P by Euclid's algorithm: 25 µs, five times faster than a power. For public numbers only. */
function inverse(value: bigint): bigint {
  let [rest, next] = [P, value]
  let [coefficient, nextCoefficient] = [0n, 1n]
  while (next !== 0n) {
    const quotient = rest / next
    ;[rest, next] = [next, rest - quotient * next]
    ;[coefficient, nextCoefficient] = [nextCoefficient, coefficient - quotient * nextCoefficient]
  }
  return coefficient < 0n ? coefficient + P : coefficient
}

function signingKey(backend: SignatureBackend, privateKey: Uint8Array): SigningKey {
  checkBytes('a private key', privateKey, CURVE_KEY_BYTES)
  const name = asBuffer(privateKey).toString('latin1')
  let key = signingKeys.get(name)
  if (key === undefined) {
    const clamped = Uint8Array.from(privateKey)
    clamped[0] = (clamped[0] ?? 0) & 0xf8
    clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40
    const scalar = fromLittleEndian(clamped) % L
    key = { scalar, scalarBytes: clamped, edwards: backend.multiplyBase(scalar, littleEndian(scalar)) }
    signingKeys.set(name, key)
  }
  return key
}

function hashToScalar(...parts: readonly Uint8Array[]): bigint {
  return fromLittleEndian(hash('sha512', concatBytes(...parts), 'buffer')) % L
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${asBuffer(Uint8Array.from(bytes).reverse()).toString('hex')}`)
}

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}
