/** Devices that a message has missed, because nobody told of them: the server's ack says so, and they get their copy. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import { childOf } from '../../src/protocol/binary/node.ts'
import type { ClientOptions } from 'waton'
import { BOB, DEVICE, FastClock, World, linkedClient, settle } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { Party, repeatsOf } from './support.ts'

/** With a clock that runs fast: nothing ends because the machine is slow. */
const PATIENT = { ackTimeoutMs: 1e9, queryTimeoutMs: 1e9, keepAliveMs: 1e9, pongTimeoutMs: 1e9, leaseMs: 1e9 }

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

interface Stage {
  readonly world: World
  readonly alice: Party
  readonly bob: Party
  readonly second: Party
}

async function stage(seed: string, options: Partial<ClientOptions> = {}): Promise<Stage> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world.endpoint, phones.alice, options)
  const bob = await Party.link(world.endpoint, phones.bob)
  await alice.client.send(BOB, { text: 'first' })
  await bob.untilTexts('first')
  const second = await unseenBy(world, DEVICE, () => Party.link(world.endpoint, phones.bob))
  return { world, alice, bob, second }
}

/** The server refuses the copies that go out once it has said that there are other devices. */
function refuseCopies(world: World, code: number, times: number): void {
  const stop = world.server.trace.subscribe((entry) => {
    if (!('node' in entry) || entry.node.tag !== 'ack' || entry.node.attrs.phash === undefined) return
    stop()
    world.server.faults.refuseMessages(DEVICE, code, { times })
  })
  onTestFinished(stop)
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

  test.each([429, 503])('gets its copy after the server could not take it (%i)', async (code) => {
    const clock = new FastClock(100)
    const { world, alice, second } = await stage(`missed, then ${String(code)}`, { clock })
    refuseCopies(world, code, 3)
    const startMs = clock.nowMs()
    const { id } = await alice.client.send(BOB, { text: 'for all of you' })
    await second.untilTexts('for all of you')
    const repeats = repeatsOf(world.server.trace, DEVICE, id)
    expect(repeats).toHaveLength(4)
    // the same copy each time
    for (const { node } of repeats) expect(node).toEqual(repeats[0]?.node)
    // pauses of 5, 10 and 20 seconds, of which up to a quarter is left to chance
    expect(clock.nowMs() - startMs).toBeGreaterThan(26_000)
    expect((await second.texts()).filter((text) => text === 'for all of you')).toHaveLength(1)
    await settle()
    expect(await alice.store.listRecords('default', 'resend-order', undefined, 10)).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('gets the identical copy again on the same connection when its ack is lost, and shows it once', async () => {
    const timing = { ackTimeoutMs: 60_000 }
    const { world, alice, second } = await stage('missed, ack lost', { clock: new FastClock(100), timing })
    const stop = world.server.trace.subscribe((entry) => {
      if (!('node' in entry) || entry.node.tag !== 'ack' || entry.node.attrs.phash === undefined) return
      stop()
      world.server.faults.loseAcks(DEVICE)
    })
    onTestFinished(stop)
    const sockets = world.sockets
    const { id } = await alice.client.send(BOB, { text: 'for all of you' })
    await until('the end of the order', async () => {
      const left = await alice.store.listRecords('default', 'resend-order', undefined, 10)
      return left.length === 0 && acksOf(world, id).length === 2
    })
    const [first, ...others] = repeatsOf(world.server.trace, DEVICE, id).map(({ node }) => node)
    expect(others).toEqual([first])
    expect(world.sockets).toBe(sockets)
    await second.untilTexts('for all of you')
    expect((await second.texts()).filter((text) => text === 'for all of you')).toHaveLength(1)
  })

  test('is given up when the server refuses its copy for good', async () => {
    const { world, alice } = await stage('missed, then 403', { clock: new FastClock(100) })
    refuseCopies(world, 403, 1)
    const { id, acked } = await alice.client.send(BOB, { text: 'for all of you' })
    await acked
    await until('the refusal', () => acksOf(world, id).length === 2)
    await until('the end of the order', async () => {
      return (await alice.store.listRecords('default', 'resend-order', undefined, 10)).length === 0
    })
    expect(repeatsOf(world.server.trace, DEVICE, id)).toHaveLength(1)
  })

  test('is given up in the end by a server that never takes its copy', async () => {
    const clock = new FastClock(2_000)
    const { world, alice } = await stage('missed, then 503 for ever', { clock, timing: PATIENT })
    refuseCopies(world, 503, 100)
    const { id } = await alice.client.send(BOB, { text: 'for all of you' })
    await until('the end of the order', async () => {
      const left = await alice.store.listRecords('default', 'resend-order', undefined, 10)
      return left.length === 0 && repeatsOf(world.server.trace, DEVICE, id).length > 8
    })
    // as often as the outbox repeats a message
    expect(repeatsOf(world.server.trace, DEVICE, id)).toHaveLength(9)
  })
})
