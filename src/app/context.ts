/**
 * What a handler gets: one durable event, shortcuts into it, and ways to answer that are safe to repeat. It holds no
 * state beyond the handling of that one event.
 */
import { UsageError } from '../base/errors.ts'
import type { Client } from '../client/client.ts'
import type { MessageContent, OutgoingContent } from '../client/content.ts'
import { chatOf } from '../client/events/chat.ts'
import type { DurableEvent, Me, MessagePayload, Person } from '../client/events.ts'
import type { SentMessage } from '../client/send/handle.ts'
import { parseCommand } from './commands.ts'
import type { ParsedCommand } from './commands.ts'
import { effectId } from './effect-id.ts'
import type { FilterQuery, Narrowed } from './filter-query.ts'

/** What a context is made of. */
export interface ContextInit {
  readonly event: DurableEvent
  readonly client: Client
  /** The consumer that handles the event; part of the ids of what is sent. */
  readonly consumer: string
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
  readonly #consumer: string
  readonly #prefix: string
  #calls = 0

  constructor(init: ContextInit) {
    this.event = init.event
    this.client = init.client
    this.#consumer = init.consumer
    this.#prefix = init.prefix
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
   * Answers in the chat of the event. Resolves when the message is durable; it reaches the server in its own time.
   *
   * @param content - a text, or content as `client.send` takes it
   * @returns the handle that `client.send` gives
   */
  reply(content: string | OutgoingContent): Promise<SentMessage> {
    const { chat } = this
    return chat === undefined ? Promise.reject(noChat(this.event.type)) : this.send(chat, content)
  }

  /**
   * Sends to any chat, once for this event: the id follows from the event and from the number of the call, so the same
   * handler running again repeats the same message. Call in the same order each time.
   */
  send(chat: string, content: string | OutgoingContent): Promise<SentMessage> {
    const me = this.me
    if (me === undefined) return Promise.reject(notLinked())
    const id = effectId({ consumer: this.#consumer, account: me.pn, event: this.event, call: this.#calls })
    this.#calls += 1
    return this.client.send(chat, typeof content === 'string' ? { text: content } : content, { id })
  }
}

/** A context that a filter query let through, e.g. one whose `text` is a string. */
export type FilteredContext<C extends Context, Query extends FilterQuery> = C & Narrowed<Query>

/** A context in a command handler: a text message with a command in it. */
export type CommandContext<C extends Context = Context> = C & Narrowed<'message:text'> & ParsedCommand

function noChat(type: string): UsageError {
  return new UsageError(
    'WATON_BOT_NO_CHAT',
    `there is no chat to answer in, because ${type} is about the whole account: use ctx.send(chat, content)`,
  )
}

function notLinked(): UsageError {
  return new UsageError(
    'WATON_BOT_NOT_LINKED',
    'nothing can be sent, because this account is not linked to a phone: start the bot and scan the QR code',
    { action: 'link' },
  )
}
