import { describe, expect, it } from 'vitest'
import { participantHash } from './participant-hash.ts'

describe('the hash over devices', () => {
  // published with whatsapp-rust, made with whatsmeow's algorithm; both alphabets of base64 differ in two of them
  it.each([
    [['5511999999999:3@s.whatsapp.net'], '2:5s+YxCff'],
    [['5511999999999@s.whatsapp.net'], '2:RJWVxcMQ'],
    [['5511988887777:14@s.whatsapp.net', '7469250125917:21@s.whatsapp.net'], '2:AAv/hwhn'],
  ])('is what others make of %j', (devices, hash) => {
    expect(participantHash(devices)).toBe(hash)
  })

  it('does not depend on the order', () => {
    const devices = ['15550000002:3@s.whatsapp.net', '15550000002@s.whatsapp.net']
    expect(participantHash(devices)).toBe(participantHash(devices.toReversed()))
  })

  it('refuses what is no address', () => {
    expect(() => participantHash(['a:b@lid'])).toThrow(expect.objectContaining({ code: 'WATON_JID_INVALID' }))
  })
})
