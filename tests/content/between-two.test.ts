/**
 * Two clients of waton: what one adds to a message is what the other tells, by phone numbers and by LIDs, and what was
 * deleted or is of another kind cannot be edited or repeated. That other implementations understand it is tested beside this.
 */
import type { Client, MessageContent, OutgoingContent, SentMessage } from 'waton'
import { expect, test } from 'vitest'
import { ALICE, BOB, World, linkedClient, log } from '../client/support.ts'
import { until } from '../helpers/until.ts'

async function contentOf(client: Client, { id }: Pick<SentMessage, 'id'>): Promise<MessageContent> {
  return until(`the event of ${id}`, async () => {
    for (const event of await log(client))
      if (event.type === 'message' && event.payload.id === id) return event.payload.content
    return undefined
  })
}

async function pair(seed: string): Promise<{
  readonly world: World
  readonly alice: Client
  readonly bob: Client
}> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await linkedClient(world, phones.alice)
  const bob = await linkedClient(world, phones.bob)
  return { world, alice, bob }
}

const POLL: OutgoingContent = { poll: { name: 'Drink?', options: ['Tea', 'Coffee'], selectableCount: 1 } }

test('votes, answers and comments are read by the author of the message and by its reader, whatever the addresses', async () => {
  const { world, alice, bob } = await pair('between two')
  const [alicePhone, bobPhone] = world.phones
  for (const [toAlice, toBob] of [
    [ALICE, BOB],
    [alicePhone?.lid ?? '', bobPhone?.lid ?? ''],
  ] as const) {
    const poll = await alice.send(toBob, POLL)
    await contentOf(bob, poll)
    const target = { id: poll.id, chat: toAlice, fromMe: false }
    const vote = await bob.send(toAlice, { pollVote: { target, options: ['Tea'] } })
    expect(await contentOf(alice, vote)).toMatchObject({
      pollVote: { options: ['Tea'], target: { id: poll.id, fromMe: true } },
    })
    // its author votes, too
    const own = await alice.send(toBob, { pollVote: { target: poll, options: ['Coffee'] } })
    expect(await contentOf(bob, own)).toMatchObject({
      pollVote: { options: ['Coffee'], target: { id: poll.id, fromMe: false } },
    })
    const comment = await bob.send(toAlice, { comment: { target, content: { text: 'Why not both?' } } })
    expect(await contentOf(alice, comment)).toMatchObject({ comment: { content: { text: 'Why not both?' } } })

    const startsAtMs = 1_900_000_000_000
    const event = await alice.send(toBob, { event: { name: 'Lunch', startsAtMs } })
    await contentOf(bob, event)
    const invited = { id: event.id, chat: toAlice, fromMe: false }
    const answer = await bob.send(toAlice, { eventResponse: { target: invited, response: 'maybe' } })
    expect(await contentOf(alice, answer)).toMatchObject({ eventResponse: { response: 'maybe' } })
  }
})

test('a poll cannot be edited, and nothing can be added to what its author has deleted but a reaction', async () => {
  const { alice, bob } = await pair('deleted')
  const poll = await alice.send(BOB, POLL)
  await contentOf(bob, poll)
  await expect(alice.send(BOB, { edit: { target: poll, content: { text: 'x' } } })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET_KIND',
  })
  const deletion = await alice.send(BOB, { delete: { target: poll } })
  await contentOf(bob, deletion)
  const target = { id: poll.id, chat: ALICE, fromMe: false }
  await expect(bob.send(ALICE, { pollVote: { target, options: ['Tea'] } })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET_KIND',
  })
  await expect(bob.send(ALICE, { text: 'what was it?', quoted: target })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET',
  })
  await expect(alice.send(BOB, { text: 'that', quoted: poll })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET',
  })
  // the event is told as it was recorded
  expect(await contentOf(bob, poll)).toMatchObject({ poll: { name: 'Drink?' } })
})
