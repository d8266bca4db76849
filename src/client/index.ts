/** The client and its events, without the bot layer (`waton/client`). */
export { Client } from './client.ts'
export type { EventLog, OutboxView } from './client.ts'
export type { ConsumeOptions, EventHandler } from './consume/consumer.ts'
export type { ReadOptions } from './consume/event-hub.ts'
export type { MessageContent, OutgoingContent, TextContent, UnknownContent } from './content.ts'
export type {
  Ban,
  BanCause,
  ClientEvents,
  ClientState,
  CloseReason,
  CloseReasonName,
  DurableEvent,
  DurableEventOf,
  DurablePayloads,
  DurableType,
  EphemeralEvents,
  Me,
  MessagePayload,
  Origin,
  Person,
  QuarantinedEvent,
  ReceiptPayload,
  ReceiptStatus,
  SendFailedPayload,
  StanzaView,
  UndecryptablePayload,
} from './events.ts'
export { DEFAULT_TIMING, WHATSAPP_ENDPOINT } from './options.ts'
export type { ClientOptions, Endpoint, Retention, Timing } from './options.ts'
export type { SentMessage } from './send/handle.ts'
export type { SendOptions } from './send/outbox.ts'
