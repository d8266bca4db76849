/**
 * How to test what a bot does tomorrow, and what it does on a bad network: the simulator, the bot and its reminders share
 * a clock that jumps from timer to timer, and a plan says what breaks.
 */
import assert from 'node:assert/strict'
import { Bot, MemoryStore } from 'waton'
import type { Clock } from 'waton'
import { startSimulator } from 'waton/simulator'
import { VirtualClock } from 'waton/testing'

const DAY_MS = 24 * 60 * 60 * 1000

function addReminder(bot: Bot, clock: Clock): void {
  bot.command('remind', async (ctx) => {
    await ctx.reply('I will, tomorrow')
    const { chat } = ctx
    clock.schedule(DAY_MS, () => void bot.client.send(chat, { text: 'you asked me to remind you' }))
  })
}

const clock = new VirtualClock()
const simulator = await startSimulator({ seed: 1, clock })
const customer = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Customer' })
const owner = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Owner' })

const bot = new Bot({
  store: new MemoryStore(),
  endpoint: simulator.endpoint,
  clock,
  onQr: ({ qr }) => owner.linkDevice(qr),
})
addReminder(bot, clock)
await clock.runUntil(bot.start())

// The bot is cut off while it answers, and the server repeats a message when it is back.
const faults = simulator.faults.plan({
  seed: 1,
  faults: [
    { fault: 'cut', at: { direction: 'client-to-server', frame: 3 } },
    { fault: 'duplicate', at: { direction: 'server-to-client', stanza: 1, tags: ['message'] } },
  ],
})
await customer.send(owner.pn, { text: '/remind' })
await clock.runUntil(customer.waitForMessage(({ text }) => text === 'I will, tomorrow'))

// A day passes, in milliseconds.
const reminder = customer.waitForMessage(({ text }) => text === 'you asked me to remind you', {
  timeoutMs: 2 * DAY_MS,
})
await clock.runUntil(reminder, { limitMs: 2 * DAY_MS })

assert.equal(customer.messages.filter(({ fromMe }) => !fromMe).length, 2)
assert.equal(faults.pending.length, 0)
assert.equal(simulator.trace.faults.length, 2)

await bot.stop()
await simulator.close()
console.log('ok')
