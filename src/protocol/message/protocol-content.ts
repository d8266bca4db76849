/**
 * Protocol messages: what clients tell each other instead of people. This file names them; what may be believed from whom is the caller's decision.
 */
import type { Message } from '../proto/message.ts'

/** What a protocol message is about; `unknown` for numbers that this version has no name for. */
export type ProtocolType =
  | 'revoke'
  | 'ephemeral-setting'
  | 'ephemeral-sync-response'
  | 'history-sync-notification'
  | 'app-state-key-share'
  | 'app-state-key-request'
  | 'fanout-backfill-request'
  | 'security-notification-setting'
  | 'app-state-fatal-exception'
  | 'share-phone-number'
  | 'edit'
  | 'peer-data-request'
  | 'peer-data-response'
  | 'request-welcome-message'
  | 'bot-feedback'
  | 'media-notify'
  | 'lid-migration-mapping'
  | 'reminder'
  | 'status-mention'
  | 'stop-generation'
  | 'limit-sharing'
  | 'group-member-label'
  | 'cloud-api-thread-control'
  | 'bot-onboarding'
  | 'ai-psi-metadata'
  | 'ai-query-fanout'
  | 'ai-media-collection'
  | 'unschedule'
  | 'chat-theme'
  | 'ai-metadata-operation'
  | 'mark-as-verified'
  | 'coexistence-state'
  | 'unknown'

/** Protocol messages by their number in the schema. */
const PROTOCOL_TYPES: Readonly<Record<number, ProtocolType>> = {
  0: 'revoke',
  3: 'ephemeral-setting',
  4: 'ephemeral-sync-response',
  5: 'history-sync-notification',
  6: 'app-state-key-share',
  7: 'app-state-key-request',
  8: 'fanout-backfill-request',
  9: 'security-notification-setting',
  10: 'app-state-fatal-exception',
  11: 'share-phone-number',
  14: 'edit',
  16: 'peer-data-request',
  17: 'peer-data-response',
  18: 'request-welcome-message',
  19: 'bot-feedback',
  20: 'media-notify',
  21: 'cloud-api-thread-control',
  22: 'lid-migration-mapping',
  23: 'reminder',
  24: 'bot-onboarding',
  25: 'status-mention',
  26: 'stop-generation',
  27: 'limit-sharing',
  28: 'ai-psi-metadata',
  29: 'ai-query-fanout',
  30: 'group-member-label',
  31: 'ai-media-collection',
  32: 'unschedule',
  34: 'chat-theme',
  35: 'ai-metadata-operation',
  36: 'mark-as-verified',
  37: 'coexistence-state',
}

/**
 * A protocol message. What may be believed from whom is the caller's decision: history, app-state keys and peer answers only
 * count from our own account's phone.
 */
export interface ProtocolContent {
  /** An instruction between devices or about another message. */
  readonly kind: 'protocol'
  /** Which one. */
  readonly type: ProtocolType
  /** The number in the schema; `undefined` when the message came without one. */
  readonly typeNumber?: number
  /** The whole of it, as the schema has it. */
  readonly protocol: Message.ProtocolMessage.$Properties
}

/** `ProtocolMessage.Type.REVOKE` */
const REVOKE = 0

/** An absent type is the schema's first value, which is to revoke: believed only of a message that says what to revoke. */
export function protocolContent(protocol: Message.ProtocolMessage.$Properties): ProtocolContent {
  const typeNumber = protocol.type ?? (protocol.key ? REVOKE : undefined)
  return {
    kind: 'protocol',
    type: typeNumber === undefined ? 'unknown' : (PROTOCOL_TYPES[typeNumber] ?? 'unknown'),
    ...(typeNumber === undefined ? {} : { typeNumber }),
    protocol,
  }
}
