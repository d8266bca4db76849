/**
 * Two clients of waton, of which one loses what it needs to read: every text is read in the end, once, without a line of
 * the user's code, and nobody else notices.
 */
import { describe, expect, test } from 'vitest'
import { ALICE, BOB, DEVICE, World } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { registerAnew } from './identity.ts'
import { BOB_DEVICE, Party, repeatsOf, requestsFor } from './support.ts'

interface Pair {
  readonly world: World
  readonly alice: Party
  readonly bob: Party
  /** Somebody else, whose session nothing here may touch. */
  readonly before: ReadonlyMap<string, string>
}

const CAROL = '15550000003@s.whatsapp.net'

async function pair(seed: string): Promise<Pair> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world.endpoint, phones.alice)
  const bob = await Party.link(world.endpoint, phones.bob)
  await alice.client.send(BOB, { text: 'first' })
  await bob.untilTexts('first')
  await bob.client.send(ALICE, { text: 'first back' })
  await alice.untilTexts('first back')
  const carol = await world.addPhone('15550000003', 'Carol')
  const { id } = await alice.client.send(CAROL, { text: 'and you' })
  await carol.waitForMessage((message) => message.id === id)
  await carol.send(ALICE, { text: 'I read it' })
  await alice.untilTexts('I read it')
  return { world, alice, bob, before: await alice.sessions() }
}

/** That each message was asked for by `asker`, at most twice, and sent again by `writer` as often. */
function expectHealed(world: World, ids: readonly string[], asker: string, writer: string): void {
  for (const id of ids) {
    const requests = requestsFor(world.server.trace, asker, id).length
    expect(requests).toBeGreaterThan(0)
    expect(requests).toBeLessThanOrEqual(2)
    expect(repeatsOf(world.server.trace, writer, id)).toHaveLength(requests)
  }
  expect(world.violations).toEqual([])
}

/** That the sessions of Alice with others than Bob are what they were. */
async function expectUntouched({ world, alice, before }: Pair): Promise<void> {
  const bobs = world.server.world.accountOf('15550000002')?.facts.lidUser ?? ''
  const after = await alice.sessions()
  const others = [...before].filter(([address]) => !address.startsWith(bobs))
  expect(others.length).toBeGreaterThan(0)
  for (const [address, record] of others) {
    // the own phone gets a copy of everything
    if (address.includes(world.server.world.accountOf('15550000001')?.facts.lidUser ?? '-')) continue
    expect(after.get(address)).toBe(record)
  }
}

const TEXTS = ['one', 'two', 'three']

async function sendAll(from: Party, to: string): Promise<string[]> {
  const ids: string[] = []
  for (const text of TEXTS) ids.push((await from.client.send(to, { text })).id)
  return ids
}

async function once(party: Party): Promise<void> {
  await party.untilTexts(...TEXTS)
  const seen = (await party.texts()).filter((text) => TEXTS.includes(text))
  expect([...seen].sort()).toEqual([...TEXTS].sort())
}

/** Which of these messages could not be read at first; what the own phone shares with a new device may be among others. */
async function unreadableOf(party: Party, ids: readonly string[]): Promise<string[]> {
  return [...(await party.unreadable())].filter((id) => ids.includes(id))
}

describe('sessions are lost', () => {
  test('by the reader: what is written in them is read in the end, once each', async () => {
    const stage = await pair('reader')
    const { world, alice, bob } = stage
    expect(await bob.lose('session')).toBeGreaterThan(0)
    const ids = await sendAll(alice, BOB)
    await once(bob)
    // the last of them may find the session that the first has healed
    const unreadable = await unreadableOf(bob, ids)
    expect(unreadable.length).toBeGreaterThan(0)
    expectHealed(world, unreadable, BOB_DEVICE, DEVICE)
    await expectUntouched(stage)
    await bob.client.send(ALICE, { text: 'back' })
    await alice.untilTexts('back')
    expect(await alice.unreadable()).toEqual([])
  })

  test('by the writer: it begins new ones, and nothing is unreadable', async () => {
    const { world, alice, bob } = await pair('writer')
    expect(await alice.lose('session')).toBeGreaterThan(0)
    await sendAll(alice, BOB)
    await once(bob)
    expect(await bob.unreadable()).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('by both at once, while both write', async () => {
    const { world, alice, bob } = await pair('both')
    await alice.lose('session')
    await bob.lose('session')
    const [toBob, toAlice] = await Promise.all([sendAll(alice, BOB), sendAll(bob, ALICE)])
    await Promise.all([once(alice), once(bob)])
    for (const [ids, asker, writer] of [
      [toBob, BOB_DEVICE, DEVICE],
      [toAlice, DEVICE, BOB_DEVICE],
    ] as const)
      for (const id of ids) {
        expect(requestsFor(world.server.trace, asker, id).length).toBeLessThanOrEqual(2)
        expect(repeatsOf(world.server.trace, writer, id).length).toBeLessThanOrEqual(2)
      }
    expect(world.violations).toEqual([])
  })
})

describe('one-time pre-keys are lost', () => {
  test('by the reader, while first messages that need them wait for it', async () => {
    const world = new World('pre-keys')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    const bob = await Party.link(world.endpoint, phones.bob)
    await bob.client.close()
    const ids = await sendAll(alice, BOB)
    await until('the messages to wait', () => world.device(BOB_DEVICE).mailbox.after(0).length >= ids.length)
    expect(await bob.lose('pre-key')).toBeGreaterThan(0)
    await once(bob)
    expect((await unreadableOf(bob, ids)).sort()).toEqual([...ids].sort())
    expectHealed(world, ids, BOB_DEVICE, DEVICE)
  })
})

describe('signed pre-keys are lost', () => {
  test('by the reader, while first messages that need them wait for it', async () => {
    const world = new World('signed pre-keys')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    const bob = await Party.link(world.endpoint, phones.bob)
    await bob.client.close()
    const ids = await sendAll(alice, BOB)
    await until('the messages to wait', () => world.device(BOB_DEVICE).mailbox.after(0).length >= ids.length)
    expect(await bob.lose('signed-pre-key', 'pre-key')).toBeGreaterThan(1)
    await once(bob)
    expect((await unreadableOf(bob, ids)).sort()).toEqual([...ids].sort())
    expectHealed(world, ids, BOB_DEVICE, DEVICE)
  })
})

describe('an identity is registered anew', () => {
  test('by the reader, with what is written for the former one on its way', async () => {
    const stage = await pair('identity')
    const { world, alice, bob } = stage
    await bob.client.close()
    const ids = await sendAll(alice, BOB)
    await until('the messages to wait', () => world.device(BOB_DEVICE).mailbox.after(0).length >= ids.length)
    await bob.restart(() => registerAnew(world.server.faults, bob, BOB_DEVICE))
    await once(bob)
    expect((await unreadableOf(bob, ids)).sort()).toEqual([...ids].sort())
    expectHealed(world, ids, BOB_DEVICE, DEVICE)
    await expectUntouched(stage)
    await bob.client.send(ALICE, { text: 'back' })
    await alice.untilTexts('back')
  })

  test('by the writer: what it writes is read at once', async () => {
    const { world, alice, bob } = await pair('identity of the writer')
    await alice.restart(() => registerAnew(world.server.faults, alice, DEVICE))
    await sendAll(alice, BOB)
    await once(bob)
    await bob.client.send(ALICE, { text: 'back' })
    await alice.untilTexts('back')
    expect(world.violations).toEqual([])
  })
})
