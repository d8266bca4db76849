/**
 * How to test a bot without a phone, an account or a network: the simulator is a whole server in this process. In a real
 * project `addCommands` is imported from the bot, and this is a test of the runner that you use.
 */
import assert from 'node:assert/strict'
import { Bot, MemoryStore } from 'waton'
import { startSimulator } from 'waton/simulator'

function addCommands(bot: Bot): void {
  bot.command('ping', (ctx) => ctx.reply('pong'))
}

const simulator = await startSimulator({ seed: 1 })
const customer = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Customer' })
const owner = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Owner' })

const bot = new Bot({
  store: new MemoryStore(),
  endpoint: simulator.endpoint,
  onQr: ({ qr }) => owner.linkDevice(qr),
})
addCommands(bot)
await bot.start()

await customer.send(owner.pn, { text: '/ping' })
const answer = await customer.waitForMessage((message) => !message.fromMe)
assert.equal(answer.text, 'pong')

await bot.stop()
await simulator.close()
console.log('ok')
