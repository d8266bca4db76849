/** Sends more than text: a bot answers with a place, a poll and a card, and a customer passes one of them on. */
import assert from 'node:assert/strict'
import { Bot, Client, MemoryStore } from 'waton'
import type { MessageContent } from 'waton'
import { startSimulator } from 'waton/simulator'

const simulator = await startSimulator({ seed: 1 })
const { endpoint } = simulator
const shop = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Shop' })
const customer = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Customer' })

const bot = new Bot({ store: new MemoryStore(), endpoint, onQr: ({ qr }) => shop.linkDevice(qr) })
bot.command('where', (ctx) =>
  ctx.reply({ location: { latitude: 52.52, longitude: 13.405, name: 'Tea shop' }, quoted: ctx.message }),
)
bot.command('tea', (ctx) =>
  ctx.reply({ poll: { name: 'Which tea?', options: ['green', 'black'], selectableCount: 1 } }),
)
bot.command('call', (ctx) =>
  ctx.reply({ contact: { displayName: 'Tea shop', phoneNumbers: ['+1 555 000 0001'] } }),
)
await bot.start()

const client = new Client({ store: new MemoryStore(), endpoint })
client.once('pairing.qr', async ({ qr }) => {
  await customer.linkDevice(qr)
})
await client.connect()

/** What the shop answers. */
async function ask(text: string): Promise<MessageContent> {
  const answer = new Promise<MessageContent>((resolve) => {
    client.once('message', ({ payload }) => {
      resolve(payload.content)
      if ('contact' in payload.content) void client.send(shop.pn, { forward: payload })
    })
  })
  await client.send(shop.pn, { text })
  return answer
}

const place = await ask('/where')
assert.ok('location' in place && place.location.name === 'Tea shop')
assert.deepEqual(place.quoted?.content, { text: '/where' })
const poll = await ask('/tea')
assert.ok('poll' in poll && poll.poll.options.length === 2)
const forwarded = new Promise<MessageContent>((resolve) => {
  bot.client.on('message', ({ payload }) => {
    if ('contact' in payload.content) resolve(payload.content)
  })
})
await ask('/call')
assert.equal((await forwarded).forwarded?.score, 1)

// what cannot be is told before anything is written
await assert.rejects(client.send(shop.pn, { poll: { name: 'One?', options: ['yes'] } }), {
  code: 'WATON_CONTENT_VALUE',
  message: /poll\.options is a list: it must be a list of 2 to 12/,
})

await client.close()
await bot.stop()
await simulator.close()
console.log('ok')
