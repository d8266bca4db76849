import { describe, expect, it } from 'vitest'
import { getMessageReportingToken } from '@whiskeysockets/baileys/lib/Utils/reporting-utils.js'
import { getBinaryNodeChildBuffer, proto } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { buildReporting } from './reporting-token.ts'

const messageSecret = seededRandom('reporting').bytes(32)
const sender = '15550000001:3@s.whatsapp.net'
const to = '15550000002@s.whatsapp.net'
const id = '3EB0000000000000000000'

function encoded(message: proto.IMessage): Uint8Array {
  return new Uint8Array(proto.Message.encode(message).finish())
}

/** Baileys' token over the unpadded message, as it computes it for a received one: from sender and recipient. */
function baileysToken(message: proto.IMessage): ReturnType<typeof getMessageReportingToken> {
  const key = { id, fromMe: false, participant: '15550000001@s.whatsapp.net', remoteJid: to }
  return getMessageReportingToken(Buffer.from(encoded(message)), message, key)
}

const messages: readonly (readonly [string, proto.IMessage])[] = [
  ['extended text', { extendedTextMessage: { text: 'hello' } }],
  ['plain text', { conversation: 'hello' }],
  [
    'a forwarded reply',
    {
      extendedTextMessage: {
        text: 'hello',
        title: 'not covered',
        viewOnce: true,
        contextInfo: {
          stanzaId: 'A1',
          quotedMessage: { conversation: 'q' },
          forwardingScore: 300,
          isForwarded: true,
        },
      },
    },
  ],
  [
    'text with an uncovered context',
    { extendedTextMessage: { text: 'hello', contextInfo: { stanzaId: 'A1' } } },
  ],
]

const FORWARDED = { contextInfo: { forwardingScore: 2, isForwarded: true, stanzaId: 'A1' } }
const POLL = { name: 'q', options: [{ optionName: 'a' }, { optionName: 'b' }], selectableOptionsCount: 1 }
const FILE = { url: 'https://media.invalid/f', mimetype: 'a/b', fileSha256: messageSecret, directPath: '/f' }

/** Content of the other kinds that are covered. */
const contents: readonly (readonly [string, proto.IMessage])[] = [
  ['a card', { contactMessage: { displayName: 'C', vcard: 'v', ...FORWARDED } }],
  ['a place', { locationMessage: { degreesLatitude: 1, name: 'n', address: 'a', url: 'u', ...FORWARDED } }],
  ['a moving place', { liveLocationMessage: { degreesLatitude: 1, caption: 'c', ...FORWARDED } }],
  ['a poll', { pollCreationMessage: { ...POLL, ...FORWARDED } }],
  ['a poll of an announcement group', { pollCreationMessageV2: POLL }],
  ['a poll of one choice', { pollCreationMessageV3: POLL }],
  ['an invitation', { groupInviteMessage: { groupJid: 'g', inviteCode: 'c', groupName: 'n', caption: 'c' } }],
  ['a setting', { protocolMessage: { type: proto.Message.ProtocolMessage.Type.SHARE_PHONE_NUMBER } }],
  ['a picture', { imageMessage: { ...FILE, caption: 'c', ...FORWARDED } }],
  ['a document', { documentMessage: { ...FILE, title: 't', fileName: 'f', ...FORWARDED } }],
  ['a sound', { audioMessage: { ...FILE, ptt: true, ...FORWARDED } }],
  ['a film', { videoMessage: { ...FILE, caption: 'c', ...FORWARDED } }],
  ['a film in a circle', { ptvMessage: { ...FILE, ...FORWARDED } }],
  ['a sticker', { stickerMessage: { ...FILE, ...FORWARDED } }],
]

/** Content that is not covered. */
const uncovered: readonly (readonly [string, proto.IMessage])[] = [
  ['a meeting', { eventMessage: { name: 'e' } }],
  ['cards', { contactsArrayMessage: { displayName: 'C' } }],
  ['a button', { buttonsResponseMessage: { selectedButtonId: 'i' } }],
  ['what can be viewed once', { viewOnceMessage: { message: { conversation: 'hello' } } }],
]

describe('the reporting token', () => {
  it('is refused for bytes that are no message', () => {
    expect(() => buildReporting({ message: Uint8Array.of(0x0a, 0xff), id, to, sender })).toThrow(
      ProtocolError,
    )
  })

  it.each<[string, proto.IMessage]>([
    ['a message without a secret', { conversation: 'hello' }],
    ['a reaction', { reactionMessage: { text: '!' }, messageContextInfo: { messageSecret } }],
    ['a kind without covered fields', { protocolMessage: {}, messageContextInfo: { messageSecret } }],
  ])('is left out of %s', (_, message) => {
    expect(buildReporting({ message: encoded(message), id, to, sender })).toBeUndefined()
  })

  it.each(uncovered)('is left out where Baileys has none: %s', async (_, content) => {
    const message = { ...content, messageContextInfo: { messageSecret } }
    expect(await baileysToken(message)).toBeNull()
    expect(buildReporting({ message: encoded(message), id, to, sender })).toBeUndefined()
  })

  it.each([...messages, ...contents])(
    'is the one that Baileys derives from sender and recipient: %s',
    async (_, covered) => {
      const message = { ...covered, messageContextInfo: { messageSecret } }
      const expected = (await baileysToken(message)) ?? undefined
      const content = new Uint8Array(getBinaryNodeChildBuffer(expected, 'reporting_token') ?? [])
      expect(content).toHaveLength(16)
      expect(buildReporting({ message: encoded(message), id, to, sender })).toEqual({
        tag: 'reporting',
        attrs: {},
        content: [{ tag: 'reporting_token', attrs: { v: '2' }, content }],
      })
    },
  )
})
