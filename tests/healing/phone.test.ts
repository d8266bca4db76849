/** The simulated phones are clients of their own: they ask for what they cannot read, and repeat what others could not. */
import { describe, expect, test } from 'vitest'
import { ALICE, BOB, DEVICE, World } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { Party, repeatsOf, requestsFor } from './support.ts'

const TEXTS = ['one', 'two', 'three']

async function pair(seed: string): Promise<{ world: World; alice: Party; bob: SimulatedPhone }> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world.endpoint, phones.alice)
  const { bob } = phones
  await alice.client.send(BOB, { text: 'first' })
  await bob.waitForMessage(({ text }) => text === 'first')
  await bob.send(ALICE, { text: 'first back' })
  await alice.untilTexts('first back')
  return { world, alice, bob }
}

function losses(world: World): readonly string[] {
  return world.server.trace.notes.filter(({ kind }) => kind === 'fault').map(({ text }) => text)
}

async function readByPhone(bob: SimulatedPhone): Promise<void> {
  for (const wanted of TEXTS) await bob.waitForMessage(({ text }) => text === wanted)
  expect(
    bob.messages
      .filter(({ text }) => TEXTS.includes(text ?? ''))
      .map(({ text }) => text)
      .sort(),
  ).toEqual([...TEXTS].sort())
  expect(bob.undecryptable.every(({ recovered }) => recovered)).toBe(true)
}

describe('a phone', () => {
  test('that has lost its sessions reads what waton wrote, after two answers at most', async () => {
    const { world, alice, bob } = await pair('phone sessions')
    bob.loseSessions()
    const ids: string[] = []
    for (const text of TEXTS) ids.push((await alice.client.send(BOB, { text })).id)
    await readByPhone(bob)
    expect(losses(world)).toContainEqual(expect.stringMatching(/^the phone loses [1-9]\d* sessions/))
    expect(requestsFor(world.server.trace, BOB, ids[0] ?? '').length).toBeGreaterThan(0)
    for (const id of ids) expect(repeatsOf(world.server.trace, DEVICE, id).length).toBeLessThanOrEqual(2)
    expect(world.violations).toEqual([])
  })

  test('that has lost its pre-keys reads first messages that waited for it', async () => {
    const world = new World('phone pre-keys')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    const { bob } = phones
    bob.goOffline()
    const ids: string[] = []
    for (const text of TEXTS) ids.push((await alice.client.send(BOB, { text })).id)
    await until('the messages to wait', () => world.device(BOB).mailbox.after(0).length >= ids.length)
    expect(bob.losePreKeys()).toBeGreaterThan(0)
    bob.goOnline()
    await readByPhone(bob)
    for (const id of ids) {
      expect(requestsFor(world.server.trace, BOB, id).length).toBeGreaterThan(0)
      expect(repeatsOf(world.server.trace, DEVICE, id).length).toBeLessThanOrEqual(2)
    }
    expect(world.violations).toEqual([])
  })

  test('repeats what waton could not read any more', async () => {
    const { world, alice, bob } = await pair('waton and a phone')
    expect(await alice.lose('session')).toBeGreaterThan(0)
    const ids: string[] = []
    for (const text of TEXTS) ids.push((await bob.send(ALICE, { text })).id)
    await alice.untilTexts(...TEXTS)
    expect((await alice.texts()).filter((text) => TEXTS.includes(text))).toHaveLength(TEXTS.length)
    expect(await alice.replaced()).toContain(ids[0])
    expect(requestsFor(world.server.trace, DEVICE, ids[0] ?? '')).toHaveLength(1)
    expect(world.violations).toEqual([])
  })

  test('repeats after a restart, and what it repeats takes the place of what was told before', async () => {
    const { world, alice, bob } = await pair('restart before the repetition')
    expect(await alice.lose('session')).toBeGreaterThan(0)
    let id = ''
    await alice.restart(async () => {
      id = (await bob.send(ALICE, { text: 'one' })).id
      await until('the message to wait', () => world.device(DEVICE).mailbox.after(0).length > 0)
      bob.goOffline()
    })
    await until('the message that could not be read', async () => (await alice.unreadable()).includes(id))
    await alice.restart()
    expect(await alice.texts()).toEqual(['first back'])
    bob.goOnline()
    await alice.untilTexts('one')
    expect(await alice.replaced()).toEqual([id])
    await alice.restart()
    expect(await alice.replaced()).toEqual([id])
    expect(await alice.unreadable()).toEqual([id])
  })

  test('of this account repeats what its human wrote, in the chat that it was written in', async () => {
    const world = new World('own phone')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    await phones.alice.send(BOB, { text: 'from the phone' })
    await until('the copy', async () => (await own(alice)).includes('from the phone'))
    expect(await alice.lose('session')).toBeGreaterThan(0)
    const { id } = await phones.alice.send(BOB, { text: 'from the phone again' })
    await until('the copy that was asked for', async () =>
      (await own(alice)).includes('from the phone again'),
    )
    expect(requestsFor(world.server.trace, DEVICE, id).length).toBeGreaterThan(0)
    expect((await own(alice)).filter((text) => text === 'from the phone again')).toHaveLength(1)
    await until(
      'nothing to be left with the server',
      () => world.device(DEVICE).mailbox.after(0).length === 0,
    )
    expect(world.violations).toEqual([])
  })
})

describe('a request to the own phone', () => {
  test('that it could not read is sent again, as what it is', async () => {
    const world = new World('own phone cannot read')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    // a phone shares keys and history with a new device, which would begin a session anew
    await until(
      'what the phone shares',
      () => world.received({ tag: 'message' }).filter(({ attrs }) => attrs.category === 'peer').length > 1,
    )
    await phones.alice.idle()
    await phones.alice.send(BOB, { text: 'a session with the phone' })
    await until('the copy', async () => (await own(alice)).length > 0)
    expect(phones.alice.loseSessions(ALICE)).toBeGreaterThan(0)
    // a message without content is asked of the phone
    const t = String(Math.floor(Date.now() / 1000))
    world.inject(node('message', { from: BOB, id: 'EMPTY', t, type: 'text', notify: 'Bob' }))
    const [repeat] = await until('the request again', () => {
      const peers = world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.category === 'peer')
      const [first] = peers
      if (first === undefined) return undefined
      expect(requestsFor(world.server.trace, ALICE, first.attrs.id ?? '').length).toBeLessThanOrEqual(2)
      const entry = phones.alice.undecryptable.find(({ id }) => id === first.attrs.id)
      const again = repeatsOf(world.server.trace, DEVICE, first.attrs.id ?? '').slice(1)
      // the phone is done when it has answered a copy that it could read
      const isRead = world
        .received({ tag: 'receipt' })
        .some(({ attrs }) => attrs.id === first.attrs.id && attrs.type === 'peer_msg')
      return entry !== undefined && isRead && again
    })
    expect(repeat?.node.attrs).toMatchObject({
      to: ALICE,
      category: 'peer',
      push_priority: 'high_force',
      device_fanout: 'false',
    })
    expect(repeat?.node.attrs.recipient).toBeUndefined()
    expect(world.violations).toEqual([])
  })
})

/** The texts that other devices of the account wrote to Bob. */
async function own({ client }: Party): Promise<readonly string[]> {
  const texts: string[] = []
  for await (const { type, payload } of client.events.read()) {
    if (type !== 'message' || !payload.fromMe || !('text' in payload.content)) continue
    const { text } = payload.content
    if (typeof text === 'string') texts.push(text)
  }
  return texts
}
