/**
 * Devices that ask for a message again whose keys the server does not hand out: for now, so that the answer waits, or for
 * good. They say that they are registered anew, so that no answer is possible without fresh keys.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions } from 'waton'
import { VirtualClock } from 'waton/testing'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { BOB, DEVICE, World, keepingLogger, settle } from '../client/support.ts'
import type { Line } from '../client/support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Alice's client, and a message of hers that Bob's phone asks for again, with another registration than it had. */
class Stage {
  readonly clock = new VirtualClock()
  readonly world: World
  readonly lines: Line[] = []
  readonly store = new MemoryStore()
  readonly #options: ClientOptions
  client: Client
  id = ''

  private constructor(seed: string) {
    this.world = new World(seed, this.clock)
    const { clock, store } = this
    this.#options = { endpoint: this.world.endpoint, clock, store, logger: keepingLogger(this.lines) }
    this.client = new Client(this.#options)
    onTestFinished(() => this.client.close())
  }

  static async begin(seed: string): Promise<Stage> {
    const stage = new Stage(seed)
    const { alice } = await stage.world.addPair()
    stage.client.once('pairing.qr', async ({ qr }) => {
      await alice.linkDevice(qr)
    })
    await stage.clock.runUntil(stage.client.connect())
    const sent = await stage.client.send(BOB, { text: 'hello' })
    await stage.clock.runUntil(sent.acked)
    await settle(100)
    stage.id = sent.id
    return stage
  }

  /** Closes the client and opens another. @param sessions - whether it still has them */
  async restart({ sessions }: { sessions: 'kept' | 'lost' }): Promise<void> {
    await this.client.close()
    if (sessions === 'lost') await this.#loseSessions()
    this.client = new Client(this.#options)
    await this.clock.runUntil(this.client.connect())
    await settle(100)
  }

  async #loseSessions(): Promise<void> {
    const rows = await this.store.listRecords('default', 'session', undefined, 100)
    const claim = await this.store.claim('default', { owner: 'a damaged disk', nowMs: 1, leaseMs: 60_000 })
    await this.store.commit(
      claim,
      rows.map(({ kind, key }) => ({ op: 'delete-record', kind, key })),
    )
    await claim.release()
    expect(rows.length).toBeGreaterThan(0)
  }

  async ask(): Promise<void> {
    const { id } = this
    this.world.inject(
      node('receipt', { id, from: BOB, type: 'retry', t: '1700000001' }, [
        node('retry', { count: 1, id, t: '1700000000', v: '1', error: '0' }),
        node('registration', {}, uint32Bytes(4711)),
      ]),
    )
    await settle(100)
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advanceAndSettle(ms)
    await settle(100)
  }

  get answers(): number {
    return this.world.sent({ tag: 'message' }).filter((message) => childOf(message, 'enc') !== undefined)
      .length
  }

  /** Faults that happened. */
  get faults(): readonly string[] {
    return this.world.server.trace.notes.filter(({ kind }) => kind === 'fault').map(({ text }) => text)
  }

  get drops(): readonly unknown[] {
    return this.lines.flatMap(({ fields }) => (fields.drop === undefined ? [] : [fields.drop]))
  }

  async orders(): Promise<number> {
    return (await this.store.listRecords('default', 'resend-order', undefined, 100)).length
  }
}

describe('keys that are refused for now', () => {
  test.each([
    ['bundle', BOB],
    ['fetch', DEVICE],
  ] as const)('(%s) are asked for again, and the message goes out then', async (query, of) => {
    const stage = await Stage.begin(`for now ${query}`)
    stage.world.server.faults.refuseKeys(of, query, 503, 2)
    await stage.ask()
    expect(stage.answers).toBe(0)
    expect(await stage.orders()).toBe(1)
    await stage.pass(MINUTE_MS)
    expect(stage.answers).toBe(1)
    expect(stage.faults.filter((text) => text.includes('503'))).toHaveLength(2)
    expect(stage.drops).toEqual([])
    expect(await stage.orders()).toBe(0)
    expect(stage.world.violations).toEqual([])
  })

  test('are asked for again by the next process', async () => {
    const stage = await Stage.begin('next process')
    await stage.restart({ sessions: 'lost' })
    stage.world.server.faults.refuseKeys(BOB, 'bundle', 429)
    await stage.ask()
    expect(stage.answers).toBe(0)
    await stage.restart({ sessions: 'kept' })
    await stage.pass(10_000)
    expect(stage.answers).toBe(1)
    expect(stage.drops).toEqual([])
  })

  test('are asked for again on the next connection when the answer is lost or the connection ends', async () => {
    const stage = await Stage.begin('connection ends')
    const lost = stage.world.server.faults.plan({
      seed: 'lost answer',
      faults: [
        {
          fault: 'lose',
          device: DEVICE,
          at: { direction: 'server-to-client', stanza: 1, tags: ['iq'], attributes: { type: 'result' } },
        },
      ],
    })
    await stage.ask()
    expect(stage.answers).toBe(0)
    stage.world.server.faults.disconnect(DEVICE)
    await stage.pass(MINUTE_MS)
    lost.stop()
    expect(stage.faults.some((text) => text.includes('lost') || text.includes('lose'))).toBe(true)
    expect(stage.answers).toBe(1)
    expect(stage.drops).toEqual([])
  })

  test('are given up when they are refused for too long', async () => {
    const stage = await Stage.begin('too long')
    await stage.restart({ sessions: 'lost' })
    stage.world.server.faults.refuseKeys(BOB, 'bundle', 503, 1000)
    await stage.ask()
    for (let hour = 0; hour < 3; hour += 1) await stage.pass(HOUR_MS)
    expect(stage.answers).toBe(0)
    expect(stage.faults.length).toBeGreaterThan(3)
    expect(stage.faults.length).toBeLessThan(12)
    expect(stage.drops).toEqual(['no-keys'])
    expect(await stage.orders()).toBe(0)
  })
})

test('keys that are refused for good are not asked for again', async () => {
  const stage = await Stage.begin('for good')
  await stage.restart({ sessions: 'lost' })
  stage.world.server.faults.refuseKeys(BOB, 'bundle', 406)
  await stage.ask()
  await stage.pass(HOUR_MS)
  expect(stage.answers).toBe(0)
  expect(stage.drops).toEqual(['no-keys'])
  expect(await stage.orders()).toBe(0)
})
