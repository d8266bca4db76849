/** AES-256 in its three modes against the published vectors; altered data is refused with a code of ours. */
import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import vectors from '../../../tests/vectors/crypto/aes.json' with { type: 'json' }
import { concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { aesGcmOpen, aesGcmSeal } from './aead.ts'
import { aesCbcDecrypt, aesCbcEncrypt, aesCtr, createCbcOpener } from './block.ts'

const random = seededRandom('aes')
const [key, iv12, iv16] = [random.bytes(32), random.bytes(12), random.bytes(16)]

function refusesWith(code: string, action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ name: 'CryptoError', code }))
}

describe('AES-256-GCM', () => {
  const aad = random.bytes(9)
  const sealed = aesGcmSeal(key, iv12, random.bytes(40), aad)

  it('refuses every altered bit of ciphertext and tag', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Uint8Array.from(sealed)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      refusesWith('WATON_CRYPTO_TAG', () => aesGcmOpen(key, iv12, altered, aad))
    }
  })

  it('refuses another key, nonce or additional data, and data shorter than a tag', () => {
    refusesWith('WATON_CRYPTO_TAG', () => aesGcmOpen(random.bytes(32), iv12, sealed, aad))
    refusesWith('WATON_CRYPTO_TAG', () => aesGcmOpen(key, random.bytes(12), sealed, aad))
    refusesWith('WATON_CRYPTO_TAG', () => aesGcmOpen(key, iv12, sealed))
    for (let length = 0; length < 16; length++) {
      refusesWith('WATON_CRYPTO_TAG', () => aesGcmOpen(key, iv12, new Uint8Array(length)))
    }
  })

  it('refuses keys and nonces that AES cannot take', () => {
    refusesWith('WATON_CRYPTO_LENGTH', () => aesGcmSeal(random.bytes(16), iv12, sealed))
    refusesWith('WATON_CRYPTO_LENGTH', () => aesGcmOpen(random.bytes(31), iv12, sealed))
    refusesWith('WATON_CRYPTO_LENGTH', () => aesGcmSeal(key, new Uint8Array(0), sealed))
  })

  it.each(vectors.gcm)('gives the published value both ways: $source', (vector) => {
    const [vectorKey, iv, vectorAad] = [fromHex(vector.key), fromHex(vector.iv), fromHex(vector.aad)]
    expect(toHex(aesGcmSeal(vectorKey, iv, fromHex(vector.plaintext), vectorAad))).toBe(vector.sealed)
    expect(toHex(aesGcmOpen(vectorKey, iv, fromHex(vector.sealed), vectorAad))).toBe(vector.plaintext)
  })
})

describe('AES-256-CBC', () => {
  const vector = vectors.cbc
  const [vectorKey, vectorIv] = [fromHex(vector.key), fromHex(vector.iv)]

  it('refuses lengths that are no whole blocks, and wrong padding', () => {
    const ciphertext = aesCbcEncrypt(key, iv16, random.bytes(20))
    for (const length of [0, 1, 15, 17, 31]) {
      refusesWith('WATON_CRYPTO_PADDING', () => aesCbcDecrypt(key, iv16, ciphertext.subarray(0, length)))
    }
    // The published plaintext has no padding, so its last byte 0x10 promises 16 bytes of padding that are not there.
    refusesWith('WATON_CRYPTO_PADDING', () => aesCbcDecrypt(vectorKey, vectorIv, fromHex(vector.ciphertext)))
    for (const ending of ['00', '11', '0203', '010203', '1010']) {
      const unpadded = fromHex(ending.padStart(32, 'f'))
      const cipher = createCipheriv('aes-256-cbc', key, iv16).setAutoPadding(false)
      refusesWith('WATON_CRYPTO_PADDING', () => aesCbcDecrypt(key, iv16, cipher.update(unpadded)))
    }
  })

  it('refuses keys and vectors of other lengths', () => {
    refusesWith('WATON_CRYPTO_LENGTH', () => aesCbcEncrypt(random.bytes(33), iv16, iv12))
    refusesWith('WATON_CRYPTO_LENGTH', () => aesCbcDecrypt(key, iv12, iv16))
  })

  it('gives the published blocks and one block of padding behind them', () => {
    const ciphertext = aesCbcEncrypt(vectorKey, vectorIv, fromHex(vector.plaintext))
    expect(toHex(ciphertext).slice(0, vector.ciphertext.length)).toBe(vector.ciphertext)
    expect(ciphertext.length).toBe(vector.plaintext.length / 2 + 16)
    expect(toHex(aesCbcDecrypt(vectorKey, vectorIv, ciphertext))).toBe(vector.plaintext)
  })

  it('brings back plaintexts of every length', () => {
    for (let length = 0; length <= 48; length++) {
      const plaintext = random.bytes(length)
      expect(aesCbcDecrypt(key, iv16, aesCbcEncrypt(key, iv16, plaintext))).toEqual(plaintext)
    }
  })
})

describe('AES-256-CTR', () => {
  it('refuses a counter block of another length', () => {
    refusesWith('WATON_CRYPTO_LENGTH', () => aesCtr(key, iv12, iv16))
  })

  it('gives the published value both ways, also for a part of a block', () => {
    const { ctr } = vectors
    const [vectorKey, iv, plaintext] = [fromHex(ctr.key), fromHex(ctr.iv), fromHex(ctr.plaintext)]
    expect(toHex(aesCtr(vectorKey, iv, plaintext))).toBe(ctr.ciphertext)
    expect(toHex(aesCtr(vectorKey, iv, fromHex(ctr.ciphertext)))).toBe(ctr.plaintext)
    expect(toHex(aesCtr(vectorKey, iv, plaintext.subarray(0, 21)))).toBe(ctr.ciphertext.slice(0, 42))
    expect(aesCtr(vectorKey, iv, concatBytes())).toEqual(new Uint8Array(0))
  })
})

describe('one cipher for many AES-256-CBC messages', () => {
  const sealed = (plaintext: Uint8Array): Uint8Array => {
    const iv = random.bytes(16)
    const cipher = createCipheriv('aes-256-cbc', key, iv)
    return concatBytes(iv, cipher.update(plaintext), cipher.final())
  }

  it('refuses what has no ciphertext, no whole blocks or no padding, and goes on with the next', () => {
    const opener = createCbcOpener(key)
    const other = createCipheriv('aes-256-cbc', key, iv16).setAutoPadding(false)
    const unpadded = concatBytes(iv16, other.update(new Uint8Array(32)), other.final())
    for (const bytes of [new Uint8Array(0), new Uint8Array(16), new Uint8Array(33), unpadded])
      refusesWith('WATON_CRYPTO_PADDING', () => opener.open(bytes))
    expect(toHex(opener.open(sealed(new Uint8Array(5))))).toBe('0000000000')
    refusesWith('WATON_CRYPTO_LENGTH', () => createCbcOpener(random.bytes(16)))
  })

  it('decrypts what OpenSSL encrypted, each under its own iv', () => {
    const opener = createCbcOpener(key)
    for (let length = 0; length < 70; length++) {
      const plaintext = random.bytes(length)
      expect(toHex(opener.open(sealed(plaintext)))).toBe(toHex(plaintext))
    }
  })
})
