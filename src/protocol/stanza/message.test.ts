import { describe, expect, it } from 'vitest'
import { decodeMessageNode, jidNormalizedUser } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { buildMessage, parseMessage, type ParsedMessage } from './message.ts'

const own = { pn: '15550000001:3@s.whatsapp.net', lid: '100000000001:3@lid' }
const enc = node('enc', { v: '2', type: 'msg' }, Uint8Array.of(1, 2, 3))

function message(attrs: Record<string, string>, children: readonly BinaryNode[] = [enc]): BinaryNode {
  return node('message', { id: '3EB0A1', t: '1700000000', type: 'text', ...attrs }, children)
}

describe('a message that must not be taken', () => {
  it.each<[string, Record<string, string>]>([
    [
      'names a recipient but is not ours',
      { from: '15550000002@s.whatsapp.net', recipient: '15550000009@s.whatsapp.net' },
    ],
    ['comes from no kind of chat', { from: '@s.whatsapp.net' }],
    ['is in a group without a participant', { from: '123@g.us' }],
    ['has no sender', {}],
    ['has no proper time', { from: '15550000002@s.whatsapp.net', t: 'now' }],
    ['has an address that is none', { from: 'a b:x@s.whatsapp.net' }],
  ])('is refused when it %s', (_, attrs) => {
    expect(() => parseMessage(message(attrs), own)).toThrow(ProtocolError)
  })

  it('is refused without an id', () => {
    const stanza = node('message', { from: '15550000002@s.whatsapp.net' }, [enc])
    expect(() => parseMessage(stanza, own)).toThrow(ProtocolError)
  })
})

/** Stanzas by the kind of addressing that they show. */
const addressed: readonly (readonly [string, Record<string, string>, Partial<ParsedMessage>])[] = [
  [
    'from a phone number',
    { from: '15550000002:4@s.whatsapp.net', sender_lid: '100000000002@lid', notify: 'Bob' },
    { kind: 'direct', chat: '15550000002@s.whatsapp.net', pushName: 'Bob', addressingMode: 'pn' },
  ],
  [
    'from a LID',
    { from: '100000000002:4@lid', sender_pn: '15550000002@s.whatsapp.net', addressing_mode: 'lid' },
    { kind: 'direct', chat: '100000000002@lid', addressingMode: 'lid' },
  ],
  [
    'from our phone to somebody',
    {
      from: '15550000001@s.whatsapp.net',
      recipient: '15550000002@s.whatsapp.net',
      peer_recipient_lid: '100000000002@lid',
      offline: '0',
    },
    { kind: 'direct', chat: '15550000002@s.whatsapp.net', isFromMe: true, isOffline: true },
  ],
  [
    'from our LID to a LID',
    {
      from: '100000000001@lid',
      recipient: '100000000002@lid',
      peer_recipient_pn: '15550000002@s.whatsapp.net',
    },
    { kind: 'direct', chat: '100000000002@lid', isFromMe: true },
  ],
  [
    'between own devices',
    { from: '15550000001@s.whatsapp.net', category: 'peer' },
    { kind: 'direct', chat: '15550000001@s.whatsapp.net', isFromMe: true, category: 'peer' },
  ],
  [
    'in a group',
    {
      from: '12036300000000@g.us',
      participant: '100000000002:4@lid',
      participant_pn: '15550000002@s.whatsapp.net',
      addressing_mode: 'lid',
    },
    { kind: 'group', chat: '12036300000000@g.us', author: '100000000002:4@lid', addressingMode: 'lid' },
  ],
  [
    'in a group, by us',
    { from: '12036300000000@g.us', participant: '15550000001@s.whatsapp.net' },
    { kind: 'group', isFromMe: true },
  ],
  [
    'a status',
    { from: 'status@broadcast', participant: '15550000002@s.whatsapp.net' },
    { kind: 'status', isFromMe: false },
  ],
  [
    'a broadcast list',
    { from: '1555@broadcast', participant: '15550000002@s.whatsapp.net' },
    { kind: 'broadcast' },
  ],
]

describe('addressing', () => {
  it.each(addressed)('is read as Baileys reads it: %s', (_, attrs, expected) => {
    const stanza = message(attrs)
    const parsed = parseMessage(stanza, own)
    const { fullMessage, author } = decodeMessageNode(
      { ...stanza, attrs: { ...stanza.attrs }, content: [] },
      own.pn,
      own.lid,
    )
    const { key } = fullMessage
    expect(parsed).toMatchObject(expected)
    expect(parsed.chat).toBe(jidNormalizedUser(key.remoteJid ?? undefined))
    expect(parsed.author).toBe(author)
    expect(parsed.isFromMe).toBe(key.fromMe)
    expect(parsed.addressingMode).toBe(key.addressingMode)
    expect(parsed.sentAtSeconds).toBe(fullMessage.messageTimestamp)
    const alternative = key.participantAlt ?? key.remoteJidAlt
    const known = parsed.addresses.flatMap(({ pn, lid }) => [pn, lid])
    if (alternative) expect(known).toContain(alternative)
    else expect(known).toEqual([])
  })

  it('of a channel names the channel as author and has plaintext', () => {
    const plaintext = node('plaintext', {}, Uint8Array.of(7))
    const parsed = parseMessage(message({ from: '120363@newsletter', server_id: '55' }, [plaintext]), own)
    expect(parsed).toMatchObject({
      kind: 'newsletter',
      author: '120363@newsletter',
      serverId: '55',
      plaintext: Uint8Array.of(7),
    })
  })

  it.each([
    ['15550000002:99@hosted', '15550000002@s.whatsapp.net'],
    ['100000000002:99@hosted.lid', '100000000002@lid'],
  ])('of the hosted device %s names the person as chat and the device as author', (from, chat) => {
    const parsed = parseMessage(message({ from }), own)
    expect(parsed).toMatchObject({ kind: 'direct', chat, author: from, isFromMe: false })
  })

  it('of our message to an assistant names the assistant as chat', () => {
    const parsed = parseMessage(
      message({ from: '15550000001@s.whatsapp.net', recipient: '867051314767696@bot' }),
      own,
    )
    expect(parsed).toMatchObject({ chat: '867051314767696@bot', isFromMe: true })
  })

  it('pairs addresses that belong together, and nothing else', () => {
    const attrs = {
      from: '100000000001:2@lid',
      sender_pn: '15550000001@s.whatsapp.net',
      recipient: '100000000002@lid',
      recipient_pn: '15550000002@s.whatsapp.net',
      peer_recipient_pn: '15550000002@s.whatsapp.net',
      participant_pn: 'not an address',
    }
    expect(parseMessage(message(attrs), own).addresses).toEqual([
      { pn: '15550000001@s.whatsapp.net', lid: '100000000001@lid' },
      { pn: '15550000002@s.whatsapp.net', lid: '100000000002@lid' },
    ])
  })
})

describe('content', () => {
  it('lists every encrypted part in order, with what is said about it', () => {
    const parts = [
      node('enc', { v: '2', type: 'pkmsg', count: '2', 'decrypt-fail': 'hide' }, Uint8Array.of(1)),
      node('enc', { v: '2', type: 'skmsg', mediatype: 'image' }, Uint8Array.of(2)),
      node('enc', { v: '2', type: 'msg' }),
      node('device-identity', {}, Uint8Array.of(9)),
    ]
    const parsed = parseMessage(message({ from: '15550000002@s.whatsapp.net' }, parts), own)
    expect(parsed.encrypted).toEqual([
      { type: 'pkmsg', version: 2, ciphertext: Uint8Array.of(1), retryCount: 2, decryptFail: 'hide' },
      { type: 'skmsg', version: 2, ciphertext: Uint8Array.of(2), mediaType: 'image' },
    ])
    expect(parsed.deviceIdentity).toEqual(Uint8Array.of(9))
  })

  it('that is withheld from this device says so', () => {
    const withheld = [node('unavailable', { type: 'view_once' })]
    expect(parseMessage(message({ from: '15550000002@s.whatsapp.net' }, withheld), own)).toMatchObject({
      unavailable: 'view_once',
      encrypted: [],
    })
  })
})

describe('an outgoing message', () => {
  it('has its copies, then the device identity, then the reporting token, then anything else', () => {
    const ciphertext = Uint8Array.of(1)
    const built = buildMessage({
      id: '3EB0A1',
      to: '15550000002@s.whatsapp.net',
      type: 'text',
      copies: [{ jid: '15550000002:4@s.whatsapp.net', type: 'pkmsg', ciphertext }],
      encAttributes: { mediatype: 'image' },
      attributes: { edit: '1' },
      deviceIdentity: Uint8Array.of(2),
      reporting: node('reporting'),
      extra: [node('meta', { appdata: 'default' })],
    })
    expect(built).toEqual({
      tag: 'message',
      attrs: { id: '3EB0A1', to: '15550000002@s.whatsapp.net', type: 'text', edit: '1' },
      content: [
        {
          tag: 'participants',
          attrs: {},
          content: [
            {
              tag: 'to',
              attrs: { jid: '15550000002:4@s.whatsapp.net' },
              content: [
                { tag: 'enc', attrs: { v: '2', type: 'pkmsg', mediatype: 'image' }, content: ciphertext },
              ],
            },
          ],
        },
        { tag: 'device-identity', attrs: {}, content: Uint8Array.of(2) },
        { tag: 'reporting', attrs: {} },
        { tag: 'meta', attrs: { appdata: 'default' } },
      ],
    })
  })
})
