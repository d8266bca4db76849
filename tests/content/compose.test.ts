/**
 * How content becomes a message: what is refused and how that is told, and that what is built is field by field what an
 * unmodified Baileys builds for the same input, and is read back as it was meant.
 */
import { generateWAMessageContent, generateWAMessageFromContent, proto } from '@whiskeysockets/baileys'
import type {
  AnyMessageContent,
  MessageContentGenerationOptions,
  MessageGenerationOptionsFromContent,
  WAMessage,
} from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { isWatonError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { contentOf, plainContent } from '../../src/protocol/message/content.ts'
import { KINDS } from '../../src/protocol/message/kinds/index.ts'
import { linkIn } from '../../src/protocol/message/kinds/text.ts'
import { OPTION_DIFFERENCES, OPTION_KEYS } from '../../src/protocol/message/outgoing-options.ts'
import { targetSlot } from '../../src/protocol/message/reference.ts'
import type { FoundMessage } from '../../src/protocol/message/reference.ts'
import { decodeMessage } from '../../src/protocol/proto/message.ts'
import type { OutgoingContent } from '../../src/client/content.ts'
import { withTimer } from '../../src/client/chat-timer.ts'
import { composeMessage, prepareContent } from '../../src/client/send/compose.ts'
import type { ComposedMessage } from '../../src/client/send/compose.ts'

import {
  ALICE,
  BOB,
  CARD,
  CAROL,
  CHANNEL,
  GROUP,
  JPEG,
  MEETING,
  NOW,
  SAME_KINDS,
  SECRET,
  VCARD,
} from './samples.ts'

const ALICE_LID = '100000000001@lid'
const BOB_LID = '100000000002@lid'

function foundMessage(message: object, more: Partial<FoundMessage> = {}): FoundMessage {
  const bytes = new Uint8Array(proto.Message.encode(message).finish())
  return {
    id: 'TARGET',
    chat: BOB,
    sender: { jid: BOB_LID, pn: BOB, lid: BOB_LID },
    fromMe: false,
    isInChat: true,
    neverLeft: false,
    sentAtMs: NOW,
    message: decodeMessage(bytes),
    ...more,
  }
}

function composed(content: object, found?: FoundMessage, chat = BOB): ComposedMessage {
  const prepared = prepareContent(content as OutgoingContent)
  const messages = new Map(found === undefined ? [] : prepared.targets.map((one) => [targetSlot(one), found]))
  const context = { id: 'A1', chat, me: ALICE, nowMs: NOW, random: seededRandom(7) }
  return composeMessage(prepared, context, messages)
}

function refusal(content: unknown, found?: FoundMessage): { code: string; message: string } {
  try {
    composed(content as object, found)
  } catch (error) {
    if (isWatonError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('it was not refused')
}

const poll = (more: object = {}): object => ({ poll: { name: 'q', options: ['a', 'b'], ...more } })
const place = (more: object): object => ({ location: { latitude: 1, longitude: 2, ...more } })
const TARGET = { id: 'TARGET', chat: BOB }

describe('content that cannot be sent', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['a typing error', { txt: 'hi' }, 'WATON_CONTENT_KIND', /"txt"; did you mean "text"\? Content/],
    ['nothing', {}, 'WATON_CONTENT_KIND', /no key that says what it is/],
    [
      'an album',
      { album: {} },
      'WATON_CONTENT_KIND',
      /cannot send content of the kind "album" yet\. Content/,
    ],
    ['a file that is none', { image: {} }, 'WATON_CONTENT_VALUE', /image\.file is .*its path, or a stream/],
    ['a page', { image: { file: 'https://x.example' } }, 'WATON_CONTENT_FILE', /is a web address, .*\.body/],
    ['a word of others', { react: {} }, 'WATON_CONTENT_KIND', /"react", which is "reaction" here\. Content/],
    ['two kinds', { text: 'x', ...poll() }, 'WATON_CONTENT_KIND', /both "text" and "poll"/],
    ['an unknown option', { text: 'x', qouted: TARGET }, 'WATON_CONTENT_KEY', /did you mean "quoted"/],
    ['an option of another kind', { text: 'x', caption: 'y' }, 'WATON_CONTENT_KEY', /text, linkPreview/],
    ['an option where none counts', { phoneNumberShared: true, mentions: [] }, 'WATON_CONTENT_KEY', /takes/],
    ['a text that is none', { text: 5 }, 'WATON_CONTENT_VALUE', /text is the number 5/],
    ['half a character', { text: '\ud83d' }, 'WATON_CONTENT_VALUE', /valid Unicode/],
    ['a very long text', { text: 'x'.repeat(65_537) }, 'WATON_CONTENT_VALUE', /65536/],
    ['a preview of nothing', { text: 'x', linkPreview: {} }, 'WATON_CONTENT_VALUE', /linkPreview.url/],
    [
      'a preview of another link',
      { text: 'x', linkPreview: { url: 'https://example.com' } },
      'WATON_CONTENT_LINK',
      /stand in the text/,
    ],
    ['a card of nobody', { contact: {} }, 'WATON_CONTENT_VALUE', /contact.displayName/],
    [
      'a card of no number',
      { contact: { displayName: 'C', phoneNumbers: ['call me'] } },
      'WATON_CONTENT_VALUE',
      /country code/,
    ],
    ['a card that is none', { contact: { vcard: 'Carol' } }, 'WATON_CONTENT_VALUE', /BEGIN:VCARD/],
    ['a card of both', { contact: { vcard: VCARD, phoneNumbers: [] } }, 'WATON_CONTENT_KEY', /phoneNumbers/],
    ['no cards', { contacts: { cards: [] } }, 'WATON_CONTENT_VALUE', /1 to 257/],
    ['a wrong second card', { contacts: { cards: [{ vcard: VCARD }, {}] } }, 'WATON_CONTENT_VALUE', /\[1\]/],
    ['a place beyond the pole', place({ latitude: 90.1 }), 'WATON_CONTENT_VALUE', /-90 to 90/],
    ['a place that is no number', place({ longitude: NaN }), 'WATON_CONTENT_VALUE', /-180 to 180/],
    [
      'a place by the names of the wire',
      place({ degreesLatitude: 1 }),
      'WATON_CONTENT_KEY',
      /takes: latitude/,
    ],
    ['a map that is no JPEG', place({ thumbnailBytes: new Uint8Array(3) }), 'WATON_CONTENT_VALUE', /JPEG/],
    ['a page that is no page', place({ url: 'javascript:1' }), 'WATON_CONTENT_VALUE', /https:/],
    ['a moving place without place', { liveLocation: {} }, 'WATON_CONTENT_VALUE', /latitude is undefined/],
    ['a poll of one answer', poll({ options: ['a'] }), 'WATON_CONTENT_VALUE', /2 to 12/],
    [
      'a poll of 13 answers',
      poll({ options: Array.from('abcdefghijklm') }),
      'WATON_CONTENT_VALUE',
      /2 to 12/,
    ],
    ['a poll of equal answers', poll({ options: ['a', 'a'] }), 'WATON_CONTENT_POLL', /the same/],
    ['a poll of more choices than answers', poll({ selectableCount: 3 }), 'WATON_CONTENT_POLL', /2 answers/],
    ['a poll by the names of Baileys', poll({ values: ['a', 'b'] }), 'WATON_CONTENT_KEY', /values/],
    ['a meeting without time', { event: { name: 'e' } }, 'WATON_CONTENT_VALUE', /startsAtMs/],
    ['a time in seconds', { event: { name: 'e', startsAtMs: NOW / 1000 } }, 'WATON_CONTENT_VALUE', /milli/],
    [
      'a meeting that ends first',
      { event: { name: 'e', startsAtMs: NOW, endsAtMs: NOW - 1 } },
      'WATON_CONTENT_EVENT',
      /before/,
    ],
    [
      'an invitation to a person',
      { groupInvite: { group: BOB, code: 'abcdef', expiresAtMs: NOW, name: 'g' } },
      'WATON_CONTENT_VALUE',
      /@g.us/,
    ],
    ['a reply without id', { buttonReply: { text: 't' } }, 'WATON_CONTENT_VALUE', /buttonReply.id/],
    ['a line without text', { listReply: { id: 'i' } }, 'WATON_CONTENT_VALUE', /listReply.text/],
    [
      'an answer that is no JSON',
      { interactiveReply: { text: 't', flow: 'f', flowParams: '{' } },
      'WATON_CONTENT_VALUE',
      /JSON/,
    ],
    [
      'a product without a title',
      { product: { businessOwnerJid: BOB, product: { productId: '42' } } },
      'WATON_CONTENT_VALUE',
      /product.product.title/,
    ],
    [
      'a price without a currency',
      { product: { businessOwnerJid: BOB, product: { productId: '42', title: 'Tea', priceAmount1000: 1 } } },
      'WATON_CONTENT_VALUE',
      /currencyCode/,
    ],
    ['no request', { phoneNumberRequest: false }, 'WATON_CONTENT_VALUE', /must be true/],
    ['a setting of nothing', { limitSharing: true }, 'WATON_CONTENT_VALUE', /limitSharing is a boolean/],
    ['a mention of a group', { text: 'x', mentions: [GROUP] }, 'WATON_CONTENT_VALUE', /person/],
    ['a time below zero', { text: 'x', expiresInSeconds: -1 }, 'WATON_CONTENT_VALUE', /whole number/],
    ['a time of 91 days', { text: 'x', expiresInSeconds: 91 * 86_400 }, 'WATON_CONTENT_VALUE', /7776000/],
    ['forwarded by nobody', { text: 'x', forwarded: { score: 0 } }, 'WATON_CONTENT_VALUE', /from 1/],
    ['a quote of no message', { text: 'x', quoted: 'TARGET' }, 'WATON_CONTENT_VALUE', /payload of a message/],
    [
      'a quote of an unknown message',
      { text: 'x', quoted: TARGET },
      'WATON_CONTENT_TARGET',
      /not in the store/,
    ],
    ['a forward of an unknown message', { forward: TARGET }, 'WATON_CONTENT_TARGET', /not in the store/],
  ])('is refused: %s', (_, content, code, words) => {
    const { code: got, message } = refusal(content)
    expect(got).toBe(code)
    expect(message).toMatch(words)
  })

  it.each<[string, object]>([
    ['a vote', { pollUpdateMessage: { pollCreationMessageKey: { id: 'P' } } }],
    ['a reaction', { reactionMessage: { text: 'x', key: { id: 'P' } } }],
    ['a deletion', { protocolMessage: { type: 0, key: { id: 'P' } } }],
    ['what can be viewed once', { viewOnceMessageV2: { message: { imageMessage: { caption: 'x' } } } }],
    ['a picture that can be viewed once', { imageMessage: { caption: 'x', viewOnce: true } }],
    ['what could not be read', {}],
  ])('is refused as a forward: %s', (_, message) => {
    expect(refusal({ forward: TARGET }, foundMessage(message)).code).toBe('WATON_CONTENT_FORWARD')
  })

  it('is refused as a quote that could not be read', () => {
    expect(refusal({ text: 'x', quoted: TARGET }, foundMessage({})).code).toBe('WATON_CONTENT_TARGET')
  })

  it('is refused when its getters throw', () => {
    const content = {
      get text(): string {
        throw new TypeError('mine')
      },
    }
    expect(refusal(content).code).toBe('WATON_CONTENT_UNREADABLE')
  })

  it('never repeats what was given', () => {
    for (const content of [{ text: 'x', linkPreview: { url: 'hidden' } }, { contact: { vcard: 'hidden' } }])
      expect(refusal(content).message).not.toContain('hidden')
  })
})

const FROM_BAILEYS = {
  upload: () => Promise.resolve({ mediaUrl: 'https://media.invalid/file', directPath: '/file' }),
} as unknown as MessageContentGenerationOptions

/** The field numbers and values of a message, however they were written. */
function wire(message: Uint8Array | proto.IMessage): unknown {
  const bytes = message instanceof Uint8Array ? message : proto.Message.encode(message).finish()
  return proto.Message.toObject(proto.Message.decode(bytes), { bytes: String, longs: Number })
}

/** What Baileys builds, with the secret that waton has here. */
async function builtByBaileys(content: object, more: object = {}): Promise<proto.IMessage> {
  const options = { ...FROM_BAILEYS, ...more }
  const message = await generateWAMessageContent(content as AnyMessageContent, options)
  if (message.messageContextInfo) message.messageContextInfo.messageSecret = SECRET
  return message
}

describe('what is sent', () => {
  it.each(SAME_KINDS)('is field by field what Baileys builds: %s', async (_, ours, theirs, read) => {
    const { message } = composed(ours)
    expect(wire(message)).toEqual(wire(await builtByBaileys(theirs)))
    expect(plainContent(contentOf(decodeMessage(message)))).toEqual(read)
  })

  it('is what Baileys builds for settings of a chat', async () => {
    const limited = composed({ limitSharing: { limited: true } })
    const theirs = await builtByBaileys({ limitSharing: true })
    const setting = theirs.protocolMessage?.limitSharing
    if (setting) setting.limitSharingSettingTimestamp = NOW
    expect(wire(limited.message)).toEqual(wire(theirs))
    expect(wire(composed({ phoneNumberShared: true }).message)).toEqual(
      wire(await builtByBaileys({ sharePhoneNumber: true })),
    )
  })

  it('is what Baileys builds for a product, but for its picture', async () => {
    const product = {
      productId: '42',
      title: 'Tea',
      description: 'green',
      currencyCode: 'EUR',
      priceAmount1000: 12_500,
      retailerId: 'T-1',
      url: 'https://example.com/tea',
    }
    const offer = { businessOwnerJid: BOB, body: 'fresh', footer: 'today' }
    const theirs = await builtByBaileys(
      { product: { ...product, productImage: Buffer.from(JPEG) }, ...offer },
      { upload: () => Promise.resolve({ mediaUrl: 'https://example.com/a', directPath: '/a' }) },
    )
    const snapshot = theirs.productMessage?.product
    expect(snapshot?.productImage?.directPath).toBe('/a')
    if (snapshot) delete snapshot.productImage
    const { message } = composed({ product: { product, ...offer } })
    expect(wire(message)).toEqual(wire(theirs))
    expect(plainContent(contentOf(decodeMessage(message)))).toEqual({ product: { product, ...offer } })
  })

  it('is a message of the schema where Baileys has no builder', () => {
    const read = (content: object): unknown =>
      plainContent(contentOf(decodeMessage(composed(content).message)))
    const moving = { latitude: 1, longitude: 2, sequence: 3, metersPerSecond: 1.5, headingDegrees: 90 }
    for (const content of [
      { liveLocation: { ...moving, afterSeconds: 4, accuracyMeters: 5 }, caption: 'c' },
      { newsletterInvite: { newsletter: CHANNEL, as: 'follower', name: 'n' }, caption: 'c' },
      { newsletterInvite: { newsletter: CHANNEL, as: 'admin', name: 'n', expiresAtMs: NOW } },
      { interactiveReply: { text: 't', flow: 'f', flowParams: '{"id":"1"}' } },
      { buttonReply: { id: 'i', text: 't', index: 1, cardIndex: 2 } },
      { event: { name: 'e', startsAtMs: NOW, location: { name: 'here' }, remindBeforeSeconds: 600 } },
    ])
      expect(read(content)).toEqual(content)
  })

  it('says in its stanza what it is', () => {
    const facts = (content: object): unknown => {
      const { stanzaType, extras } = composed(content)
      return { type: stanzaType, ...extras }
    }
    expect(facts({ text: 'x' })).toEqual({ type: 'text' })
    expect(facts({ contact: CARD })).toEqual({ type: 'media', mediaType: 'vcard' })
    expect(facts({ contact: CARD, viewOnce: true })).toEqual({ type: 'media', mediaType: 'vcard' })
    expect(facts({ contacts: { cards: [CARD, CARD] } })).toEqual({
      type: 'media',
      mediaType: 'contact_array',
    })
    expect(facts(place({}))).toEqual({ type: 'text' })
    expect(facts({ liveLocation: { latitude: 1, longitude: 2 } })).toEqual({
      type: 'media',
      mediaType: 'livelocation',
    })
    expect(facts(poll())).toEqual({ type: 'poll', meta: { polltype: 'creation' } })
    expect(facts({ event: MEETING })).toEqual({ type: 'event', meta: { event_type: 'creation' } })
    expect(facts({ listReply: { id: 'i', text: 't' } })).toEqual({
      type: 'media',
      mediaType: 'list_response',
    })
  })

  it('carries a fresh secret of 32 bytes', () => {
    const { messageContextInfo } = decodeMessage(composed(poll()).message)
    expect(messageContextInfo?.messageSecret).toEqual(SECRET)
  })

  it('has a card that can be read whatever the name', () => {
    const names = ['a;b,c\\d', 'line\nbreak', 'Ünï 👋🏽']
    for (const displayName of names) {
      const { contactMessage } = decodeMessage(composed({ contact: { ...CARD, displayName } }).message)
      expect(contactMessage?.displayName).toBe(displayName)
      expect(contactMessage?.vcard?.split('\n')).toHaveLength(6)
    }
  })

  it('finds the link that a text has', () => {
    expect(linkIn('see https://example.com/a?b=c, now')).toBe('https://example.com/a?b=c')
    expect(linkIn('(http://example.com)')).toBeUndefined()
    expect(linkIn('no link, mailto:a@example.com')).toBeUndefined()
  })
})

/** A message that Baileys has received. */
function received(message: object, fromMe = false): WAMessage {
  return { key: { remoteJid: BOB, id: 'TARGET', fromMe }, message }
}

async function answeredByBaileys(quoted: WAMessage, jid = BOB): Promise<proto.IMessage | null | undefined> {
  const content = await builtByBaileys({ text: 'answer' })
  const options = { userJid: ALICE, quoted } as MessageGenerationOptionsFromContent
  return generateWAMessageFromContent(jid, content, options).message
}

const QUOTED: readonly [string, object][] = [
  ['a plain text', { conversation: 'question' }],
  ['a text', { extendedTextMessage: { text: 'question' } }],
  [
    'a text that quotes and mentions',
    { extendedTextMessage: { text: 'q', contextInfo: { mentionedJid: [CAROL], stanzaId: 'X' } } },
  ],
  ['a text that disappears', { ephemeralMessage: { message: { extendedTextMessage: { text: 'q' } } } }],
  ['a poll', { pollCreationMessage: { name: 'q' }, messageContextInfo: { messageSecret: SECRET } }],
  ['a picture', { imageMessage: { caption: 'c', mediaKey: SECRET, directPath: '/file' } }],
]

describe('a quote', () => {
  it.each(QUOTED)('is what Baileys makes of %s', async (_, message) => {
    const ours = composed({ text: 'answer', quoted: TARGET }, foundMessage(message))
    expect(wire(ours.message)).toEqual(wire((await answeredByBaileys(received(message))) ?? {}))
  })

  it('of an own message names this account', async () => {
    const message = { conversation: 'mine' }
    const own = foundMessage(message, { sender: { jid: ALICE, pn: ALICE }, fromMe: true })
    const ours = composed({ text: 'answer', quoted: { ...TARGET, fromMe: true } }, own)
    expect(wire(ours.message)).toEqual(wire((await answeredByBaileys(received(message, true))) ?? {}))
  })

  it('of another chat says which', async () => {
    const message = { conversation: 'there' }
    const ours = composed(
      { text: 'answer', quoted: TARGET },
      foundMessage(message, { isInChat: false }),
      CAROL,
    )
    expect(wire(ours.message)).toEqual(wire((await answeredByBaileys(received(message), CAROL)) ?? {}))
  })

  it('names people in the form of address of the chat', () => {
    const ours = composed({ text: 'x', quoted: TARGET }, foundMessage({ conversation: 'q' }), BOB_LID)
    expect(decodeMessage(ours.message).extendedTextMessage?.contextInfo?.participant).toBe(BOB_LID)
  })

  it('takes an event, its payload and a handle', () => {
    const found = foundMessage({ conversation: 'q' })
    const payload = { ...TARGET, sender: { jid: BOB }, fromMe: false, origin: 'live', content: { text: 'q' } }
    for (const quoted of [
      payload,
      { seq: 1, type: 'message', payload },
      { ...TARGET, acked: Promise.resolve() },
    ])
      expect(composed({ text: 'x', quoted }, found).message.length).toBeGreaterThan(50)
  })
})

const FORWARDED: readonly [string, object][] = [
  ['a plain text', { conversation: 'pass on' }],
  [
    'a text that was forwarded',
    { extendedTextMessage: { text: 'x', contextInfo: { forwardingScore: 3, isForwarded: true } } },
  ],
  [
    'a picture, with its key and address',
    { imageMessage: { caption: 'c', mediaKey: SECRET, directPath: '/file', url: 'https://media.invalid/f' } },
  ],
  ['a text that disappears', { ephemeralMessage: { message: { extendedTextMessage: { text: 'q' } } } }],
  ['a place', { locationMessage: { degreesLatitude: 1, degreesLongitude: 2 } }],
]

describe('a forward', () => {
  it.each(FORWARDED)('is what Baileys makes of %s', async (_, message) => {
    const ours = composed({ forward: TARGET }, foundMessage(message))
    expect(wire(ours.message)).toEqual(wire(await builtByBaileys({ forward: received(message) })))
  })

  it('of an own message is not marked, unless that is asked for', async () => {
    const message = { conversation: 'mine' }
    const own = foundMessage(message, { fromMe: true })
    expect(wire(composed({ forward: TARGET }, own).message)).toEqual(
      wire(await builtByBaileys({ forward: received(message, true) })),
    )
    const marked = wire(composed({ forward: TARGET, asForwarded: true }, own).message)
    expect(marked).toEqual(wire(await builtByBaileys({ forward: received(message, true), force: true })))
  })

  it('counts to "many times"', () => {
    let message: object = { conversation: 'chain' }
    for (let hop = 1; hop <= 4; hop++) {
      message = proto.Message.decode(composed({ forward: TARGET }, foundMessage(message)).message)
      const { options } = contentOf(decodeMessage(new Uint8Array(proto.Message.encode(message).finish())))
      expect(options.forwarded).toEqual({ score: hop })
    }
  })

  it('keeps what a file is in the stanza, and has a secret of its own', () => {
    const video = { videoMessage: { gifPlayback: true }, messageContextInfo: { messageSecret: JPEG } }
    const { stanzaType, extras, message } = composed({ forward: TARGET }, foundMessage(video))
    expect({ stanzaType, extras }).toEqual({ stanzaType: 'media', extras: { mediaType: 'gif' } })
    expect(decodeMessage(message).messageContextInfo?.messageSecret).toEqual(SECRET)
  })
})

describe('the options', () => {
  const SAMPLES: Readonly<Record<string, object>> = {
    text: { text: 'x' },
    contact: { contact: CARD },
    contacts: { contacts: { cards: [CARD, CARD] } },
    location: place({}),
    liveLocation: { liveLocation: { latitude: 1, longitude: 2 } },
    poll: poll(),
    event: { event: MEETING },
    groupInvite: { groupInvite: { group: GROUP, code: 'abcdef', expiresAtMs: NOW, name: 'g' } },
    newsletterInvite: { newsletterInvite: { newsletter: CHANNEL, as: 'follower', name: 'n' } },
    phoneNumberRequest: { phoneNumberRequest: true },
    buttonReply: { buttonReply: { id: 'i', text: 't' } },
    listReply: { listReply: { id: 'i', text: 't' } },
    interactiveReply: { interactiveReply: { text: 't', flow: 'f', flowParams: '{}' } },
    product: { product: { businessOwnerJid: BOB, product: { productId: '42', title: 'Tea' } } },
  }

  it.each(Object.entries(SAMPLES))('are read beside any content: %s', (kind, sample) => {
    const options = {
      quoted: TARGET,
      mentions: [CAROL],
      mentionsAll: true,
      forwarded: { score: 4 },
      expiresInSeconds: 86_400,
      viewOnce: true,
    }
    expect(Object.keys(options)).toEqual(OPTION_KEYS)
    const { message } = composed({ ...sample, ...options }, foundMessage({ conversation: 'q' }))
    const read = plainContent(contentOf(decodeMessage(message)))
    expect(read).toHaveProperty(kind)
    expect(read).toMatchObject({
      ...options,
      quoted: { id: 'TARGET', sender: { jid: BOB }, content: { text: 'q' } },
    })
  })

  it('are taken by every kind but settings', () => {
    const plain = Object.values(KINDS).filter(({ takesOptions }) => takesOptions !== false)
    const samples = [...Object.keys(SAMPLES), 'forward']
    expect(samples.filter((name) => !plain.some((kind) => kind.name === name))).toEqual([])
  })

  it('that are undefined or empty are as good as left out', () => {
    const plain = composed({ text: 'x' }).message
    const empty = {
      quoted: undefined,
      mentions: [],
      mentionsAll: false,
      viewOnce: false,
      expiresInSeconds: 0,
    }
    expect(composed({ text: 'x', ...empty }).message).toEqual(plain)
  })
})

describe('the options that differ from Baileys on purpose', () => {
  const own = foundMessage(
    { conversation: 'mine' },
    { sender: { jid: ALICE, pn: ALICE, lid: ALICE_LID }, fromMe: true },
  )

  /** What waton and Baileys make of the same, by the difference that is listed. */
  const DIFFERENT: Readonly<
    Record<string, readonly [ours: () => ComposedMessage, theirs: () => Promise<unknown>]>
  > = {
    'contextInfo.nonJidMentions': [
      () => composed({ text: 'x', mentions: [CAROL] }),
      () => builtByBaileys({ text: 'x', mentions: [CAROL] }),
    ],
    'contextInfo of a view-once message': [
      () => composed({ text: 'x', mentions: [CAROL], viewOnce: true }),
      () => builtByBaileys({ text: 'x', mentions: [CAROL], viewOnce: true }),
    ],
    'contextInfo.ephemeralSettingTimestamp': [
      () => {
        const timed = composed({ text: 'answer' })
        return { ...timed, message: withTimer(timed.message, { seconds: 60, setAtMs: NOW }) }
      },
      async () => {
        const options = { userJid: ALICE, ephemeralExpiration: 60 } as MessageGenerationOptionsFromContent
        return generateWAMessageFromContent(BOB, await builtByBaileys({ text: 'answer' }), options).message
      },
    ],
    'contextInfo.participant': [
      () => composed({ text: 'answer', quoted: TARGET }, own, BOB_LID),
      () => answeredByBaileys(received({ conversation: 'mine' }, true), BOB_LID),
    ],
  }

  it('are all listed, and no others', () => {
    expect(OPTION_DIFFERENCES.map(({ field }) => field)).toEqual(Object.keys(DIFFERENT))
  })

  it.each(Object.entries(DIFFERENT))('differ: %s', async (_, [ours, theirs]) => {
    expect(wire(ours().message)).not.toEqual(wire((await theirs()) as proto.IMessage))
  })
})
