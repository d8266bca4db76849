/** Devices that a message has missed, because nobody told of them: the server's ack says so, and they get their copy. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import { childOf } from '../../src/protocol/binary/node.ts'
import { BOB, DEVICE, World, linkedClient, settle } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { Party, repeatsOf } from './support.ts'

const SECOND = '15550000002:2@s.whatsapp.net'

/** What happens meanwhile is never told to the device. */
async function unseenBy<Value>(world: World, jid: string, work: () => Promise<Value>): Promise<Value> {
  const device = world.device(jid)
  const { outlet } = device
  device.outlet = undefined
  const value = await work()
  device.mailbox.clear()
  device.outlet = outlet
  return value
}

async function stage(seed: string): Promise<{ world: World; alice: Party; bob: Party; second: Party }> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world.endpoint, phones.alice)
  const bob = await Party.link(world.endpoint, phones.bob)
  await alice.client.send(BOB, { text: 'first' })
  await bob.untilTexts('first')
  const second = await unseenBy(world, DEVICE, () => Party.link(world.endpoint, phones.bob))
  return { world, alice, bob, second }
}

function acksOf(world: World, id: string): readonly (string | undefined)[] {
  return world
    .received({ tag: 'ack' })
    .filter(({ attrs }) => attrs.class === 'message' && attrs.id === id)
    .map(({ attrs }) => attrs.phash)
}

describe('a device that was linked without a word', () => {
  test('gets its copy after the ack, alone, and everybody reads the message once', async () => {
    const { world, alice, bob, second } = await stage('missed')
    const { id, acked } = await alice.client.send(BOB, { text: 'for all of you' })
    await acked
    await second.untilTexts('for all of you')
    await bob.untilTexts('for all of you')
    // it was really missed, and the server said so
    expect(acksOf(world, id)[0]).toMatch(/^2:/)
    const repeats = repeatsOf(world.server.trace, DEVICE, id)
    expect(repeats.map(({ node }) => node.attrs)).toEqual([
      { id, to: SECOND, type: 'text', device_fanout: 'false' },
    ])
    expect(repeats[0] && childOf(repeats[0].node, 'enc')?.attrs).toEqual({ v: '2', type: 'pkmsg' })
    for (const reader of [bob, second])
      expect((await reader.texts()).filter((text) => text === 'for all of you')).toHaveLength(1)

    const next = await alice.client.send(BOB, { text: 'and now at once' })
    await second.untilTexts('and now at once')
    expect(acksOf(world, next.id)).toEqual([undefined])
    expect(repeatsOf(world.server.trace, DEVICE, next.id)).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('gets its copy from the next process, when the connection ends with the ack', async () => {
    const { world, alice, second } = await stage('missed, then a crash')
    const stop = world.server.trace.subscribe((entry) => {
      if (!('node' in entry) || entry.node.tag !== 'ack' || entry.node.attrs.phash === undefined) return
      stop()
      world.server.faults.dropAfter(DEVICE, 0)
    })
    onTestFinished(stop)
    const { acked } = await alice.client.send(BOB, { text: 'for all of you' })
    await acked
    await alice.restart()
    await second.untilTexts('for all of you')
    expect((await second.texts()).filter((text) => text === 'for all of you')).toHaveLength(1)
    expect(world.violations).toEqual([])
  })

  test('of this account gets its copy, too', async () => {
    const world = new World('own missed')
    const phones = await world.addPair()
    const alice = await Party.link(world.endpoint, phones.alice)
    const bob = await Party.link(world.endpoint, phones.bob)
    await alice.client.send(BOB, { text: 'first' })
    await bob.untilTexts('first')
    const store = new MemoryStore()
    const second = await unseenBy(world, DEVICE, () => linkedClient(world, phones.alice, { store }))
    const { id } = await alice.client.send(BOB, { text: 'from the first' })
    await until('the copy of the other own device', async () => {
      for await (const { type, payload } of second.events.read())
        if (type === 'message' && payload.id === id) return payload.chat
      return undefined
    })
    const [repeat] = repeatsOf(world.server.trace, DEVICE, id)
    expect(repeat?.node.attrs).toMatchObject({ to: '15550000001:2@s.whatsapp.net', recipient: BOB })
    await settle()
    expect(world.violations).toEqual([])
  })
})
