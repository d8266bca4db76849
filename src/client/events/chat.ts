/**
 * The chat of an event. Most events belong to one; those about the account as a whole belong to none. It decides what comes in
 * order: events of one chat are handled one after the other.
 */
import type { DurableEvent, DurablePayloads, DurableType } from './index.ts'

/** The type of the chat of an event: `string` when its payload always has one. */
export type ChatOf<Type extends DurableType> = DurablePayloads[Type] extends { readonly chat: infer Chat }
  ? Chat
  : DurablePayloads[Type] extends { readonly chat?: infer Chat }
    ? Chat | undefined
    : undefined

/** The chat that an event belongs to, or `undefined` for one about the whole account. */
export function chatOf({ payload }: DurableEvent): string | undefined {
  return 'chat' in payload ? payload.chat : undefined
}
