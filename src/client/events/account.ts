/**
 * Events about this account as a whole, which belong to no chat: what it may do, whom it has blocked, how it is set.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { personSchema, timeSchema } from './shared.ts'
import type { Person } from './shared.ts'

/** WhatsApp restricts what this account may do, or does not any more. Sending on regardless makes it worse. */
export interface AccountRestrictedPayload {
  /** `reachout-timelock`: no new chats for a while; `message-cap`: only so many new chats. */
  readonly restriction: 'reachout-timelock' | 'message-cap'
  /** Whether it holds. */
  readonly isActive: boolean
  /** When it ends by itself, in milliseconds since the epoch. */
  readonly endsAtMs?: number
  /** The server's word for why. */
  readonly enforcement?: string
  /** What the server says beside it, as it came. */
  readonly details?: Readonly<Record<string, unknown>>
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** A setting of this account was changed on another device. */
export interface AccountChangedPayload {
  /** New chats begin with messages that vanish after so many seconds; 0: they stay. */
  readonly disappearingSeconds?: number
  /** Who may see what, by the names that WhatsApp uses, e.g. `last`: `contacts`. */
  readonly privacy?: Readonly<Record<string, string>>
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** This account has blocked people on another device, or does not block them any more. */
export interface BlocklistChangedPayload {
  /** Whom, in order; empty when the server says only that the list is another one. */
  readonly changes: readonly BlocklistChange[]
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** One person of the blocklist. */
export interface BlocklistChange {
  /** Who. */
  readonly contact: Person
  /** Whether they are blocked now. */
  readonly isBlocked: boolean
}

/** What the account may do. */
export const ACCOUNT_RESTRICTED: EventDefinition<'account.restricted', AccountRestrictedPayload> =
  defineEvent({
    type: 'account.restricted',
    version: 1,
    schema: (z) =>
      z.object({
        restriction: z.enum(['reachout-timelock', 'message-cap']),
        isActive: z.boolean(),
        endsAtMs: timeSchema(z).exactOptional(),
        enforcement: z.string().exactOptional(),
        details: z.record(z.string(), z.unknown()).exactOptional(),
        atMs: timeSchema(z),
      }),
  })

/** How the account is set. */
export const ACCOUNT_CHANGED: EventDefinition<'account.changed', AccountChangedPayload> = defineEvent({
  type: 'account.changed',
  version: 1,
  schema: (z) =>
    z.object({
      disappearingSeconds: z.int().nonnegative().exactOptional(),
      privacy: z.record(z.string(), z.string()).exactOptional(),
      atMs: timeSchema(z),
    }),
})

/** Whom the account blocks. */
export const BLOCKLIST_CHANGED: EventDefinition<'blocklist.changed', BlocklistChangedPayload> = defineEvent({
  type: 'blocklist.changed',
  version: 1,
  schema: (z) =>
    z.object({
      changes: z.array(z.object({ contact: personSchema(z), isBlocked: z.boolean() })),
      atMs: timeSchema(z),
    }),
})
