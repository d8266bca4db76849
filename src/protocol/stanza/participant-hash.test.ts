import { generateParticipantHashV2 } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullName, participantHash, sameParticipants } from './participant-hash.ts'

const DEVICE = fc
  .record({
    user: fc.integer({ min: 1, max: 9_999_999 }),
    device: fc.integer({ min: 0, max: 98 }),
    server: fc.constantFrom('s.whatsapp.net', 'lid'),
  })
  .map(({ user, device, server }) => `${String(user)}${device === 0 ? '' : `:${String(device)}`}@${server}`)

describe('the hash of participants', () => {
  it('is the one of Baileys, which keeps two characters less of it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(DEVICE, { minLength: 1, maxLength: 20 }), (devices) => {
        const theirs = generateParticipantHashV2(devices.map(fullName))
        expect(theirs).toHaveLength(8)
        expect(participantHash(devices)).toHaveLength(10)
        expect(participantHash(devices).startsWith(theirs)).toBe(true)
        expect(sameParticipants(participantHash(devices), theirs)).toBe(true)
      }),
    )
  })

  it('names devices in full, as whatsmeow hashes them', () => {
    expect(fullName('15550000001@s.whatsapp.net')).toBe('15550000001.0:0@s.whatsapp.net')
    expect(fullName('100000000002:3@lid')).toBe('100000000002.0:3@lid')
  })

  it('is another for other devices, and the same in the alphabet for addresses', () => {
    const one = participantHash(['1@s.whatsapp.net', '2@s.whatsapp.net'])
    expect(participantHash(['2@s.whatsapp.net', '1@s.whatsapp.net'])).toBe(one)
    expect(sameParticipants(one, participantHash(['1@s.whatsapp.net']))).toBe(false)
    expect(sameParticipants('2:a+/bcdef', '2:a-_bcdef')).toBe(true)
    expect(sameParticipants('2:', '2:abcdefgh')).toBe(false)
  })
})
