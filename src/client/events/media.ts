/**
 * Events about media that have to be uploaded again before they can be downloaded.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { messageRefSchema, timeSchema } from './shared.ts'
import type { MessageRef } from './shared.ts'

/** The phone's answer to a request to upload the media of a message again. */
export interface MediaRetryPayload {
  /** The message whose media it is. */
  readonly message: MessageRef
  /** Where the media are now: encrypted with a key that follows from the media key. Base64. */
  readonly sealed?: { readonly ciphertext: string; readonly iv: string }
  /** The phone's number for why it could not. */
  readonly errorCode?: number
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** An answer of the phone. */
export const MEDIA_RETRY: EventDefinition<'media.retry', MediaRetryPayload> = defineEvent({
  type: 'media.retry',
  version: 1,
  schema: (z) =>
    z.object({
      message: messageRefSchema(z),
      sealed: z.object({ ciphertext: z.string(), iv: z.string() }).exactOptional(),
      errorCode: z.number().exactOptional(),
      atMs: timeSchema(z),
    }),
})
