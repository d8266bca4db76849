/**
 * What a decrypted `Message` is: content of a known kind, a protocol message between clients, or something that this
 * version cannot name. Reading never fails: unknown content is a value, and its bytes are the caller's to keep.
 */
import { Message, type MessageProperties } from '../proto/message.ts'
import { KINDS, type KindContents, type KindName } from './kinds/index.ts'
import { type WrapperName, unwrapMessage } from './wrappers.ts'

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
  22: 'lid-migration-mapping',
  23: 'reminder',
  25: 'status-mention',
  26: 'stop-generation',
  27: 'limit-sharing',
  30: 'group-member-label',
}

/** Content of a known kind. */
export type KnownContent = {
  readonly [Name in KindName]: { readonly kind: Name } & KindContents[Name]
}[KindName]

/**
 * A protocol message. What may be believed from whom is the caller's decision: history, app-state keys and peer answers only
 * count from our own account's phone.
 */
export interface ProtocolContent {
  readonly kind: 'protocol'
  readonly type: ProtocolType
  /** The number in the schema; `undefined` when the message came without one. */
  readonly typeNumber?: number
  readonly protocol: Message.ProtocolMessage.$Properties
}

/** Content that this version has no kind for. */
export interface UnknownContent {
  readonly kind: 'unknown'
  /** The schema's name of the field, e.g. `imageMessage`; `undefined` for a message without content. */
  readonly name?: string
}

/** What {@link contentOf} found, and in which wrappers. */
export type ReadContent = (KnownContent | ProtocolContent | UnknownContent) & {
  readonly wrappers: readonly WrapperName[]
}

/** Fields that accompany content without being any. */
const COMPANIONS: ReadonlySet<string> = new Set([
  'messageContextInfo',
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
])

/** Reads a decoded message. Take it out of a device-sent envelope first, where it may have one. */
export function contentOf(outer: MessageProperties): ReadContent {
  const { message, wrappers } = unwrapMessage(outer)
  if (message.protocolMessage) return { ...protocolContent(message.protocolMessage), wrappers }
  for (const kind of Object.values(KINDS)) {
    const content = kind.read(message)
    if (content !== undefined) return { kind: kind.name, ...content, wrappers }
  }
  const name = Object.keys(message).find((field) => !COMPANIONS.has(field))
  return { kind: 'unknown', ...(name === undefined ? {} : { name }), wrappers }
}

/** An absent type is the schema's first value, which is to revoke: believed only of a message that says what to revoke. */
function protocolContent(protocol: Message.ProtocolMessage.$Properties): ProtocolContent {
  const typeNumber = protocol.type ?? (protocol.key ? Message.ProtocolMessage.Type.REVOKE : undefined)
  return {
    kind: 'protocol',
    type: typeNumber === undefined ? 'unknown' : (PROTOCOL_TYPES[typeNumber] ?? 'unknown'),
    ...(typeNumber === undefined ? {} : { typeNumber }),
    protocol,
  }
}
