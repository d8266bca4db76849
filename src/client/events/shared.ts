/**
 * What the payloads of several events have in common, with the schemas of it. Not an event itself.
 */
import type { Zod, ZodSchema } from './definition.ts'

/** A person: the address that waton uses for them, and the phone number and LID addresses when known. */
export interface Person {
  /** The address to use for them, without a device. */
  readonly jid: string
  /** The phone-number address, `15550000001@s.whatsapp.net`, when known. */
  readonly pn?: string
  /** The LID address, `1234@lid`, when known. */
  readonly lid?: string
}

/** This device's account. */
export interface Me {
  /** Phone-number JID without device. */
  readonly pn: string
  /** LID JID without device. */
  readonly lid?: string
  /** The name that the account shows to others, when known. */
  readonly name?: string
  /** Which linked device of the account this is, from 1. */
  readonly deviceId: number
}

/** How an event came here: just now, from the server's offline queue, from history, or from another own device. */
export type Origin = 'live' | 'offline' | 'history' | 'own'

/**
 * Since when something that this account has set is known: `live`: it was done on another device, now or while this one was
 * away; `history`: it was so when this device was linked.
 */
export type ChangeOrigin = 'live' | 'history'

/** Which message something is about, e.g. the one that a reaction belongs to. */
export interface MessageRef {
  /** The id of that message. */
  readonly id: string
  /** The chat that it is in. */
  readonly chat: string
  /** Who wrote it, when known. */
  readonly sender?: Person
  /** Whether this account wrote it. */
  readonly fromMe: boolean
}

/** @see Person */
export function personSchema(z: Zod): ZodSchema<Person> {
  return z.object({ jid: z.string(), pn: z.string().exactOptional(), lid: z.string().exactOptional() })
}

/** @see MessageRef */
export function messageRefSchema(z: Zod): ZodSchema<MessageRef> {
  return z.object({
    id: z.string(),
    chat: z.string(),
    sender: personSchema(z).exactOptional(),
    fromMe: z.boolean(),
  })
}

/** @see Origin */
export function originSchema(z: Zod): ZodSchema<Origin> {
  return z.enum(['live', 'offline', 'history', 'own'])
}

/** @see ChangeOrigin */
export function changeOriginSchema(z: Zod): ZodSchema<ChangeOrigin> {
  return z.enum(['live', 'history'])
}

/** Milliseconds since the epoch. */
export function timeSchema(z: Zod): ZodSchema<number> {
  return z.int().nonnegative()
}
