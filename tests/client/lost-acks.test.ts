/**
 * Answers of the server that get lost while the connection lives: what has no answer is repeated as it is, shown once, and
 * when that does not help the connection begins anew (promise G4). Time is virtual.
 */
import { describe, expect, test } from 'vitest'
import type { Client, SentMessage } from 'waton'
import { VirtualClock } from 'waton/testing'
import { DEFAULT_TIMING } from '../../src/client/options.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { ALICE, BOB, DEVICE, World, linkedClient, log, untilLogged } from './support.ts'

const { ackTimeoutMs } = DEFAULT_TIMING
/** Up to a quarter is left to chance. */
const LATEST_MS = ackTimeoutMs * 1.25

interface Stage {
  readonly clock: VirtualClock
  readonly world: World
  readonly client: Client
  readonly bob: SimulatedPhone
  /** Sends, and lets it get as far as it gets without time. */
  readonly send: (text: string) => Promise<SentMessage>
}

async function stage(seed: string): Promise<Stage> {
  const clock = new VirtualClock()
  const world = new World(seed, clock)
  const { alice, bob } = await clock.runUntil(world.addPair())
  const client = await clock.runUntil(linkedClient(world, alice, { clock }))
  const warmUp = await client.send(BOB, { text: 'warm up' })
  await clock.runUntil(warmUp.delivered)
  await clock.advanceAndSettle(1_000)
  // a receipt would say as much as the ack
  bob.goOffline()
  const send = async (text: string): Promise<SentMessage> => {
    const sent = await client.send(BOB, { text }, { id: text })
    await clock.runUntilIdle({ limitMs: 1 })
    return sent
  }
  return { clock, world, client, bob, send }
}

function sentAs(world: World, id: string): readonly BinaryNode[] {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
}

describe('an ack that is lost on a connection that lives', () => {
  test('has the identical ciphertext repeated on it, not before its time, and shown once', async () => {
    const { clock, world, bob, send } = await stage('lost, once')
    const sockets = world.sockets
    world.server.faults.loseAcks(DEVICE)
    const sent = await send('L1')
    const behind = await send('L2')
    expect([sent.state, behind.state]).toEqual(['sent', 'acknowledged'])
    await clock.advanceAndSettle(ackTimeoutMs - 10)
    expect(sentAs(world, 'L1')).toHaveLength(1)
    await clock.advanceAndSettle(LATEST_MS - ackTimeoutMs + 20)
    expect(sent.state).toBe('acknowledged')
    const [first, second, ...more] = sentAs(world, 'L1')
    expect(second).toEqual(first)
    expect(more).toEqual([])
    expect(world.sockets).toBe(sockets)
    bob.goOnline()
    await clock.runUntil(sent.delivered)
    await clock.runUntil(behind.delivered)
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'L1', 'L2'])
    expect(bob.undecryptable).toEqual([])
    // answered: nothing is late any more
    await clock.advanceAndSettle(3_600_000)
    expect(sentAs(world, 'L1')).toHaveLength(2)
    expect(world.sockets).toBe(sockets)
  })

  test('and lost again has the connection begin anew, which repeats all that has no answer', async () => {
    const { clock, world, bob, client, send } = await stage('lost, twice')
    const sockets = world.sockets
    world.server.faults.loseAcks(DEVICE, 2)
    const sent = await send('L1')
    await clock.advanceAndSettle(LATEST_MS + 10)
    expect(sentAs(world, 'L1')).toHaveLength(2)
    expect(world.sockets).toBe(sockets)
    await clock.advanceAndSettle(2 * LATEST_MS)
    expect(world.sockets).toBe(sockets + 1)
    await clock.runUntil(sent.acked)
    const [first, ...others] = sentAs(world, 'L1')
    expect(others).toEqual([first, first])
    bob.goOnline()
    await clock.runUntil(sent.delivered)
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'L1'])
    expect((await log(client)).filter(({ type }) => type === 'send.failed')).toEqual([])
  })

  test('for ever costs a new connection more and more rarely, and holds up nobody', async () => {
    const { clock, world, bob, send } = await stage('lost for ever')
    const sockets = world.sockets
    world.server.faults.loseAcks(DEVICE, 1)
    const lost = await send('L1')
    const stop = world.server.trace.subscribe((entry) => {
      if (!('node' in entry) || entry.direction === 'server-to-client') return
      if (entry.node.tag === 'message' && entry.node.attrs.id === 'L1')
        world.server.faults.loseAcks(DEVICE, 1)
    })
    await clock.advanceAndSettle(24 * 3_600_000)
    stop()
    const other = await send('L2')
    expect(other.state).toBe('acknowledged')
    expect(lost.state).toBe('sent')
    // 75 s, then 150 s and so on up to an hour
    expect(world.sockets - sockets).toBeGreaterThan(20)
    expect(world.sockets - sockets).toBeLessThan(32)
    await clock.advanceAndSettle(2 * 3_600_000)
    expect(lost.state).toBe('acknowledged')
    bob.goOnline()
    await clock.runUntil(lost.delivered)
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'L1', 'L2'])
  })
})

describe('the ack of a read receipt that is lost', () => {
  test('has the same receipt repeated on the connection', async () => {
    const { clock, world, client, bob } = await stage('lost receipt')
    bob.goOnline()
    await clock.runUntil(bob.send(ALICE, { text: 'read me' }, { id: 'R1' }))
    await clock.runUntil(untilLogged(client, 'R1'))
    const at = {
      direction: 'server-to-client',
      stanza: 1,
      tags: ['ack'],
      attributes: { class: 'receipt' },
    } as const
    const receipts = (): readonly BinaryNode[] => world.sent({ tag: 'receipt', type: 'read' })
    // the delivery receipt has its ack before
    await clock.advanceAndSettle(1_000)
    world.server.faults.plan({ seed: 1, faults: [{ fault: 'lose', at }] })
    await client.readMessages([{ id: 'R1', chat: BOB }])
    await clock.advanceAndSettle(ackTimeoutMs - 10)
    expect(receipts()).toHaveLength(1)
    await clock.advanceAndSettle(LATEST_MS - ackTimeoutMs + 20)
    const [first, second] = receipts()
    expect(second).toEqual(first)
    await clock.advanceAndSettle(3_600_000)
    expect(receipts()).toHaveLength(2)
  })
})
