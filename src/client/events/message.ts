/**
 * Events about messages: received, not readable, confirmed by others. Edits, deletions, reactions, votes and the like are
 * messages too: see `content.ts` for what a message can hold.
 */
import type { MessageContent } from '../content.ts'
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod, ZodSchema } from './definition.ts'
import { originSchema, personSchema, timeSchema } from './shared.ts'
import type { Origin, Person } from './shared.ts'

/** A message that was received and could be read. */
export interface MessagePayload {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** The chat, ready to be given to `client.send`. */
  readonly chat: string
  /** Who wrote it. */
  readonly sender: Person
  /** Whether this account wrote it, on another of its devices. */
  readonly fromMe: boolean
  /** How it came here. */
  readonly origin: Origin
  /** When the server took it, in milliseconds since the epoch. */
  readonly sentAtMs: number
  /** The name the sender gave themselves. */
  readonly pushName?: string
  /** In a newsletter: the number that the server gave it, by which `newsletter.reactions` and `newsletter.views` name it. */
  readonly serverId?: string
  /**
   * The `seq` of the `message.undecryptable` event that this one takes the place of: the message could not be read then,
   * and was sent again since. Its chat or sender may have had another address at the time.
   */
  readonly replaces?: number
  /** What was written: an object with one key, which is its kind. */
  readonly content: MessageContent
}

/**
 * A message that came and could not be read. Its sender is asked to send it again where that helps: when it can be read
 * later, a `message` event takes its place, whose `replaces` is the `seq` of this one. It is told once for a message.
 */
export interface UndecryptablePayload {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** The chat it was written in. */
  readonly chat: string
  /** Who wrote it. */
  readonly sender: Person
  /** Whether this account wrote it, on another of its devices. */
  readonly fromMe: boolean
  /** How it came here. */
  readonly origin: Origin
  /** When the server took it, in milliseconds since the epoch. */
  readonly sentAtMs: number
  /** A stable code, e.g. `WATON_SIGNAL_NO_SESSION`. */
  readonly reason: string
}

/** How far a sent message got. */
export type ReceiptStatus = 'delivered' | 'read' | 'played'

/** Somebody's device confirmed messages that this account sent. */
export interface ReceiptPayload {
  /** The messages that it is about. */
  readonly ids: readonly string[]
  /** The chat that they are in. */
  readonly chat: string
  /** Whose device says so. */
  readonly from: Person
  /** How far they got. */
  readonly status: ReceiptStatus
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** This account has read or played messages of others, on another of its devices: they need not be shown as new. */
export interface SeenPayload {
  /** The messages that it is about. */
  readonly ids: readonly string[]
  /** The chat that they are in. */
  readonly chat: string
  /** Who wrote them, in a group. */
  readonly sender?: Person
  /** What was done. */
  readonly status: 'read' | 'played'
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** What both events about one message say of it. */
function aboutMessage(z: Zod): {
  readonly id: ZodSchema<string>
  readonly chat: ZodSchema<string>
  readonly sender: ZodSchema<Person>
  readonly fromMe: ZodSchema<boolean>
  readonly origin: ZodSchema<Origin>
  readonly sentAtMs: ZodSchema<number>
} {
  return {
    id: z.string(),
    chat: z.string(),
    sender: personSchema(z),
    fromMe: z.boolean(),
    origin: originSchema(z),
    sentAtMs: timeSchema(z),
  }
}

/** A message that could be read. */
export const MESSAGE: EventDefinition<'message', MessagePayload> = defineEvent({
  type: 'message',
  version: 2,
  schema: (z) =>
    z.object({
      ...aboutMessage(z),
      pushName: z.string().exactOptional(),
      serverId: z.string().exactOptional(),
      replaces: z.number().int().min(1).exactOptional(),
      content: z.custom<MessageContent>(
        (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      ),
    }),
  upcasters: [
    // version 1 did not tell what it replaces
    (payload) => payload,
  ],
})

/** A message that could not be read (yet). */
export const MESSAGE_UNDECRYPTABLE: EventDefinition<'message.undecryptable', UndecryptablePayload> =
  defineEvent({
    type: 'message.undecryptable',
    version: 1,
    schema: (z) => z.object({ ...aboutMessage(z), reason: z.string() }),
  })

/** Somebody received, read or played messages. */
export const MESSAGE_RECEIPT: EventDefinition<'message.receipt', ReceiptPayload> = defineEvent({
  type: 'message.receipt',
  version: 1,
  schema: (z) =>
    z.object({
      ids: z.array(z.string()),
      chat: z.string(),
      from: personSchema(z),
      status: z.enum(['delivered', 'read', 'played']),
      atMs: timeSchema(z),
    }),
})

/** Messages of others that were read elsewhere. */
export const MESSAGE_SEEN: EventDefinition<'message.seen', SeenPayload> = defineEvent({
  type: 'message.seen',
  version: 1,
  schema: (z) =>
    z.object({
      ids: z.array(z.string()),
      chat: z.string(),
      sender: personSchema(z).exactOptional(),
      status: z.enum(['read', 'played']),
      atMs: timeSchema(z),
    }),
})
