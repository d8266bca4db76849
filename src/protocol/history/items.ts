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
  readonly kind: 'message'
  /** The chat that it was found in, as the phone calls it; `status@broadcast` for a status. */
  readonly chat: string
  readonly info: WebMessageInfo
  /** Orders messages of the same second. */
  readonly orderId?: number
}

/** A chat; after its messages, because the phone may say things of it after them. */
export interface HistoryChat {
  readonly kind: 'chat'
  readonly chat: string
  /** All that the phone says of it, without messages. */
  readonly conversation: Conversation.$Properties
  /** How many of its messages came. */
  readonly messages: number
}

/** How somebody calls themselves. */
export interface HistoryPushName {
  readonly kind: 'push-name'
  readonly jid: string
  readonly name: string
}

/** Two addresses of one person. */
export interface HistoryLidMapping {
  readonly kind: 'lid-mapping'
  readonly lid: string
  readonly pn: string
  /** Where it was found: in the phone's list, with a chat, or with the receipt of a message that the account sent. */
  readonly source: 'list' | 'chat' | 'receipt'
}

/** Who has left a group. */
export interface HistoryPastParticipants {
  readonly kind: 'past-participants'
  readonly chat: string
  readonly participants: readonly PastParticipant.$Properties[]
}

/** A sticker that was used lately. */
export interface HistorySticker {
  readonly kind: 'sticker'
  readonly sticker: StickerMetadata.$Properties
}

/** A call. */
export interface HistoryCall {
  readonly kind: 'call'
  readonly call: CallLogRecord.$Properties
}

/** Somebody with a name instead of a number. */
export interface HistoryAccount {
  readonly kind: 'account'
  readonly account: Account.$Properties
}

/** Somebody in the phone's address book. */
export interface HistoryContact {
  readonly kind: 'contact'
  readonly contact: InlineContact.$Properties
}

/** Something that was passed over. The rest is not touched by it. */
export interface HistorySkipped {
  readonly kind: 'skipped'
  /** What it was. */
  readonly what: 'message' | 'chat' | 'field'
  /** `too-large`: beyond a limit. `damaged`: it cannot be read. `nameless`: it does not say which message or chat it is. */
  readonly why: 'too-large' | 'damaged' | 'nameless'
  /** Where it began. */
  readonly offset: number
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
  readonly syncType?: HistorySyncType
  /** Which piece of this type it is. */
  readonly chunkOrder?: number
  /** How much of everything has come with it, in percent. */
  readonly progress?: number
  readonly globalSettings?: GlobalSettings.$Properties
  /** What the account's tokens for strangers are made with. */
  readonly nctSalt?: Uint8Array
  /** A nonce of the phone's, for this companion. */
  readonly companionMetaNonce?: string
  readonly threadIdUserSecret?: Uint8Array
  readonly threadDsTimeframeOffset?: number
  readonly shareableChatIdentifierEncryptionKey?: Uint8Array
  /** `HistorySync.BotAIWaitListState`: 0 waiting, 1 available. */
  readonly aiWaitListState?: number
  /** Whether the address book is among the items. */
  readonly hasInlineContacts?: boolean
  readonly counts: HistoryCounts
}

/** How much there was. */
export interface HistoryCounts {
  readonly bytes: number
  readonly chats: number
  readonly messages: number
  /** Items of kind `skipped`. */
  readonly skipped: number
  /** Fields that this version has no name for. */
  readonly unknownFields: number
}
