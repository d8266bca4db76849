import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bot, MemoryStore } from 'waton'
import type { BotOptions } from 'waton'
import type { EventRange, EventRow } from 'waton/persistence'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { StoreWrapper } from 'waton/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { deferred } from '../../src/base/deferred.ts'
import { StorageError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { until } from '../helpers/until.ts'

const SEED = 'bot story'

let simulator: Simulator
let alice: SimulatedPhone
let bob: SimulatedPhone
let bots: Bot[] = []

beforeEach(async () => {
  simulator = await startSimulator({ seed: SEED })
  alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
})

afterEach(async () => {
  const running = bots
  bots = []
  await Promise.all(running.map((bot) => bot.stop()))
  await simulator.close()
})

/** A bot that Bob's phone links when it shows its QR code. */
function bobsBot(options: Partial<BotOptions> = {}): Bot {
  const bot = new Bot({
    store: new MemoryStore(),
    endpoint: simulator.endpoint,
    onQr: ({ qr }) => bob.linkDevice(qr),
    stopOnSignals: false,
    ...options,
  })
  bots.push(bot)
  return bot
}

describe('on a machine whose clock is ten minutes ahead', () => {
  it('messages are answered', async () => {
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + 600_000 }
    const bot = bobsBot({ clock })
    bot.command('ping', (ctx) => ctx.reply('pong'))
    await bot.start()
    await alice.send(bob.pn, { text: '/ping' })
    await alice.waitForMessage(({ text }) => text === 'pong')
    expect(bot.client.clockSkewMs).toBeLessThan(-500_000)
  })
})

describe('without a logger', () => {
  it('mistakes of listeners and handlers are shown with their stack, and a missing network is told', async () => {
    const shown: unknown[][] = []
    const print = vi.spyOn(console, 'error').mockImplementation((...values) => void shown.push(values))
    let refusals = 1
    const { endpoint } = simulator
    const connect = (): Promise<Awaited<ReturnType<typeof endpoint.connect>>> => {
      refusals -= 1
      return refusals >= 0 ? Promise.reject(new TypeError('no network')) : endpoint.connect()
    }
    const bot = bobsBot({ endpoint: { ...endpoint, connect } })
    bot.on('message', () => {
      throw new TypeError('handler')
    })
    const client = await bot.open()
    client.on('message', () => {
      throw new TypeError('listener')
    })
    await bot.start()
    await alice.send(bob.pn, { text: 'hi' })
    await until('three lines', () => shown.length >= 3)
    print.mockRestore()
    expect(shown[0]).toEqual([expect.stringMatching(/^The bot is not connected yet: connection-lost\. /)])
    const told = shown.slice(1).map(([text, error]) => `${String(text)} ${String(error)}`)
    expect(told).toContain('A listener of message failed: TypeError: listener')
    expect(told).toContainEqual(
      expect.stringMatching(/^A handler of the bot failed on event \d+: TypeError: handler$/),
    )
  })
})

/** The texts that a phone shows, as `who: text`. */
function shownBy(phone: SimulatedPhone): readonly string[] {
  return phone.messages.map(({ fromMe, text }) => `${fromMe ? 'me' : 'other'}: ${text ?? ''}`)
}

describe('a bot that is used wrongly', () => {
  it.each([
    ['an empty prefix', { prefix: ' ' }],
    ['an empty name', { name: '' }],
    ['an age that nothing has', { maxAgeMs: 0 }],
  ])('refuses %s', (_what, options) => {
    const refusal = expect.objectContaining({ code: 'WATON_BOT_OPTIONS' }) as unknown
    expect(() => new Bot({ store: 'me.db', ...options })).toThrow(refusal)
  })

  it('has no client before it is open, and says when it has', () => {
    expect(() => bobsBot().client).toThrow(/await bot\.start\(\)/)
  })

  it('refuses an address where a path belongs, and leaves nothing behind', async () => {
    const bot = bobsBot({ store: 'postgres://localhost/bots' })
    await expect(bot.start()).rejects.toMatchObject({ code: 'WATON_STORE_PATH' })
    await bot.stop()
  })

  it('refuses to start twice, also while the first start is under way, and after a stop', async () => {
    const bot = bobsBot()
    const starting = bot.start()
    await expect(bot.start()).rejects.toMatchObject({ code: 'WATON_BOT_STARTED' })
    await starting
    await bot.stop()
    await expect(bot.start()).rejects.toMatchObject({ code: 'WATON_BOT_STARTED' })
  })

  it('is refused an account that another bot has, and stops without touching it', async () => {
    const store = new MemoryStore()
    const first = bobsBot({ store })
    first.command('ping', (ctx) => ctx.reply('pong'))
    await first.start()
    const second = bobsBot({ store })
    await expect(second.start()).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })
    expect(await second.finished()).toBeUndefined()
    await alice.send(bob.pn, { text: '/ping' })
    await alice.waitForMessage(({ text }) => text === 'pong')
  })
})

describe('a bot that gets no events', () => {
  it('does not start when its name is taken by another consumer', async () => {
    const bot = bobsBot()
    const client = await bot.open()
    const other = client.consume('bot', () => undefined)
    await expect(bot.start()).rejects.toMatchObject({ code: 'WATON_CONSUMER_RUNNING' })
    expect(await bot.finished()).toBeUndefined()
    await other
  })

  it('stops when its place in the log cannot be read any more, instead of running without ears', async () => {
    let isBroken = false
    const damage = new StorageError('WATON_STORE_CORRUPT', 'damaged because the test wants it')
    const store = new (class extends StoreWrapper {
      override readEvents(account: string, range: EventRange): Promise<readonly EventRow[]> {
        return isBroken ? Promise.reject(damage) : super.readEvents(account, range)
      }
    })(new MemoryStore())
    const bot = bobsBot({ store, logger: silentLogger })
    await bot.start()
    isBroken = true
    await alice.send(bob.pn, { text: '/ping' })
    expect(await bot.finished()).toBeUndefined()
    expect(bot.client.state).toBe('closed')
  })
})

describe('a bot on the simulator', () => {
  it('answers a command, and the answer is on both phones once', async () => {
    const bot = bobsBot()
    bot.command('ping', (ctx) => ctx.reply('pong'))
    await bot.start()
    await alice.send(bob.pn, { text: '/ping' })
    const pong = await alice.waitForMessage(({ text }) => text === 'pong')
    await bob.waitForMessage(({ id }) => id === pong.id)
    expect(bot.me?.pn).toBe(bob.pn)
    expect(shownBy(alice)).toEqual(['me: /ping', 'other: pong'])
    expect(shownBy(bob)).toEqual(['other: /ping', 'me: pong'])
  })

  it('does not answer what its own account writes on another device', async () => {
    const bot = bobsBot()
    bot.on('message:text', (ctx) => ctx.reply(`saw ${ctx.text}`))
    await bot.start()
    await bob.send(alice.pn, { text: 'from the phone' })
    await alice.send(bob.pn, { text: 'from Alice' })
    await alice.waitForMessage(({ text }) => text === 'saw from Alice')
    expect(shownBy(alice)).toEqual(['other: from the phone', 'me: from Alice', 'other: saw from Alice'])
  })

  it('does not answer a message that had waited for longer than maxAgeMs, but records it', async () => {
    const store = new MemoryStore()
    const first = bobsBot({ store })
    await first.start()
    await first.stop()
    await alice.send(bob.pn, { text: '/echo old' })
    const [sent] = alice.messages

    let aheadMs = 60 * 60 * 1000
    const { clock } = simulator
    const lateClock = { nowMs: () => clock.nowMs() + aheadMs, schedule: clock.schedule.bind(clock) }
    const second = bobsBot({ store, clock: lateClock })
    second.command('echo', (ctx) => ctx.reply(ctx.match))
    const recorded = deferred<string>()
    const client = await second.open()
    client.once('message', ({ payload }) => {
      recorded.resolve(payload.id)
    })
    await second.start()
    expect(await recorded.promise).toBe(sent?.id)

    // Events of a chat are handled in order: when the new one is answered, the old one had its turn.
    aheadMs = 0
    await alice.send(bob.pn, { text: '/echo new' })
    await alice.waitForMessage(({ text, fromMe }) => !fromMe && text === 'new')
    expect(shownBy(alice)).toEqual(['me: /echo old', 'me: /echo new', 'other: new'])
  })

  it('gives a failing handler to catch and runs it again, and what it had replied is not said twice', async () => {
    const bot = bobsBot()
    const failures: string[] = []
    let runs = 0
    bot.command('work', async (ctx) => {
      runs += 1
      await ctx.reply('started')
      if (runs === 1) throw new TypeError('the disk is full')
      await ctx.reply('done')
    })
    bot.catch((error, ctx) => {
      failures.push(`${ctx.text ?? ''}: ${(error as Error).message}`)
    })
    await bot.start()
    await alice.send(bob.pn, { text: '/work' })
    await alice.waitForMessage(({ text }) => text === 'done', { timeoutMs: 30_000 })
    expect(runs).toBe(2)
    expect(failures).toEqual(['/work: the disk is full'])
    expect(shownBy(alice)).toEqual(['me: /work', 'other: started', 'other: done'])
    expect(alice.duplicates).toEqual([])
  })

  it('goes on with the file of its store, without a new QR code, with what came meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waton-bot-'))
    const store = join(folder, 'bob.db')
    const first = bobsBot({ store })
    await first.start()
    await first.stop()
    await alice.send(bob.pn, { text: '/ping' })
    const codes: string[] = []
    const second = bobsBot({ store, onQr: ({ qr }) => codes.push(qr) })
    second.command('ping', (ctx) => ctx.reply('pong'))
    await second.start()
    await alice.waitForMessage(({ text }) => text === 'pong')
    expect(codes).toEqual([])
    await second.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('ends when the phone removes the device, and says why', async () => {
    const bot = bobsBot({ logger: silentLogger })
    await bot.start()
    await bob.unlinkDevice(bot.me?.deviceId ?? 0)
    expect(await bot.finished()).toMatchObject({ reason: 'logged-out', retrying: false })
    expect(bot.client.state).toBe('closed')
  })

  it('leaves a store open that it was given', async () => {
    const store = new MemoryStore()
    const bot = bobsBot({ store })
    await bot.start()
    await bot.stop()
    expect(await store.listAccounts()).toEqual(['default'])
  })

  it('stops while it waits to be linked', async () => {
    const bot = bobsBot({ onQr: () => bot.stop() })
    await expect(bot.start()).rejects.toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
    expect(bot.me).toBeUndefined()
  })

  it('lets a handler finish when it stops, which then does not run again', async () => {
    const store = new MemoryStore()
    const bot = bobsBot({ store })
    const runs: string[] = []
    const isSlow = deferred<undefined>()
    const entered = deferred<undefined>()
    bot.command('slow', async (ctx) => {
      runs.push('first')
      entered.resolve(undefined)
      await isSlow.promise
      await ctx.reply('done')
    })
    await bot.start()
    await alice.send(bob.pn, { text: '/slow' })
    await entered.promise
    const stopped = bot.stop()
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(bot.client.state).toBe('open')
    isSlow.resolve(undefined)
    await stopped
    expect(bot.client.state).toBe('closed')
    const next = bobsBot({ store })
    next.command('slow', () => runs.push('second'))
    next.command('ping', (ctx) => ctx.reply('pong'))
    await next.start()
    await alice.send(bob.pn, { text: '/ping' })
    await alice.waitForMessage(({ text }) => text === 'pong')
    expect(shownBy(alice).filter((text) => text.startsWith('other'))).toEqual(['other: done', 'other: pong'])
    expect(runs).toEqual(['first'])
  })

  it('stops when the process is asked to end, and no longer listens then', async () => {
    const before = process.listeners('SIGTERM')
    const bot = bobsBot({ stopOnSignals: true })
    await bot.start()
    const added = process.listeners('SIGTERM').filter((listener) => !before.includes(listener))
    expect(added).toHaveLength(1)
    added[0]?.('SIGTERM')
    await bot.stop()
    expect(bot.client.state).toBe('closed')
    expect(process.listeners('SIGTERM')).toEqual(before)
  })
})
