/**
 * The offline queue against a server with the habits that real ones were seen with: nothing may stall it, lose a stanza, or
 * change the order (promise G2).
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, EphemeralEvents } from 'waton'
import { node } from '../../src/protocol/binary/node.ts'
import { deliverStanza } from '../../src/simulator/deliver.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import type { OfflineHabits } from '../../src/simulator/world/offline.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  FastClock,
  World,
  linkedClient,
  log,
  messageIds,
  newClient,
  settle,
} from './support.ts'

type Progress = EphemeralEvents['sync.offline']

/** A client that is away, and what it reports when it is back. */
async function away(
  seed: string,
  habits: Partial<OfflineHabits> = {},
): Promise<{
  world: World
  bob: SimulatedPhone
  back: () => Promise<{ client: Client; progress: Progress[] }>
}> {
  const world = new World(seed)
  const { alice, bob } = await world.addPair()
  const store = new MemoryStore()
  const first = await linkedClient(world, alice, { store })
  await first.close()
  world.server.faults.offline(habits)
  return {
    world,
    bob,
    back: async () => {
      const client = newClient(world, { store, clock: new FastClock(20) })
      const progress: Progress[] = []
      client.on('sync.offline', (now) => {
        progress.push(now)
      })
      await client.connect()
      return { client, progress }
    },
  }
}

async function write(bob: SimulatedPhone, count: number, from = 0): Promise<string[]> {
  const ids: string[] = []
  for (let number = 0; number < count; number += 1)
    ids.push((await bob.send(ALICE, { text: String(from + number) })).id)
  return ids
}

async function untilDone(progress: readonly Progress[]): Promise<Progress> {
  return until('the end of the queue', () => progress.find(({ done }) => done))
}

async function origins(client: Client): Promise<string[]> {
  const events = await log(client)
  return events.flatMap((event) => (event.type === 'message' ? [event.payload.origin] : []))
}

describe('the offline queue', () => {
  const HABITS: readonly (readonly [string, Partial<OfflineHabits>])[] = [
    ['answers well', {}],
    ['sends five stanzas for each pull', { batchLimit: 5 }],
    ['loses two pulls', { lostPulls: 2 }],
    ['tells no end', { endMarker: false }],
    ['announces nothing', { announced: 0 }],
    ['announces too much', { announced: 1_000, endMarker: true }],
    ['sends nothing unasked', { primer: 0 }],
  ]
  test.each(HABITS)('is emptied once and in order when the server %s', async (_name, habits) => {
    const { world, bob, back } = await away(`habits ${JSON.stringify(habits)}`, habits)
    const ids = await write(bob, 23)
    const { client, progress } = await back()
    await until('all messages', async () => (await messageIds(client)).length === ids.length)
    expect(await messageIds(client)).toEqual(ids)
    expect((await untilDone(progress)).received).toBe(23)
    await until('all answers', () => world.device().mailbox.size === 0)
    expect(world.violations).toEqual([])
  })

  test('hands over to what arrives live while it is drained, in order and each as what it is', async () => {
    const { bob, back } = await away('hand-over', { primer: 2, batchLimit: 3 })
    const ids = await write(bob, 12)
    const writing = back()
    const rest = write(bob, 12, 12)
    const { client, progress } = await writing
    ids.push(...(await rest))
    const { received } = await untilDone(progress)
    ids.push(...(await write(bob, 1, 24)))
    await until('all messages', async () => (await messageIds(client)).length === ids.length)
    expect(await messageIds(client)).toEqual(ids)
    const expected = ids.map((_id, index) => (index < received ? 'offline' : 'live'))
    expect(await origins(client)).toEqual(expected)
  })

  test('says live of what a server marks offline="0" although it never waited', async () => {
    const { bob, back } = await away('zero', { liveSaysZero: true })
    await write(bob, 2)
    const { client, progress } = await back()
    await untilDone(progress)
    await write(bob, 1)
    await until('all messages', async () => (await messageIds(client)).length === 3)
    expect(await origins(client)).toEqual(['offline', 'offline', 'live'])
  })

  test('is not held back by a message that cannot be read, where refusing it would', async () => {
    const { world, bob, back } = await away('refused', { keepsRefused: true })
    const enc = node('enc', { v: '2', type: 'msg' }, Uint8Array.of(0x33, 1, 2, 3))
    const t = Math.floor(world.server.clock.nowMs() / 1000)
    for (const from of ['status@broadcast', BOB]) {
      const attributes = {
        from,
        participant: from === BOB ? undefined : BOB,
        id: `BAD ${from}`,
        type: 'text',
        t,
      }
      deliverStanza(world.server.world, DEVICE, node('message', attributes, [enc]))
    }
    const ids = await write(bob, 3)
    const { client, progress } = await back()
    await untilDone(progress)
    expect(await messageIds(client)).toEqual(ids)
    await until('all answers', () => world.device().mailbox.size === 0)
  })

  test('delivers again, with the same bytes, what was not answered', async () => {
    const { world, bob, back } = await away('again')
    await write(bob, 4)
    const before = world
      .device()
      .mailbox.after(0)
      .map(({ stanza }) => stanza)
    let cuts = 0
    const stop = world.server.trace.subscribe((entry) => {
      if (cuts > 0 || !('node' in entry) || entry.node.attrs.offline !== '2') return
      cuts += 1
      // not within the write that is being recorded
      queueMicrotask(() => world.server.faults.disconnect(DEVICE))
    })
    onTestFinished(stop)
    const { client, progress } = await back()
    await untilDone(progress)
    await until('all messages', async () => (await messageIds(client)).length === 4)
    await settle()
    const again = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.offline !== undefined)
    expect(cuts).toBe(1)
    expect(again.length).toBeGreaterThan(4)
    for (const { attrs, content } of again)
      expect(content).toEqual(before.find((stanza) => stanza.attrs.id === attrs.id)?.content)
  })
})
