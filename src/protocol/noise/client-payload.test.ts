import { describe, expect, it } from 'vitest'
import { generateLoginNode, generateRegistrationNode, initAuthCreds, proto } from '@whiskeysockets/baileys'
import type { SocketConfig } from '@whiskeysockets/baileys'
import { toHex } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { WEB_BUILD_HASH, WEB_VERSION } from '../version.ts'
import {
  DEFAULT_DEVICE,
  buildLoginPayload,
  buildRegistrationPayload,
  type ClientPayloadOptions,
} from './client-payload.ts'

const version = { primary: 2, secondary: 3000, tertiary: 1043857760 }

/** The part of Baileys' configuration that its payload functions read, for the same settings. */
function baileysConfig(options: ClientPayloadOptions): SocketConfig {
  const { primary, secondary, tertiary } = options.version ?? WEB_VERSION
  const { os, browser } = options.device ?? DEFAULT_DEVICE
  return {
    version: [primary, secondary, tertiary],
    browser: [os, browser, '1'],
    syncFullHistory: options.history === 'full',
    countryCode: options.countryCode ?? 'US',
  } as SocketConfig
}

function baileysBytes(payload: proto.IClientPayload): Uint8Array {
  return new Uint8Array(proto.ClientPayload.encode(payload).finish())
}

const settings: readonly ClientPayloadOptions[] = [
  {},
  { version, device: { os: 'Mac OS', browser: 'Chrome' }, history: 'full' },
  { version, device: { os: 'Mac OS', browser: 'Desktop' }, history: 'full', countryCode: 'DE' },
  { version, device: { os: 'Windows', browser: 'Desktop' }, history: 'full' },
  { version, device: { os: 'Windows', browser: 'Desktop' }, history: 'recent' },
  { version, device: { os: 'Linux', browser: 'Unheard-of' }, history: 'none' },
  { version, device: { os: 'Chrome', browser: 'Android' } },
  { version, device: { os: 'Ubuntu', browser: 'unknown' } },
]

describe('the login payload', () => {
  it.each(['15550000001_1:3@lid', 'abc@s.whatsapp.net', '@s.whatsapp.net'])(
    'refuses the jid %s, which names no phone',
    (jid) => {
      expect(() => buildLoginPayload(jid)).toThrow(UsageError)
    },
  )

  it.each(settings)('is byte for byte what Baileys sends for %o', (options) => {
    const jid = '15550000001:3@s.whatsapp.net'
    expect(buildLoginPayload(jid, options)).toEqual(
      baileysBytes(generateLoginNode(jid, baileysConfig(options))),
    )
  })

  it('carries the account name when it is known', () => {
    const payload = proto.ClientPayload.decode(
      buildLoginPayload('15550000001:3@s.whatsapp.net', { pushName: 'Alice' }),
    )
    expect(payload.pushName).toBe('Alice')
  })
})

describe('the registration payload', () => {
  it.each(settings)('is byte for byte what Baileys sends for %o', (options) => {
    const creds = initAuthCreds()
    const { keyId, keyPair, signature } = creds.signedPreKey
    const keys = {
      registrationId: creds.registrationId,
      identityPublicKey: creds.signedIdentityKey.public,
      signedPreKey: { id: keyId, publicKey: keyPair.public, signature },
    }
    expect(buildRegistrationPayload(keys, options)).toEqual(
      baileysBytes(generateRegistrationNode(creds, baileysConfig(options))),
    )
  })

  it('announces the build that the pinned schema was taken from', () => {
    const key = new Uint8Array(32)
    const keys = {
      registrationId: 1,
      identityPublicKey: key,
      signedPreKey: { id: 1, publicKey: key, signature: new Uint8Array(64) },
    }
    const { devicePairingData, userAgent } = proto.ClientPayload.decode(buildRegistrationPayload(keys))
    expect(toHex(devicePairingData?.buildHash ?? key)).toBe(WEB_BUILD_HASH)
    expect(userAgent?.appVersion).toMatchObject(WEB_VERSION)
  })
})
