/** Digests, HMAC, HKDF and PBKDF2 against published vectors, and against OpenSSL where our own code does the work. */
import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import vectors from '../../../tests/vectors/crypto/digests.json' with { type: 'json' }
import { fromHex, toHex, utf8Bytes } from '../../base/bytes.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import { hkdfSha256, hkdfSha256Into } from './hkdf.ts'
import { md5, sha1, sha256, sha512 } from './hash.ts'
import { hmacSha256, hmacSha512 } from './hmac.ts'
import { pbkdf2Sha256 } from './pbkdf2.ts'
import { MAX_SHORT_HMAC_BYTES } from './short-hmac.ts'
import { MAX_SHORT_HMAC_512_BYTES } from './short-hmac-512.ts'

const digests = { sha256, sha512, sha1, md5 }

describe('digests', () => {
  for (const name of ['sha256', 'sha512', 'sha1', 'md5'] as const) {
    it.each(vectors[name])(`${name} gives the published value: $source`, ({ text, hex }) => {
      expect(toHex(digests[name](utf8Bytes(text)))).toBe(hex)
    })
  }

  it('take parts as if they were joined', () => {
    const [empty, whole] = [new Uint8Array(0), utf8Bytes('abc')]
    expect(sha256(utf8Bytes('a'), empty, utf8Bytes('bc'))).toEqual(sha256(whole))
    expect(sha256()).toEqual(sha256(empty))
  })

  it('return plain byte arrays whose slice copies', () => {
    const digest = sha256(utf8Bytes('abc'))
    digest.slice(0, 1)[0] = 0
    expect(digest[0]).toBe(0xba)
  })
})

describe('HMAC', () => {
  it.each(vectors.hmac)(
    'gives the published values: $source',
    ({ key, data, sha256: short, sha512: long }) => {
      expect(toHex(hmacSha256(fromHex(key), fromHex(data)))).toBe(short)
      expect(toHex(hmacSha512(fromHex(key), fromHex(data)))).toBe(long)
    },
  )

  it('agrees with OpenSSL for every length around the block size and the limit of the short form', () => {
    const random = seededRandom('hmac lengths')
    for (let length = 0; length <= MAX_SHORT_HMAC_BYTES + 2; length++) {
      const [key, data] = [random.bytes(length % 65), random.bytes(length)]
      const expected = createHmac('sha256', key).update(data).digest('hex')
      expect(toHex(hmacSha256(key, data)), `length ${String(length)}`).toBe(expected)
    }
  })

  it('takes parts as if they were joined, on both sides of the limit', () => {
    const random = seededRandom('hmac parts')
    for (let round = 0; round < 200; round++) {
      const key = random.bytes(randomInteger(random, 100))
      const parts = [0, 1, 2].map(() => random.bytes(randomInteger(random, 500)))
      const expected = createHmac('sha256', key)
      for (const part of parts) expected.update(part)
      expect(toHex(hmacSha256(key, ...parts)), `round ${String(round)}`).toBe(expected.digest('hex'))
    }
  })

  it('SHA-512 equals that of OpenSSL for short and long inputs and keys', () => {
    const random = seededRandom('hmac 512')
    const lengths = [0, 1, 100, 127, 128, MAX_SHORT_HMAC_512_BYTES, MAX_SHORT_HMAC_512_BYTES + 1]
    for (const keyLength of [0, 1, 32, 128, 129]) {
      for (const length of lengths) {
        const [key, data] = [random.bytes(keyLength), random.bytes(length)]
        const expected = createHmac('sha512', key).update(data).digest('hex')
        const half = length >> 1
        const mac = hmacSha512(key, data.subarray(0, half), data.subarray(half))
        expect(toHex(mac), `key ${String(keyLength)}, length ${String(length)}`).toBe(expected)
      }
    }
  })
})

describe('HKDF', () => {
  it('into blocks of its caller equals that of OpenSSL', () => {
    const random = seededRandom('hkdf into')
    const target = new Uint8Array(160)
    const blocks = [0, 1, 2, 3, 4].map((block) => target.subarray(32 * block, 32 * block + 32))
    for (const length of [0, 1, 31, 32, 33, 64, 200]) {
      const [inputKey, info] = [random.bytes(length), random.bytes(length)]
      hkdfSha256Into(inputKey, info, blocks)
      const expected = hkdfSync('sha256', inputKey, new Uint8Array(32), info, 160)
      expect(toHex(target), `length ${String(length)}`).toBe(toHex(new Uint8Array(expected)))
    }
  })

  it('refuses lengths that RFC 5869 does not have', () => {
    for (const length of [0, -1, 8161, 1.5, Number.NaN]) {
      expect(() => hkdfSha256(new Uint8Array(32), length)).toThrow(
        expect.objectContaining({ code: 'WATON_CRYPTO_HKDF_LENGTH' }),
      )
    }
  })

  it.each(vectors.hkdf)('gives the published value: $source', ({ ikm, salt, info, okm }) => {
    const options = {
      ...(salt === undefined ? {} : { salt: fromHex(salt) }),
      ...(info === undefined ? {} : { info: fromHex(info) }),
    }
    expect(toHex(hkdfSha256(fromHex(ikm), okm.length / 2, options))).toBe(okm)
  })

  it('agrees with OpenSSL for random inputs of all sizes', () => {
    const random = seededRandom('hkdf')
    for (let round = 0; round < 300; round++) {
      const [key, salt, info] = [0, 1, 2].map(() => random.bytes(randomInteger(random, 300)))
      if (key === undefined || salt === undefined || info === undefined) continue
      const length = 1 + randomInteger(random, 500)
      const expected = new Uint8Array(hkdfSync('sha256', key, salt, info, length))
      expect(hkdfSha256(key, length, { salt, info }), `round ${String(round)}`).toEqual(expected)
      const unsalted = new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), info, length))
      expect(hkdfSha256(key, length, { info }), `round ${String(round)}`).toEqual(unsalted)
    }
  })

  it('takes a text as UTF-8, an absent salt as zeros, and gives up to 8160 bytes', () => {
    const key = new Uint8Array(32).fill(9)
    expect(hkdfSha256(key, 80, { info: 'Wäton' })).toEqual(hkdfSha256(key, 80, { info: utf8Bytes('Wäton') }))
    const expected = hkdfSync('sha256', key, new Uint8Array(32), utf8Bytes('Wäton'), 8160)
    expect(hkdfSha256(key, 8160, { info: 'Wäton' })).toEqual(new Uint8Array(expected))
  })
})

describe('PBKDF2', () => {
  it('rejects with a code of ours when the parameters are impossible', async () => {
    await expect(pbkdf2Sha256('x', new Uint8Array(8), 0, 32)).rejects.toMatchObject({
      code: 'WATON_CRYPTO_PBKDF2',
    })
  })

  it.each(vectors.pbkdf2)('gives the published value: $source, $iterations', async (vector) => {
    const key = await pbkdf2Sha256(vector.password, utf8Bytes(vector.salt), vector.iterations, 64)
    expect(toHex(key)).toBe(vector.hex)
  })
})
