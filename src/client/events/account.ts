/**
 * Events about this account as a whole, which belong to no chat: what it may do, whom it has blocked, how it is set.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod, ZodSchema } from './definition.ts'
import { changeOriginSchema, personSchema, timeSchema } from './shared.ts'
import type { ChangeOrigin, Person } from './shared.ts'

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

/** Who sees what this account posts to its status. */
export interface StatusAudience {
  /** `contacts`: all; `allow`: only `people`; `deny`: all but `people`; `close-friends`: only those. */
  readonly mode: 'contacts' | 'allow' | 'deny' | 'close-friends'
  /** Whom `allow` and `deny` are about. */
  readonly people: readonly Person[]
}

/** A setting of this account was changed on another device. A member that is absent has not changed. */
export interface AccountChangedPayload {
  /** New chats begin with messages that vanish after so many seconds; 0: they stay. */
  readonly disappearingSeconds?: number
  /** Who may see what, by the names that WhatsApp uses, e.g. `last`: `contacts`. */
  readonly privacy?: Readonly<Record<string, string>>
  /** The name that the account shows to others. */
  readonly name?: string
  /** The language of the phone, e.g. `pt_BR`. */
  readonly locale?: string
  /** Whether the phone shows 17:30, and not 5:30 pm. */
  readonly isTwentyFourHours?: boolean
  /** Whether archived chats come back with the next message. */
  readonly unarchivesChats?: boolean
  /** Whether links are sent without a preview. */
  readonly areLinkPreviewsOff?: boolean
  /** Whether calls go through a server, so that nobody sees the address of the network. */
  readonly areCallsRelayed?: boolean
  /** Who sees status posts. */
  readonly statusAudience?: StatusAudience
  /** Which messages make a sound: all, or those that concern the account; `default-...`: nobody has chosen. */
  readonly notifications?: 'all' | 'highlights' | 'default-all' | 'default-highlights'
  /** Whether no newsletters are recommended. */
  readonly areChannelRecommendationsOff?: boolean
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
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

function audienceSchema(z: Zod): ZodSchema<StatusAudience> {
  return z.object({
    mode: z.enum(['contacts', 'allow', 'deny', 'close-friends']),
    people: z.array(personSchema(z)),
  })
}

/** How the account is set. */
export const ACCOUNT_CHANGED: EventDefinition<'account.changed', AccountChangedPayload> = defineEvent({
  type: 'account.changed',
  version: 2,
  schema: (z) =>
    z.object({
      disappearingSeconds: z.int().nonnegative().exactOptional(),
      privacy: z.record(z.string(), z.string()).exactOptional(),
      name: z.string().exactOptional(),
      locale: z.string().exactOptional(),
      isTwentyFourHours: z.boolean().exactOptional(),
      unarchivesChats: z.boolean().exactOptional(),
      areLinkPreviewsOff: z.boolean().exactOptional(),
      areCallsRelayed: z.boolean().exactOptional(),
      statusAudience: audienceSchema(z).exactOptional(),
      notifications: z.enum(['all', 'highlights', 'default-all', 'default-highlights']).exactOptional(),
      areChannelRecommendationsOff: z.boolean().exactOptional(),
      atMs: timeSchema(z),
      origin: changeOriginSchema(z),
    }),
  upcasters: [
    // version 1 was told only of what had just been changed
    (payload) => ({ ...payload, origin: 'live' }),
  ],
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
