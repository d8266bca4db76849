/**
 * What the compiler knows of content to send: wrong content does not compile. `npm run check:types` checks it; running it only
 * shows that the names exist, and no function in here is called.
 */
import { describe, expectTypeOf, it } from 'vitest'
import type { Client, Context, MessagePayload, OutgoingContent, OutgoingContentOf, SentMessage } from 'waton'

const BOB = '15550000002@s.whatsapp.net'

describe('content to send', () => {
  it('has one key for its kind, and options beside it', () => {
    const send = async (client: Client, payload: MessagePayload): Promise<void> => {
      const sent = await client.send(BOB, { text: 'hi', mentions: [BOB], expiresInSeconds: 60 })
      await client.send(BOB, { text: 'about it', quoted: sent })
      await client.send(BOB, { poll: { name: 'q', options: ['a', 'b'] }, quoted: payload })
      await client.send(BOB, { contact: { displayName: 'C', phoneNumbers: ['+15550000003'] } })
      await client.send(BOB, { contacts: { cards: [{ vcard: '' }] } })
      await client.send(BOB, { liveLocation: { latitude: 1, longitude: 2 }, caption: 'here' })
      await client.send(BOB, { event: { name: 'e', startsAtMs: Date.now(), location: { name: 'here' } } })
      await client.send(BOB, { forward: payload, asForwarded: true })
      await client.send(BOB, { phoneNumberShared: true })
    }
    expectTypeOf(send).toBeFunction()
  })

  it('is taken by the answers of a bot', () => {
    const answer = (ctx: Context): Promise<SentMessage> =>
      ctx.reply({ location: { latitude: 1, longitude: 2 } })
    const text = (ctx: Context): Promise<SentMessage> => ctx.reply('text')
    expectTypeOf(answer).toBeFunction()
    expectTypeOf(text).toBeFunction()
    const quote = (ctx: Context & { readonly message: MessagePayload }): Promise<SentMessage> =>
      ctx.reply({ text: 'yes', quoted: ctx.message })
    expectTypeOf(quote).toBeFunction()
  })

  it('does not compile when it is of no kind, of two, or has a wrong part', () => {
    expectTypeOf<{ txt: string }>().not.toExtend<OutgoingContent>()
    expectTypeOf<{ text: number }>().not.toExtend<OutgoingContent>()
    expectTypeOf<{
      text: string
      poll: { name: string; options: string[] }
    }>().not.toExtend<OutgoingContent>()
    expectTypeOf<{ contact: { displayName: string } }>().not.toExtend<OutgoingContent>()
    expectTypeOf<{ location: { latitude: number } }>().not.toExtend<OutgoingContent>()
    expectTypeOf<{ text: string; quoted: string }>().not.toExtend<OutgoingContent>()
    expectTypeOf<OutgoingContentOf<'poll'>>().toExtend<OutgoingContent>()
    // @ts-expect-error -- a caption belongs to other kinds
    const caption: OutgoingContent = { text: 'x', caption: 'y' }
    // @ts-expect-error -- a setting takes no options
    const option: OutgoingContent = { limitSharing: { limited: true }, mentions: [] }
    expectTypeOf([caption, option]).toBeArray()
  })
})
