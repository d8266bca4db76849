/**
 * The public shape of what is about another message, or about the chat: votes, reactions, answers, comments, edits,
 * deletions and settings. Each is a message with an id of its own; the message that it is about stays as it was recorded.
 */
import type { MessageContent } from './content.ts'
import type { MessageRef } from './events/shared.ts'

/**
 * Something that was added to a message which this device does not have: its content cannot be read without it. When the
 * message comes later, the addition is opened the next time it is read from the log.
 */
export interface SealedAddition {
  /** The message that it belongs to. */
  readonly target: MessageRef
  /** Always `true`: the message that it belongs to is missing, or does not fit. */
  readonly encrypted: true
}

/** A vote in a poll. It replaces the earlier vote of the same person. */
export interface PollVoteContent {
  /** The vote. */
  readonly pollVote:
    | SealedAddition
    | {
        /** The poll. */
        readonly target: MessageRef
        /** The names of the chosen options; none when the vote was taken back. */
        readonly options: readonly string[]
        /** How many chosen options the poll did not have when it was received. */
        readonly unknownOptions?: number
      }
}

/** A reaction. It replaces the earlier one of the same person. */
export interface ReactionContent {
  /** The reaction. */
  readonly reaction:
    | SealedAddition
    | {
        /** The message that it is a reaction to. */
        readonly target: MessageRef
        /** The emoji; empty when the reaction was taken back. */
        readonly text: string
      }
}

/** A comment on a message. */
export interface CommentContent {
  /** The comment. */
  readonly comment:
    | SealedAddition
    | {
        /** The message that it is about. */
        readonly target: MessageRef
        /** What was written. */
        readonly content: MessageContent
      }
}

/** An answer to an invitation. It replaces the earlier one of the same person. */
export interface EventResponseContent {
  /** The answer. */
  readonly eventResponse:
    | SealedAddition
    | {
        /** The invitation. */
        readonly target: MessageRef
        /** Whether they come. */
        readonly response: 'going' | 'not-going' | 'maybe' | 'unknown'
        /** How many people they bring along. */
        readonly extraGuests?: number
      }
}

/** What a message is from now on. Only its author can say so. */
export interface EditContent {
  /** The edit. */
  readonly edit:
    | SealedAddition
    | {
        /** The message that is edited. */
        readonly target: MessageRef
        /** What it says now. */
        readonly content: MessageContent
      }
}

/** A message was deleted for everyone. */
export interface DeleteContent {
  /** The deletion. */
  readonly delete: {
    /** The message that is deleted. */
    readonly target: MessageRef
    /** Somebody else than its author says so, which admins of a group may. Whether they are one was not checked. */
    readonly byAdmin?: true
  }
}

/** The chat's messages disappear from now on, or stay. */
export interface DisappearingContent {
  /** The new setting. */
  readonly disappearing: {
    /** For how long messages are kept, in seconds; 0 when they stay. */
    readonly expiresInSeconds: number
  }
}

/** Somebody shows their phone number in this chat. */
export interface PhoneNumberSharedContent {
  /** Always `true`. */
  readonly phoneNumberShared: true
}

/** Sharing out of this chat is limited from now on, or not any more. */
export interface LimitSharingContent {
  /** The new setting. */
  readonly limitSharing: {
    /** Whether it is limited. */
    readonly limited: boolean
  }
}

/** Somebody describes themselves for the members of this group. */
export interface MemberLabelContent {
  /** The new description. */
  readonly memberLabel: {
    /** The text; empty when it was removed. */
    readonly label: string
  }
}

/** Any of them. */
export type AddedContent =
  | PollVoteContent
  | ReactionContent
  | CommentContent
  | EventResponseContent
  | EditContent
  | DeleteContent
  | DisappearingContent
  | PhoneNumberSharedContent
  | LimitSharingContent
  | MemberLabelContent
