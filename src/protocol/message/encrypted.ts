/**
 * Add-ons: content about another message that is encrypted with a key derived from that message's secret, so that only
 * who has the message can read it. This file says what one is about; opening it is not done here.
 */
import type { MessageKey, MessageProperties } from '../proto/message.ts'
import { type MessageRef, type Perspective, refOf } from './reference.ts'
import type { MessageField } from './kinds/reader.ts'

/** What an encrypted add-on is. */
export type AddonType =
  | 'poll-vote'
  | 'reaction'
  | 'comment'
  | 'event-response'
  | 'event-edit'
  | 'message-edit'
  | 'message-schedule'
  | 'poll-edit'
  | 'poll-add-option'
  | 'unknown'

/** An encrypted add-on. */
export interface Addon {
  readonly addon: AddonType
  /** The message that it is about, whose secret opens it. */
  readonly target: MessageRef
  /** The same as its writer put it. */
  readonly targetKey: MessageKey.$Properties
  /** AES-256-GCM ciphertext with its tag. */
  readonly payload: Uint8Array
  readonly iv: Uint8Array
  /** When, by the clock of the sender, in milliseconds since the epoch. */
  readonly atMs?: number
  /** The key that opens it when that is not the target's secret. */
  readonly remoteKeyId?: string
}

/** `SecretEncryptedMessage.SecretEncType` by number. */
const SECRET_TYPES: Readonly<Record<number, AddonType>> = {
  1: 'event-edit',
  2: 'message-edit',
  3: 'message-schedule',
  4: 'poll-edit',
  5: 'poll-add-option',
}

interface Sealed {
  readonly addon: AddonType
  readonly key: MessageKey.$Properties | null | undefined
  readonly payload: Uint8Array | null | undefined
  readonly iv: Uint8Array | null | undefined
  readonly atMs?: number | null | undefined
  readonly remoteKeyId?: string | null | undefined
}

interface SealedFields {
  readonly targetMessageKey?: MessageKey.$Properties | null
  readonly encPayload?: Uint8Array | null
  readonly encIv?: Uint8Array | null
}

function sealed(addon: AddonType, fields: SealedFields | null | undefined): Sealed | undefined {
  if (!fields) return undefined
  return { addon, key: fields.targetMessageKey, payload: fields.encPayload, iv: fields.encIv }
}

/** The fields of `Message` that hold add-ons. */
const SEALED: Readonly<Partial<Record<MessageField, (message: MessageProperties) => Sealed | undefined>>> = {
  pollUpdateMessage: ({ pollUpdateMessage: update }) =>
    update
      ? {
          addon: 'poll-vote',
          key: update.pollCreationMessageKey,
          payload: update.vote?.encPayload,
          iv: update.vote?.encIv,
          atMs: update.senderTimestampMs,
        }
      : undefined,
  encReactionMessage: ({ encReactionMessage }) => sealed('reaction', encReactionMessage),
  encCommentMessage: ({ encCommentMessage }) => sealed('comment', encCommentMessage),
  encEventResponseMessage: ({ encEventResponseMessage: response }) =>
    response
      ? {
          addon: 'event-response',
          key: response.eventCreationMessageKey,
          payload: response.encPayload,
          iv: response.encIv,
        }
      : undefined,
  secretEncryptedMessage: ({ secretEncryptedMessage: secret }) =>
    secret
      ? {
          addon: SECRET_TYPES[secret.secretEncType ?? 0] ?? 'unknown',
          key: secret.targetMessageKey,
          payload: secret.encPayload,
          iv: secret.encIv,
          remoteKeyId: secret.remoteKeyId,
        }
      : undefined,
}

/** The fields of `Message` that hold add-ons. */
export const ADDON_FIELDS: readonly MessageField[] = Object.keys(SEALED) as MessageField[]

/** The add-on in a field; `undefined` when it lacks its target, its ciphertext or its nonce. */
export function addonOf(
  message: MessageProperties,
  field: MessageField,
  perspective: Perspective | undefined,
): Addon | undefined {
  const found = SEALED[field]?.(message)
  const target = refOf(found?.key, perspective)
  if (!found?.key || !target || !found.payload || !found.iv) return undefined
  const { addon, key, payload, iv, atMs, remoteKeyId } = found
  return {
    addon,
    target,
    targetKey: key,
    payload,
    iv,
    ...(atMs ? { atMs } : {}),
    ...(remoteKeyId ? { remoteKeyId } : {}),
  }
}
