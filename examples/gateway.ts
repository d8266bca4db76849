/** Several accounts in one process and one store: orders go out under ids of their own, and the outbox tells how far each got. */
import assert from 'node:assert/strict'
import { Client, MemoryStore } from 'waton'
import { startSimulator } from 'waton/simulator'

const simulator = await startSimulator({ seed: 1 })
const customer = await simulator.addPhone({ phoneNumber: '15550000009', name: 'Customer' })
const store = new MemoryStore()

/** One account of the store, linked by a phone of its own. */
async function openAccount(account: string, phoneNumber: string): Promise<Client> {
  const owner = await simulator.addPhone({ phoneNumber, name: account })
  const client = new Client({ store, account, endpoint: simulator.endpoint })
  client.on('pairing.qr', ({ qr }) => owner.linkDevice(qr))
  // told in every process, also about messages that an earlier one has sent
  client.on('send.failed', ({ payload }) => {
    console.error(`${account}: ${payload.id} failed (${payload.code}): ${payload.advice}`)
  })
  await client.connect()
  return client
}

const [sales, support] = await Promise.all([
  openAccount('sales', '15550000001'),
  openAccount('support', '15550000002'),
])

const order = await sales.send(customer.pn, { text: 'Your order is on its way.' }, { id: 'ORDER-17' })
await support.send(customer.pn, { text: 'Write to us here.' }, { id: 'ORDER-17' })
await order.delivered

// The same id in the same account is the same message: a job that runs twice sends once.
const again = await sales.send(customer.pn, { text: 'Your order is on its way.' }, { id: 'ORDER-17' })
assert.equal(again.state, 'delivered')

const entry = await sales.outbox.get('ORDER-17')
assert.equal(entry?.state, 'delivered')
for await (const { id, state, waitingFor } of support.outbox.list({ chat: customer.pn }))
  console.log(id, state, waitingFor ?? '')

await customer.waitForMessage(({ text }) => text === 'Write to us here.')
assert.equal(customer.messages.length, 2)

await Promise.all([sales.close(), support.close()])
await store.close()
await simulator.close()
console.log('ok')
