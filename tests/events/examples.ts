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

const CAROL: Person = { jid: '100000000000003@lid', lid: '100000000000003@lid' }

const GROUP = '120363000000000001@g.us'

const NEWSLETTER = '120363000000000003@newsletter'

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
  message: { ...ABOUT_MESSAGE, pushName: 'Bob', replaces: 6, content: { text: 'hello' } },
  'message.undecryptable': { ...ABOUT_MESSAGE, origin: 'offline', reason: 'WATON_SIGNAL_NO_SESSION' },
  'message.receipt': { ids: ['3EB0C0FFEE0000000002'], chat: CHAT, from: BOB, status: 'read', atMs: AT_MS },
  'account.changed': { disappearingSeconds: 86_400, privacy: { last: 'contacts' }, atMs: AT_MS },
  'account.restricted': {
    restriction: 'reachout-timelock',
    isActive: true,
    endsAtMs: AT_MS + 86_400_000,
    enforcement: 'BIZ_QUALITY',
    atMs: AT_MS,
  },
  'blocklist.changed': { changes: [{ contact: BOB, isBlocked: true }], atMs: AT_MS },
  call: {
    id: '0C0FFEE0000000000000000000000001',
    chat: CHAT,
    status: 'offer',
    from: BOB,
    creator: '100000000000002@lid',
    isVideo: false,
    isGroup: false,
    pushName: 'Bob',
    atMs: AT_MS,
    offline: false,
  },
  'contact.about': { contact: BOB, about: 'on holiday', atMs: AT_MS },
  'contact.changed': { contact: BOB, what: 'profile', atMs: AT_MS },
  'contact.disappearing': { contact: BOB, seconds: 604_800, atMs: AT_MS },
  'contact.picture': { contact: BOB, isRemoved: false, pictureId: '1790000000', atMs: AT_MS },
  'devices.changed': { contact: BOB, action: 'add', devices: [7], atMs: AT_MS },
  'identity.changed': { contact: BOB, atMs: AT_MS },
  'lid.mapping': { contacts: [BOB], atMs: AT_MS },
  'group.changed': { chat: GROUP, author: BOB, atMs: AT_MS, settings: { subject: 'Hikers', isLocked: true } },
  'group.created': {
    chat: GROUP,
    author: BOB,
    atMs: AT_MS,
    creator: BOB,
    createdAtMs: AT_MS,
    settings: { subject: 'Hikers' },
    participants: [{ ...BOB, role: 'superadmin' }, CAROL],
    isCommunity: false,
  },
  'group.deleted': { chat: GROUP, author: BOB, atMs: AT_MS },
  'group.invite': { chat: GROUP, author: BOB, atMs: AT_MS, code: 'AbCdEfGhIjKlMnOpQrStUv' },
  'group.linked': {
    chat: GROUP,
    author: BOB,
    atMs: AT_MS,
    isLinked: true,
    relation: 'sub_group',
    groups: ['120363000000000002@g.us'],
  },
  'group.participants': { chat: GROUP, author: BOB, atMs: AT_MS, action: 'add', participants: [CAROL] },
  'group.request': {
    chat: GROUP,
    author: CAROL,
    atMs: AT_MS,
    action: 'created',
    participants: [CAROL],
    method: 'invite_link',
  },
  'history.chunk': {
    syncType: 'recent',
    piece: '3EB0C0FFEE0000000009',
    chunkOrder: 2,
    progress: 40,
    part: 1,
    isLastPart: true,
    chats: [
      {
        chat: CHAT,
        name: 'Bob',
        lastActivityMs: AT_MS,
        unreadCount: 2,
        isArchived: true,
        isPinned: true,
        pinnedAtMs: AT_MS,
        isMuted: true,
        mutedUntilMs: AT_MS,
        expiresInSeconds: 86_400,
        hasMore: true,
      },
    ],
    contacts: [{ ...CAROL, pushName: 'Carol' }],
    messages: [{ ...ABOUT_MESSAGE, origin: 'history', pushName: 'Bob', content: { text: 'hello' } }],
    atMs: AT_MS,
  },
  'media.retry': {
    message: REFERENCE,
    sealed: { ciphertext: 'AAECAwQFBgcICQoLDA0ODw==', iv: 'AAECAwQFBgcICQoL' },
    atMs: AT_MS,
  },
  'newsletter.changed': { chat: NEWSLETTER, settings: { name: 'Weather' }, atMs: AT_MS },
  'newsletter.participant': {
    chat: NEWSLETTER,
    participant: CAROL,
    action: 'promote',
    role: 'ADMIN',
    atMs: AT_MS,
  },
  'newsletter.reactions': {
    chat: NEWSLETTER,
    serverId: '101',
    reactions: [{ code: '\u2764', count: 3 }],
    atMs: AT_MS,
  },
  'newsletter.views': { chat: NEWSLETTER, serverId: '101', count: 12, atMs: AT_MS },
  'message.seen': { ids: [REFERENCE.id], chat: CHAT, status: 'read', atMs: AT_MS },
  'send.failed': {
    id: '3EB0C0FFEE0000000003',
    chat: CHAT,
    code: 'WATON_SEND_RESTRICTED',
    serverCode: 463,
    action: 'check-account',
    advice: 'Wait.',
  },
}

/** The content of the message of the examples, as WhatsApp writes it: the field `conversation` with `hello`. */
export const MESSAGE_BYTES: Uint8Array = Uint8Array.of(0x0a, 5, 0x68, 0x65, 0x6c, 0x6c, 0x6f)
