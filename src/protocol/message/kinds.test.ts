import { generateWAMessageContent, proto } from '@whiskeysockets/baileys'
import type { AnyMessageContent, MessageContentGenerationOptions } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { decodeMessage } from '../proto/message.ts'
import { contentOf, plainContent } from './content.ts'
import type { NestedContent } from './content.ts'
import { MAX_JSON_VALUES, plainJson } from './plain-json.ts'
import type { Perspective } from './reference.ts'
import { unknownFields } from './unknown-fields.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const GROUP = '120363000000000001@g.us'

/** Alice writes to us in a group; we are Bob. */
const FROM_ALICE: Perspective = { chat: GROUP, writer: ALICE, fromMe: false, me: [BOB] }

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** What is read of what Baileys wrote. */
function read(message: object, perspective?: Perspective): NestedContent {
  const encoded = new Uint8Array(proto.Message.encode(message).finish())
  return plainContent(contentOf(decodeMessage(encoded), perspective))
}

/** Nothing here uploads or draws anything. */
const OPTIONS = {
  upload: () => Promise.resolve({ mediaUrl: 'https://media.invalid/file', directPath: '/file' }),
} as unknown as MessageContentGenerationOptions

async function built(content: object, perspective?: Perspective): Promise<NestedContent> {
  return read(await generateWAMessageContent(content as AnyMessageContent, OPTIONS), perspective)
}

const FILE = {
  url: 'https://media.invalid/file',
  mimetype: 'a/b',
  fileSha256: bytes('sha'),
  fileEncSha256: bytes('enc-sha'),
  fileLength: 1234,
  mediaKey: bytes('key'),
  mediaKeyTimestamp: 1700000000,
  directPath: '/file',
}

const READ_FILE = {
  url: 'https://media.invalid/file',
  mimetype: 'a/b',
  sha256: base64('sha'),
  encryptedSha256: base64('enc-sha'),
  sizeBytes: 1234,
  mediaKey: base64('key'),
  mediaKeyAtMs: 1700000000000,
  directPath: '/file',
}

describe('content that lacks what makes it its kind', () => {
  it.each([
    [{ reactionMessage: { text: 'x' } }, 'reactionMessage'],
    [{ pinInChatMessage: { type: 1 } }, 'pinInChatMessage'],
    [{ pollUpdateMessage: { pollCreationMessageKey: { id: 'A' } } }, 'pollUpdateMessage'],
    [{ extendedTextMessage: {} }, 'extendedTextMessage'],
    [{ commentMessage: { targetMessageKey: { id: 'A' } } }, 'commentMessage'],
  ])('is unknown: %o', (message, kind) => {
    expect(read(message)).toEqual({ unknown: { kind } })
  })

  it('is bounded in quotes within quotes', () => {
    let quoted: object = { conversation: 'deepest' }
    for (let level = 0; level < 20; level++)
      quoted = { extendedTextMessage: { text: 'x', contextInfo: { stanzaId: 'A', quotedMessage: quoted } } }
    expect(JSON.stringify(read(quoted)).match(/"quoted"/g)).toHaveLength(3)
  })

  it('is bounded in plain JSON', () => {
    const values = plainJson({ list: Array.from({ length: 2 * MAX_JSON_VALUES }, () => 1) })
    expect((values.list as unknown[]).length).toBeLessThan(MAX_JSON_VALUES)
    expect(plainJson({ infinite: Infinity, nan: NaN, none: null })).toEqual({})
  })

  it('never makes reading fail, and is JSON whatever it is (seed 11)', () => {
    const random = seededRandom(11)
    const valid = proto.Message.encode({ imageMessage: { ...FILE, caption: 'x' } }).finish()
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (position, value) => {
        const damaged = new Uint8Array(valid)
        damaged[position] = value ^ (random.bytes(1)[0] ?? 0)
        let message
        try {
          message = decodeMessage(damaged)
        } catch {
          return
        }
        const content = plainContent(contentOf(message, FROM_ALICE))
        expect(JSON.parse(JSON.stringify(content))).toEqual(content)
        unknownFields(message)
      }),
      { seed: 11, numRuns: 2000 },
    )
  })
})

describe('content as Baileys builds it', () => {
  it.each<[string, object, object]>([
    [
      'a place',
      { location: { degreesLatitude: 1.5, degreesLongitude: -2.5, name: 'n' } },
      { location: { latitude: 1.5, longitude: -2.5, name: 'n' } },
    ],
    [
      'one card',
      { contacts: { displayName: 'A', contacts: [{ displayName: 'A', vcard: 'v' }] } },
      { contact: { displayName: 'A', vcard: 'v' } },
    ],
    [
      'cards',
      { contacts: { displayName: 'AB', contacts: [{ vcard: 'a' }, { vcard: 'b' }] } },
      { contacts: { displayName: 'AB', cards: [{ vcard: 'a' }, { vcard: 'b' }] } },
    ],
    [
      'a reaction',
      { react: { key: { id: 'A' }, text: '👍', senderTimestampMs: 5 } },
      { reaction: { text: '👍', atMs: 5, target: { id: 'A', chat: '', fromMe: false } } },
    ],
    [
      'an invitation',
      { groupInvite: { inviteCode: 'c', inviteExpiration: 10, text: 't', jid: GROUP, subject: 's' } },
      { groupInvite: { group: GROUP, code: 'c', expiresAtMs: 10_000, name: 's' }, caption: 't' },
    ],
    [
      'a choice',
      { buttonReply: { id: 'i', displayText: 'd', index: 2 }, type: 'template' },
      { buttonReply: { id: 'i', text: 'd', index: 2 } },
    ],
    [
      'a plain choice',
      { buttonReply: { id: 'i', displayText: 'd', index: 2 }, type: 'plain' },
      { buttonReply: { id: 'i', text: 'd' } },
    ],
    [
      'a line',
      { listReply: { title: 't', singleSelectReply: { selectedRowId: 'r' } } },
      { listReply: { id: 'r', text: 't' } },
    ],
    [
      'an album',
      { album: { expectedImageCount: 2, expectedVideoCount: 1 } },
      { album: { images: 2, videos: 1 } },
    ],
    ['a request', { requestPhoneNumber: true }, { phoneNumberRequest: true }],
    [
      'a meeting',
      {
        event: {
          name: 'e',
          description: 'd',
          startDate: new Date(5000),
          endDate: new Date(9000),
          location: { name: 'l' },
        },
      },
      { event: { name: 'e', description: 'd', startsAtMs: 5000, endsAtMs: 9000, location: { name: 'l' } } },
    ],
    ...([0, 1, 2] as const).map((selectableCount): [string, object, object] => [
      `a poll for ${String(selectableCount)}`,
      { poll: { name: 'p', values: ['a', 'b'], selectableCount } },
      { poll: { name: 'p', options: [{ name: 'a' }, { name: 'b' }], selectableCount } },
    ]),
    [
      'a view-once place',
      { location: { name: 'n' }, viewOnce: true },
      { location: { name: 'n' }, viewOnce: true },
    ],
    ['mentions', { text: 'hi', mentions: [ALICE] }, { text: 'hi', mentions: [ALICE] }],
  ])('is read: %s', async (_name, content, expected) => {
    expect(await built(content)).toEqual(expected)
  })

  it('is read: a pin, with how long it stays', async () => {
    const key = { id: 'A', remoteJid: GROUP, fromMe: false, participant: BOB }
    expect(await built({ pin: key, type: 1, time: 604800 }, FROM_ALICE)).toMatchObject({
      pin: {
        target: { id: 'A', chat: GROUP, fromMe: true, sender: { jid: BOB, pn: BOB } },
        action: 'pin',
        durationSeconds: 604800,
      },
    })
  })

  it('is read: a document, a sticker and a voice message that were encrypted', async () => {
    const file = Buffer.from('some file')
    const document = await built({ document: file, mimetype: 'text/plain', fileName: 'a.txt', caption: 'c' })
    expect(document).toMatchObject({
      document: { mimetype: 'text/plain', fileName: 'a.txt', sizeBytes: 9, directPath: '/file' },
      caption: 'c',
    })
    expect(await built({ sticker: file })).toMatchObject({ sticker: { sizeBytes: 9 } })
    const voice = await built({ audio: file, ptt: true, seconds: 3, mimetype: 'audio/ogg' })
    expect(voice).toMatchObject({ audio: { isVoice: true, seconds: 3, sizeBytes: 9 } })
  })
})

describe('content as the schema has it', () => {
  it.each<[string, object, object]>([
    [
      'an image',
      { imageMessage: { ...FILE, caption: 'c', width: 2, height: 3, jpegThumbnail: bytes('t') } },
      { image: { ...READ_FILE, width: 2, height: 3, thumbnail: base64('t') }, caption: 'c' },
    ],
    [
      'a moving picture',
      { videoMessage: { ...FILE, gifPlayback: true, seconds: 4, caption: 'c' } },
      { video: { ...READ_FILE, isGif: true, seconds: 4 }, caption: 'c' },
    ],
    ['a video note', { ptvMessage: { ...FILE, seconds: 4 } }, { videoNote: { ...READ_FILE, seconds: 4 } }],
    [
      'music',
      { audioMessage: { ...FILE, seconds: 4, waveform: bytes('w') } },
      { audio: { ...READ_FILE, seconds: 4, waveform: base64('w') } },
    ],
    [
      'a Lottie sticker',
      {
        lottieStickerMessage: { message: { stickerMessage: { ...FILE, isAnimated: true, isLottie: true } } },
      },
      { sticker: { ...READ_FILE, isAnimated: true, isLottie: true }, lottie: true },
    ],
    [
      'a pack',
      {
        stickerPackMessage: {
          stickerPackId: 'p',
          name: 'n',
          publisher: 'u',
          stickers: [{ fileName: 'f', emojis: ['x'] }],
        },
      },
      { stickerPack: { id: 'p', name: 'n', publisher: 'u', stickers: [{ fileName: 'f', emojis: ['x'] }] } },
    ],
    [
      'a live place',
      { liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2, sequenceNumber: 3, caption: 'c' } },
      { liveLocation: { latitude: 1, longitude: 2, sequence: 3 }, caption: 'c' },
    ],
    [
      'a link',
      {
        extendedTextMessage: {
          text: 'see x',
          matchedText: 'x',
          title: 't',
          description: 'd',
          jpegThumbnail: bytes('j'),
        },
      },
      { text: 'see x', linkPreview: { url: 'x', title: 't', description: 'd', thumbnail: base64('j') } },
    ],
    [
      'a result',
      { pollResultSnapshotMessage: { name: 'p', pollVotes: [{ optionName: 'a', optionVoteCount: 2 }] } },
      { pollResult: { name: 'p', votes: [{ name: 'a', count: 2 }] } },
    ],
    [
      'a kept message',
      { keepInChatMessage: { key: { id: 'A' }, keepType: 1, timestampMs: 7 } },
      { keep: { target: { id: 'A', chat: '', fromMe: false }, action: 'keep', atMs: 7 } },
    ],
    [
      'a comment',
      { commentMessage: { targetMessageKey: { id: 'A' }, message: { conversation: 'c' } } },
      { comment: { target: { id: 'A', chat: '', fromMe: false }, content: { text: 'c' } } },
    ],
    [
      'a call',
      {
        callLogMesssage: {
          isVideo: true,
          callOutcome: 1,
          durationSecs: 0,
          participants: [{ jid: ALICE, callOutcome: 3 }],
        },
      },
      {
        callLog: {
          isVideo: true,
          outcome: 'missed',
          durationSeconds: 0,
          participants: [{ jid: ALICE, outcome: 'rejected' }],
        },
      },
    ],
    [
      'a planned call',
      { scheduledCallCreationMessage: { scheduledTimestampMs: 9, callType: 2, title: 't' } },
      { scheduledCall: { atMs: 9, type: 'video', title: 't' } },
    ],
    [
      'buttons',
      {
        buttonsMessage: {
          contentText: 'c',
          footerText: 'f',
          text: 't',
          buttons: [{ buttonId: 'b', buttonText: { displayText: 'd' } }],
        },
      },
      { buttons: { text: 'c', footer: 'f', title: 't', buttons: [{ id: 'b', text: 'd' }] } },
    ],
    [
      'a list',
      {
        listMessage: {
          title: 't',
          buttonText: 'b',
          listType: 1,
          sections: [{ title: 's', rows: [{ rowId: 'r', title: 'x' }] }],
        },
      },
      {
        list: {
          title: 't',
          buttonText: 'b',
          type: 'single-select',
          sections: [{ title: 's', rows: [{ id: 'r', title: 'x' }] }],
        },
      },
    ],
    [
      'an answer',
      {
        interactiveResponseMessage: {
          body: { text: 'b' },
          nativeFlowResponseMessage: { name: 'n', paramsJson: '{}' },
        },
      },
      { interactiveReply: { text: 'b', flow: 'n', flowParams: '{}' } },
    ],
    [
      'a channel',
      {
        newsletterAdminInviteMessage: {
          newsletterJid: '1@newsletter',
          newsletterName: 'n',
          inviteExpiration: 2,
        },
      },
      { newsletterInvite: { newsletter: '1@newsletter', name: 'n', as: 'admin', expiresAtMs: 2000 } },
    ],
    ['a placeholder', { placeholderMessage: { type: 0 } }, { placeholder: { reason: 'phone-only' } }],
    [
      'an order',
      { orderMessage: { orderId: 'o', itemCount: 2, thumbnail: bytes('t'), totalAmount1000: 5000 } },
      { order: { orderId: 'o', itemCount: 2, thumbnail: base64('t'), totalAmount1000: 5000 } },
    ],
    [
      'a product',
      { productMessage: { businessOwnerJid: ALICE, product: { productId: 'p', title: 't' } } },
      { product: { businessOwnerJid: ALICE, product: { productId: 'p', title: 't' } } },
    ],
    [
      'a vote',
      {
        pollUpdateMessage: {
          pollCreationMessageKey: { id: 'A' },
          vote: { encPayload: bytes('p'), encIv: bytes('i') },
        },
      },
      { unknown: { kind: 'pollUpdateMessage' } },
    ],
  ])('is read: %s', (_name, message, expected) => {
    expect(read(message)).toEqual(expected)
  })
})

describe('what stands beside content', () => {
  it('is read: quotes, mentions, forwarding, timer, album and thread', () => {
    const message = {
      messageContextInfo: {
        messageSecret: bytes('never shown'),
        messageAssociation: {
          associationType: 1,
          parentMessageKey: { id: 'HEAD', fromMe: true },
          messageIndex: 2,
        },
        threadId: [{ threadType: 1, threadKey: { id: 'T', participant: BOB } }],
      },
      ephemeralMessage: {
        message: {
          imageMessage: {
            caption: 'c',
            viewOnce: true,
            contextInfo: {
              stanzaId: 'Q',
              participant: '15550000003:7@s.whatsapp.net',
              quotedMessage: { conversation: 'quoted' },
              mentionedJid: [BOB],
              nonJidMentions: 1,
              groupMentions: [{ groupJid: GROUP, groupSubject: 's' }],
              isForwarded: true,
              forwardingScore: 5,
              forwardedNewsletterMessageInfo: {
                newsletterJid: '1@newsletter',
                serverMessageId: 3,
                newsletterName: 'n',
              },
              expiration: 86400,
              externalAdReply: { title: 'ad', thumbnail: bytes('t') },
            },
          },
        },
      },
    }
    const sender = '15550000003@s.whatsapp.net'
    expect(read(message, FROM_ALICE)).toEqual({
      image: {},
      caption: 'c',
      ephemeral: true,
      viewOnce: true,
      quoted: { id: 'Q', sender: { jid: sender, pn: sender }, content: { text: 'quoted' } },
      mentions: [BOB],
      mentionsAll: true,
      groupMentions: [{ jid: GROUP, name: 's' }],
      forwarded: { score: 5, newsletter: { jid: '1@newsletter', serverId: 3, name: 'n' } },
      expiresInSeconds: 86400,
      externalAd: { title: 'ad', thumbnail: base64('t') },
      parent: {
        target: { id: 'HEAD', chat: GROUP, sender: { jid: ALICE, pn: ALICE }, fromMe: false },
        as: 'album',
        index: 2,
      },
      threads: [
        { target: { id: 'T', chat: GROUP, sender: { jid: BOB, pn: BOB }, fromMe: true }, type: 'replies' },
      ],
    })
  })
})

describe('fields that the schema does not have', () => {
  it('are named by their path and number', () => {
    const inner = new Uint8Array([
      ...proto.Message.ImageMessage.encode({ caption: 'x' }).finish(),
      0xfa,
      0x3e,
      1,
      65,
    ])
    const message = decodeMessage(new Uint8Array([0x1a, inner.length, ...inner, 0xfa, 0x7d, 1, 65]))
    expect(unknownFields(message)).toEqual(['2015', 'imageMessage.1007'])
    expect(unknownFields(decodeMessage(new Uint8Array()))).toEqual([])
  })
})
