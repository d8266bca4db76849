/**
 * Events about what this account sends, beyond the receipts of `message.ts`.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'

/** A message of this account was refused for good. */
export interface SendFailedPayload {
  /** The id that `client.send` gave. */
  readonly id: string
  /** The chat that it was meant for. */
  readonly chat: string
  /** A stable code, e.g. `WATON_SEND_REFUSED`. */
  readonly code: string
  /** The server's own number for it, when it gave one. */
  readonly serverCode?: number
}

/** A message of ours that nobody will get. */
export const SEND_FAILED: EventDefinition<'send.failed', SendFailedPayload> = defineEvent({
  type: 'send.failed',
  version: 1,
  schema: (z) =>
    z.object({
      id: z.string(),
      chat: z.string(),
      code: z.string(),
      serverCode: z.number().exactOptional(),
    }),
})
