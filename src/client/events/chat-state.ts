/**
 * Events about chats as this account has sorted them, and about messages that it has marked or hidden. All of them were done
 * on another device of the account, and nobody else sees them. See `group.ts` for what a group is called and allows.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod, ZodSchema } from './definition.ts'
import { changeOriginSchema, personSchema, timeSchema } from './shared.ts'
import type { ChangeOrigin, MessageRef } from './shared.ts'

/** What all events about one chat say. */
export interface ChatEvent {
  /** The chat. */
  readonly chat: string
  /** When it was done, in milliseconds since the epoch. */
  readonly atMs: number
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
}

/** How a chat is sorted. A member that is absent has not changed. */
export interface ChatChanges {
  /** Whether it is out of sight, among the archived chats. */
  readonly isArchived?: boolean
  /** Whether it stands above the others; of several, the one that was pinned last comes first. */
  readonly isPinned?: boolean
  /** Whether its messages make no sound. */
  readonly isMuted?: boolean
  /** With `isMuted`: until when, in milliseconds since the epoch, which may be over; absent when it is for good. */
  readonly mutedUntilMs?: number
  /** Whether it is marked as unread, which says nothing of its messages; `false`: the chat was read. */
  readonly isUnread?: boolean
  /** Whether it is hidden behind the chat lock. */
  readonly isLocked?: boolean
}

/** A chat was archived, pinned, muted, read or locked, or is not any more. */
export interface ChatChangedPayload extends ChatEvent {
  /** What is different now. */
  readonly changes: ChatChanges
  /** With `isArchived` and `isUnread`: messages after that moment were not known to whoever did it, in milliseconds. */
  readonly upToMs?: number
}

/** All messages of a chat were taken away; the chat itself stays. */
export interface ChatClearedPayload extends ChatEvent {
  /** Whether starred messages stay. */
  readonly keepsStarred: boolean
  /** Whether files that were downloaded stay. */
  readonly keepsMedia: boolean
  /** Messages after that moment stay, in milliseconds since the epoch; absent when all go that were there. */
  readonly upToMs?: number
}

/** A chat was taken away with its messages. It comes back with the next one. */
export interface ChatDeletedPayload extends ChatEvent {
  /** Whether files that were downloaded stay. */
  readonly keepsMedia: boolean
  /** Messages after that moment stay, in milliseconds since the epoch; absent when all go that were there. */
  readonly upToMs?: number
}

/** A message got a star, or has lost it. */
export interface MessageStarredPayload extends MessageRef, ChatEvent {
  /** Whether it has one. */
  readonly isStarred: boolean
}

/** A message was deleted on the devices of this account alone ("delete for me"); others still see it. */
export interface MessageHiddenPayload extends MessageRef, ChatEvent {
  /** Whether files that were downloaded stay. */
  readonly keepsMedia: boolean
  /** When the message was sent, in milliseconds since the epoch, when whoever deleted it says so. */
  readonly sentAtMs?: number
}

const aboutChat = (z: Zod) => ({
  chat: z.string(),
  atMs: timeSchema(z),
  origin: changeOriginSchema(z),
})

const aboutMessage = (z: Zod) => ({
  ...aboutChat(z),
  id: z.string(),
  sender: personSchema(z).exactOptional(),
  fromMe: z.boolean(),
})

function changesSchema(z: Zod): ZodSchema<ChatChanges> {
  return z.object({
    isArchived: z.boolean().exactOptional(),
    isPinned: z.boolean().exactOptional(),
    isMuted: z.boolean().exactOptional(),
    mutedUntilMs: timeSchema(z).exactOptional(),
    isUnread: z.boolean().exactOptional(),
    isLocked: z.boolean().exactOptional(),
  })
}

/** How a chat is sorted. */
export const CHAT_CHANGED: EventDefinition<'chat.changed', ChatChangedPayload> = defineEvent({
  type: 'chat.changed',
  version: 1,
  schema: (z) =>
    z.object({ ...aboutChat(z), changes: changesSchema(z), upToMs: timeSchema(z).exactOptional() }),
})

/** A chat without its messages. */
export const CHAT_CLEARED: EventDefinition<'chat.cleared', ChatClearedPayload> = defineEvent({
  type: 'chat.cleared',
  version: 1,
  schema: (z) =>
    z.object({
      ...aboutChat(z),
      keepsStarred: z.boolean(),
      keepsMedia: z.boolean(),
      upToMs: timeSchema(z).exactOptional(),
    }),
})

/** A chat that is gone. */
export const CHAT_DELETED: EventDefinition<'chat.deleted', ChatDeletedPayload> = defineEvent({
  type: 'chat.deleted',
  version: 1,
  schema: (z) =>
    z.object({ ...aboutChat(z), keepsMedia: z.boolean(), upToMs: timeSchema(z).exactOptional() }),
})

/** The star of a message. */
export const MESSAGE_STARRED: EventDefinition<'message.starred', MessageStarredPayload> = defineEvent({
  type: 'message.starred',
  version: 1,
  schema: (z) => z.object({ ...aboutMessage(z), isStarred: z.boolean() }),
})

/** A message that was deleted for this account alone. */
export const MESSAGE_HIDDEN: EventDefinition<'message.hidden', MessageHiddenPayload> = defineEvent({
  type: 'message.hidden',
  version: 1,
  schema: (z) =>
    z.object({ ...aboutMessage(z), keepsMedia: z.boolean(), sentAtMs: timeSchema(z).exactOptional() }),
})
