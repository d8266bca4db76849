import { describe, expect, it } from 'vitest'
import { readContact } from './numbers.ts'

describe('a phone number', () => {
  it.each([
    '',
    '+',
    '555',
    'call me',
    '0155500000',
    '1555000000112345',
    '+1 555 000-0001 ext. 7',
    '１５５５００００００１',
    '120363000000000001@g.us',
    'status@broadcast',
    'bob@lid',
    'a:b@s.whatsapp.net',
    '+1 555 000-0001@s.whatsapp.net',
    '1'.repeat(10_000),
  ])('is not what %j is', (input) => {
    expect(() => readContact(input)).toThrow(expect.objectContaining({ code: 'WATON_CONTACT_NUMBER' }))
  })

  it.each([
    '15550000001',
    '+15550000001',
    '+1 555 000-0001',
    '001 (555) 000.0001',
    '\u202a+1\u00a0555\u2011000\u20110001\u202c',
    ' 15550000001\n',
    '15550000001@s.whatsapp.net',
    '15550000001:3@s.whatsapp.net',
    '15550000001@c.us',
    '15550000001:99@hosted',
  ])('is read from %j', (input) => {
    expect(readContact(input)).toEqual({ by: 'number', digits: '15550000001' })
  })

  it.each(['100000000001@lid', '100000000001:3@lid', '100000000001:99@hosted.lid'])(
    'may be a LID instead: %s',
    (input) => {
      expect(readContact(input)).toEqual({ by: 'lid', jid: '100000000001@lid' })
    },
  )
})
