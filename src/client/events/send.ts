/**
 * Events about what this account sends, beyond the receipts of `message.ts`.
 */
import { ERROR_ACTIONS } from '../../base/errors.ts'
import type { ErrorAction } from '../../base/errors.ts'
import { adviceFor } from '../send/failure.ts'
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'

/** A message of this account was refused for good, or could not be sent. */
export interface SendFailedPayload {
  /** The id that `client.send` gave. */
  readonly id: string
  /** The chat that it was meant for. */
  readonly chat: string
  /** A stable code, e.g. `WATON_SEND_REFUSED`. */
  readonly code: string
  /** The server's own number for it, when it gave one. */
  readonly serverCode?: number
  /** What to do, by name; see `ERROR_ACTIONS`. */
  readonly action: ErrorAction
  /** What to do, in a sentence. */
  readonly advice: string
}

const ACTIONS = Object.keys(ERROR_ACTIONS) as ErrorAction[]

/** A message of ours that nobody will get. */
export const SEND_FAILED: EventDefinition<'send.failed', SendFailedPayload> = defineEvent({
  type: 'send.failed',
  version: 2,
  schema: (z) =>
    z.object({
      id: z.string(),
      chat: z.string(),
      code: z.string(),
      serverCode: z.number().exactOptional(),
      action: z.enum(ACTIONS),
      advice: z.string(),
    }),
  upcasters: [
    // version 1 left what to do to the reader
    (payload) => ({ ...payload, ...adviceFor(payload as unknown as { code: string; serverCode?: number }) }),
  ],
})
