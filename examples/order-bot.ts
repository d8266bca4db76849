/** The guide on bots as a program: commands, durable answers, and what happens to events that nobody can handle. */
import assert from 'node:assert/strict'
import { Bot, MemoryStore } from 'waton'
import { startSimulator } from 'waton/simulator'

const simulator = await startSimulator({ seed: 1 })
const customer = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Customer' })
const owner = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Owner' })

const bot = new Bot({
  store: new MemoryStore(),
  endpoint: simulator.endpoint,
  onQr: ({ qr }) => owner.linkDevice(qr),
})

let isPrinterOff = true
bot.command('order', async (ctx) => {
  await ctx.reply(`noted: ${ctx.match}`)
  // the first attempt fails here, and its reply is dropped with it
  if (isPrinterOff) {
    isPrinterOff = false
    throw new TypeError('the printer is off')
  }
  await ctx.send(owner.pn, `print: ${ctx.match}`)
})
bot.command('slow', async (ctx) => {
  const sent = await ctx.reply('working on it')
  // without this line it would leave together with the next one
  await sent.acked
  await ctx.reply('done')
})
bot.catch((error, ctx) => {
  console.error(`event ${String(ctx.event.seq)}, attempt ${String(ctx.attempt)}: ${String(error)}`)
})
await bot.start()

await customer.send(owner.pn, { text: '/order tea' })
await customer.send(owner.pn, { text: '/slow' })
await customer.waitForMessage(({ text }) => text === 'done')
const answers = customer.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
assert.deepEqual(answers, ['noted: tea', 'working on it', 'done'])

// what was given up would be here
for await (const { seq, reason } of bot.client.events.dead.list({ consumer: 'bot' })) console.log(seq, reason)
const [status] = bot.client.consumers()
assert.equal(status?.stuckChats.length, 0)

await bot.stop()
await simulator.close()
console.log('ok')
