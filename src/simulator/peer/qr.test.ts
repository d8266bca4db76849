import { buildPairingQRData } from '@whiskeysockets/baileys/lib/Utils/companion-reg-client-utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../../base/bytes.ts'
import { UsageError, errorCode } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { parsePairingQr } from './qr.ts'

const random = seededRandom('phone qr')
const [noise, identity, secret] = [random.bytes(32), random.bytes(32), random.bytes(32)]
const keys = [noise, identity, secret].map(toBase64)
const ref = '2@Zm9vYmFy+/x='

function codeOf(text: string): string | undefined {
  try {
    parsePairingQr(text)
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

describe('reading a pairing QR code', () => {
  it.each([
    ['an empty text', ''],
    ['some other URL', `https://example.org/#${[ref, ...keys].join(',')}`],
    ['a missing part', [ref, ...keys.slice(1)].join(',')],
    ['an empty reference', ['', ...keys].join(',')],
    ['a key of 31 bytes', [ref, toBase64(noise.subarray(1)), ...keys.slice(1)].join(',')],
    ['a key that is not base64', [ref, '?'.repeat(44), ...keys.slice(1)].join(',')],
    ['an unknown kind of client', `https://wa.me/settings/linked_devices#${[ref, ...keys, 'x'].join(',')}`],
    ['a URL without the kind of client', `https://wa.me/settings/linked_devices#${[ref, ...keys].join(',')}`],
    ['more than a QR code can hold', `${'a'.repeat(5_000)},${keys.join(',')}`],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(text)).toBe('WATON_PHONE_QR')
  })

  it('throws nothing but its own error on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parsePairingQr(text)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
        }
      }),
    )
  })

  it('reads the URL that Baileys shows', () => {
    const shown = buildPairingQRData(ref, keys[0] ?? '', keys[1] ?? '', keys[2] ?? '', [
      'Ubuntu',
      'Chrome',
      '22',
    ])
    expect(parsePairingQr(shown)).toEqual({
      ref,
      noiseKey: noise,
      identityKey: identity,
      advSecret: secret,
      platform: 'chrome',
    })
  })

  it('reads the older form without a URL', () => {
    expect(parsePairingQr([ref, ...keys].join(','))).toMatchObject({
      ref,
      noiseKey: noise,
      platform: 'unknown',
    })
  })

  it('takes a reference that has commas in it', () => {
    expect(parsePairingQr(['2@a', 'b', ...keys].join(','))).toMatchObject({ ref: '2@a,b', advSecret: secret })
  })
})
