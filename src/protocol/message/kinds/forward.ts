/**
 * Forwarding: the content of a stored message goes to another chat, marked as forwarded. Files are not uploaded again: the
 * message keeps their address and key. What it quoted and whom it mentioned stays behind.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateForwardMessageContent
 */
import { BOOLEAN } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import type { ContextInfo, MessageProperties } from '../../proto/message.ts'
import { COMPANION_FIELDS } from '../companions.ts'
import { type OutgoingOptions, type OutgoingTarget, requireFound } from '../outgoing-options.ts'
import type { FoundMessage } from '../reference.ts'
import { unwrapMessage } from '../wrappers.ts'
import { checkValue, checkedTarget } from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import type { MessageField } from './reader.ts'

/** A message to pass on. */
export interface OutgoingForward extends OutgoingOptions {
  /** The message, which has to be in the store: the payload of its event, a reference, or the handle of a send. */
  readonly forward: OutgoingTarget
  /** Marks it as forwarded also when this account wrote it. @default false */
  readonly asForwarded?: boolean
}

/** Fields whose content means something only where it was sent, or only together with another message. */
const STAYS: ReadonlySet<MessageField> = new Set<MessageField>([
  'protocolMessage',
  'reactionMessage',
  'encReactionMessage',
  'commentMessage',
  'encCommentMessage',
  'pollUpdateMessage',
  'encEventResponseMessage',
  'secretEncryptedMessage',
  'pinInChatMessage',
  'keepInChatMessage',
  'requestPhoneNumberMessage',
  'deviceSentMessage',
  'placeholderMessage',
])

const COMPANIONS: ReadonlySet<string> = new Set(COMPANION_FIELDS)
const VIEW_ONCE: ReadonlySet<string> = new Set([
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
])

/** @see OutgoingForward */
export const forwardKind: Kind<'forward', OutgoingForward> = defineKind({
  name: 'forward',
  keys: ['asForwarded'],
  targets: ({ forward }) => [checkedTarget('forward', forward)],
  build: ({ forward, asForwarded }, context) => {
    if (asForwarded !== undefined) checkValue('asForwarded', asForwarded, BOOLEAN)
    const found = requireFound('forward', checkedTarget('forward', forward), context)
    return { message: forwarded(found, asForwarded === true) }
  },
})

function forwarded(found: FoundMessage, always: boolean): MessageProperties {
  const { message, wrappers } = unwrapMessage(found.message)
  const field = contentField(message)
  if (field === undefined || STAYS.has(field) || wrappers.some((name) => VIEW_ONCE.has(name)))
    throw cannotForward(found, field)
  const value: unknown = message[field]
  const { contextInfo, ...content } = (typeof value === 'object' ? value : { text: value }) as {
    readonly contextInfo?: ContextInfo.$Properties | null
  }
  if ((content as { readonly viewOnce?: unknown }).viewOnce === true) throw cannotForward(found, field)
  const score = (contextInfo?.forwardingScore ?? 0) + (found.fromMe && !always ? 0 : 1)
  const context = score > 0 ? { forwardingScore: score, isForwarded: true } : {}
  // a plain text has no room for a context
  return { [field === 'conversation' ? 'extendedTextMessage' : field]: { ...content, contextInfo: context } }
}

function contentField(message: MessageProperties): MessageField | undefined {
  const fields = Object.keys(message) as MessageField[]
  return fields.find(
    (name) =>
      !COMPANIONS.has(name) && !name.startsWith('$') && message[name] !== null && message[name] !== '',
  )
}

function cannotForward({ id }: FoundMessage, field: MessageField | undefined): UsageError {
  return new UsageError(
    'WATON_CONTENT_FORWARD',
    `this message cannot be forwarded, because it ${field === undefined ? 'has no content here' : 'can be viewed only once, or belongs to its chat or to another message'}: forward the message that it is about, or send the content anew`,
    { details: { id: id.slice(0, 128), field } },
  )
}
