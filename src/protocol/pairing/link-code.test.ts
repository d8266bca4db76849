/**
 * The companion's side is ours; the phone's side, and the companion that ours is compared with, are made from the
 * functions of an unmodified Baileys.
 */
import {
  Curve,
  aesDecryptCTR,
  aesDecryptGCM,
  aesEncryptCTR,
  bytesToCrockford,
  derivePairingCodeKey,
  hkdf,
} from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { asBuffer, concatBytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError, UsageError, errorCode } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import {
  WRAPPED_EPHEMERAL_BYTES,
  agreeByLinkCode,
  makeLinkCode,
  normaliseLinkCode,
  unwrapEphemeral,
  wrapEphemeral,
} from './link-code.ts'

const random = seededRandom('link code')
const CODE = '1234ABCD'

describe('a code that somebody chose', () => {
  it.each(['', '1234ABC', '1234ABCDE', '1234ABC0', '1234ABCO', '12-34ABCD', '1234ÄBCD', '1234  ABCD'])(
    'is refused when a phone would not accept it: "%s"',
    (code) => {
      expect(() => normaliseLinkCode(code)).toThrow(UsageError)
    },
  )

  it('may be written in small letters and with a dash in its middle', () => {
    expect(normaliseLinkCode('1234-abcd')).toBe(CODE)
    expect(normaliseLinkCode('1234 ABCD')).toBe(CODE)
    expect(normaliseLinkCode(CODE)).toBe(CODE)
  })
})

describe('a random code', () => {
  it('is what Baileys makes of the same bytes', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const bytes = seededRandom(seed).bytes(5)
      const code = makeLinkCode(seededRandom(seed))
      expect(code, `seed ${String(seed)}`).toBe(bytesToCrockford(asBuffer(bytes)))
      expect(normaliseLinkCode(code)).toBe(code)
    }
  })
})

describe('a wrapped ephemeral key', () => {
  it.each([0, 32, WRAPPED_EPHEMERAL_BYTES - 1, WRAPPED_EPHEMERAL_BYTES + 1])(
    'is refused when it has %i bytes',
    async (length) => {
      const refusal = await unwrapEphemeral(random.bytes(length), CODE).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(ProtocolError)
      expect(errorCode(refusal)).toBe('WATON_PAIRING_WRAPPED_KEY')
    },
  )

  it('is opened by Baileys with the same code, and by no other code', async () => {
    const { publicKey } = generateKeyPair(random)
    const wrapped = await wrapEphemeral({ code: CODE, publicKey, random })
    expect(wrapped).toHaveLength(WRAPPED_EPHEMERAL_BYTES)
    const [salt, iv, sealed] = [wrapped.subarray(0, 32), wrapped.subarray(32, 48), wrapped.subarray(48)]
    const open = async (code: string): Promise<Uint8Array> =>
      new Uint8Array(aesDecryptCTR(sealed, await derivePairingCodeKey(code, asBuffer(salt)), iv))
    expect(await open(CODE)).toEqual(publicKey)
    expect(await open('1234ABCE')).not.toEqual(publicKey)
  })

  it('that Baileys made is opened with the same code, and by no other code', async () => {
    const { publicKey } = generateKeyPair(random)
    const [salt, iv] = [random.bytes(32), random.bytes(16)]
    const key = await derivePairingCodeKey(CODE, asBuffer(salt))
    const wrapped = concatBytes(salt, iv, aesEncryptCTR(publicKey, key, iv))
    expect(await unwrapEphemeral(wrapped, CODE)).toEqual(publicKey)
    expect(await unwrapEphemeral(wrapped, '1234ABCE')).not.toEqual(publicKey)
  })
})

describe('the agreement with the phone', () => {
  const ephemeral = generateKeyPair(random)
  const identity = generateKeyPair(random)
  const phoneEphemeral = Curve.generateKeyPair()
  const phoneIdentity = Curve.generateKeyPair()
  const keys = {
    ephemeral,
    identity,
    primaryEphemeral: new Uint8Array(phoneEphemeral.public),
    primaryIdentity: new Uint8Array(phoneIdentity.public),
    random,
  }

  it.each(['primaryEphemeral', 'primaryIdentity'] as const)('is refused with a weak or short %s', (name) => {
    for (const bytes of [new Uint8Array(32), random.bytes(31)])
      expect(() => agreeByLinkCode({ ...keys, [name]: bytes })).toThrow(CryptoError)
  })

  it('gives the phone a bundle that opens, and both the same secret', () => {
    const { wrappedKeyBundle, advSecret } = agreeByLinkCode(keys)
    const shared = Curve.sharedKey(phoneEphemeral.private, ephemeral.publicKey)
    const info = 'link_code_pairing_key_bundle_encryption_key'
    const bundleKey = hkdf(shared, 32, { salt: asBuffer(wrappedKeyBundle.subarray(0, 32)), info })
    const sealed = wrappedKeyBundle.subarray(44)
    const bundle = aesDecryptGCM(sealed, bundleKey, wrappedKeyBundle.subarray(32, 44), new Uint8Array(0))
    expect(new Uint8Array(bundle.subarray(0, 32))).toEqual(identity.publicKey)
    expect(new Uint8Array(bundle.subarray(32, 64))).toEqual(keys.primaryIdentity)
    const identityShared = Curve.sharedKey(phoneIdentity.private, identity.publicKey)
    const secrets = concatBytes(shared, identityShared, bundle.subarray(64))
    expect(advSecret).toEqual(new Uint8Array(hkdf(secrets, 32, { info: 'adv_secret' })))
  })

  it('never repeats its random part', () => {
    expect(agreeByLinkCode(keys).advSecret).not.toEqual(agreeByLinkCode(keys).advSecret)
  })
})
