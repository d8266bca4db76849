/**
 * What the compiler knows in a handler. `npm run check:types` checks it: a narrowing that silently widens stops the build.
 * Running it only shows that the calls exist; no handler is called.
 */
import { Composer } from 'waton'
import type {
  ChangeOrigin,
  CommandContext,
  Context,
  DurableEventOf,
  MessageContent,
  MessagePayload,
  MessageRef,
  OutgoingContent,
  Person,
  SendFailedPayload,
  SentMessage,
} from 'waton'
import { describe, expectTypeOf, it } from 'vitest'

describe('the context of a handler', () => {
  it('knows nothing without a filter', () => {
    new Composer().use((ctx) => {
      expectTypeOf(ctx).toEqualTypeOf<Context>()
      expectTypeOf(ctx.text).toEqualTypeOf<string | undefined>()
      expectTypeOf(ctx.message).toEqualTypeOf<MessagePayload | undefined>()
      expectTypeOf(ctx.args).toEqualTypeOf<readonly string[] | undefined>()
    })
  })

  it('has a message, its sender and its content with the filter message', () => {
    new Composer().on('message', (ctx) => {
      expectTypeOf(ctx.text).toEqualTypeOf<string | undefined>()
      expectTypeOf(ctx.sender).toEqualTypeOf<Person>()
      expectTypeOf(ctx.event.type).toEqualTypeOf<'message'>()
      expectTypeOf(ctx.content).toExtend<MessageContent>()
    })
  })

  it('has a text with the filter message:text', () => {
    new Composer().on('message:text', (ctx) => {
      expectTypeOf(ctx.text).toEqualTypeOf<string>()
      expectTypeOf(ctx.content.text).toEqualTypeOf<string>()
      expectTypeOf(ctx.message.content.text).toEqualTypeOf<string>()
      expectTypeOf(ctx.chat).toEqualTypeOf<string>()
    })
  })

  it('has no text in content of another kind', () => {
    new Composer().on('message:unknown', (ctx) => {
      expectTypeOf(ctx.content.unknown.kind).toEqualTypeOf<string>()
      expectTypeOf(ctx.content).not.toHaveProperty('text')
    })
  })

  it('has what other devices of the account do, with the chat where there is one', () => {
    new Composer().on('chat.changed', (ctx) => {
      expectTypeOf(ctx.chat).toEqualTypeOf<string>()
      expectTypeOf(ctx.event.payload.changes.isArchived).toEqualTypeOf<boolean | undefined>()
      expectTypeOf(ctx.event.payload.origin).toEqualTypeOf<ChangeOrigin>()
    })
    new Composer().on('label.assigned', (ctx) => {
      expectTypeOf(ctx.chat).toEqualTypeOf<string>()
      expectTypeOf(ctx.event.payload.message).toEqualTypeOf<MessageRef | undefined>()
    })
    new Composer().on('label.changed', (ctx) => {
      expectTypeOf(ctx.chat).toEqualTypeOf<undefined>()
      expectTypeOf(ctx.event.payload.name).toEqualTypeOf<string | undefined>()
    })
    new Composer().on('message.starred', (ctx) => {
      expectTypeOf(ctx.chat).toEqualTypeOf<string>()
      // it names the message itself: give it to whatever takes one
      expectTypeOf(ctx.event.payload).toExtend<MessageRef>()
    })
  })

  it('has the payload of any other event', () => {
    new Composer().on('send.failed', (ctx) => {
      expectTypeOf(ctx.event).toExtend<DurableEventOf<'send.failed'>>()
      expectTypeOf(ctx.event.payload).toEqualTypeOf<SendFailedPayload>()
    })
  })

  it('is a text message with arguments for a command', () => {
    new Composer().command('ping', (ctx) => {
      expectTypeOf(ctx.args).toEqualTypeOf<readonly string[]>()
      expectTypeOf(ctx.match).toEqualTypeOf<string>()
      expectTypeOf(ctx.command).toEqualTypeOf<string>()
      expectTypeOf(ctx.text).toEqualTypeOf<string>()
      expectTypeOf(ctx).toExtend<CommandContext>()
    })
  })

  it('keeps what is known from branch to branch', () => {
    const short = <C extends Context & { readonly text: string }>(
      ctx: C,
    ): ctx is C & { readonly isShort: true } => ctx.text.length < 9
    const texts = new Composer().on('message:text')
    texts.filter(short, (ctx) => {
      expectTypeOf(ctx.isShort).toEqualTypeOf<true>()
      expectTypeOf(ctx.text).toEqualTypeOf<string>()
    })
    texts.command('echo', (ctx) => {
      expectTypeOf(ctx.text).toEqualTypeOf<string>()
    })
  })

  it('replies with a text or content, and gives a handle', () => {
    expectTypeOf<Context['reply']>().parameters.toEqualTypeOf<[content: string | OutgoingContent]>()
    expectTypeOf<Context['reply']>().returns.toEqualTypeOf<Promise<SentMessage>>()
  })
})

describe('a mistake', () => {
  it('in the name of a filter does not compile', () => {
    expectTypeOf<'message:txet'>().not.toExtend<Parameters<Composer['on']>[0]>()
  })

  it('in a handler does not compile', () => {
    // @ts-expect-error -- a handler is a function
    const withText = (composer: Composer): unknown => composer.command('ping', 'pong')
    expectTypeOf(withText).toBeFunction()
  })
})
