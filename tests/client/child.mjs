// One client of the built package in a process of its own, on SQLite. It does what its plan says and then nothing more:
// whether the process ends by itself is for the test to see.
import { Client } from 'waton'
import { openSqlite } from 'waton/sqlite'

const { database, endpoint, steps } = JSON.parse(process.argv[2])
const store = await openSqlite(database)
const client = new Client({
  store,
  endpoint: { ...endpoint, rootKey: Buffer.from(endpoint.rootKey, 'base64') },
})
client.on('pairing.qr', ({ qr }) => process.send({ event: 'qr', qr }))

/** Nothing is started that the plan does not name. */
const actions = {
  connect: () => client.connect(),
  send: async () => (await client.send('15550000002@s.whatsapp.net', { text: 'from a child' })).acked,
  unknown: () => client.send('15550000009@s.whatsapp.net', { text: 'to nobody' }),
  close: () => client.close(),
  closeStore: () => store.close(),
  wait: () => new Promise((resolve) => process.once('message', resolve)),
}

for (const step of steps) {
  try {
    await actions[step]()
    process.send({ event: 'done', step })
  } catch (error) {
    process.send({ event: 'failed', step, code: error.code, details: error.details })
  }
}
process.disconnect()
