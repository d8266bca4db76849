/**
 * What the unmodified Baileys is told to send within a session that both sides have used (`msg`), by the name of the file.
 * What is about an earlier message comes behind it in the same transcript. All content is invented.
 */
import type { BinaryNode } from 'waton/protocol'
import { BAILEYS_KINDS } from './baileys-kinds.ts'
import type { BaileysKind } from './baileys-kinds.ts'

/** Messages that belong together. */
export interface SessionKind {
  readonly about: string
  readonly sends: readonly BaileysKind[]
  /** What the server makes of them. @default they come once, in order */
  readonly arrange?: (inbound: readonly BinaryNode[]) => readonly BinaryNode[]
  /** Texts that must be in the events, because the sender wrote them. */
  readonly sent?: readonly string[]
}

const ALICE = '15550000001@s.whatsapp.net'

/** The first message of the transcript of that name. */
function first(name: string): { remoteJid: string; fromMe: boolean; id: string } {
  const id = `3EB0${Buffer.from(`${name}-0`).toString('hex').toUpperCase()}`
  return { remoteJid: ALICE, fromMe: true, id }
}

const text = (said: string): BaileysKind => ({ about: 'a text', content: { text: said } })

function recorded(name: string): BaileysKind {
  const kind = BAILEYS_KINDS[name]
  if (kind === undefined) throw new Error(`there is no kind "${name}"`)
  return kind
}

/** One message that is also recorded as the first of a session. */
function alone(name: string): SessionKind {
  const { about, sent } = recorded(name)
  return { about: `${about}, in a session`, sends: [recorded(name)], ...(sent === undefined ? {} : { sent }) }
}

/** The same message with one bit of its ciphertext turned. */
function damaged(message: BinaryNode): BinaryNode {
  const [enc] = message.content as readonly BinaryNode[]
  const bytes = Uint8Array.from(enc?.content as Uint8Array)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  return { ...message, content: [{ tag: 'enc', attrs: enc?.attrs ?? {}, content: bytes }] }
}

/** See the file comment. */
export const SESSION_KINDS: Readonly<Record<string, SessionKind>> = {
  text: alone('text'),
  'text-extended': alone('text-mention'),
  'text-forwarded': alone('text-forwarded'),
  image: alone('image'),
  'image-view-once': alone('image-view-once'),
  voice: alone('voice'),
  document: alone('document'),
  sticker: alone('sticker'),
  location: alone('location'),
  contact: alone('contact'),
  poll: alone('poll'),
  event: alone('event'),
  'unknown-empty': alone('empty'),
  'unknown-protocol': {
    about: 'a protocol message of a type that nobody knows',
    sends: [{ about: 'a protocol message', message: { protocolMessage: { type: 999 } } }],
  },
  quoted: {
    about: 'a text, and one that quotes it',
    sends: [
      text('Which one?'),
      {
        about: 'a text that quotes',
        message: {
          extendedTextMessage: {
            text: 'This one',
            contextInfo: {
              stanzaId: first('quoted').id,
              participant: '15550000002@s.whatsapp.net',
              quotedMessage: { conversation: 'Which one?' },
            },
          },
        },
      },
    ],
    sent: ['Which one?', 'This one'],
  },
  reaction: {
    about: 'a text, a reaction to it, and that it is taken back',
    sends: [
      text('Nice weather'),
      { about: 'a reaction', content: { react: { text: '☀️', key: first('reaction') } } },
      { about: 'no reaction', content: { react: { text: '', key: first('reaction') } } },
    ],
    sent: ['Nice weather', '☀️'],
  },
  edit: {
    about: 'a text and its edit',
    sends: [text('Tommorow'), { about: 'an edit', content: { text: 'Tomorrow', edit: first('edit') } }],
    sent: ['Tommorow', 'Tomorrow'],
  },
  delete: {
    about: 'a text that is deleted for everybody',
    sends: [text('A mistake'), { about: 'a deletion', content: { delete: first('delete') } }],
    sent: ['A mistake'],
  },
  pin: {
    about: 'a text that is pinned',
    sends: [text('Important'), { about: 'a pin', content: { pin: first('pin'), type: 1, time: 86400 } }],
    sent: ['Important'],
  },
  'out-of-order': {
    about: 'four texts, the last ones first',
    sends: ['one', 'two', 'three', 'four'].map(text),
    arrange: (all) => [...all].reverse(),
    sent: ['one', 'two', 'three', 'four'],
  },
  redelivered: {
    about: 'two texts that come again, also under other ids',
    sends: ['once', 'twice'].map(text),
    arrange: (all) => [
      ...all,
      ...all,
      ...all.map((stanza) => ({ ...stanza, attrs: { ...stanza.attrs, id: 'ANOTHER' } })),
    ],
    sent: ['once', 'twice'],
  },
  damaged: {
    about: 'a text that arrives damaged, the next one, and the first one whole',
    sends: ['broken', 'whole'].map(text),
    arrange: ([broken, whole]) =>
      broken === undefined || whole === undefined ? [] : [damaged(broken), whole, broken],
    sent: ['whole', 'broken'],
  },
}
