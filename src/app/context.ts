/**
 * What a handler gets: one durable event, shortcuts into it, and ways to answer that are safe to repeat. It holds no
 * state beyond the handling of that one event.
 */
import { checkArgument, OBJECT } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'
import type { Client } from '../client/client.ts'
import type { AddedText, MessageContent, OutgoingContent, OutgoingTarget } from '../client/content.ts'
import type { HandlerContext } from '../client/consume/options.ts'
import { chatOf } from '../client/events/chat.ts'
import type { DurableEvent, Me, MessagePayload, Person } from '../client/events.ts'
import type { SentMessage } from '../client/send/handle.ts'
import { parseCommand } from './commands.ts'
import type { ParsedCommand } from './commands.ts'
import type { FilterQuery, Narrowed } from './filter-query.ts'

/** What a context is made of. */
export interface ContextInit {
  readonly event: DurableEvent
  readonly client: Client
  /** What the client's consumer gives for this event. */
  readonly handler: HandlerContext
  /** What commands begin with. */
  readonly prefix: string
}

/** See the file comment. */
export class Context {
  /** The event as it stands in the log. */
  readonly event: DurableEvent
  /** The client, for everything that is not an answer. What is sent through it directly is sent again on a retry. */
  readonly client: Client
  /** A free place for middleware to leave things for later steps. */
  readonly state: Record<string, unknown> = {}
  readonly #handler: HandlerContext
  readonly #prefix: string

  constructor(init: ContextInit) {
    this.event = init.event
    this.client = init.client
    this.#handler = init.handler
    this.#prefix = init.prefix
  }

  /** Which attempt at the event this is, from 1. */
  get attempt(): number {
    return this.#handler.attempt
  }

  /** Aborted when the bot stops. */
  get signal(): AbortSignal {
    return this.#handler.signal
  }

  /** This device's account. */
  get me(): Me | undefined {
    return this.client.me
  }

  /** The chat that the event belongs to; `undefined` when it is about the whole account. */
  get chat(): string | undefined {
    return chatOf(this.event)
  }

  /** The message, when the event is one. */
  get message(): MessagePayload | undefined {
    return this.event.type === 'message' ? this.event.payload : undefined
  }

  /** Who wrote the message, when the event is one. */
  get sender(): Person | undefined {
    return this.message?.sender
  }

  /** The content of the message, when the event is one. */
  get content(): MessageContent | undefined {
    return this.message?.content
  }

  /** The text of the message, when it is a text message. */
  get text(): string | undefined {
    const content = this.content
    return content !== undefined && 'text' in content ? content.text : undefined
  }

  /** The command that the text begins with, or `undefined`. Handlers of `bot.command` read `args` and `match`. */
  get parsedCommand(): ParsedCommand | undefined {
    return this.text === undefined ? undefined : parseCommand(this.text, this.#prefix)
  }

  /** The name of the command in lower case, without prefix. */
  get command(): string | undefined {
    return this.parsedCommand?.command
  }

  /** What follows the command, cut at white space. */
  get args(): readonly string[] | undefined {
    return this.parsedCommand?.args
  }

  /** What follows the command, as it was written. */
  get match(): string | undefined {
    return this.parsedCommand?.match
  }

  /**
   * Answers in the chat of the event, once: see {@link send}.
   *
   * @param content - a text, or content as `client.send` takes it
   * @returns the handle that `client.send` gives
   */
  reply(content: string | OutgoingContent): Promise<SentMessage> {
    const { chat } = this
    return chat === undefined ? Promise.reject(noChat(this.event.type)) : this.send(chat, content)
  }

  /**
   * Sends to any chat, once for this event. The message is recorded together with the event's end, when all handlers have
   * returned: if one fails, nothing was sent, and the event is handled again. To have it sent at once, await its `acked`.
   * Call in the same order each time.
   */
  send(chat: string, content: string | OutgoingContent): Promise<SentMessage> {
    return this.#handler.send(chat, typeof content === 'string' ? { text: content } : content)
  }

  /**
   * Reacts to the message of the event, once: see {@link send}.
   *
   * @param emoji - the reaction; `''` takes it back
   */
  react(emoji: string): Promise<SentMessage> {
    const { message } = this
    return message === undefined
      ? Promise.reject(noMessage(this.event.type))
      : this.send(message.chat, { reaction: { target: message, text: emoji } })
  }

  /**
   * Changes a text that this account has sent, once: see {@link send}. One that this handler has sent leaves before it.
   *
   * @param target - what {@link send} or {@link reply} gave
   * @param content - what it says from now on
   */
  async edit(target: OutgoingTarget, content: string | AddedText): Promise<SentMessage> {
    const edited = typeof content === 'string' ? { text: content } : content
    return this.send(chatOfTarget(target), { edit: { target, content: edited } })
  }

  /**
   * Deletes a message that this account has sent, for everyone and once: see {@link send}.
   *
   * @param target - what {@link send} or {@link reply} gave
   */
  async delete(target: OutgoingTarget): Promise<SentMessage> {
    return this.send(chatOfTarget(target), { delete: { target } })
  }
}

/** A context that a filter query let through, e.g. one whose `text` is a string. */
export type FilteredContext<C extends Context, Query extends FilterQuery> = C & Narrowed<Query>

/** A context in a command handler: a text message with a command in it. */
export type CommandContext<C extends Context = Context> = C & Narrowed<'message:text'> & ParsedCommand

function chatOfTarget(target: OutgoingTarget): string {
  checkArgument('the target in ctx.edit(target, content) or ctx.delete(target)', target, OBJECT)
  return 'payload' in target ? target.payload.chat : target.chat
}

function noMessage(type: string): UsageError {
  return new UsageError(
    'WATON_BOT_NO_MESSAGE',
    `there is no message to react to, because the event is ${type}: use ctx.send(chat, { reaction: { target, text } })`,
  )
}

function noChat(type: string): UsageError {
  return new UsageError(
    'WATON_BOT_NO_CHAT',
    `there is no chat to answer in, because ${type} is about the whole account: use ctx.send(chat, content)`,
  )
}
