/**
 * The pieces of history that a phone gives to its linked devices: `HistorySync` messages, compressed. They are written by
 * hand, because a second writer is worth more in a test than the same one twice. Which messages go into which piece is
 * decided in `history-plan.ts`, how a piece travels in `history.ts`.
 *
 * @source field numbers: `@wppconnect/wa-proto` HistorySync, Conversation, WebMessageInfo, MessageKey, Reaction, UserReceipt;
 *   read back by Baileys `lib/Utils/history.js`
 */
import { deflateSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { encodeMessage, Message } from '../../protocol/proto/message.ts'
import type { HistoryKind } from '../link.ts'
import type { PhoneMessage } from './mailbox.ts'
import { bytes, flag, message, number, text } from './protobuf-writer.ts'

/** How far an own message got. @source `WebMessageInfo.Status` */
export const TICKS = { pending: 1, sent: 2, delivered: 3, read: 4, played: 5 } as const

/** A reaction as the message that it belongs to has it. */
export interface PastReaction {
  /** The emoji. */
  readonly emoji: string
  /** Who reacted: a phone-number JID; the owner of the phone when left out. */
  readonly by?: string
  /** Milliseconds since the epoch. @default that of the message */
  readonly atMs?: number
}

/** What a phone knows of a message beside its content. */
export interface MessageFacts {
  /** What people have reacted with. */
  readonly reactions?: readonly PastReaction[]
  /** The human has marked it with a star. */
  readonly isStarred?: boolean
  /** How far an own message got. */
  readonly ticks?: keyof typeof TICKS
  /** The number of an event that has no content, e.g. 1: deleted for everyone. @source `WebMessageInfo.StubType` */
  readonly stubType?: number
  /** What the event is about. */
  readonly stubParameters?: readonly string[]
  /** 32 bytes: what answers to it are encrypted with. */
  readonly messageSecret?: Uint8Array
  /** The name that the sender gave themselves. */
  readonly pushName?: string
}

/** A message with what the phone knows of it. */
export interface HistoryMessage {
  readonly shown: PhoneMessage
  readonly facts: MessageFacts
  /** Who wrote it, by the address that history uses. */
  readonly author: string
  /** Its place in the chat, from 1 for the oldest. */
  readonly order: number
}

/** What a phone knows of a chat beside its messages. */
export interface ChatFacts {
  /** As the human saved the contact, or the subject of a group. */
  readonly name?: string
  /** How many messages the human has not read. */
  readonly unreadCount?: number
  /** The human marked it as unread. */
  readonly isMarkedUnread?: boolean
  /** Put away into the archive. */
  readonly isArchived?: boolean
  /** Behind a lock. */
  readonly isLocked?: boolean
  /** When it was pinned, in milliseconds since the epoch. */
  readonly pinnedAtMs?: number
  /** Milliseconds since the epoch; -1: for ever. */
  readonly mutedUntilMs?: number
  /** After how many seconds messages disappear. */
  readonly disappearingSeconds?: number
  /** What the human may write to this person with. */
  readonly token?: { readonly bytes: Uint8Array; readonly atSeconds: number }
}

/** What follows behind the messages of a chat. @source `Conversation.EndOfHistoryTransferType` */
export const END_OF_HISTORY = { moreOnPhone: 0, nothingMore: 1, moreOnDemand: 2 } as const

/** One chat in a piece. */
export interface HistoryChat {
  /** How it is named: phone number, LID or group. */
  readonly jid: string
  /** The other address of a person. */
  readonly otherJid: string | undefined
  readonly facts: ChatFacts
  readonly lastMessageAtMs: number
  /** Newest first. */
  readonly messages: readonly HistoryMessage[]
  /** Set in the last piece that has messages of the chat. */
  readonly end?: keyof typeof END_OF_HISTORY
}

/** A piece of history. */
export interface HistoryPiece {
  readonly kind: HistoryKind
  /** From 1, for each kind. */
  readonly chunkOrder: number
  /** Of all that comes of its kind, in percent. */
  readonly progress: number
  readonly chats?: readonly HistoryChat[]
  readonly statuses?: readonly HistoryMessage[]
  readonly pushNames?: readonly { readonly jid: string; readonly name: string }[]
  readonly mappings?: readonly { readonly pn: string; readonly lid: string }[]
  /** Of the tokens of the account. */
  readonly salt?: Uint8Array
  /** Whoever writes keys for the messages: the owner of the phone. */
  readonly own: { readonly pn: string; readonly lid: string }
}

const GROUP = '@g.us'
const STATUS = 'status@broadcast'

/** A compressed `HistorySync`. */
export function encodeHistory(piece: HistoryPiece): Uint8Array {
  return new Uint8Array(deflateSync(writeHistory(piece)))
}

/** The oldest message in a piece, in seconds since the epoch; `undefined` when it has none. */
export function oldestSecondsIn({ chats = [], statuses = [] }: HistoryPiece): number | undefined {
  const times = [...chats.flatMap(({ messages }) => messages), ...statuses].map(({ shown }) => shown.sentAtMs)
  return times.length === 0 ? undefined : seconds(times.reduce((a, b) => Math.min(a, b)))
}

function writeHistory(piece: HistoryPiece): Uint8Array {
  const { kind, chats = [], statuses = [], pushNames = [], mappings = [] } = piece
  return concatBytes(
    number(1, Message.HistorySyncType[kind]),
    ...chats.map((chat) => message(2, ...conversation(chat, piece))),
    ...statuses.map((status) => message(3, ...webMessage(status, STATUS, piece))),
    number(5, piece.chunkOrder),
    number(6, piece.progress),
    ...pushNames.map(({ jid, name }) => message(7, text(1, jid), text(2, name))),
    ...(kind === 'INITIAL_BOOTSTRAP' ? [message(8, ...settings())] : []),
    ...mappings.map(({ pn, lid }) => message(15, text(1, pn), text(2, lid))),
    bytes(19, piece.salt),
  )
}

/** `GlobalSettings`: disappearing messages are off, and archived chats stay there. */
function settings(): readonly Uint8Array[] {
  return [number(9, 0), number(13, 1), number(14, 0)]
}

function conversation(chat: HistoryChat, piece: HistoryPiece): readonly Uint8Array[] {
  const { jid, otherJid, facts, messages } = chat
  const isLid = jid.endsWith('@lid')
  const isGroup = jid.endsWith(GROUP)
  const lastAt = seconds(chat.lastMessageAtMs)
  const end = chat.end === undefined ? undefined : END_OF_HISTORY[chat.end]
  return [
    text(1, jid),
    ...messages.map((one) => message(2, message(1, ...webMessage(one, jid, piece)), number(2, one.order))),
    number(5, lastAt),
    number(6, facts.unreadCount ?? 0),
    flag(8, end !== undefined),
    number(9, facts.disappearingSeconds),
    number(11, end),
    number(12, lastAt),
    text(13, facts.name),
    flag(16, facts.isArchived),
    flag(19, facts.isMarkedUnread),
    bytes(21, facts.token?.bytes),
    number(22, facts.token?.atSeconds),
    number(24, facts.pinnedAtMs === undefined ? undefined : seconds(facts.pinnedAtMs)),
    muteEnd(facts.mutedUntilMs),
    text(38, isGroup ? undefined : facts.name),
    text(39, isLid ? otherJid : undefined),
    text(42, isLid || isGroup ? undefined : otherJid),
    flag(46, facts.isLocked),
  ]
}

/** Until when a chat is muted; for ever is -1 in 64 bits. */
function muteEnd(untilMs: number | undefined): Uint8Array {
  if (untilMs !== -1) return number(25, untilMs === undefined ? undefined : seconds(untilMs))
  const tag = 25 * 8
  const minusOne = [...Array.from({ length: 9 }, () => 0xff), 1]
  return Uint8Array.of((tag % 0x80) + 0x80, Math.floor(tag / 0x80), ...minusOne)
}

function webMessage(
  { shown, facts, author }: HistoryMessage,
  chat: string,
  piece: HistoryPiece,
): readonly Uint8Array[] {
  const isOfMany = chat.endsWith(GROUP) || chat === STATUS
  const participant = isOfMany && !shown.fromMe ? author : undefined
  const { ticks, stubType, reactions = [] } = facts
  const hasContent = stubType === undefined
  return [
    messageKey(shown, chat, participant),
    bytes(2, hasContent ? encodeMessage(shown.content) : undefined),
    number(3, seconds(shown.sentAtMs)),
    number(4, ticks === undefined ? undefined : TICKS[ticks]),
    text(5, participant),
    flag(17, facts.isStarred),
    text(19, facts.pushName),
    number(24, stubType),
    ...(facts.stubParameters ?? []).map((parameter) => text(26, parameter)),
    ...(shown.fromMe && !isOfMany ? receipt(shown, ticks) : []),
    ...reactions.map((reaction) => message(41, ...reactionFields(reaction, shown, chat, piece))),
    bytes(49, facts.messageSecret),
  ]
}

/** `UserReceipt`: when the other side got an own message, and read it. */
function receipt({ chat, sentAtMs }: PhoneMessage, ticks: MessageFacts['ticks']): readonly Uint8Array[] {
  const isRead = ticks === 'read' || ticks === 'played'
  if (!isRead && ticks !== 'delivered') return []
  const at = seconds(sentAtMs)
  return [message(40, text(1, chat), number(2, at), number(3, isRead ? at : undefined))]
}

function messageKey(
  { fromMe, id }: Pick<PhoneMessage, 'fromMe' | 'id'>,
  chat: string,
  participant?: string,
): Uint8Array {
  return message(1, text(1, chat), number(2, fromMe ? 1 : 0), text(3, id), text(4, participant))
}

/** The key of a reaction is that of the message in which it came. */
function reactionFields(
  { emoji, by, atMs }: PastReaction,
  shown: PhoneMessage,
  chat: string,
  { own }: HistoryPiece,
): readonly Uint8Array[] {
  const fromMe = by === undefined || by === own.pn || by === own.lid
  const participant = chat.endsWith(GROUP) && !fromMe ? by : undefined
  const key = messageKey({ fromMe, id: `${shown.id.slice(0, -1)}R` }, chat, participant)
  return [key, text(2, emoji), number(4, atMs ?? shown.sentAtMs)]
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
