import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generateMessageIDV2 } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { createMessageId } from './message-id.ts'

const self = '15550000001:3@s.whatsapp.net'

describe('a message id', () => {
  it('is refused for an account that is no address', () => {
    expect(() => createMessageId({ random: seededRandom(1), nowMs: 0, self: 'nobody' })).toThrow(
      ProtocolError,
    )
  })

  it('looks like one of Baileys', () => {
    const form = /^3EB0[0-9A-F]{18}$/
    expect(generateMessageIDV2(self)).toMatch(form)
    expect(createMessageId({ random: seededRandom(1), nowMs: 1_700_000_000_000, self })).toMatch(form)
  })

  it('hashes time, account and randomness in the layout that Baileys uses', () => {
    const layout = Buffer.alloc(8 + 20 + 16)
    layout.writeBigUInt64BE(1_700_000_000n)
    layout.write('15550000001@c.us', 8)
    seededRandom('layout')
      .bytes(16)
      .forEach((byte, index) => (layout[28 + index] = byte))
    const expected = `3EB0${createHash('sha256').update(layout).digest('hex').toUpperCase().slice(0, 18)}`
    expect(createMessageId({ random: seededRandom('layout'), nowMs: 1_700_000_000_999, self })).toBe(expected)
  })

  it('does not repeat within one second', () => {
    const random = seededRandom('repeat')
    const ids = Array.from({ length: 1000 }, () => createMessageId({ random, nowMs: 0, self }))
    expect(new Set(ids).size).toBe(1000)
  })
})
