/**
 * What the compiler knows of a client: events, content, handles, errors. `npm run check:types` checks it; running it only
 * shows that the names exist, and no function in here is called.
 */
import { describe, expectTypeOf, it } from 'vitest'
import { hasCode, isWatonError } from 'waton'
import type {
  Client,
  ClientEvents,
  DurableEvent,
  DurableEventOf,
  DurableType,
  EphemeralEvents,
  FilterQuery,
  ErrorAction,
  ErrorCode,
  Me,
  MessagePayload,
  SendFailedPayload,
  SentMessage,
  WatonError,
} from 'waton'

const BOB = '15550000002@s.whatsapp.net'

describe('events', () => {
  it('that are durable come with their place in the log', () => {
    const listen = (client: Client): unknown =>
      client.on('message', (event) => {
        expectTypeOf(event).toEqualTypeOf<DurableEventOf<'message'>>()
        expectTypeOf(event.seq).toEqualTypeOf<number>()
        expectTypeOf(event.payload).toEqualTypeOf<MessagePayload>()
      })
    expectTypeOf(listen).toBeFunction()
    expectTypeOf<ClientEvents['send.failed']['payload']>().toEqualTypeOf<SendFailedPayload>()
  })

  it('that are of the moment have no place in the log', () => {
    expectTypeOf<ClientEvents['pairing.qr']>().not.toHaveProperty('seq')
    expectTypeOf<ClientEvents['connection.open']>().toEqualTypeOf<{ readonly me: Me }>()
    expectTypeOf<'pairing.qr'>().not.toExtend<DurableEvent['type']>()
  })

  it('narrow by their type in a consumer', () => {
    const handle = (event: DurableEvent): void => {
      if (event.type === 'send.failed') expectTypeOf(event.payload).toEqualTypeOf<SendFailedPayload>()
    }
    expectTypeOf(handle).toBeFunction()
  })

  it('that a consumer has asked for are those that its handler gets', () => {
    const consume = (client: Client): unknown =>
      client.consume(
        'desk',
        (event, { send }) => {
          expectTypeOf(event).toEqualTypeOf<DurableEventOf<'message'> | DurableEventOf<'send.failed'>>()
          return send(BOB, { text: 'seen' })
        },
        { types: ['message', 'send.failed'], from: 'start' },
      )
    expectTypeOf(consume).toBeFunction()
    const consumeAll = (client: Client): unknown =>
      client.consume('all', (event) => {
        expectTypeOf(event).toEqualTypeOf<DurableEvent>()
      })
    expectTypeOf(consumeAll).toBeFunction()
  })

  it('may be answered by a listener, whatever that gives back', () => {
    const answer = (client: Client): unknown =>
      client.on('message', ({ payload }) => client.send(payload.chat, { text: 'seen' }))
    expectTypeOf(answer).toBeFunction()
  })

  it('read from the log are of the types that were asked for', () => {
    const read = (client: Client) => client.events.read({ types: ['message', 'send.failed'], chat: BOB })
    expectTypeOf(read).toBeFunction()
    type Read = ReturnType<typeof read> extends AsyncIterable<infer Event> ? Event : never
    expectTypeOf<Read>().toEqualTypeOf<DurableEventOf<'message'> | DurableEventOf<'send.failed'>>()
    const readAll = (client: Client): AsyncIterable<DurableEvent> =>
      client.events.read({ after: 1, until: 9 })
    expectTypeOf(readAll).toBeFunction()
    // @ts-expect-error -- there is no such event
    const misread = (client: Client): unknown => client.events.read({ types: ['mesage'] })
    expectTypeOf(misread).toBeFunction()
  })

  it('are all known to listeners and to the filters of a bot', () => {
    expectTypeOf<keyof ClientEvents>().toEqualTypeOf<DurableType | keyof EphemeralEvents>()
    expectTypeOf<DurableType>().toExtend<FilterQuery>()
    expectTypeOf<DurableEvent['type']>().toEqualTypeOf<DurableType>()
  })

  it('have names, and a mistake in one does not compile', () => {
    // @ts-expect-error -- there is no such event
    const listen = (client: Client): unknown => client.on('mesage', () => undefined)
    expectTypeOf(listen).toBeFunction()
  })
})

describe('content', () => {
  it('is sent as an object, and the handle tells how far it got', () => {
    const send = (client: Client): Promise<SentMessage> => client.send(BOB, { text: 'hi' }, { id: 'a' })
    expectTypeOf(send).returns.resolves.toEqualTypeOf<SentMessage>()
    expectTypeOf<SentMessage['acked']>().toEqualTypeOf<Promise<void>>()
  })

  it('without a kind does not compile', () => {
    // @ts-expect-error -- content has a kind
    const send = (client: Client): unknown => client.send(BOB, {})
    expectTypeOf(send).toBeFunction()
  })

  it('of an unknown kind does not compile', () => {
    // @ts-expect-error -- there is no such kind
    const send = (client: Client): unknown => client.send(BOB, { txet: 'hi' })
    expectTypeOf(send).toBeFunction()
  })

  it('as bare text does not compile', () => {
    // @ts-expect-error -- content is an object; a bot's ctx.reply also takes text
    const send = (client: Client): unknown => client.send(BOB, 'hi')
    expectTypeOf(send).toBeFunction()
  })

  it('with an unknown option does not compile', () => {
    // @ts-expect-error -- there is no such option
    const send = (client: Client): unknown => client.send(BOB, { text: 'hi' }, { ids: 'a' })
    expectTypeOf(send).toBeFunction()
  })
})

describe('a download', () => {
  it('is the file, or nothing where it goes to the disk', () => {
    const download = (client: Client, message: MessagePayload): Promise<Uint8Array> =>
      client.download(message)
    const toFile = (client: Client, message: MessagePayload): Promise<undefined> =>
      client.download(message, { path: 'a.jpg' })
    expectTypeOf(download).toBeFunction()
    expectTypeOf(toFile).toBeFunction()
  })

  it('of something that names no message does not compile', () => {
    // @ts-expect-error -- the chat is missing
    const download = (client: Client): unknown => client.download({ id: 'A' })
    expectTypeOf(download).toBeFunction()
  })
})

describe('errors', () => {
  it('have a code that the compiler knows', () => {
    expectTypeOf<WatonError['code']>().toEqualTypeOf<ErrorCode>()
    expectTypeOf<'WATON_STORE_OWNED'>().toExtend<ErrorCode>()
    expectTypeOf<'WATON_STORE_OWND'>().not.toExtend<ErrorCode>()
  })

  it('say what to do in one of a few words', () => {
    expectTypeOf<WatonError['action']>().toEqualTypeOf<ErrorAction>()
    expectTypeOf<'retry' | 'fix-call' | 'link'>().toExtend<ErrorAction>()
  })

  it('narrow from unknown', () => {
    const look = (error: unknown): void => {
      if (isWatonError(error)) expectTypeOf(error).toEqualTypeOf<WatonError>()
      if (hasCode(error, 'WATON_STORE_OWNED', 'WATON_STORE_FENCED'))
        expectTypeOf(error.code).toEqualTypeOf<'WATON_STORE_OWNED' | 'WATON_STORE_FENCED'>()
    }
    expectTypeOf(look).toBeFunction()
  })
})
