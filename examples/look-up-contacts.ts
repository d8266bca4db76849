/** Who of an address book is on WhatsApp: numbers as people write them, one answer for each. Offline, on the simulated server. */
import assert from 'node:assert/strict'
import { Client, MemoryStore } from 'waton'
import { startSimulator } from 'waton/simulator'

const simulator = await startSimulator({ seed: 1 })
const owner = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Owner' })
const shop = await simulator.addPhone({
  phoneNumber: '15550000002',
  name: 'Shop',
  profile: { verifiedName: 'The Shop' },
})

const client = new Client({ store: new MemoryStore(), endpoint: simulator.endpoint })
client.on('pairing.qr', async ({ qr }) => {
  await owner.linkDevice(qr)
})
await client.connect()

const results = await client.contacts.lookup(['+1 555 000-0002', '(1555) 000 0009', 'Bob'])
for (const { input, isOnWhatsApp, jid, error } of results) {
  if (error !== undefined) console.log(`${input}: ${error.message}`)
  else if (isOnWhatsApp === true && jid !== undefined) await client.send(jid, { text: 'Are you open today?' })
  else console.log(`${input} is not on WhatsApp`)
}

await shop.waitForMessage(({ text }) => text === 'Are you open today?')
assert.deepEqual(
  results.map(({ isOnWhatsApp }) => isOnWhatsApp),
  [true, false, undefined],
)
assert.equal(results[0]?.isBusiness, true)

await client.close()
await simulator.close()
console.log('ok')
