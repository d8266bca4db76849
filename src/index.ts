/**
 * `waton`: the front door, in four tiers. Most programs stop reading after the first one.
 */

// 1. Bots.
export { Bot } from './app/bot.ts'
export type { BotOptions, ErrorHandler, QrCode } from './app/bot.ts'
export { Composer } from './app/composer.ts'
export type { Middleware, MiddlewareFunction, MiddlewareObject, Next } from './app/composer.ts'
export type { CommandContext, Context, FilteredContext } from './app/context.ts'
export type { FilterQuery } from './app/filter-query.ts'

// 2. The client, its events and its content.
export { Client } from './client/client.ts'
export type { DeadLetters, EventLog } from './client/event-log.ts'
export type { OutboxEntry, OutboxQuery, OutboxView } from './client/outbox.ts'
export type { ContactLookup, Contacts, LookupOptions } from './client/contacts/lookup.ts'
export type { DeadLetter, DeadLetterQuery } from './client/consume/dead-letters.ts'
export type {
  ConsumeFrom,
  ConsumeOptions,
  ConsumerStatus,
  EventHandler,
  HandlerContext,
  StuckChat,
} from './client/consume/options.ts'
export type { ReadEvent, ReadOptions } from './client/consume/event-hub.ts'
export type { DownloadableMessage, DownloadOptions, DownloadToFileOptions } from './client/media/download.ts'
export type { DownloadProgress } from './client/media/transfer.ts'
export type { SentMessage } from './client/send/handle.ts'
export type { WaitReason } from './client/send/pauses.ts'
export type { SendState } from './client/send/states.ts'
export type { BackupOptions } from './client/state/incarnation.ts'
export type { SendOptions } from './client/send/draft.ts'
export type { ChatActivity, PresenceState } from './client/presence/presence.ts'
export type { ReceivedMessageKey } from './client/reading/message-keys.ts'
export type {
  ClientOptions,
  Endpoint,
  PreviewLink,
  PreviewedPage,
  Retention,
  Timing,
} from './client/options.ts'
export * from './client/content.ts'
export type { UnknownCount } from './client/unknowns.ts'
export type * from './client/events.ts'

// 3. Stores. `waton/persistence` has the contract in full, `waton/sqlite` the durable one.
export { openStore } from './open-store.ts'
export type { StoreSource } from './open-store.ts'
export { MemoryStore } from './persistence/memory/index.ts'
export type { Store } from './persistence/contract/index.ts'

// 4. Errors, and what can be injected.
export {
  ClosedError,
  CryptoError,
  describeError,
  ERROR_ACTIONS,
  errorCode,
  hasCode,
  isWatonError,
  ProtocolError,
  QueryError,
  StorageError,
  TimeoutError,
  TransportError,
  UsageError,
  WatonError,
} from './base/errors.ts'
export type {
  ActionDefaults,
  ErrorAction,
  ErrorCode,
  ErrorDetails,
  ErrorOptions,
  LoggedCause,
  LoggedError,
} from './base/errors.ts'
export type { Clock, Timer } from './base/clock.ts'
export type { Logger, LogFields } from './base/logger.ts'
export type { RandomSource } from './base/random.ts'
export { renderQr } from './app/terminal-qr.ts'
