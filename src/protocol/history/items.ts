/**
 * What a piece of history is made of, as values. What there are many of are items, which come one after the other; what
 * there is one of is told at the end.
 *
 * @source schema `HistorySync`
 */
import type {
  Account,
  CallLogRecord,
  Conversation,
  GlobalSettings,
  InlineContact,
  PastParticipant,
  StickerMetadata,
} from '../proto/history.ts'
import type { WebMessageInfo } from './web-message-info.ts'

/** What a piece of history is for. */
export type HistorySyncType =
  | 'initial-bootstrap'
  | 'initial-status'
  | 'full'
  | 'recent'
  | 'push-name'
  | 'non-blocking-data'
  | 'on-demand'
  | 'unknown'

/** By their numbers in the schema. */
const SYNC_TYPES: readonly HistorySyncType[] = [
  'initial-bootstrap',
  'initial-status',
  'full',
  'recent',
  'push-name',
  'non-blocking-data',
  'on-demand',
]

/** The name of a `HistorySyncType`; `unknown` for numbers that this version has no name for. */
export function historySyncType(number: number): HistorySyncType {
  return SYNC_TYPES[number] ?? 'unknown'
}

/** A message. Those of a chat come before its {@link HistoryChat}. */
export interface HistoryMessage {
  /** Tells it from other items. */
  readonly kind: 'message'
  /** The chat that it was found in, as the phone calls it; `status@broadcast` for a status. */
  readonly chat: string
  /** The message itself, with its content left as bytes. */
  readonly info: WebMessageInfo
  /** Orders messages of the same second. */
  readonly orderId?: number
}

/** A chat; after its messages, because the phone may say things of it after them. */
export interface HistoryChat {
  /** Tells it from other items. */
  readonly kind: 'chat'
  /** Its address, as the phone calls it. */
  readonly chat: string
  /** All that the phone says of it, without messages. */
  readonly conversation: Conversation.$Properties
  /** How many of its messages came. */
  readonly messages: number
}

/** How somebody calls themselves. */
export interface HistoryPushName {
  /** Tells it from other items. */
  readonly kind: 'push-name'
  /** Who. */
  readonly jid: string
  /** Their name. */
  readonly name: string
}

/** Two addresses of one person. */
export interface HistoryLidMapping {
  /** Tells it from other items. */
  readonly kind: 'lid-mapping'
  /** The LID. */
  readonly lid: string
  /** The address with the phone number. */
  readonly pn: string
  /** Where it was found: in the phone's list, with a chat, or with the receipt of a message that the account sent. */
  readonly source: 'list' | 'chat' | 'receipt'
}

/** Who has left a group. */
export interface HistoryPastParticipants {
  /** Tells it from other items. */
  readonly kind: 'past-participants'
  /** The group. */
  readonly chat: string
  /** Who, when, and whether they were removed. */
  readonly participants: readonly PastParticipant.$Properties[]
}

/** A sticker that was used lately. */
export interface HistorySticker {
  /** Tells it from other items. */
  readonly kind: 'sticker'
  /** Where it is and what opens it. */
  readonly sticker: StickerMetadata.$Properties
}

/** A call. */
export interface HistoryCall {
  /** Tells it from other items. */
  readonly kind: 'call'
  /** With whom, when, and how it ended. */
  readonly call: CallLogRecord.$Properties
}

/** Somebody with a name instead of a number. */
export interface HistoryAccount {
  /** Tells it from other items. */
  readonly kind: 'account'
  /** Their LID and their name. */
  readonly account: Account.$Properties
}

/** Somebody in the phone's address book. */
export interface HistoryContact {
  /** Tells it from other items. */
  readonly kind: 'contact'
  /** Their addresses and the names that the account gave them. */
  readonly contact: InlineContact.$Properties
}

/** Something that was passed over. The rest is not touched by it. */
export interface HistorySkipped {
  /** Tells it from other items. */
  readonly kind: 'skipped'
  /** What it was. */
  readonly what: 'message' | 'chat' | 'field'
  /** `too-large`: beyond a limit. `damaged`: it cannot be read. `nameless`: it does not say which message or chat it is. */
  readonly why: 'too-large' | 'damaged' | 'nameless'
  /** Where it began. */
  readonly offset: number
  /** How long it is, with its tag. */
  readonly lengthBytes: number
  /** The chat that it was in, when it was in one. */
  readonly chat?: string
}

/** One of many. */
export type HistoryItem =
  | HistoryMessage
  | HistoryChat
  | HistoryPushName
  | HistoryLidMapping
  | HistoryPastParticipants
  | HistorySticker
  | HistoryCall
  | HistoryAccount
  | HistoryContact
  | HistorySkipped

/** What a piece of history says once, and how much of everything there was. */
export interface HistorySummary {
  /** What it is for. */
  readonly syncType?: HistorySyncType
  /** Which piece of this type it is. */
  readonly chunkOrder?: number
  /** How much of everything has come with it, in percent. */
  readonly progress?: number
  /** Settings of the phone that hold for all chats. */
  readonly globalSettings?: GlobalSettings.$Properties
  /** What the account's tokens for strangers are made with. */
  readonly nctSalt?: Uint8Array
  /** A nonce of the phone's, for this companion. */
  readonly companionMetaNonce?: string
  /** As the phone says it; nothing in waton reads it. */
  readonly threadIdUserSecret?: Uint8Array
  /** As the phone says it; nothing in waton reads it. */
  readonly threadDsTimeframeOffset?: number
  /** As the phone says it; nothing in waton reads it. */
  readonly shareableChatIdentifierEncryptionKey?: Uint8Array
  /** `HistorySync.BotAIWaitListState`: 0 waiting, 1 available. */
  readonly aiWaitListState?: number
  /** Whether the address book is among the items. */
  readonly hasInlineContacts?: boolean
  /** How much there was. */
  readonly counts: HistoryCounts
}

/** How much there was. */
export interface HistoryCounts {
  /** Bytes, decompressed. */
  readonly bytes: number
  /** Items of kind `chat`. */
  readonly chats: number
  /** Items of kind `message`. */
  readonly messages: number
  /** Items of kind `skipped`. */
  readonly skipped: number
  /** Fields that this version has no name for. */
  readonly unknownFields: number
}
