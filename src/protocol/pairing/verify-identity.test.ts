import { Curve, proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import { accountKeyOf, verifyDeviceIdentity } from './verify-identity.ts'

/** The phone's key and the device's; both sign with Baileys' curve, and its schema puts the parts together. */
const account = Curve.generateKeyPair()
const device = Curve.generateKeyPair()
const other = Curve.generateKeyPair()

function identity(
  choices: {
    prefixes?: readonly [number, number]
    alter?: (signed: proto.IADVSignedDeviceIdentity) => void
  } = {},
): Uint8Array {
  const [forAccount, forDevice] = choices.prefixes ?? [0, 1]
  const details = proto.ADVDeviceIdentity.encode({ rawId: 7, timestamp: 1_700_000_000, keyIndex: 3 }).finish()
  const vouched = concatBytes(details, device.public)
  const signed: proto.IADVSignedDeviceIdentity = {
    details,
    accountSignatureKey: account.public,
    accountSignature: Curve.sign(account.private, concatBytes(Uint8Array.of(6, forAccount), vouched)),
    deviceSignature: Curve.sign(
      device.private,
      concatBytes(Uint8Array.of(6, forDevice), vouched, account.public),
    ),
  }
  choices.alter?.(signed)
  return new Uint8Array(proto.ADVSignedDeviceIdentity.encode(signed).finish())
}

const identityKey = new Uint8Array(device.public)
const accountKey = new Uint8Array(account.public)

describe('the identity of a device', () => {
  it.each<[string, Parameters<typeof verifyDeviceIdentity>[0]]>([
    ['is of another device', { deviceIdentity: identity(), identityKey: new Uint8Array(other.public) }],
    [
      'was signed by another account than the known one',
      { deviceIdentity: identity(), identityKey, accountKey: new Uint8Array(other.public) },
    ],
    [
      'was not signed by the device',
      {
        deviceIdentity: identity({ alter: (signed) => (signed.deviceSignature = new Uint8Array(64)) }),
        identityKey,
      },
    ],
    [
      'was not signed by the account',
      {
        deviceIdentity: identity({ alter: (signed) => (signed.accountSignature = new Uint8Array(64)) }),
        identityKey,
      },
    ],
    [
      'does not say whose it is, and nobody knows',
      { deviceIdentity: identity({ alter: (signed) => delete signed.accountSignatureKey }), identityKey },
    ],
    [
      'is not complete',
      { deviceIdentity: identity({ alter: (signed) => delete signed.deviceSignature }), identityKey },
    ],
  ])('is refused when it %s', (_why, claim) => {
    expect(() => {
      verifyDeviceIdentity(claim)
    }).toThrow(expect.objectContaining({ code: 'WATON_DEVICE_IDENTITY' }) as Error)
  })

  it('is refused with the same code when it is nonsense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (deviceIdentity) => {
        expect(() => {
          verifyDeviceIdentity({ deviceIdentity, identityKey })
        }).toThrow(CryptoError)
      }),
    )
  })

  it('counts when account and device have signed it, hosted or not, with the account key inside or known', () => {
    verifyDeviceIdentity({ deviceIdentity: identity(), identityKey })
    verifyDeviceIdentity({ deviceIdentity: identity(), identityKey, accountKey })
    verifyDeviceIdentity({ deviceIdentity: identity({ prefixes: [5, 6] }), identityKey, accountKey })
    const without = identity({ alter: (signed) => delete signed.accountSignatureKey })
    verifyDeviceIdentity({ deviceIdentity: without, identityKey, accountKey })
    expect(accountKeyOf(identity())).toEqual(accountKey)
    expect(accountKeyOf(without)).toBeUndefined()
  })
})
