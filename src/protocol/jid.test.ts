/**
 * JIDs against Baileys: the same parts, the same text and the same Signal addresses wherever both accept the text.
 */
import { jidDecode, jidEncode, jidNormalizedUser } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import { makeLibSignalRepository } from '@whiskeysockets/baileys/lib/Signal/libsignal.js'
import { describe, expect, test } from 'vitest'
import { ProtocolError, UsageError } from '../base/errors.ts'
import { randomInteger, seededRandom } from '../base/random.ts'
import * as jids from './jid.ts'

function refusal(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

const NO_JIDS = [
  '',
  '15550000001',
  's.whatsapp.net',
  '15550000001@',
  '1@2@lid',
  '1:x@lid',
  '1:@lid',
  '1:07@lid',
  '1:-1@lid',
  '1:1.5@lid',
  '1:256@lid',
  '1:1:1@lid',
  '1:65536@msgr',
  '1 2@lid',
  '1\n@lid',
  '1@LID',
  '1@li d',
  `${'1'.repeat(300)}@lid`,
]

describe('a text that is no JID', () => {
  test.each(NO_JIDS)('is refused with its code: %j', (text) => {
    expect(jids.tryParseJid(text)).toBeUndefined()
    for (const read of [jids.parseJid, jids.userJid, jids.signalAddress]) {
      const error = refusal(() => read(text))
      expect(error).toBeInstanceOf(ProtocolError)
      expect(error).toMatchObject({ code: 'WATON_JID_INVALID' })
    }
    expect(jids.sameUser(text, text)).toBe(false)
  })

  test('appears in the error only by its beginning', () => {
    const error = refusal(() => jids.parseJid('long '.repeat(100)))
    expect(JSON.stringify((error as ProtocolError).details).length).toBeLessThan(120)
  })
})

describe('the parts of a JID', () => {
  test.each([
    ['15550000001@s.whatsapp.net', '15550000001', 's.whatsapp.net', 0],
    ['15550000001:0@s.whatsapp.net', '15550000001', 's.whatsapp.net', 0],
    ['15550000001:255@s.whatsapp.net', '15550000001', 's.whatsapp.net', 255],
    ['100000000000001:12@lid', '100000000000001', 'lid', 12],
    ['15550000001:99@hosted', '15550000001', 'hosted', 99],
    ['100000000000001:99@hosted.lid', '100000000000001', 'hosted.lid', 99],
    ['1203630000000001@g.us', '1203630000000001', 'g.us', 0],
    ['15550000001-1600000000@g.us', '15550000001-1600000000', 'g.us', 0],
    ['status@broadcast', 'status', 'broadcast', 0],
    ['1203630000000002@newsletter', '1203630000000002', 'newsletter', 0],
    ['@s.whatsapp.net', '', 's.whatsapp.net', 0],
    ['100001:300@msgr', '100001', 'msgr', 300],
    ['5-100001:300@interop', '5-100001', 'interop', 300],
  ])('of %s are those that Baileys finds', (text, user, server, device) => {
    expect(jids.parseJid(text)).toEqual({ user, server, device })
    const theirs = jidDecode(text)
    expect(theirs).toMatchObject({ user, server })
    expect(theirs?.device ?? 0).toBe(device)
    expect(jids.formatJid({ user, server, device })).toBe(jidEncode(user, server as 'lid', device))
  })

  test('give the same text again, for random JIDs', () => {
    const random = seededRandom('jid round trip')
    for (let count = 0; count < 500; count++) {
      const user = String(randomInteger(random, 1e15))
      const device = randomInteger(random, 256)
      const text = device === 0 ? `${user}@lid` : `${user}:${String(device)}@lid`
      expect(jids.formatJid(jids.parseJid(text)), 'seed: jid round trip').toBe(text)
    }
  })
})

describe('the person of a JID', () => {
  test.each([
    '15550000001:7@s.whatsapp.net',
    '15550000001@c.us',
    '100000000000001:7@lid',
    '1203630000000001@g.us',
    '15550000001:99@hosted',
    '100000000000001:99@hosted.lid',
    'status@broadcast',
  ])('%s is the one that Baileys names', (text) => {
    expect(jids.userJid(text)).toBe(jidNormalizedUser(text))
  })

  test('is not the same for a phone number, a LID and a group with the same digits', () => {
    expect(jids.sameUser('1@s.whatsapp.net', '1@lid')).toBe(false)
    expect(jids.sameUser('1@s.whatsapp.net', '1@g.us')).toBe(false)
    expect(jids.sameUser('1@lid', '2@lid')).toBe(false)
    expect(jids.sameUser('1@lid', undefined)).toBe(false)
  })

  test('is the same whatever the device, hosted or not, and whatever the spelling of the server', () => {
    expect(jids.sameUser('1:3@s.whatsapp.net', '1@s.whatsapp.net')).toBe(true)
    expect(jids.sameUser('1:3@s.whatsapp.net', '1@c.us')).toBe(true)
    expect(jids.sameUser('1:99@hosted', '1@s.whatsapp.net')).toBe(true)
    expect(jids.sameUser('1:99@hosted.lid', '1:2@lid')).toBe(true)
  })
})

describe('a device of a person', () => {
  test.each([-1, 256, 1.5, Number.NaN])('is refused for the device number %s', (device) => {
    const error = refusal(() => jids.withDevice('1@lid', device))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ code: 'WATON_JID_DEVICE' })
  })

  test('replaces the device number, and leaves 0 out', () => {
    expect(jids.withDevice('1@lid', 4)).toBe('1:4@lid')
    expect(jids.withDevice('1:9@s.whatsapp.net', 4)).toBe('1:4@s.whatsapp.net')
    expect(jids.withDevice('1:9@lid', 0)).toBe('1@lid')
  })
})

describe('a Signal address', () => {
  const theirs = makeLibSignalRepository({ creds: {}, keys: {} } as never, {} as never)

  test.each(['1@g.us', 'status@broadcast', '1@newsletter', '@s.whatsapp.net', '1@msgr', '1@call'])(
    'is refused for %s, which is no device',
    (text) => {
      expect(refusal(() => jids.signalAddress(text))).toMatchObject({ code: 'WATON_JID_NOT_A_DEVICE' })
    },
  )

  test.each(['1_1:2@s.whatsapp.net', '1_128@s.whatsapp.net', '1.2@s.whatsapp.net'])(
    'is refused for %s, which would take the address of another device',
    (text) => {
      expect(refusal(() => jids.signalAddress(text))).toMatchObject({ code: 'WATON_JID_NOT_A_DEVICE' })
    },
  )

  test.each([
    ['15550000001@s.whatsapp.net', '15550000001.0'],
    ['15550000001:7@s.whatsapp.net', '15550000001.7'],
    ['15550000001:7@c.us', '15550000001.7'],
    ['100000000000001@lid', '100000000000001_1.0'],
    ['100000000000001:23@lid', '100000000000001_1.23'],
    ['15550000001:99@hosted', '15550000001_128.99'],
    ['100000000000001:99@hosted.lid', '100000000000001_129.99'],
    ['100000000000002@bot', '100000000000002.0'],
  ])('of %s is %s, as in Baileys', (text, address) => {
    expect(jids.signalAddress(text)).toBe(address)
    expect(theirs.jidToSignalProtocolAddress(text)).toBe(address)
  })
})

describe('the kind of a JID', () => {
  const kinds = {
    isPn: jids.isPn,
    isLid: jids.isLid,
    isHosted: jids.isHosted,
    isGroup: jids.isGroup,
    isBroadcast: jids.isBroadcast,
    isStatus: jids.isStatus,
    isNewsletter: jids.isNewsletter,
    isBot: jids.isBot,
    isServer: jids.isServer,
  }

  test.each([
    ['15550000001@s.whatsapp.net', ['isPn']],
    ['15550000001:7@s.whatsapp.net', ['isPn']],
    ['15550000001@c.us', ['isPn']],
    ['100000000000001:7@lid', ['isLid']],
    ['15550000001:99@hosted', ['isHosted']],
    ['100000000000001:99@hosted.lid', ['isHosted']],
    ['1203630000000001@g.us', ['isGroup']],
    ['1600000000@broadcast', ['isBroadcast']],
    ['status@broadcast', ['isBroadcast', 'isStatus']],
    ['1203630000000002@newsletter', ['isNewsletter']],
    ['100000000000002@bot', ['isBot']],
    ['@s.whatsapp.net', ['isServer']],
    ['s.whatsapp.net', ['isServer']],
    ['valid', []],
    ['@lid', []],
    ['', []],
    [undefined, []],
  ])('of %s is %j', (text, expected) => {
    const found = Object.entries(kinds).flatMap(([name, is]) => (is(text) ? [name] : []))
    expect(found).toEqual(expected)
  })
})
