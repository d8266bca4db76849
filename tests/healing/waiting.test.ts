/**
 * Devices that ask for more than is answered at once: the others wait, nothing is lost, and nobody waits for somebody else.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions } from 'waton'
import { VirtualClock } from 'waton/testing'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { BOB, DEVICE, World, keepingLogger, settle } from '../client/support.ts'
import type { Line } from '../client/support.ts'

const CAROL = '15550000003@s.whatsapp.net'
const MINUTE_MS = 60_000

/** Alice's client and the phones of Bob and Carol, who have read what she wrote. */
class Stage {
  readonly clock = new VirtualClock()
  readonly world: World
  readonly lines: Line[] = []
  readonly store = new MemoryStore()
  readonly #options: ClientOptions
  client: Client
  #requests = 0

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
    await stage.world.addPhone('15550000003', 'Carol')
    stage.client.once('pairing.qr', async ({ qr }) => {
      await alice.linkDevice(qr)
    })
    await stage.clock.runUntil(stage.client.connect())
    return stage
  }

  async restart(): Promise<void> {
    await this.client.close()
    this.client = new Client(this.#options)
    await this.clock.runUntil(this.client.connect())
    await settle(100)
  }

  /** Writes messages that are acknowledged. Returns their ids, in order. */
  async write(to: string, count: number): Promise<readonly string[]> {
    const ids: string[] = []
    for (let left = count; left > 0; left -= 1) {
      const { id, acked } = await this.client.send(to, { text: `text ${String(left)}` })
      await this.clock.runUntil(acked)
      ids.push(id)
    }
    return ids
  }

  /** The phone asks for messages, as the server passes it on. */
  async ask(from: string, ids: readonly string[], count = 1): Promise<void> {
    const { registrationId } = this.world.device(from).directory.keys ?? { registrationId: 1 }
    for (const id of ids) {
      this.#requests += 1
      this.world.inject(
        node('receipt', { id, from, type: 'retry', t: String(1_700_000_000 + this.#requests) }, [
          node('retry', { count, id, t: '1700000000', v: '1', error: '0' }),
          node('registration', {}, uint32Bytes(registrationId)),
        ]),
      )
    }
    await settle(ids.length + 100)
  }

  /** Time goes on, and what is due is written. */
  async pass(ms: number): Promise<void> {
    await this.clock.advanceAndSettle(ms)
    await settle(100)
  }

  /** The ids of what the client wrote once more, in order. */
  answers(): readonly string[] {
    return this.world
      .sent({ tag: 'message' })
      .filter((message) => childOf(message, 'enc') !== undefined)
      .map(({ attrs }) => attrs.id ?? '')
  }

  async orders(): Promise<number> {
    return (await this.store.listRecords('default', 'resend-order', undefined, 10_000)).length
  }

  drops(): readonly unknown[] {
    return this.lines.flatMap(({ fields }) => (fields.drop === undefined ? [] : [fields.drop]))
  }
}

describe('requests that come faster than they are answered', () => {
  test('wait: twenty are answered at once, ten a minute follow in order, and none is lost', async () => {
    const stage = await Stage.begin('a long line')
    const ids = await stage.write(BOB, 45)
    await stage.pass(60 * MINUTE_MS)
    await stage.ask(BOB, ids)
    expect(stage.answers()).toEqual(ids.slice(0, 20))
    expect(await stage.orders()).toBe(25)
    await stage.pass(MINUTE_MS)
    expect(stage.answers()).toEqual(ids.slice(0, 30))
    await stage.pass(2 * MINUTE_MS)
    expect(stage.answers()).toEqual(ids)
    expect(await stage.orders()).toBe(0)
    expect(stage.drops()).toEqual([])
    expect(stage.world.violations).toEqual([])
  })

  test('are one order each, however often each is repeated', async () => {
    const stage = await Stage.begin('repeated')
    const ids = await stage.write(BOB, 30)
    await stage.pass(60 * MINUTE_MS)
    await stage.ask(BOB, ids)
    for (let time = 0; time < 10; time += 1) await stage.ask(BOB, ids.slice(20))
    expect(await stage.orders()).toBe(10)
    await stage.ask(BOB, ids.slice(20), 2)
    expect(await stage.orders()).toBe(10)
    await stage.pass(10 * MINUTE_MS)
    expect(stage.answers()).toEqual(ids)
    expect(stage.drops()).toEqual([])
  })

  test('hold up nobody else', async () => {
    const stage = await Stage.begin('somebody else')
    const ids = await stage.write(BOB, 30)
    const others = await stage.write(CAROL, 5)
    await stage.pass(60 * MINUTE_MS)
    await stage.ask(BOB, ids)
    await stage.ask(CAROL, others)
    expect(stage.answers()).toEqual([...ids.slice(0, 20), ...others])
  })

  test('go on waiting after a reconnect and after a restart, in order and not faster', async () => {
    const stage = await Stage.begin('restart')
    const ids = await stage.write(BOB, 70)
    await stage.pass(60 * MINUTE_MS)
    await stage.ask(BOB, ids)
    stage.world.server.faults.disconnect(DEVICE)
    await stage.pass(MINUTE_MS)
    expect(stage.answers()).toEqual(ids.slice(0, 30))
    await stage.restart()
    expect(stage.answers()).toEqual(ids.slice(0, 30))
    // what comes now is behind what waits
    const [last] = await stage.write(BOB, 1)
    await stage.ask(BOB, [last ?? ''])
    await stage.pass(MINUTE_MS)
    expect(stage.answers()).toEqual(ids.slice(0, 40))
    await stage.pass(4 * MINUTE_MS)
    expect(stage.answers()).toEqual([...ids, last])
    expect(await stage.orders()).toBe(0)
    expect(stage.world.violations).toEqual([])
  })
})
