/**
 * What was added to a message and encrypted for those who have that message, as public content: opened with the secret of
 * the message, or sealed while the message is not here. What was recorded sealed is opened when it is read from the log and
 * the message has come in the meantime.
 */
import { unwrapMessage } from '../protocol/message/wrappers.ts'
import { chosenOptions, messageSecretOf, openAddon, secretAddonOf } from '../protocol/message/addons/index.ts'
import type { OpenedAddon, SecretAddon } from '../protocol/message/addons/index.ts'
import { contentOf, plainContent } from '../protocol/message/content.ts'
import type { NestedContent } from '../protocol/message/content.ts'
import { Message, decodeMessage } from '../protocol/proto/message.ts'
import type { MessageProperties } from '../protocol/proto/message.ts'
import type { MessageRow } from '../persistence/contract/index.ts'
import type { AddedContent, SealedAddition } from './added-content.ts'
import type { MessageContent } from './content.ts'
import type { MessageRef } from './events.ts'
import { storedMessage } from './message-record.ts'
import { addressesOf, findTarget } from './stored-target.ts'
import type { TargetReader } from './stored-target.ts'

/** Added content and the kind that its row gets. */
export interface Added {
  readonly kind: string
  readonly content: AddedContent
  /** What the message becomes, when it is an edit that could be read; nothing when it is deleted by its author. */
  readonly edited?: { readonly target: MessageRef; readonly message: MessageProperties }
}

/** An addition, and who wrote it about what. */
export interface AdditionParts {
  readonly addon: SecretAddon
  readonly target: MessageRef
  /** The addresses of its author; the likelier first. */
  readonly senders: readonly string[]
}

/** The public form of a message within a message. */
export function publicOf(message: MessageProperties): NestedContent {
  return plainContent(contentOf(message))
}

/**
 * Opens an addition with the stored message that it belongs to; `undefined` when that has no secret.
 *
 * @throws {WatonError} when it does not fit to the message, or either cannot be read
 */
export function openedWith(row: MessageRow, { addon, target, senders }: AdditionParts): Added | undefined {
  const { envelope, message } = storedMessage(row)
  const original = decodeMessage(message)
  const secret = messageSecretOf(original)
  if (secret === undefined) return undefined
  const opened = openAddon(addon, {
    secret,
    targetId: target.id,
    originalSenders: [...addressesOf(target.sender ?? envelope.sender), ...addressesOf(envelope.sender)],
    senders,
  })
  return openedContent(opened, target, original)
}

/** What a message is from now on. */
export function editContent(target: MessageRef, edited: MessageProperties): Added {
  const content = { edit: { target, content: publicOf(edited) } }
  return { kind: 'edit', content, edited: { target, message: edited } }
}

/** The message that sealed content waits for; `undefined` for content that is readable. */
export function awaitedTarget(content: MessageContent): MessageRef | undefined {
  // an addition has one value: what was added
  const [addition] = Object.values(content) as readonly Partial<SealedAddition>[]
  return addition?.encrypted === true ? addition.target : undefined
}

/**
 * The content of an addition that was recorded sealed, when what it waits for has come since; `undefined` otherwise.
 *
 * @param row - the stored addition
 */
export async function openLate(
  reader: TargetReader,
  row: MessageRow,
  target: MessageRef,
): Promise<AddedContent | undefined> {
  const original = await findTarget(reader, target)
  if (original === undefined) return undefined
  const { envelope, message } = storedMessage(row)
  const addon = secretAddonOf(unwrapMessage(decodeMessage(message)).message)
  if (addon === undefined) return undefined
  try {
    return openedWith(original, { addon, target, senders: addressesOf(envelope.sender) })?.content
  } catch {
    // it does not fit, which was told when it came or is no news
    return undefined
  }
}

/** The addition as it came: it cannot be opened. */
export function sealedContent({ use }: SecretAddon, target: MessageRef): Added {
  const addition: SealedAddition = { target, encrypted: true }
  switch (use) {
    case 'poll-vote':
      return { kind: 'pollVote', content: { pollVote: addition } }
    case 'reaction':
      return { kind: 'reaction', content: { reaction: addition } }
    case 'comment':
      return { kind: 'comment', content: { comment: addition } }
    case 'event-response':
      return { kind: 'eventResponse', content: { eventResponse: addition } }
    case 'message-edit':
    case 'event-edit':
    case 'poll-edit':
    case 'poll-add-option':
      return { kind: 'edit', content: { edit: addition } }
  }
}

const { EventResponseType } = Message.EventResponseMessage

/** Answers by their number in the schema. */
const RESPONSES: ReadonlyMap<number, 'going' | 'not-going' | 'maybe'> = new Map([
  [EventResponseType.GOING, 'going'],
  [EventResponseType.NOT_GOING, 'not-going'],
  [EventResponseType.MAYBE, 'maybe'],
])

function openedContent(opened: OpenedAddon, target: MessageRef, original: MessageProperties): Added {
  switch (opened.use) {
    case 'poll-vote': {
      const { options, unknown } = chosenOptions(original, opened.optionHashes)
      const vote = { target, options, ...(unknown === 0 ? {} : { unknownOptions: unknown }) }
      return { kind: 'pollVote', content: { pollVote: vote } }
    }
    case 'reaction':
      return { kind: 'reaction', content: { reaction: { target, text: opened.reaction.text ?? '' } } }
    case 'event-response':
      return answerContent(opened.response, target)
    case 'comment':
      return { kind: 'comment', content: { comment: { target, content: publicOf(opened.message) } } }
    case 'message-edit':
    case 'event-edit':
    case 'poll-edit':
      return editContent(target, opened.message)
    case 'poll-add-option':
      // the addition alone: the poll is more than that
      return { kind: 'edit', content: { edit: { target, content: publicOf(opened.message) } } }
  }
}

function answerContent(
  { response, extraGuestCount }: Message.EventResponseMessage.$Properties,
  target: MessageRef,
): Added {
  const answer = {
    target,
    response: RESPONSES.get(response ?? EventResponseType.UNKNOWN) ?? ('unknown' as const),
    ...(extraGuestCount ? { extraGuests: extraGuestCount } : {}),
  }
  return { kind: 'eventResponse', content: { eventResponse: answer } }
}
