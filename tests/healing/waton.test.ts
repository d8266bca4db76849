/**
 * Two clients of waton, of which one loses what it needs to read: every text is read in the end, once, without a line of
 * the user's code, and nobody else notices.
 */
import { describe, expect, test } from 'vitest'
import { ALICE, BOB, DEVICE, World } from '../client/support.ts'
import { BOB_DEVICE, Party, repeatsOf, requestsFor } from './support.ts'

async function pair(seed: string): Promise<{ world: World; alice: Party; bob: Party }> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world, phones.alice)
  const bob = await Party.link(world, phones.bob)
  await alice.client.send(BOB, { text: 'first' })
  await bob.untilTexts('first')
  await bob.client.send(ALICE, { text: 'first back' })
  await alice.untilTexts('first back')
  return { world, alice, bob }
}

describe('the reader has lost its sessions', () => {
  test('what is written in them is read in the end, once each', async () => {
    const { world, alice, bob } = await pair('reader')
    expect(await bob.lose('session')).toBeGreaterThan(0)
    const sent = []
    for (const text of ['one', 'two', 'three']) sent.push(await alice.client.send(BOB, { text }))
    await bob.untilTexts('one', 'two', 'three')
    // each was really unreadable, and was asked for at most twice
    expect([...(await bob.unreadable())].sort()).toEqual(sent.map(({ id }) => id).sort())
    for (const { id } of sent) {
      expect(requestsFor(world, BOB_DEVICE, id).length).toBeLessThanOrEqual(2)
      expect(repeatsOf(world, DEVICE, id).length).toBeLessThanOrEqual(2)
      expect(repeatsOf(world, DEVICE, id).length).toBeGreaterThan(0)
    }
    expect(await bob.texts()).toHaveLength(4)
    await bob.client.send(ALICE, { text: 'back' })
    await alice.untilTexts('back')
    expect(await alice.unreadable()).toEqual([])
    expect(world.violations).toEqual([])
  })
})
