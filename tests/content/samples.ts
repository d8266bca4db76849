/**
 * Content of every kind that waton builds like Baileys does: what waton is given, what Baileys is given for the same, and
 * what the receiver of either reads. All of it is invented.
 */
import { seededRandom } from '../../src/base/random.ts'

export const ALICE = '15550000001@s.whatsapp.net'
export const BOB = '15550000002@s.whatsapp.net'
export const CAROL = '15550000003@s.whatsapp.net'
export const GROUP = '120363000000000001@g.us'
export const CHANNEL = '120363000000000002@newsletter'
export const NOW = 1_700_000_000_000
export const JPEG: Uint8Array = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])
export const VCARD =
  'BEGIN:VCARD\nVERSION:3.0\nN:;Carol;;;\nFN:Carol\nTEL;type=CELL;type=VOICE;waid=15550000003:+1 555 000 0003\nEND:VCARD'
/** What `seededRandom(7)` gives first: the secret of every message. */
export const SECRET: Uint8Array = seededRandom(7).bytes(32)

const poll = (more: object = {}): object => ({ poll: { name: 'q', options: ['a', 'b'], ...more } })
const place = (more: object): object => ({ location: { latitude: 1, longitude: 2, ...more } })

export const CARD: { readonly displayName: string; readonly phoneNumbers: readonly string[] } = {
  displayName: 'Carol',
  phoneNumbers: ['+1 555 000 0003'],
}
export const MEETING: Readonly<Record<'startsAtMs' | 'endsAtMs', number>> & {
  readonly name: string
  readonly description: string
} = {
  name: 'Party',
  description: 'At home',
  startsAtMs: NOW + 999,
  endsAtMs: NOW + 3_600_000,
}
const MEETING_OF_BAILEYS = {
  name: 'Party',
  description: 'At home',
  startDate: new Date(NOW + 999),
  endDate: new Date(NOW + 3_600_000),
}

/** See the file comment; by name. */
export const SAME_KINDS: readonly [string, object, object, object][] = [
  ['a text', { text: 'hi' }, { text: 'hi' }, { text: 'hi' }],
  [
    'a text with a preview',
    {
      text: 'see https://example.com now',
      linkPreview: { url: 'https://example.com', title: 't', description: 'd', thumbnailBytes: JPEG },
    },
    {
      text: 'see https://example.com now',
      linkPreview: {
        'matched-text': 'https://example.com',
        title: 't',
        description: 'd',
        jpegThumbnail: JPEG,
      },
    },
    {
      text: 'see https://example.com now',
      linkPreview: {
        url: 'https://example.com',
        title: 't',
        description: 'd',
        thumbnail: Buffer.from(JPEG).toString('base64'),
      },
    },
  ],
  [
    'a card',
    { contact: CARD },
    { contacts: { contacts: [{ displayName: 'Carol', vcard: VCARD }] } },
    { contact: { displayName: 'Carol', vcard: VCARD } },
  ],
  [
    'a list of one card',
    { contacts: { cards: [{ vcard: VCARD }] } },
    { contacts: { contacts: [{ displayName: 'Carol', vcard: VCARD }] } },
    { contact: { displayName: 'Carol', vcard: VCARD } },
  ],
  [
    'cards',
    { contacts: { displayName: 'both', cards: [CARD, { displayName: 'C', vcard: VCARD }] } },
    {
      contacts: {
        displayName: 'both',
        contacts: [
          { displayName: 'Carol', vcard: VCARD },
          { displayName: 'C', vcard: VCARD },
        ],
      },
    },
    {
      contacts: {
        displayName: 'both',
        cards: [
          { displayName: 'Carol', vcard: VCARD },
          { displayName: 'C', vcard: VCARD },
        ],
      },
    },
  ],
  [
    'a place',
    place({ name: 'n', address: 'a', url: 'https://example.com/', comment: 'c', accuracyMeters: 3 }),
    {
      location: {
        degreesLatitude: 1,
        degreesLongitude: 2,
        name: 'n',
        address: 'a',
        url: 'https://example.com/',
        comment: 'c',
        accuracyInMeters: 3,
      },
    },
    place({ name: 'n', address: 'a', url: 'https://example.com/', comment: 'c', accuracyMeters: 3 }),
  ],
  [
    'a poll of many choices',
    poll({ selectableCount: 2 }),
    { poll: { name: 'q', values: ['a', 'b'], selectableCount: 2, messageSecret: SECRET } },
    { poll: { name: 'q', options: [{ name: 'a' }, { name: 'b' }], selectableCount: 2 } },
  ],
  [
    'a poll of any number of choices',
    poll(),
    { poll: { name: 'q', values: ['a', 'b'], messageSecret: SECRET } },
    { poll: { name: 'q', options: [{ name: 'a' }, { name: 'b' }], selectableCount: 0 } },
  ],
  [
    'a poll of one choice',
    poll({ selectableCount: 1 }),
    { poll: { name: 'q', values: ['a', 'b'], selectableCount: 1, messageSecret: SECRET } },
    { poll: { name: 'q', options: [{ name: 'a' }, { name: 'b' }], selectableCount: 1 } },
  ],
  [
    'a poll of an announcement group',
    poll({ isAnnouncement: true, selectableCount: 1 }),
    {
      poll: {
        name: 'q',
        values: ['a', 'b'],
        selectableCount: 1,
        toAnnouncementGroup: true,
        messageSecret: SECRET,
      },
    },
    { poll: { name: 'q', options: [{ name: 'a' }, { name: 'b' }], selectableCount: 1 } },
  ],
  [
    'a meeting',
    { event: MEETING },
    { event: { ...MEETING_OF_BAILEYS, messageSecret: SECRET } },
    { event: { ...MEETING, startsAtMs: NOW } },
  ],
  [
    'a meeting with all there is',
    {
      event: {
        ...MEETING,
        location: { latitude: 1, longitude: 2, name: 'n' },
        isCall: true,
        isCanceled: true,
        allowsExtraGuests: true,
      },
    },
    {
      event: {
        ...MEETING_OF_BAILEYS,
        location: { degreesLatitude: 1, degreesLongitude: 2, name: 'n' },
        isScheduleCall: true,
        isCancelled: true,
        extraGuestsAllowed: true,
        messageSecret: SECRET,
      },
    },
    {
      event: {
        ...MEETING,
        startsAtMs: NOW,
        location: { latitude: 1, longitude: 2, name: 'n' },
        isCall: true,
        isCanceled: true,
        allowsExtraGuests: true,
      },
    },
  ],
  [
    'an invitation',
    { groupInvite: { group: GROUP, code: 'abcdef', expiresAtMs: NOW, name: 'g' }, caption: 'c' },
    {
      groupInvite: {
        jid: GROUP,
        inviteCode: 'abcdef',
        inviteExpiration: NOW / 1000,
        subject: 'g',
        text: 'c',
      },
    },
    { groupInvite: { group: GROUP, code: 'abcdef', expiresAtMs: NOW, name: 'g' }, caption: 'c' },
  ],
  [
    'a button',
    { buttonReply: { id: 'i', text: 't' } },
    { buttonReply: { id: 'i', displayText: 't', index: 0 }, type: 'plain' },
    { buttonReply: { id: 'i', text: 't' } },
  ],
  [
    'a button of a template',
    { buttonReply: { id: 'i', text: 't', index: 2 } },
    { buttonReply: { id: 'i', displayText: 't', index: 2 }, type: 'template' },
    { buttonReply: { id: 'i', text: 't', index: 2 } },
  ],
  [
    'a line of a list',
    { listReply: { id: 'i', text: 't', description: 'd' } },
    { listReply: { title: 't', listType: 1, singleSelectReply: { selectedRowId: 'i' }, description: 'd' } },
    { listReply: { id: 'i', text: 't', description: 'd' } },
  ],
  [
    'a request for a number',
    { phoneNumberRequest: true },
    { requestPhoneNumber: true },
    { phoneNumberRequest: true },
  ],
  [
    'mentions',
    { text: 'hi @15550000003', mentions: [CAROL], mentionsAll: true },
    { text: 'hi @15550000003', mentions: [CAROL], mentionAll: true },
    { text: 'hi @15550000003', mentions: [CAROL], mentionsAll: true },
  ],
  [
    'what can be viewed once',
    { text: 'x', viewOnce: true },
    { text: 'x', viewOnce: true },
    { text: 'x', viewOnce: true },
  ],
]
