/** X25519 against RFC 7748, Wycheproof and Signal's vectors; key pairs against other implementations. */
import { Curve as BaileysCurve } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { calculateAgreement } from 'whatsapp-rust-bridge'
import vectors from '../../../tests/vectors/crypto/x25519.json' with { type: 'json' }
import { asBuffer, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair, keyPairFromPrivate, sharedSecret } from './curve.ts'

const random = seededRandom('curve')
const nine = fromHex('0900000000000000000000000000000000000000000000000000000000000000')

describe('shared secrets', () => {
  it.each(vectors.lowOrder.public)('are refused for the low-order key %s', (publicKey) => {
    const { privateKey } = generateKeyPair(random)
    expect(() => sharedSecret(privateKey, fromHex(publicKey))).toThrow(
      expect.objectContaining({ name: 'CryptoError', code: 'WATON_CRYPTO_WEAK_KEY' }),
    )
  })

  it('are refused for keys of other lengths', () => {
    const { privateKey, publicKey } = generateKeyPair(random)
    const wrongLength = expect.objectContaining({
      name: 'CryptoError',
      code: 'WATON_CRYPTO_LENGTH',
    }) as Error
    for (const length of [0, 31, 33, 64]) {
      expect(() => sharedSecret(privateKey, new Uint8Array(length))).toThrow(wrongLength)
      expect(() => sharedSecret(new Uint8Array(length), publicKey)).toThrow(wrongLength)
    }
  })

  it.each(vectors.agreements)('equal the published value: $source', (vector) => {
    expect(toHex(sharedSecret(fromHex(vector.private), fromHex(vector.public)))).toBe(vector.shared)
  })

  it('equal the published value after 1 and 1000 iterations', () => {
    let [scalar, point] = [nine, nine]
    for (let round = 1; round <= 1000; round++) {
      ;[scalar, point] = [sharedSecret(scalar, point), scalar]
      if (round === 1) expect(toHex(scalar)).toBe(vectors.iterated.once)
    }
    expect(toHex(scalar)).toBe(vectors.iterated.thousandTimes)
  })

  it('equal what Baileys and the Rust library compute', () => {
    for (let round = 0; round < 20; round++) {
      const [ours, theirs] = [generateKeyPair(random), generateKeyPair(random)]
      const secret = toHex(sharedSecret(ours.privateKey, theirs.publicKey))
      expect(toHex(BaileysCurve.sharedKey(asBuffer(theirs.privateKey), asBuffer(ours.publicKey)))).toBe(
        secret,
      )
      const typed = concatBytes(Uint8Array.of(5), ours.publicKey)
      expect(toHex(calculateAgreement(typed, theirs.privateKey))).toBe(secret)
    }
  })
})

describe('key pairs', () => {
  it('are refused for private keys of other lengths', () => {
    expect(() => keyPairFromPrivate(new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'WATON_CRYPTO_LENGTH' }),
    )
  })

  it.each(vectors.pairs)('have the published public key: $source', (vector) => {
    expect(toHex(keyPairFromPrivate(fromHex(vector.private)).publicKey)).toBe(vector.public)
  })

  it('come from the injected bytes alone', () => {
    const [first, again] = [generateKeyPair(seededRandom(5)), generateKeyPair(seededRandom(5))]
    expect(again).toEqual(first)
    expect(generateKeyPair(seededRandom(6))).not.toEqual(first)
  })

  it('are clamped as RFC 7748 asks', () => {
    for (let round = 0; round < 30; round++) {
      const { privateKey } = generateKeyPair(random)
      expect((privateKey[0] ?? 0) & 7).toBe(0)
      expect((privateKey[31] ?? 0) >> 6).toBe(1)
    }
  })

  it('stay right when far more keys are used than the caches hold', () => {
    const first = generateKeyPair(random)
    const secrets = Array.from({ length: 600 }, () => {
      const other = generateKeyPair(random)
      return [other, toHex(sharedSecret(first.privateKey, other.publicKey))] as const
    })
    for (const [other, secret] of secrets) {
      expect(toHex(sharedSecret(other.privateKey, first.publicKey))).toBe(secret)
    }
  })
})
