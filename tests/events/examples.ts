/**
 * One example of every durable event, as it may stand in a log: an event without one does not compile. The fixtures of
 * `fixtures/` are written from them once and never again, and the reference shows them.
 */
import type { DurablePayloads, DurableType, MessageRef, Person } from 'waton'

const BOB: Person = {
  jid: '100000000000002@lid',
  pn: '15550000002@s.whatsapp.net',
  lid: '100000000000002@lid',
}

/** The chat with Bob, as events have it. */
export const CHAT = '100000000000002@lid'

/** When the examples happened. */
export const AT_MS = 1_790_000_000_000

/** The message that examples are about. */
export const REFERENCE: MessageRef = { id: '3EB0C0FFEE0000000001', chat: CHAT, sender: BOB, fromMe: false }

const ABOUT_MESSAGE = {
  id: REFERENCE.id,
  chat: CHAT,
  sender: BOB,
  fromMe: false,
  origin: 'live',
  sentAtMs: AT_MS,
} as const

/** By type. */
export const EXAMPLES: { readonly [Type in DurableType]: DurablePayloads[Type] } = {
  message: { ...ABOUT_MESSAGE, pushName: 'Bob', content: { text: 'hello' } },
  'message.undecryptable': { ...ABOUT_MESSAGE, origin: 'offline', reason: 'WATON_SIGNAL_NO_SESSION' },
  'message.receipt': { ids: ['3EB0C0FFEE0000000002'], chat: CHAT, from: BOB, status: 'read', atMs: AT_MS },
  'send.failed': { id: '3EB0C0FFEE0000000003', chat: CHAT, code: 'WATON_SEND_REFUSED', serverCode: 463 },
}

/** The content of the message of the examples, as WhatsApp writes it: the field `conversation` with `hello`. */
export const MESSAGE_BYTES: Uint8Array = Uint8Array.of(0x0a, 5, 0x68, 0x65, 0x6c, 0x6c, 0x6f)
