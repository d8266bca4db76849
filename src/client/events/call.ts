/**
 * Events about calls. waton has no sound and no pictures: it tells of calls, and can decline them.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { personSchema, timeSchema } from './shared.ts'
import type { Person } from './shared.ts'

/**
 * What happened to a call. `offer`: it rings; `missed`: nobody answered; `terminate`: it is over; `preaccept`, `transport` and
 * `relaylatency` are about the line.
 */
export type CallStatus =
  'offer' | 'preaccept' | 'transport' | 'relaylatency' | 'accept' | 'reject' | 'missed' | 'terminate'

/** Something happened to a call. */
export interface CallPayload {
  /** The call. */
  readonly id: string
  /** Where it rings: a person or a group. */
  readonly chat: string
  /** What happened. */
  readonly status: CallStatus
  /** Who calls. */
  readonly from: Person
  /** The device that calls: with `id` what `client.rejectCall` needs. */
  readonly creator: string
  /** Whether it is with pictures; absent when this device has not seen the offer. */
  readonly isVideo?: boolean
  /** Whether it is for a group; absent when this device has not seen the offer. */
  readonly isGroup?: boolean
  /** The group, when the server says so. */
  readonly group?: string
  /** Why it is over, in the server's words. */
  readonly reason?: string
  /** With `relaylatency`: in milliseconds. */
  readonly latencyMs?: number
  /** The name the caller gave themselves. */
  readonly pushName?: string
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
  /** Whether the server kept it until this device was back: it may be long over. */
  readonly offline: boolean
}

/** A call. */
export const CALL: EventDefinition<'call', CallPayload> = defineEvent({
  type: 'call',
  version: 1,
  schema: (z) =>
    z.object({
      id: z.string(),
      chat: z.string(),
      status: z.enum([
        'offer',
        'preaccept',
        'transport',
        'relaylatency',
        'accept',
        'reject',
        'missed',
        'terminate',
      ]),
      from: personSchema(z),
      creator: z.string(),
      isVideo: z.boolean().exactOptional(),
      isGroup: z.boolean().exactOptional(),
      group: z.string().exactOptional(),
      reason: z.string().exactOptional(),
      latencyMs: z.number().exactOptional(),
      pushName: z.string().exactOptional(),
      atMs: timeSchema(z),
      offline: z.boolean(),
    }),
})
