/** Content that is about another message: reactions, comments, pins, kept messages, answers to questions. */
import type { NestedContent } from '../content.ts'
import type { MessageRef } from '../reference.ts'
import { type ContentReader, compact, defineReader, named, target } from './reader.ts'

/** Somebody reacted to a message. */
export interface PlainReaction {
  /** The emoji; empty when a reaction was taken back. */
  readonly text: string
  /** The message. */
  readonly target: MessageRef
  /** When, by the clock of the sender, in milliseconds since the epoch. */
  readonly atMs?: number
}

/** Somebody commented on a message. */
export interface PlainComment {
  /** The message. */
  readonly target: MessageRef
  /** The comment. */
  readonly content: NestedContent
}

/** A message was pinned for everyone in the chat, or the pin was taken off. */
export interface ReceivedPin {
  /** The message. */
  readonly target: MessageRef
  /** What was done. */
  readonly action: 'pin' | 'unpin' | 'unknown'
  /** When, by the clock of the sender, in milliseconds since the epoch. */
  readonly atMs?: number
  /** How long the pin stays. */
  readonly durationSeconds?: number
}

/** A message was kept in a chat whose messages disappear, or that was undone. */
export interface ReceivedKeep {
  /** The message. */
  readonly target: MessageRef
  /** What was done. */
  readonly action: 'keep' | 'undo' | 'unknown'
  /** When, by the clock of the sender, in milliseconds since the epoch. */
  readonly atMs?: number
}

/** An answer to a question, e.g. of a channel or a status. */
export interface ReceivedAnswer {
  /** The question. */
  readonly target: MessageRef
  /** The answer. */
  readonly text: string
}

/** A reaction. */
export interface PlainReactionContent {
  /** The reaction. */
  readonly reaction: PlainReaction
}

/** A comment. */
export interface PlainCommentContent {
  /** The comment. */
  readonly comment: PlainComment
}

/** A pin. */
export interface PinContent {
  /** The pin. */
  readonly pin: ReceivedPin
}

/** A kept message. */
export interface KeepContent {
  /** What was kept. */
  readonly keep: ReceivedKeep
}

/** An answer to a question. */
export interface AnswerContent {
  /** The answer. */
  readonly answer: ReceivedAnswer
}

const PIN_ACTIONS = { 1: 'pin', 2: 'unpin' } as const
const KEEP_ACTIONS = { 1: 'keep', 2: 'undo' } as const

/** @see PlainReactionContent */
export const reaction: ContentReader<'reaction', PlainReactionContent> = defineReader(
  'reaction',
  ['reactionMessage'],
  ({ key, text, senderTimestampMs }, scope) => {
    const about = target(key, scope)
    if (about === undefined) return undefined
    return {
      reaction: compact<PlainReaction>({ text: text ?? '', target: about, atMs: senderTimestampMs }),
    }
  },
)

/** @see PlainCommentContent */
export const comment: ContentReader<'comment', PlainCommentContent> = defineReader(
  'comment',
  ['commentMessage'],
  ({ message, targetMessageKey }, scope) => {
    const about = target(targetMessageKey, scope)
    const content = message ? scope.nested(message) : undefined
    return about && content ? { comment: { target: about, content } } : undefined
  },
)

/** @see PinContent */
export const pin: ContentReader<'pin', PinContent> = defineReader(
  'pin',
  ['pinInChatMessage'],
  ({ key, type, senderTimestampMs }, scope) => {
    const about = target(key, scope)
    if (about === undefined) return undefined
    return {
      pin: compact<ReceivedPin>({
        target: about,
        action: named(PIN_ACTIONS, type) ?? 'unknown',
        atMs: senderTimestampMs,
        durationSeconds: scope.addOnSeconds,
      }),
    }
  },
)

/** @see KeepContent */
export const keep: ContentReader<'keep', KeepContent> = defineReader(
  'keep',
  ['keepInChatMessage'],
  ({ key, keepType, timestampMs }, scope) => {
    const about = target(key, scope)
    if (about === undefined) return undefined
    const action = named(KEEP_ACTIONS, keepType) ?? 'unknown'
    return { keep: compact<ReceivedKeep>({ target: about, action, atMs: timestampMs }) }
  },
)

/** @see AnswerContent */
export const answer: ContentReader<'answer', AnswerContent> = defineReader(
  'answer',
  ['questionResponseMessage', 'statusQuestionAnswerMessage'],
  ({ key, text }, scope) => {
    const about = target(key, scope)
    return about && { answer: { target: about, text: text ?? '' } }
  },
)
