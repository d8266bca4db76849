/** The kinds to be sent that are about another message or about the chat: each in a file of its own, listed here. */
import { deletion, type OutgoingDelete } from './delete.ts'
import { disappearing, type OutgoingDisappearing } from './disappearing.ts'
import { edit, type OutgoingEdit } from './edit.ts'
import {
  commenting,
  eventResponse,
  type OutgoingComment,
  type OutgoingEventResponse,
} from './event-response.ts'
import type { Kind } from './kind.ts'
import { keeping, type OutgoingKeep, type OutgoingPin, pinning } from './pin.ts'
import { type OutgoingReaction, reaction } from './reaction.ts'
import { type OutgoingPollVote, pollVote } from './vote.ts'

/** What can be sent about another message or about the chat, by kind. */
export interface AddedKindContents {
  readonly reaction: OutgoingReaction
  readonly edit: OutgoingEdit
  readonly delete: OutgoingDelete
  readonly pin: OutgoingPin
  readonly keep: OutgoingKeep
  readonly pollVote: OutgoingPollVote
  readonly eventResponse: OutgoingEventResponse
  readonly comment: OutgoingComment
  readonly disappearing: OutgoingDisappearing
}

/** Every one of them, by name. */
export const ADDED_KINDS: {
  readonly [Name in keyof AddedKindContents]: Kind<Name, AddedKindContents[Name]>
} = {
  reaction,
  edit,
  delete: deletion,
  pin: pinning,
  keep: keeping,
  pollVote,
  eventResponse,
  comment: commenting,
  disappearing,
}
