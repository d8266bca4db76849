/**
 * Events about labels (lists, as WhatsApp calls them on private accounts) and quick replies: what this account sorts its
 * chats with and answers with. All of them were done on another device of the account, and nobody else sees them.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { changeOriginSchema, messageRefSchema, timeSchema } from './shared.ts'
import type { ChangeOrigin, MessageRef } from './shared.ts'

/** What a label is: made by the account, one of those that WhatsApp brings, or a list that fills itself. */
export type LabelKind =
  | 'none'
  | 'unread'
  | 'groups'
  | 'favorites'
  | 'predefined'
  | 'custom'
  | 'community'
  | 'server'
  | 'drafts'
  | 'ai-handoff'

/** A label was made, renamed or removed. What is absent was not said. */
export interface LabelChangedPayload {
  /** Names the label in `label.assigned`. */
  readonly id: string
  /** Whether it is gone, and with it all that it was put on. */
  readonly isDeleted: boolean
  /** What it is called. */
  readonly name?: string
  /** Its colour: a number in the palette of WhatsApp, from 0. */
  readonly color?: number
  /** What it is. */
  readonly kind?: LabelKind
  /** Which of those that WhatsApp brings it was in the beginning, e.g. `1`: new customer. */
  readonly predefinedId?: string
  /** Its place among the others. */
  readonly position?: number
  /** Whether it is shown. */
  readonly isActive?: boolean
  /** When it was done, in milliseconds since the epoch. */
  readonly atMs: number
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
}

/** A label was put on a chat or a message, or taken away from it. */
export interface LabelAssignedPayload {
  /** The `id` of `label.changed`. */
  readonly labelId: string
  /** The chat that it is on, or that the message is in. */
  readonly chat: string
  /** The message that it is on; absent when it is on the chat itself. */
  readonly message?: MessageRef
  /** Whether it is on it now. */
  readonly isAssigned: boolean
  /** When it was done, in milliseconds since the epoch. */
  readonly atMs: number
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
}

/** A quick reply was made, changed or removed. What is absent was not said. */
export interface QuickReplyChangedPayload {
  /** Names the quick reply. */
  readonly id: string
  /** Whether it is gone. */
  readonly isDeleted: boolean
  /** What is typed for it, without the slash. */
  readonly shortcut?: string
  /** What is sent. */
  readonly text?: string
  /** Words by which it is found. */
  readonly keywords?: readonly string[]
  /** When it was done, in milliseconds since the epoch. */
  readonly atMs: number
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
}

/** Labels by themselves. */
export const LABEL_CHANGED: EventDefinition<'label.changed', LabelChangedPayload> = defineEvent({
  type: 'label.changed',
  version: 1,
  schema: (z) =>
    z.object({
      id: z.string(),
      isDeleted: z.boolean(),
      name: z.string().exactOptional(),
      color: z.int().exactOptional(),
      kind: z
        .enum([
          'none',
          'unread',
          'groups',
          'favorites',
          'predefined',
          'custom',
          'community',
          'server',
          'drafts',
          'ai-handoff',
        ])
        .exactOptional(),
      predefinedId: z.string().exactOptional(),
      position: z.int().exactOptional(),
      isActive: z.boolean().exactOptional(),
      atMs: timeSchema(z),
      origin: changeOriginSchema(z),
    }),
})

/** What has which label. */
export const LABEL_ASSIGNED: EventDefinition<'label.assigned', LabelAssignedPayload> = defineEvent({
  type: 'label.assigned',
  version: 1,
  schema: (z) =>
    z.object({
      labelId: z.string(),
      chat: z.string(),
      message: messageRefSchema(z).exactOptional(),
      isAssigned: z.boolean(),
      atMs: timeSchema(z),
      origin: changeOriginSchema(z),
    }),
})

/** Quick replies. */
export const QUICK_REPLY_CHANGED: EventDefinition<'quick-reply.changed', QuickReplyChangedPayload> =
  defineEvent({
    type: 'quick-reply.changed',
    version: 1,
    schema: (z) =>
      z.object({
        id: z.string(),
        isDeleted: z.boolean(),
        shortcut: z.string().exactOptional(),
        text: z.string().exactOptional(),
        keywords: z.array(z.string()).exactOptional(),
        atMs: timeSchema(z),
        origin: changeOriginSchema(z),
      }),
  })
