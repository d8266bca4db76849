/**
 * A bot that dies again and again while it answers (promise G10): what the other side's phone shows is each reply, once and
 * in order. Deaths come before and after commits and in handlers; the server sees a socket that ends.
 */
import { expect, test } from 'vitest'
import { Bot, MemoryStore } from 'waton'
import type { ClientOptions } from 'waton'
import { MortalStore } from '../client/crash.ts'
import { World } from '../client/support.ts'
import { until } from '../helpers/until.ts'

const MESSAGES = 200
const seed = process.env.WATON_SEED ?? 'a bot that dies'

/** An endpoint whose sockets end when the process does, after which nothing can be reached. */
function mortalEndpoint(world: World, store: MortalStore): NonNullable<ClientOptions['endpoint']> {
  const { endpoint } = world
  const open: { close(): void }[] = []
  store.onDeath = () => {
    for (const socket of open.splice(0)) socket.close()
  }
  return {
    ...endpoint,
    connect: async (options) => {
      if (store.isDead || endpoint.connect === undefined) throw new TypeError('the process is dead')
      const socket = await endpoint.connect(options)
      open.push(socket)
      return socket
    },
  }
}

test(
  `${String(MESSAGES)} messages to an echo bot that dies over and over are each answered once (seed ${seed})`,
  { timeout: 120_000 },
  async () => {
    const world = new World(seed)
    const { alice, bob } = await world.addPair()
    const disk = new MemoryStore()
    const start = (store: MortalStore, diesInHandler = Infinity): Bot => {
      const bot = new Bot({
        store,
        endpoint: mortalEndpoint(world, store),
        maxAgeMs: Infinity,
        onQr: ({ qr }) => bob.linkDevice(qr),
        stopOnSignals: false,
      })
      let handled = 0
      bot.on('message:text', async (ctx) => {
        handled += 1
        await ctx.reply(`${ctx.text}, first`)
        if (handled === diesInHandler) store.die()
        await ctx.reply(`${ctx.text}, second`)
      })
      bot.catch(() => undefined)
      return bot
    }
    const linking = new MortalStore(disk)
    const first = start(linking)
    await first.start()
    await first.stop()

    const answers = (): string[] =>
      alice.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text ?? '')
    const expected: string[] = []
    let deaths = 0
    for (let life = 0; expected.length < 2 * MESSAGES || answers().length < expected.length; life += 1) {
      for (let count = 0; count < 10 && expected.length < 2 * MESSAGES; count += 1) {
        const text = String(expected.length / 2 + 1)
        expected.push(`${text}, first`, `${text}, second`)
        await alice.send(bob.pn, { text })
      }
      const point = { commit: life % 3 === 0 ? Infinity : 4 + (life % 23), isWritten: life % 2 === 0 }
      const store = new MortalStore(disk, point)
      const bot = start(store, life % 3 === 0 ? 1 + (life % 5) : Infinity)
      void bot.start().catch(() => undefined)
      await until('a death, or all answers', () => store.isDead || answers().length >= expected.length)
      if (store.isDead) deaths += 1
      await store.bury()
      await bot.stop().catch(() => undefined)
    }
    expect(deaths).toBeGreaterThan(10)
    expect(answers()).toEqual(expected)
    // what the server had not acknowledged came again under the same ciphertext, and a phone shows that once
    expect(alice.duplicates.filter(({ kind }) => kind !== 'same-ciphertext')).toEqual([])
  },
)
