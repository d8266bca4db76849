/** How a durable consumer is asked for, and what its handler gets: the public part of this folder. */
import type { OutgoingContent } from '../content.ts'
import type { DurableEvent, DurableType } from '../events.ts'
import type { SentMessage } from '../send/handle.ts'

/** Where a consumer that was never seen before begins. */
export type ConsumeFrom =
  | 'start'
  | 'end'
  | {
      /** The first event that it gets. */
      readonly seq: number
    }

/** How a consumer begins, what it gets, and when it gives up. */
export interface ConsumeOptions<Type extends DurableType = DurableType> {
  /** Where a consumer that was never seen before begins; later its own progress counts. @default 'end' */
  readonly from?: ConsumeFrom
  /** Only events of these types; the others are passed over. @default all */
  readonly types?: readonly Type[]
  /** Events that were recorded longer ago when they are read are passed over, in milliseconds. @default no limit */
  readonly maxAgeMs?: number
  /** How often an event is given to the handler before it becomes a dead letter. @default 5 */
  readonly maxAttempts?: number
  /**
   * How long one attempt may take, in milliseconds. Then it has failed, and its `context.signal` is aborted; what it
   * still does cannot be stopped from outside, so a handler of a chat may overlap with the one before.
   *
   * @default no limit: a handler that never returns holds up its chat, and shows in `client.consumers()`
   */
  readonly timeoutMs?: number
  /** Stops the consumer. */
  readonly signal?: AbortSignal
}

/** What a handler gets beside the event. */
export interface HandlerContext {
  /** Which attempt at the event this is, from 1. */
  readonly attempt: number
  /** Aborted when the consumer stops or the attempt has run out of time. */
  readonly signal: AbortSignal
  /**
   * Sends a message once for this event, whatever happens: it is recorded in the same commit as the event's end, so a
   * handler that fails has sent nothing, and one that is killed and runs again sends nothing twice. It leaves when the
   * handler has returned, or as soon as `acked`, `delivered` or `read` of a message is asked for. Calls are told apart by
   * their number: make them in the same order each time.
   */
  readonly send: (chat: string, content: OutgoingContent) => Promise<SentMessage>
}

/**
 * Takes one event, of the types that were asked for. When it rejects, the event comes again; what it resolves with is not
 * looked at.
 */
export type EventHandler<Type extends DurableType = DurableType> = (
  event: Extract<DurableEvent, { readonly type: Type }>,
  context: HandlerContext,
) => unknown

/** A chat whose event keeps a consumer busy. */
export interface StuckChat {
  /** The chat; empty for events about the whole account. */
  readonly chat: string
  /** Which event. */
  readonly seq: number
  /** Attempts that have failed so far. */
  readonly failures: number
  /** Whether the handler is at it now; otherwise it waits for the next attempt. */
  readonly isRunning: boolean
  /** When this attempt began, or the last one failed, in milliseconds since the epoch. */
  readonly sinceMs: number
}

/** How a running consumer is doing. */
export interface ConsumerStatus {
  /** Its name. */
  readonly name: string
  /** Every event up to this one is finished, durably. */
  readonly low: number
  /** How many events there are behind it in the log. */
  readonly lag: number
  /** Handlers at work. */
  readonly inFlight: number
  /** Events in memory that are not finished. */
  readonly waiting: number
  /** Chats whose event failed, or keeps the handler for more than 30 seconds: the first 100. */
  readonly stuckChats: readonly StuckChat[]
}
