/**
 * Which encrypted add-on a `Message` is: votes, answers, edits and the like, all of the same three parts (the message
 * that it belongs to, ciphertext, IV) in fields of different names. Opening it is the business of `open.ts`.
 *
 * @source whatsmeow `msgsecret.go`; field names from the schema
 */
import { Message, type MessageKey, type MessageProperties } from '../../proto/message.ts'

/** What an add-on is for; the key of each is its own. */
export type AddonUse =
  | 'poll-vote'
  | 'reaction'
  | 'comment'
  | 'event-response'
  | 'event-edit'
  | 'message-edit'
  | 'poll-edit'
  | 'poll-add-option'

/** An add-on as it came. */
export interface SecretAddon {
  readonly use: AddonUse
  /** The message that it belongs to, as its sender sees it. */
  readonly target: MessageKey.$Properties
  /** AES-256-GCM ciphertext and tag. */
  readonly payload: Uint8Array
  readonly iv: Uint8Array
}

const { SecretEncType } = Message.SecretEncryptedMessage

/** Uses by their number in the schema. */
const SECRET_USES: ReadonlyMap<number, AddonUse> = new Map([
  [SecretEncType.EVENT_EDIT, 'event-edit'],
  [SecretEncType.MESSAGE_EDIT, 'message-edit'],
  [SecretEncType.POLL_EDIT, 'poll-edit'],
  [SecretEncType.POLL_ADD_OPTION, 'poll-add-option'],
])

interface Parts {
  readonly encPayload?: Uint8Array | null
  readonly encIv?: Uint8Array | null
}

/** The add-on in an unwrapped message; `undefined` when it is none, is not whole, or is of a use that nobody knows. */
export function secretAddonOf(message: MessageProperties): SecretAddon | undefined {
  const { pollUpdateMessage: vote, encReactionMessage: reaction, encCommentMessage: comment } = message
  const { encEventResponseMessage: answer, secretEncryptedMessage: secret } = message
  if (vote?.vote) return addon('poll-vote', vote.pollCreationMessageKey, vote.vote)
  if (reaction) return addon('reaction', reaction.targetMessageKey, reaction)
  if (comment) return addon('comment', comment.targetMessageKey, comment)
  if (answer) return addon('event-response', answer.eventCreationMessageKey, answer)
  const use = SECRET_USES.get(secret?.secretEncType ?? SecretEncType.UNKNOWN)
  return secret && use !== undefined ? addon(use, secret.targetMessageKey, secret) : undefined
}

function addon(
  use: AddonUse,
  target: MessageKey.$Properties | null | undefined,
  { encPayload, encIv }: Parts,
): SecretAddon | undefined {
  if (!target?.id || !encPayload || !encIv) return undefined
  return { use, target, payload: encPayload, iv: encIv }
}
