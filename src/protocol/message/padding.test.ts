import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { unpadRandomMax16, writeRandomPadMax16 } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { padMessage, unpadMessage } from './padding.ts'

describe('padding', () => {
  it.each([[[]], [[0]], [[9, 9, 0]], [[3, 3]]])(
    'refuses %j, whose last byte is no possible length',
    (bytes) => {
      expect(() => unpadMessage(Uint8Array.from(bytes))).toThrow(ProtocolError)
    },
  )

  it('throws only protocol errors on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(unpadMessage(bytes).length).toBeLessThan(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 3 },
    )
  })

  it('adds 1 to 16 bytes that Baileys takes off again', () => {
    const random = seededRandom('padding')
    const message = random.bytes(40)
    const lengths = new Set<number>()
    for (let round = 0; round < 400; round++) {
      const padded = padMessage(message, random)
      lengths.add(padded.length - message.length)
      expect(unpadRandomMax16(padded)).toEqual(message)
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
  })

  it('takes off what Baileys adds', () => {
    for (let round = 0; round < 100; round++) {
      const message = seededRandom(round).bytes(round)
      expect(unpadMessage(new Uint8Array(writeRandomPadMax16(message)))).toEqual(message)
    }
  })
})
