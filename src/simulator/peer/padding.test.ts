import { unpadRandomMax16, writeRandomPadMax16 } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError, errorCode } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { pad, unpad } from './padding.ts'

function codeOf(bytes: number[]): string | undefined {
  try {
    unpad(Uint8Array.from(bytes))
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

describe('message padding', () => {
  it.each([
    ['nothing', []],
    ['a count of zero', [1, 2, 0]],
    ['a count above 16', Array<number>(32).fill(17)],
    ['a count beyond the start', [3, 3]],
    ['padding of different bytes', [9, 9, 2, 3, 3]],
  ])('refuses %s', (_what, bytes) => {
    expect(codeOf(bytes)).toBe('WATON_PHONE_PADDING')
  })

  it('throws nothing but a protocol error on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          unpad(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
    )
  })

  it('is removed by Baileys and removes what Baileys adds, at every length', () => {
    const random = seededRandom('padding')
    for (let length = 0; length < 100; length += 1) {
      const plaintext = random.bytes(length)
      expect(new Uint8Array(unpadRandomMax16(pad(plaintext, random)))).toEqual(plaintext)
      expect(new Uint8Array(unpad(writeRandomPadMax16(plaintext)))).toEqual(plaintext)
    }
  })
})
