/**
 * Events about newsletters, beyond their messages: reactions, views, people, settings.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod } from './definition.ts'
import { personSchema, timeSchema } from './shared.ts'
import type { Person } from './shared.ts'

/** What all events about one newsletter say. */
export interface NewsletterEvent {
  /** The newsletter. */
  readonly chat: string
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** People reacted to a message of a newsletter. Nobody is told who. */
export interface NewsletterReactionsPayload extends NewsletterEvent {
  /** The message, by the number that the server gave it. */
  readonly serverId: string
  /** How many people reacted in which way; an empty code: a reaction was taken back. */
  readonly reactions: readonly { readonly code: string; readonly count: number }[]
}

/** A message of a newsletter was seen. */
export interface NewsletterViewsPayload extends NewsletterEvent {
  /** The message, by the number that the server gave it. */
  readonly serverId: string
  /** How often. */
  readonly count: number
}

/** Somebody, perhaps this account, became or is not any more what they were in a newsletter. */
export interface NewsletterParticipantPayload extends NewsletterEvent {
  /** Who; absent: this account. */
  readonly participant?: Person
  /** What happened, e.g. `promote`, `join`, `leave`. */
  readonly action: string
  /** What they are now, e.g. `ADMIN`. */
  readonly role?: string
}

/** What a newsletter is called or allows has changed. */
export interface NewsletterChangedPayload extends NewsletterEvent {
  /** What is different now, by the names that WhatsApp uses. */
  readonly settings: Readonly<Record<string, unknown>>
}

const aboutNewsletter = (z: Zod) => ({ chat: z.string(), atMs: timeSchema(z) })

/** Reactions. */
export const NEWSLETTER_REACTIONS: EventDefinition<'newsletter.reactions', NewsletterReactionsPayload> =
  defineEvent({
    type: 'newsletter.reactions',
    version: 1,
    schema: (z) =>
      z.object({
        ...aboutNewsletter(z),
        serverId: z.string(),
        reactions: z.array(z.object({ code: z.string(), count: z.number() })),
      }),
  })

/** Views. */
export const NEWSLETTER_VIEWS: EventDefinition<'newsletter.views', NewsletterViewsPayload> = defineEvent({
  type: 'newsletter.views',
  version: 1,
  schema: (z) => z.object({ ...aboutNewsletter(z), serverId: z.string(), count: z.number() }),
})

/** People. */
export const NEWSLETTER_PARTICIPANT: EventDefinition<'newsletter.participant', NewsletterParticipantPayload> =
  defineEvent({
    type: 'newsletter.participant',
    version: 1,
    schema: (z) =>
      z.object({
        ...aboutNewsletter(z),
        participant: personSchema(z).exactOptional(),
        action: z.string(),
        role: z.string().exactOptional(),
      }),
  })

/** Settings. */
export const NEWSLETTER_CHANGED: EventDefinition<'newsletter.changed', NewsletterChangedPayload> =
  defineEvent({
    type: 'newsletter.changed',
    version: 1,
    schema: (z) => z.object({ ...aboutNewsletter(z), settings: z.record(z.string(), z.unknown()) }),
  })
