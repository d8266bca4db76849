/** The client and its events, without the bot layer (`waton/client`). */
export { Client } from './client.ts'
export type { DeadLetters, EventLog } from './event-log.ts'
export type { OutboxEntry, OutboxQuery, OutboxView } from './outbox.ts'
export type { ContactLookup, Contacts, LookupOptions } from './contacts/lookup.ts'
export type { DeadLetter, DeadLetterQuery } from './consume/dead-letters.ts'
export type {
  ConsumeFrom,
  ConsumeOptions,
  ConsumerStatus,
  EventHandler,
  HandlerContext,
  StuckChat,
} from './consume/options.ts'
export type { ReadEvent, ReadOptions } from './consume/event-hub.ts'
export * from './content.ts'
export type { UnknownCount } from './unknowns.ts'
export type * from './events.ts'
export { DEFAULT_TIMING, WHATSAPP_ENDPOINT } from './options.ts'
export type { ClientOptions, Endpoint, PreviewLink, PreviewedPage, Retention, Timing } from './options.ts'
export type { DownloadableMessage, DownloadOptions, DownloadToFileOptions } from './media/download.ts'
export type { DownloadProgress } from './media/transfer.ts'
export type { SentMessage } from './send/handle.ts'
export type { WaitReason } from './send/pauses.ts'
export type { SendState } from './send/states.ts'
export type { BackupOptions } from './state/incarnation.ts'
export type { SendOptions } from './send/draft.ts'
export type { ChatActivity, PresenceState } from './presence/presence.ts'
export type { ReceivedMessageKey } from './reading/message-keys.ts'
