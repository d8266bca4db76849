/** Identities of linked devices that Baileys' schema and curve have made, checked here. */
import { describe, expect, it } from 'vitest'
import { Curve, proto, type KeyPair } from '@whiskeysockets/baileys'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { accountKeyIn, verifyDeviceIdentity } from './vouched-device.ts'

const account = Curve.generateKeyPair()
const device = Curve.generateKeyPair()
const bytes = (of: Uint8Array): Uint8Array => new Uint8Array(of)
const keys = { identityKey: bytes(device.public), accountKey: bytes(account.public) }

interface Changes {
  readonly accountPrefix?: readonly number[]
  readonly devicePrefix?: readonly number[]
  readonly by?: KeyPair
  readonly deviceType?: proto.ADVEncryptionType
  readonly carriesKey?: boolean
  readonly isComplete?: boolean
}

function made(changes: Changes = {}): Uint8Array {
  const {
    accountPrefix = [6, 0],
    devicePrefix = [6, 1],
    by = account,
    deviceType = proto.ADVEncryptionType.E2EE,
  } = changes
  const { carriesKey = true, isComplete = true } = changes
  const details = proto.ADVDeviceIdentity.encode({ rawId: 7, timestamp: 1, keyIndex: 3, deviceType }).finish()
  const vouched = Buffer.concat([details, device.public])
  const sign = (key: KeyPair, prefix: readonly number[], message: Uint8Array): Uint8Array =>
    Curve.sign(key.private, Buffer.concat([Buffer.from(prefix), message]))
  const deviceSignature = sign(device, devicePrefix, Buffer.concat([vouched, by.public]))
  const identity = {
    details,
    accountSignature: sign(by, accountPrefix, vouched),
    ...(isComplete ? { deviceSignature } : {}),
    ...(carriesKey ? { accountSignatureKey: by.public } : {}),
  }
  return bytes(proto.ADVSignedDeviceIdentity.encode(identity).finish())
}

describe('the identity of somebody`s linked device', () => {
  it.each<[string, Changes]>([
    ['another account has signed it', { by: Curve.generateKeyPair() }],
    ['another account has signed it and says nothing', { by: Curve.generateKeyPair(), carriesKey: false }],
    ['the account signed something else', { accountPrefix: [6, 2] }],
    ['the device signed something else', { devicePrefix: [6, 0] }],
    ['it claims the prefix of hosted devices', { accountPrefix: [6, 5] }],
    ['the device has not signed it', { isComplete: false }],
  ])('is refused when %s', (_why, changes) => {
    expect(() => {
      verifyDeviceIdentity(made(changes), keys)
    }).toThrow(expect.objectContaining({ code: 'WATON_DEVICE_IDENTITY' }))
  })

  it('is refused for another key than the one that was signed', () => {
    expect(() => {
      verifyDeviceIdentity(made(), { ...keys, identityKey: bytes(Curve.generateKeyPair().public) })
    }).toThrow(CryptoError)
  })

  it('is refused when it is anything else', () => {
    expect(() => {
      verifyDeviceIdentity(Uint8Array.of(255, 255), keys)
    }).toThrow(ProtocolError)
  })

  it('is accepted with the key of the account, carried or known or both', () => {
    verifyDeviceIdentity(made(), keys)
    verifyDeviceIdentity(made({ carriesKey: false }), keys)
    verifyDeviceIdentity(made(), { identityKey: keys.identityKey })
    expect(accountKeyIn(made())).toEqual(keys.accountKey)
    expect(accountKeyIn(made({ carriesKey: false }))).toBeUndefined()
  })

  it('is accepted for a hosted device with either prefix', () => {
    const hosted = { deviceType: proto.ADVEncryptionType.HOSTED }
    verifyDeviceIdentity(made({ ...hosted, accountPrefix: [6, 5], devicePrefix: [6, 6] }), keys)
    verifyDeviceIdentity(made(hosted), keys)
  })
})
