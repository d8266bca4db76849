/**
 * The options beside any content that is sent: what it quotes, whom it mentions, how long it stays. They become the
 * `ContextInfo` of the content and the wrapper around it. What is received beside content is read in `options.ts`.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent, generateWAMessageFromContent; deliberate
 *   differences are in {@link OPTION_DIFFERENCES}
 */
import { BOOLEAN, wholeNumber } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import { isLid, userJid } from '../jid.ts'
import type { ContextInfo, MessageProperties } from '../proto/message.ts'
import { PERSON_JID, checkParts, checkValue, checkedTarget, listOf } from './kinds/check.ts'
import type { BuildContext } from './kinds/kind.ts'
import { COMPANION_FIELDS } from './companions.ts'
import type { FoundMessage, MessageTarget } from './reference.ts'
import { isWrapper, unwrapMessage } from './wrappers.ts'

/** A message to send something about: the payload of its event, the event, a reference, or the handle of a send. */
export type OutgoingTarget = MessageTarget | { readonly payload: MessageTarget }

/** What can stand beside any content. */
export interface OutgoingOptions {
  /** The message that this one answers. It has to be in the store: waton repeats what it says. */
  readonly quoted?: OutgoingTarget
  /** The people that it mentions, by address. Write `@` and the digits of each in the text, e.g. `@15550000003`. */
  readonly mentions?: readonly string[]
  /** It mentions everybody in the group. */
  readonly mentionsAll?: boolean
  /** It says that it was forwarded, `score` times; from 4 on WhatsApp says "many times". `{ forward }` counts by itself. */
  readonly forwarded?: { readonly score: number }
  /** After how many seconds it disappears; 0 for a message that stays. @default what the chat is set to */
  readonly expiresInSeconds?: number
  /** It can be looked at once. */
  readonly viewOnce?: boolean
}

/** Their keys. */
export const OPTION_KEYS: readonly (keyof OutgoingOptions)[] = [
  'quoted',
  'mentions',
  'mentionsAll',
  'forwarded',
  'expiresInSeconds',
  'viewOnce',
]

/** Where options differ on purpose from what Baileys 7.0.0-rc14 sends. */
export const OPTION_DIFFERENCES: readonly { readonly field: string; readonly reason: string }[] = [
  {
    field: 'contextInfo.nonJidMentions',
    reason: 'Baileys writes 0 beside mentions of people when nobody else is mentioned; waton leaves it out',
  },
  {
    field: 'contextInfo of a view-once message',
    reason: 'Baileys drops mentions of a view-once message, because it looks for the context in the wrapper',
  },
  {
    field: 'contextInfo.ephemeralSettingTimestamp',
    reason:
      'Baileys has its user say how long each message stays; waton keeps the setting of the chat, with its time',
  },
  {
    field: 'contextInfo.participant',
    reason:
      'Baileys names its own account by phone number in every chat; waton uses the form of address of the chat',
  },
]

/** People that one message mentions. A limit of waton: groups have no more members. */
const MAX_MENTIONS = 1024

/** The longest time that WhatsApp's own apps offer: 90 days. */
const MAX_EXPIRATION_SECONDS = 90 * 24 * 60 * 60

const MENTIONS = listOf(PERSON_JID, 0, MAX_MENTIONS)
const EXPIRATION = wholeNumber(0, MAX_EXPIRATION_SECONDS)

/** The messages that the options need. @throws {UsageError} `WATON_CONTENT_VALUE` */
export function optionTargets({ quoted }: OutgoingOptions): readonly MessageTarget[] {
  return quoted === undefined ? [] : [checkedTarget('quoted', quoted)]
}

/**
 * The message with its options.
 *
 * @throws {UsageError} `WATON_CONTENT_VALUE`, `WATON_CONTENT_TARGET`
 */
export function withOptions(
  message: MessageProperties,
  options: OutgoingOptions,
  context: BuildContext,
): MessageProperties {
  const { viewOnce } = options
  if (viewOnce !== undefined) checkValue('viewOnce', viewOnce, BOOLEAN)
  const added = contextOf(options, context)
  const whole = added === undefined ? message : withContext(message, added)
  return viewOnce === true ? { viewOnceMessage: { message: whole } } : whole
}

/** The message whose content, in whatever wrappers, has these fields in its context, beside those that it has. */
export function withContext(message: MessageProperties, added: ContextInfo.$Properties): MessageProperties {
  const field = contentField(message)
  if (field === undefined) return message
  const value = message[field] as {
    readonly contextInfo?: ContextInfo.$Properties | null
    readonly message?: MessageProperties | null
  }
  if (isWrapper(field) && value.message)
    return { ...message, [field]: { message: withContext(value.message, added) } }
  return { ...message, [field]: { ...value, contextInfo: { ...value.contextInfo, ...added } } }
}

/** The field that holds the content; it must be an object. */
function contentField(message: MessageProperties): keyof MessageProperties | undefined {
  const fields = Object.keys(message) as (keyof MessageProperties)[]
  return fields.find((field) => !COMPANIONS.has(field) && typeof message[field] === 'object')
}

const COMPANIONS: ReadonlySet<string> = new Set(COMPANION_FIELDS)

function contextOf(options: OutgoingOptions, context: BuildContext): ContextInfo.$Properties | undefined {
  const { quoted, mentions, mentionsAll, forwarded, expiresInSeconds } = options
  if (mentions !== undefined) checkValue('mentions', mentions, MENTIONS)
  if (mentionsAll !== undefined) checkValue('mentionsAll', mentionsAll, BOOLEAN)
  if (forwarded !== undefined) checkParts('forwarded', forwarded, { score: wholeNumber(1, 1_000_000) })
  if (expiresInSeconds !== undefined) checkValue('expiresInSeconds', expiresInSeconds, EXPIRATION)
  const added: ContextInfo.$Properties = {
    ...(quoted === undefined ? {} : quotation(quoted, context)),
    ...(mentions === undefined || mentions.length === 0
      ? {}
      : { mentionedJid: [...new Set(mentions.map(userJid))] }),
    ...(mentionsAll === true ? { nonJidMentions: 1 } : {}),
    ...(forwarded === undefined ? {} : { isForwarded: true, forwardingScore: forwarded.score }),
    ...(expiresInSeconds ? { expiration: expiresInSeconds } : {}),
  }
  return Object.keys(added).length === 0 ? undefined : added
}

/** The context that shows a message above another. */
function quotation(quoted: OutgoingTarget, context: BuildContext): ContextInfo.$Properties {
  const target = checkedTarget('quoted', quoted)
  const found = requireSent(requireFound('quoted', target, context))
  return {
    stanzaId: found.id,
    participant: addressLike(found, context.chat),
    quotedMessage: quotableMessage(found),
    ...(found.isInChat ? {} : { remoteJid: found.chat }),
  }
}

/** The stored message, or an error that says what to do. @throws {UsageError} `WATON_CONTENT_TARGET` */
export function requireFound(
  what: string,
  target: MessageTarget,
  { find }: Pick<BuildContext, 'find'>,
): FoundMessage {
  const found = find(target)
  if (found !== undefined) return found
  throw new UsageError(
    'WATON_CONTENT_TARGET',
    `the message that "${what}" names is not in the store, so there is nothing to repeat of it: it was never received here, was forgotten after the retention time, or its id, chat or sender is another; pass the payload of its event, or leave "${what}" out`,
    { details: { part: what, id: target.id.slice(0, 128) } },
  )
}

/** A message that the other side may have: what is said about another would point at nothing. @throws {UsageError} `WATON_CONTENT_TARGET` */
export function requireSent(found: FoundMessage): FoundMessage {
  if (!found.neverLeft) return found
  throw new UsageError(
    'WATON_CONTENT_TARGET',
    'the message that this is about never left this device, because it was cancelled or could not be sent: nobody could see what it is about; send the message again first, or forward it',
    { details: { id: found.id.slice(0, 128) } },
  )
}

/** The address of a message's author in the form that a chat uses. */
export function addressLike({ sender }: FoundMessage, chat: string): string {
  const { jid, pn, lid } = sender
  return userJid((isLid(chat) ? lid : pn) ?? jid)
}

/** What a quote repeats: the content alone, without what it quoted itself. */
function quotableMessage({ message, id }: FoundMessage): MessageProperties {
  const inner = unwrapMessage(message).message
  const field = (Object.keys(inner) as (keyof MessageProperties)[]).find(
    (name) => !COMPANIONS.has(name) && !name.startsWith('$') && inner[name] !== null,
  )
  if (field === undefined) {
    throw new UsageError(
      'WATON_CONTENT_TARGET',
      'the message that "quoted" names has no content here, because it could not be read: answer without quoting it',
      { details: { part: 'quoted', id: id.slice(0, 128) } },
    )
  }
  const value: unknown = inner[field]
  if (typeof value !== 'object') return { [field]: value }
  // only its own content is repeated: a chain of quotes would grow with every answer
  return { [field]: { ...value, contextInfo: null } }
}
