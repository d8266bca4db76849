import { describe, expect, it } from 'vitest'
import {
  buildPairingQRData,
  getCompanionWebClientType,
} from '@whiskeysockets/baileys/lib/Utils/companion-reg-client-utils.js'
import { toBase64 } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { buildQr, clientTypeOf } from './qr.ts'

const devices = [
  ['Ubuntu', 'Chrome'],
  ['Mac OS', 'Safari'],
  ['Windows', 'Edge'],
  ['Windows', 'Desktop'],
  ['Mac OS', 'Desktop'],
  ['Linux', 'Lynx'],
] as const

describe('the QR text', () => {
  it.each(devices)('is what Baileys shows for %s / %s', (os, browser) => {
    const random = seededRandom(`qr ${os} ${browser}`)
    const [noise, identity, secret] = [random.bytes(32), random.bytes(32), random.bytes(32)]
    const clientType = clientTypeOf({ os, browser })
    expect(clientType).toBe(getCompanionWebClientType([os, browser, '1']))
    expect(
      buildQr({
        ref: '2@ref,with=',
        noisePublicKey: noise,
        identityPublicKey: identity,
        advSecret: secret,
        clientType,
      }),
    ).toBe(
      buildPairingQRData('2@ref,with=', toBase64(noise), toBase64(identity), toBase64(secret), [
        os,
        browser,
        '1',
      ]),
    )
  })
})
