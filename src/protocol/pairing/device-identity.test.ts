import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import {
  Curve,
  configureSuccessfulPairing,
  encodeSignedDeviceIdentity,
  hmacSign,
  proto,
} from '@whiskeysockets/baileys'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { verifySignature } from 'libsignal/src/curve.js'
import { asBuffer, concatBytes, toBase64 } from '../../base/bytes.ts'
import { CryptoError, ProtocolError, WatonError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import { acceptPairSuccess, pairingRefusal, type PairSuccessInput } from './device-identity.ts'

const { E2EE, HOSTED } = proto.ADVEncryptionType
const random = seededRandom('device identity')
const identity = generateKeyPair(random)
const advSecret = random.bytes(32)
/** The account key of the phone; its signatures are made by Baileys' curve. */
const account = Curve.generateKeyPair()

interface PhoneChoices {
  readonly accountType?: proto.ADVEncryptionType
  readonly deviceType?: proto.ADVEncryptionType
  readonly accountPrefix?: readonly number[]
  readonly secret?: Uint8Array
  readonly signedFor?: Uint8Array
  readonly alter?: (signed: proto.IADVSignedDeviceIdentity) => void
}

/** What a phone puts into `pair-success`. */
function phoneIdentity(choices: PhoneChoices = {}): Uint8Array {
  const { accountType, deviceType = E2EE } = choices
  const details = proto.ADVDeviceIdentity.encode({
    rawId: 7,
    timestamp: 1_700_000_000,
    keyIndex: 3,
    deviceType,
  }).finish()
  const prefix = Uint8Array.from(choices.accountPrefix ?? (deviceType === HOSTED ? [6, 5] : [6, 0]))
  const message = concatBytes(prefix, details, choices.signedFor ?? identity.publicKey)
  const signed: proto.IADVSignedDeviceIdentity = {
    details,
    accountSignatureKey: account.public,
    accountSignature: Curve.sign(account.private, message),
  }
  choices.alter?.(signed)
  const signedBytes = proto.ADVSignedDeviceIdentity.encode(signed).finish()
  const hmacPrefix = accountType === HOSTED ? Uint8Array.of(6, 5) : new Uint8Array(0)
  const hmac = hmacSign(concatBytes(hmacPrefix, signedBytes), choices.secret ?? advSecret)
  const container = { details: signedBytes, hmac, ...(accountType === undefined ? {} : { accountType }) }
  return new Uint8Array(proto.ADVSignedDeviceIdentityHMAC.encode(container).finish())
}

function inputFor(choices: PhoneChoices = {}): PairSuccessInput {
  return { deviceIdentity: phoneIdentity(choices), advSecret, identity, random: seededRandom('signature') }
}

function refusalOf(input: PairSuccessInput): WatonError {
  try {
    acceptPairSuccess(input)
  } catch (error) {
    if (error instanceof WatonError) return error
  }
  throw new Error('the identity was accepted')
}

/** The same stanza as Baileys takes it. */
function baileysPairing(deviceIdentity: Uint8Array): ReturnType<typeof configureSuccessfulPairing> {
  const child = (tag: string, attrs: Record<string, string>, content?: Uint8Array): BinaryNode =>
    content === undefined ? { tag, attrs } : { tag, attrs, content }
  const content = [
    child('device-identity', {}, deviceIdentity),
    child('device', { jid: '15550000001:3@s.whatsapp.net', lid: '100000000001:3@lid' }),
  ]
  return configureSuccessfulPairing(
    { tag: 'iq', attrs: { id: '1' }, content: [{ tag: 'pair-success', attrs: {}, content }] },
    {
      advSecretKey: toBase64(advSecret),
      signedIdentityKey: { public: identity.publicKey, private: asBuffer(identity.privateKey) },
      signalIdentities: [],
    },
  )
}

describe('an identity that must not be accepted', () => {
  it('is refused with 401 hmac-mismatch when it was made for another secret', () => {
    const error = refusalOf(inputFor({ secret: seededRandom('other').bytes(32) }))
    expect(error).toBeInstanceOf(CryptoError)
    expect(error.code).toBe('WATON_PAIRING_HMAC')
    expect(pairingRefusal(error)).toEqual({ code: 401, text: 'hmac-mismatch' })
  })

  it('is refused with 401 signature-mismatch when the account key signed another device', () => {
    const error = refusalOf(inputFor({ signedFor: Curve.generateKeyPair().public }))
    expect(error.code).toBe('WATON_PAIRING_SIGNATURE')
    expect(pairingRefusal(error)).toEqual({ code: 401, text: 'signature-mismatch' })
  })

  it('is refused when an ordinary device was signed under the hosted prefix', () => {
    expect(refusalOf(inputFor({ accountPrefix: [6, 5] })).code).toBe('WATON_PAIRING_SIGNATURE')
  })

  it.each(['accountSignatureKey', 'accountSignature', 'details'] as const)(
    'is refused with 500 without its %s',
    (field) => {
      const error = refusalOf(inputFor({ alter: (signed) => (signed[field] = null) }))
      expect(error).toBeInstanceOf(ProtocolError)
      expect(pairingRefusal(error)).toEqual({ code: 500, text: 'internal-error' })
    },
  )

  it('never makes anything but protocol and crypto errors of arbitrary or altered bytes', () => {
    const honest = phoneIdentity()
    const altered = fc
      .tuple(fc.nat(honest.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, bits]) => honest.map((byte, index) => (index === at ? byte ^ bits : byte)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), altered), (deviceIdentity) => {
        const input = { ...inputFor(), deviceIdentity }
        const error = refusalOf(input)
        expect(error instanceof ProtocolError || error instanceof CryptoError).toBe(true)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

describe('an honest identity', () => {
  const kinds: readonly (readonly [string, PhoneChoices])[] = [
    ['ordinary', {}],
    ['ordinary, with account type', { accountType: E2EE }],
    ['hosted device', { deviceType: HOSTED }],
    ['hosted account and device', { accountType: HOSTED, deviceType: HOSTED }],
    ['hosted account, ordinary device', { accountType: HOSTED }],
  ]

  it.each(kinds)('is answered as Baileys answers it: %s', (_, choices) => {
    const input = inputFor(choices)
    const accepted = acceptPairSuccess(input)
    const expected = baileysPairing(input.deviceIdentity)
    const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(accepted.stored)
    // Signatures are randomised, so ours is put into their identity before the bytes are compared.
    const theirs = proto.ADVSignedDeviceIdentity.fromObject({ ...expected.creds.account, deviceSignature })
    expect(accepted.stored).toEqual(new Uint8Array(encodeSignedDeviceIdentity(theirs, true)))
    expect(accepted.reply).toEqual(new Uint8Array(encodeSignedDeviceIdentity(theirs, false)))
    expect(accepted.keyIndex).toBe(3)
    expect(accepted.accountSignatureKey).toEqual(new Uint8Array(account.public))
  })

  it('carries a device signature that the other party can check', () => {
    const accepted = acceptPairSuccess(inputFor())
    const typedKey = asBuffer(concatBytes(Uint8Array.of(5), identity.publicKey))
    const { details, deviceSignature } = proto.ADVSignedDeviceIdentity.decode(accepted.stored)
    const message = concatBytes(
      Uint8Array.of(6, 1),
      details ?? new Uint8Array(0),
      identity.publicKey,
      account.public,
    )
    // Baileys' own Curve.verify accepts everything, so libsignal is asked.
    expect(verifySignature(typedKey, message, deviceSignature ?? new Uint8Array(0))).toBe(true)
    expect(
      verifySignature(typedKey, concatBytes(message, Uint8Array.of(0)), deviceSignature ?? message),
    ).toBe(false)
  })

  it('is accepted under the hosted prefix when only the account says that it is hosted', () => {
    const accepted = acceptPairSuccess(inputFor({ accountType: HOSTED, accountPrefix: [6, 5] }))
    expect(accepted.keyIndex).toBe(3)
  })
})
