/**
 * Events about other people: how they show themselves, which number, which devices and which keys they have.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { changeOriginSchema, personSchema, timeSchema } from './shared.ts'
import type { ChangeOrigin, Person } from './shared.ts'

/** What all events about one person say. */
export interface ContactEvent {
  /** Whom it is about. */
  readonly contact: Person
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** Somebody, perhaps this account on another device, has another picture. */
export interface ContactPicturePayload extends ContactEvent {
  /** Whether they have none any more. */
  readonly isRemoved: boolean
  /** Names the new picture, when the server says so. */
  readonly pictureId?: string
}

/** Somebody has written something else about themselves. */
export interface ContactAboutPayload extends ContactEvent {
  /** The new text; empty when it was taken away. */
  readonly about: string
}

/** Something else about somebody has changed: ask for it when you need it. */
export interface ContactChangedPayload extends ContactEvent {
  /** `number`: they have another phone number; `profile`: how they show themselves; `business`: see `details`. */
  readonly what: 'number' | 'profile' | 'business'
  /** With `number`: who they were before. */
  readonly before?: Person
  /** With `business`: what of it, e.g. `verified-name`, `catalog`, `removed`. */
  readonly details?: string
  /** With `verified-name`: the name. */
  readonly name?: string
}

/** Somebody was put into the address book of this account, stands there under another name, or not any more. */
export interface ContactSavedPayload extends ContactEvent {
  /** Whether they stand in it. */
  readonly isSaved: boolean
  /** The name that they have there. */
  readonly name?: string
  /** The first part of it, for greetings. */
  readonly firstName?: string
  /** Their user name, when they are known by one. */
  readonly username?: string
  /** `live`: on another device, now or while this one was away; `history`: it was so when this device was linked. */
  readonly origin: ChangeOrigin
}

/** New chats with somebody begin with vanishing messages, or do not any more. */
export interface ContactDisappearingPayload extends ContactEvent {
  /** After how many seconds; 0: messages stay. */
  readonly seconds: number
}

/** Somebody registered anew, e.g. on a new phone: they have other keys. Their security code is another one. */
export type IdentityChangedPayload = ContactEvent

/** The phone has told the LIDs of people in its address book. Events about them carry both addresses from now on. */
export interface LidMappingPayload {
  /** Whose number and LID are new to this device, 1,000 at most; each has both. */
  readonly contacts: readonly Person[]
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** Somebody, or this account, has linked or unlinked devices. */
export interface DevicesChangedPayload extends ContactEvent {
  /** `update`: the server says only that the list is old. */
  readonly action: 'add' | 'remove' | 'update'
  /** Device numbers: which were added or removed; with `update` what the server named, which may be nothing. */
  readonly devices: readonly number[]
}

/** Another picture. */
export const CONTACT_PICTURE: EventDefinition<'contact.picture', ContactPicturePayload> = defineEvent({
  type: 'contact.picture',
  version: 1,
  schema: (z) =>
    z.object({
      contact: personSchema(z),
      atMs: timeSchema(z),
      isRemoved: z.boolean(),
      pictureId: z.string().exactOptional(),
    }),
})

/** Another text about themselves. */
export const CONTACT_ABOUT: EventDefinition<'contact.about', ContactAboutPayload> = defineEvent({
  type: 'contact.about',
  version: 1,
  schema: (z) => z.object({ contact: personSchema(z), atMs: timeSchema(z), about: z.string() }),
})

/** Another number, profile or business. */
export const CONTACT_CHANGED: EventDefinition<'contact.changed', ContactChangedPayload> = defineEvent({
  type: 'contact.changed',
  version: 1,
  schema: (z) =>
    z.object({
      contact: personSchema(z),
      atMs: timeSchema(z),
      what: z.enum(['number', 'profile', 'business']),
      before: personSchema(z).exactOptional(),
      details: z.string().exactOptional(),
      name: z.string().exactOptional(),
    }),
})

/** The address book. */
export const CONTACT_SAVED: EventDefinition<'contact.saved', ContactSavedPayload> = defineEvent({
  type: 'contact.saved',
  version: 1,
  schema: (z) =>
    z.object({
      contact: personSchema(z),
      atMs: timeSchema(z),
      isSaved: z.boolean(),
      name: z.string().exactOptional(),
      firstName: z.string().exactOptional(),
      username: z.string().exactOptional(),
      origin: changeOriginSchema(z),
    }),
})

/** Another default for vanishing messages. */
export const CONTACT_DISAPPEARING: EventDefinition<'contact.disappearing', ContactDisappearingPayload> =
  defineEvent({
    type: 'contact.disappearing',
    version: 1,
    schema: (z) =>
      z.object({ contact: personSchema(z), atMs: timeSchema(z), seconds: z.int().nonnegative() }),
  })

/** Numbers and LIDs. */
export const LID_MAPPING: EventDefinition<'lid.mapping', LidMappingPayload> = defineEvent({
  type: 'lid.mapping',
  version: 1,
  schema: (z) => z.object({ contacts: z.array(personSchema(z)), atMs: timeSchema(z) }),
})

/** Other keys. */
export const IDENTITY_CHANGED: EventDefinition<'identity.changed', IdentityChangedPayload> = defineEvent({
  type: 'identity.changed',
  version: 1,
  schema: (z) => z.object({ contact: personSchema(z), atMs: timeSchema(z) }),
})

/** Other devices. */
export const DEVICES_CHANGED: EventDefinition<'devices.changed', DevicesChangedPayload> = defineEvent({
  type: 'devices.changed',
  version: 1,
  schema: (z) =>
    z.object({
      contact: personSchema(z),
      atMs: timeSchema(z),
      action: z.enum(['add', 'remove', 'update']),
      devices: z.array(z.int().nonnegative()),
    }),
})
