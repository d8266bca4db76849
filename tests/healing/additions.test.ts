/** What is added to a message and could not be read is repeated as what it is: with the same attributes, for the device alone. */
import { expect, test } from 'vitest'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'
import { repeatsOf } from './support.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const WATON = '15550000001:1@s.whatsapp.net'

test('a reaction, an edit and a vote reach a Baileys that has lost its session', async () => {
  const simulator = await startWorld(111)
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await linkedClient(simulator, alice)
  const baileys = await Baileys.link(simulator, bob)
  const own = await waton.send(BOB, { text: 'first' })
  await baileys.waitForText('first')
  const poll = await baileys.sendContent(ALICE, { poll: { name: 'Drink?', values: ['Tea', 'Coffee'] } })
  await until('the poll', async () => {
    for await (const { payload } of waton.events.read({ types: ['message'] }))
      if (payload.id === poll.id) return true
    return undefined
  })

  const target = { id: poll.id, chat: BOB, fromMe: false }
  const additions = [
    { content: { reaction: { target, text: '👍' } }, type: 'reaction', meta: undefined, edit: undefined },
    {
      content: { edit: { target: own, content: { text: 'second' } } },
      type: 'text',
      meta: undefined,
      edit: '1',
    },
    {
      content: { pollVote: { target, options: ['Tea'] } },
      type: 'poll',
      meta: node('meta', { polltype: 'vote' }),
      edit: undefined,
    },
  ] as const
  for (const { content, type, meta, edit } of additions) {
    expect(await baileys.lose('session')).toBeGreaterThan(0)
    const { id } = await waton.send(BOB, content)
    await until(`Baileys to read the ${type}`, () =>
      baileys.messages.some(({ key, messageStubType }) => key.id === id && messageStubType === undefined),
    )
    const [repeat] = repeatsOf(simulator.trace, WATON, id).map((stanza) => stanza.node)
    if (repeat === undefined) throw new Error(`the ${type} was not repeated`)
    expect(repeat.attrs.type).toBe(type)
    expect(repeat.attrs.edit).toBe(edit)
    expect(childOf(repeat, 'enc')?.attrs['decrypt-fail']).toBe('hide')
    expect(childOf(repeat, 'meta')).toEqual(meta)
  }
})
