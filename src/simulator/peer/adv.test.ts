import { proto } from '@whiskeysockets/baileys'
import {
  configureSuccessfulPairing,
  encodeSignedDeviceIdentity,
} from '@whiskeysockets/baileys/lib/Utils/validate-connection.js'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../../base/bytes.ts'
import { errorCode } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair, verify } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { checkDeviceIdentity, signDeviceIdentity } from './adv.ts'
import type { PairingForgery } from './adv.ts'

const random = seededRandom('phone adv')
const account = generateKeyPair(random)
const companion = generateKeyPair(random)
const advSecret = random.bytes(32)

function approve(forge?: PairingForgery): Uint8Array {
  return signDeviceIdentity({
    account,
    companionKey: companion.publicKey,
    advSecret,
    rawId: 7,
    keyIndex: 3,
    atSeconds: 1_700_000_000,
    random,
    ...(forge === undefined ? {} : { forge }),
  })
}

type Paired = ReturnType<typeof configureSuccessfulPairing>

/** Unmodified Baileys as the companion. */
function pairInBaileys(deviceIdentity: Uint8Array): Paired {
  const stanza = {
    tag: 'iq',
    attrs: { id: '1', type: 'set', from: '@s.whatsapp.net' },
    content: [
      {
        tag: 'pair-success',
        attrs: {},
        content: [
          { tag: 'device-identity', attrs: {}, content: deviceIdentity },
          { tag: 'platform', attrs: { name: 'phone' } },
          { tag: 'device', attrs: { jid: '15550000001:3@s.whatsapp.net', lid: '100000000000001:3@lid' } },
        ],
      },
    ],
  }
  const creds = {
    advSecretKey: toBase64(advSecret),
    signedIdentityKey: {
      public: Buffer.from(companion.publicKey),
      private: Buffer.from(companion.privateKey),
    },
    signalIdentities: [],
  }
  return configureSuccessfulPairing(stanza, creds)
}

function identityFromBaileys(includeKey: boolean): Uint8Array {
  const { account: signed } = pairInBaileys(approve()).creds
  if (signed === undefined) throw new TypeError('Baileys gave no account')
  return encodeSignedDeviceIdentity(signed, includeKey)
}

function checkCode(
  bytes: Uint8Array,
  companionKey: KeyPair,
  accountKey: KeyPair | undefined,
): string | undefined {
  try {
    checkDeviceIdentity(bytes, { companionKey: companionKey.publicKey, accountKey: accountKey?.publicKey })
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

describe('vouching for a companion', () => {
  it('is refused by Baileys when the HMAC was made without the secret of the QR code', () => {
    expect(() => pairInBaileys(approve('hmac'))).toThrow('Invalid account signature')
  })

  it.each(['account-signature', 'account-key'] as const)(
    'carries no valid account signature when forged by %s',
    (forge) => {
      // Baileys ignores the result of its own signature check (rc14), so the signature is verified here directly.
      const { details } = proto.ADVSignedDeviceIdentityHMAC.decode(approve(forge))
      const signed = proto.ADVSignedDeviceIdentity.decode(details ?? new Uint8Array(0))
      const message = Buffer.concat([Buffer.of(6, 0), signed.details ?? Buffer.of(), companion.publicKey])
      expect(
        verify(
          new Uint8Array(signed.accountSignatureKey ?? []),
          message,
          new Uint8Array(signed.accountSignature ?? []),
        ),
      ).toBe(false)
    },
  )

  it('is accepted by Baileys, which answers with the key index and its own signature', () => {
    const { creds, reply } = pairInBaileys(approve())
    expect(creds.me).toMatchObject({ id: '15550000001:3@s.whatsapp.net', lid: '100000000000001:3@lid' })
    expect(JSON.stringify(reply)).toContain('"key-index":"3"')
    expect(new Uint8Array(creds.account?.accountSignatureKey ?? [])).toEqual(account.publicKey)
  })
})

describe('checking the device identity of a companion', () => {
  const stranger = generateKeyPair(random)

  it.each([
    ['another companion key', stranger, account],
    ['another account', companion, stranger],
  ])('refuses an identity for %s', (_what, companionKey, accountKey) => {
    expect(checkCode(identityFromBaileys(true), companionKey, accountKey)).toBe('WATON_PHONE_DEVICE_IDENTITY')
  })

  it('refuses an identity with any byte of its signatures changed', () => {
    const bytes = new Uint8Array(identityFromBaileys(true))
    for (const offset of [bytes.length - 1, bytes.length - 70]) {
      const altered = bytes.slice()
      altered[offset] = (altered[offset] ?? 0) ^ 1
      expect(checkCode(altered, companion, account)).toBe('WATON_PHONE_DEVICE_IDENTITY')
    }
  })

  it('refuses an identity that the companion has not signed', () => {
    const { details } = proto.ADVSignedDeviceIdentityHMAC.decode(approve())
    expect(checkCode(new Uint8Array(details ?? []), companion, account)).toBe('WATON_PHONE_DEVICE_IDENTITY')
  })

  it('refuses bytes that are no identity', () => {
    expect(checkCode(Uint8Array.of(0xff, 0xff), companion, account)).toBe('WATON_PROTO_MALFORMED')
  })

  it('accepts what Baileys signed, with and without the account key inside', () => {
    expect(checkCode(identityFromBaileys(true), companion, account)).toBeUndefined()
    expect(checkCode(identityFromBaileys(true), companion, undefined)).toBeUndefined()
    expect(checkCode(identityFromBaileys(false), companion, account)).toBeUndefined()
  })
})
