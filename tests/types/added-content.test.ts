/**
 * What the compiler knows of what is added to messages: which targets fit, and what each addition takes.
 */
import type { Context, DurableEventOf, MessagePayload, MessageRef, OutgoingContent, SentMessage } from 'waton'
import { describe, expectTypeOf, it } from 'vitest'

interface Reaction<Target> {
  readonly reaction: { readonly target: Target; readonly text: string }
}

describe('what is added to a message', () => {
  it('names it by what one has: a payload, an event, a reference, or what send gave', () => {
    expectTypeOf<Reaction<MessagePayload>>().toExtend<OutgoingContent>()
    expectTypeOf<Reaction<DurableEventOf<'message'>>>().toExtend<OutgoingContent>()
    expectTypeOf<Reaction<MessageRef>>().toExtend<OutgoingContent>()
    expectTypeOf<Reaction<SentMessage>>().toExtend<OutgoingContent>()
    expectTypeOf<Reaction<string>>().not.toExtend<OutgoingContent>()
    expectTypeOf<Reaction<{ readonly id: string }>>().not.toExtend<OutgoingContent>()
  })

  it('takes the durations and words that WhatsApp has', () => {
    const target: MessageRef = { id: 'A', chat: '1@lid', fromMe: true }
    const fitting: readonly OutgoingContent[] = [
      { pin: { target, durationSeconds: 604_800 } },
      { keep: { target, action: 'undo' } },
      { pollVote: { target, options: [] } },
      { eventResponse: { target, response: 'not-going' } },
      { disappearing: { expiresInSeconds: 0 } },
      { delete: { target } },
      { edit: { target, content: { text: 'x', mentions: ['1@lid'] } } },
    ]
    expectTypeOf(fitting).items.toEqualTypeOf<OutgoingContent>()
    // @ts-expect-error an hour is none of them
    const pin: OutgoingContent = { pin: { target, durationSeconds: 3600 } }
    // @ts-expect-error the same for the timer of a chat
    const timer: OutgoingContent = { disappearing: { expiresInSeconds: 3600 } }
    // @ts-expect-error nobody answers with yes
    const answer: OutgoingContent = { eventResponse: { target, response: 'yes' } }
    // @ts-expect-error an edit quotes nothing new
    const edit: OutgoingContent = { edit: { target, content: { text: 'x', quoted: target } } }
    expectTypeOf([pin, timer, answer, edit]).items.toEqualTypeOf<OutgoingContent>()
  })

  it('has shortcuts in the context of a handler', () => {
    expectTypeOf<Context['react']>().parameters.toEqualTypeOf<[emoji: string]>()
    expectTypeOf<Parameters<Context['edit']>[0]>().toEqualTypeOf<Parameters<Context['delete']>[0]>()
    expectTypeOf<SentMessage>().toExtend<Parameters<Context['delete']>[0]>()
    expectTypeOf<Context['edit']>().returns.toEqualTypeOf<Promise<SentMessage>>()
  })
})
