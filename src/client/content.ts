/**
 * Message content as users read and write it: a plain object with one content key. What the wire calls things is the
 * business of `protocol/message`; this file is the public shape.
 */
import type { AddedContent } from './added-content.ts'

export type * from './added-content.ts'

/** A text message. */
export interface TextContent {
  /** What is written, as Unicode text. */
  readonly text: string
}

/** Content of a kind that this version cannot name yet. Its bytes are kept with the message. */
export interface UnknownContent {
  /** What is known about it. */
  readonly unknown: {
    /** The schema's own name of the kind, when there is one, e.g. `imageMessage`. */
    readonly kind: string
  }
}

/** What a received message can hold. */
export type MessageContent = TextContent | AddedContent | UnknownContent

/** What can be sent. */
export type OutgoingContent = TextContent
