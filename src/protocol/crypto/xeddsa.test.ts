/**
 * XEdDSA against published signatures, and five signers against five verifiers: libsignal's JavaScript, Baileys, the
 * Rust library, and our own on libsodium and on noble.
 */
import { createHash } from 'node:crypto'
import { Curve as BaileysCurve } from '@whiskeysockets/baileys'
import { ed25519 } from '@noble/curves/ed25519.js'
import * as libsignalCurve from 'libsignal/src/curve.js'
import { describe, expect, it } from 'vitest'
import * as rust from 'whatsapp-rust-bridge'
import vectors from '../../../tests/vectors/crypto/signatures.json' with { type: 'json' }
import curveVectors from '../../../tests/vectors/crypto/x25519.json' with { type: 'json' }
import { asBuffer, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair, keyPairFromPrivate } from './curve.ts'
import { loadNobleBackend, loadSodiumBackend } from './signature-backend.ts'
import { sign, signWith, verify } from './xeddsa.ts'

const seed = 'xeddsa'
const random = seededRandom(seed)
const noble = loadNobleBackend()
const sodium = loadSodiumBackend()
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

function typed(publicKey: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(5), publicKey)
}

type Signer = (privateKey: Uint8Array, message: Uint8Array) => Uint8Array
type Verifier = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

const signers: Record<string, Signer> = {
  libsignal: (key, message) => libsignalCurve.calculateSignature(asBuffer(key), asBuffer(message)),
  baileys: (key, message) => BaileysCurve.sign(asBuffer(key), asBuffer(message)),
  rust: (key, message) => rust.calculateSignature(key, message),
  'waton with noble': (key, message) => signWith(noble, key, message, random),
  'waton with its choice of backend': (key, message) => sign(key, message, random),
}

const verifiers: Record<string, Verifier> = {
  libsignal: (key, message, signature) =>
    libsignalCurve.verifySignature(asBuffer(typed(key)), asBuffer(message), asBuffer(signature)),
  baileys: (key, message, signature) => BaileysCurve.verify(key, message, signature),
  rust: (key, message, signature) => rust.verifySignature(typed(key), message, signature),
  'waton with an empty cache': verify,
  'waton with a warm cache': (key, message, signature) => {
    verify(key, message.subarray(1), signature)
    return verify(key, message, signature)
  },
}

/** Baileys answers true to every signature of the right length, so it can only take part in the accepting half. */
const REFUSES_NOTHING = new Set(['baileys'])

/** The scalar half of a signature plus the group order: the same equation, but not the canonical number. */
function withScalarPlusOrder(signature: Uint8Array): Uint8Array {
  const signBit = (signature[63] ?? 0) & 0x80
  const scalar = Uint8Array.from(signature.subarray(32)).reverse()
  scalar[0] = (scalar[0] ?? 0) & 0x7f
  const moved = fromHex((BigInt(`0x${toHex(scalar)}`) + ORDER).toString(16).padStart(64, '0')).reverse()
  moved[31] = (moved[31] ?? 0) | signBit
  return concatBytes(signature.subarray(0, 32), moved)
}

describe('verification', () => {
  const { signal } = vectors
  const [publicKey, message, signature] = [signal.public, signal.message, signal.signature].map(fromHex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]

  it('refuses every altered bit of a signature', () => {
    for (let bit = 0; bit < 512; bit++) {
      const altered = Uint8Array.from(signature)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(verify(publicKey, message, altered), `bit ${String(bit)}`).toBe(false)
    }
  })

  it('refuses an altered message and another key', () => {
    expect(verify(publicKey, message.subarray(1), signature)).toBe(false)
    expect(verify(generateKeyPair(random).publicKey, message, signature)).toBe(false)
  })

  it('refuses a scalar that was moved by the group order, so that no signature has a second form', () => {
    for (let round = 0; round < 10; round++) {
      const pair = generateKeyPair(random)
      const own = sign(pair.privateKey, message, random)
      expect(verify(pair.publicKey, message, own)).toBe(true)
      expect(verify(pair.publicKey, message, withScalarPlusOrder(own))).toBe(false)
    }
  })

  it('refuses keys and signatures of other lengths without throwing', () => {
    for (const length of [0, 1, 31, 33, 63, 65]) {
      expect(verify(new Uint8Array(length), message, signature)).toBe(false)
      expect(verify(publicKey, message, new Uint8Array(length))).toBe(false)
    }
  })

  it('refuses keys of low order, under which a signature of zeros would be valid', () => {
    // R is the neutral element and s is 0, so the equation holds whenever the key's multiple vanishes.
    const zeros = concatBytes(Uint8Array.of(1), new Uint8Array(63))
    for (const key of curveVectors.lowOrder.public) {
      for (let round = 0; round < 8; round++) {
        expect(verify(fromHex(key), random.bytes(round), zeros), `key ${key}`).toBe(false)
      }
    }
  })

  it('refuses coordinates that are not reduced', () => {
    const unreduced = Uint8Array.from(publicKey)
    unreduced[31] = (unreduced[31] ?? 0) | 0x80
    expect(verify(unreduced, message, signature)).toBe(false)
  })

  it('never throws on random bytes', () => {
    for (let round = 0; round < 300; round++) {
      expect(verify(random.bytes(32), random.bytes(round), random.bytes(64)), `seed ${seed}`).toBe(false)
    }
  })

  it('accepts the signature that Signal publishes', () => {
    expect(toHex(keyPairFromPrivate(fromHex(signal.private)).publicKey)).toBe(signal.public)
    expect(verify(publicKey, message, signature)).toBe(true)
  })

  it.each(vectors.ed25519)('accepts the Ed25519 signature of $source in Montgomery form', (vector) => {
    const edwardsKey = fromHex(vector.public)
    const moved = fromHex(vector.signature)
    moved[63] = (moved[63] ?? 0) | ((edwardsKey[31] ?? 0) & 0x80)
    expect(verify(ed25519.utils.toMontgomery(edwardsKey), fromHex(vector.message), moved)).toBe(true)
  })

  it('accepts what the specification signs: the key negated to sign 0, no bit in the signature', () => {
    let negated = 0
    for (let round = 0; round < 20; round++) {
      const pair = generateKeyPair(random)
      const clamped = BigInt(`0x${toHex(Uint8Array.from(pair.privateKey).reverse())}`) % ORDER
      const isNegative = ((ed25519.Point.BASE.multiply(clamped).toBytes()[31] ?? 0) & 0x80) !== 0
      if (isNegative) negated++
      const scalar = isNegative ? ORDER - clamped : clamped
      expect(verify(pair.publicKey, message, signBySpecification(scalar, message))).toBe(true)
    }
    expect(negated).toBeGreaterThan(0)
  })
})

/** XEdDSA as the specification writes it, by noble alone. */
function signBySpecification(scalar: bigint, message: Uint8Array): Uint8Array {
  const publicKey = ed25519.Point.BASE.multiply(scalar)
  const nonce = BigInt(`0x${toHex(random.bytes(40))}`) % ORDER
  const commitment = ed25519.Point.BASE.multiply(nonce).toBytes()
  const challenge = hashToScalar(concatBytes(commitment, publicKey.toBytes(), message))
  const response = fromHex(((nonce + challenge * scalar) % ORDER).toString(16).padStart(64, '0')).reverse()
  return concatBytes(commitment, response)
}

function hashToScalar(bytes: Uint8Array): bigint {
  const digest = createHash('sha512').update(bytes).digest()
  return BigInt(`0x${digest.reverse().toString('hex')}`) % ORDER
}

describe('signing', () => {
  it('refuses private keys of other lengths', () => {
    expect(() => sign(new Uint8Array(31), new Uint8Array(1), random)).toThrow(
      expect.objectContaining({ code: 'WATON_CRYPTO_LENGTH' }),
    )
  })

  it('gives the same bytes on libsodium and on noble for the same random bytes', () => {
    if (sodium === undefined)
      throw new UsageError('WATON_TEST', 'sodium-native must load where the tests run')
    for (let round = 0; round < 30; round++) {
      const { privateKey } = generateKeyPair(random)
      const message = random.bytes(round * 7)
      const [first, second] = [sodium, noble].map((backend) =>
        signWith(backend, privateKey, message, seededRandom(round)),
      )
      expect(first, `seed ${seed}, round ${String(round)}`).toEqual(second)
    }
  })

  it('never repeats a nonce: other random bytes or another message give another commitment', () => {
    const { privateKey } = generateKeyPair(random)
    const commitment = (message: number, randomSeed: number): string =>
      toHex(sign(privateKey, Uint8Array.of(message), seededRandom(randomSeed)).subarray(0, 32))
    expect(new Set([commitment(1, 1), commitment(2, 1), commitment(1, 2)]).size).toBe(3)
  })

  it('clamps keys that were stored unclamped', () => {
    for (let round = 0; round < 5; round++) {
      const privateKey = random.bytes(32)
      const message = random.bytes(20)
      expect(
        verify(keyPairFromPrivate(privateKey).publicKey, message, sign(privateKey, message, random)),
      ).toBe(true)
    }
  })

  for (const [signerName, signer] of Object.entries(signers)) {
    for (const [verifierName, verifier] of Object.entries(verifiers)) {
      it(`by ${signerName} is accepted by ${verifierName}, and refused when altered`, () => {
        for (let round = 0; round < 4; round++) {
          const pair = generateKeyPair(random)
          const message = random.bytes(1 + round * 40)
          const signature = signer(pair.privateKey, message)
          expect(verifier(pair.publicKey, message, signature), `round ${String(round)}`).toBe(true)
          const altered = Uint8Array.from(signature)
          altered[3] = (altered[3] ?? 0) ^ 4
          expect(verifier(pair.publicKey, message, altered)).toBe(REFUSES_NOTHING.has(verifierName))
        }
      })
    }
  }
})
