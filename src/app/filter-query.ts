/**
 * Filter queries: the names that `bot.on` takes, and what each lets the compiler know about the context. The names are
 * derived from the event contract, so a new event or content kind needs one entry in `CONTENT_KINDS` at most, and the
 * compiler asks for it.
 */
import { checkArgument, TEXT } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'
import { DURABLE_TYPES, isDurableType } from '../client/events/registry.ts'
import type { ChatOf } from '../client/events/chat.ts'
import type { DurableEvent, DurableEventOf, DurableType, MessagePayload, Person } from '../client/events.ts'
import { CONTENT_KINDS } from '../client/content.ts'
import type { ContentKind, ContentOf, MessageContent } from '../client/content.ts'

/** What `bot.on` can be asked for: a durable event (`message`), or messages with one kind of content (`message:text`). */
export type FilterQuery = DurableType | `message:${ContentKind}`

/** What is known of a context that a query let through. */
export type Narrowed<Query extends FilterQuery> = Query extends `message:${infer Kind extends ContentKind}`
  ? NarrowedMessage<ContentOf<Kind>>
  : Query extends 'message'
    ? NarrowedMessage<MessageContent>
    : Query extends DurableType
      ? NarrowedEvent<Query>
      : never

/** What is known when an event of one type came. */
export interface NarrowedEvent<Type extends DurableType> {
  readonly event: DurableEventOf<Type>
  readonly chat: ChatOf<Type>
}

/** What is known when a message with this content came. */
export interface NarrowedMessage<Content extends MessageContent> extends NarrowedEvent<'message'> {
  readonly message: MessagePayload & { readonly content: Content }
  readonly sender: Person
  readonly content: Content
  readonly text: Content extends { readonly text: infer Text } ? Text : string | undefined
}

const KINDS: ReadonlySet<string> = new Set(CONTENT_KINDS)

/**
 * The test behind a query.
 *
 * @throws {UsageError} `WATON_BOT_FILTER` for a name that no event has, with the names that exist
 */
export function compileFilter(query: FilterQuery): (event: DurableEvent) => boolean {
  checkArgument('the query of on(query, ...)', query, TEXT)
  const colon = query.indexOf(':')
  if (colon === -1) {
    if (!isDurableType(query)) throw unknownFilter(query)
    return (event) => event.type === query
  }
  const kind = query.slice(colon + 1)
  if (query.slice(0, colon) !== 'message' || !KINDS.has(kind)) throw unknownFilter(query)
  return (event) => event.type === 'message' && Object.hasOwn(event.payload.content, kind)
}

function unknownFilter(query: string): UsageError {
  return new UsageError(
    'WATON_BOT_FILTER',
    `bot.on(${JSON.stringify(query.slice(0, 64))}) would never run, because no event has that name; use the type of an event, such as ${DURABLE_TYPES.slice(0, 4).join(', ')}, or message:text, message:image and the like (docs/reference/events.md)`,
  )
}
