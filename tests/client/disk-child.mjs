// One client of the built package on SQLite in a process of its own, so that the test can take its disk away. It sends
// what it is asked to, and tells its states, what was accepted, and in the end what its log holds.
import { Client } from 'waton'
import { openSqlite } from 'waton/sqlite'

const { database, endpoint } = JSON.parse(process.argv[2])
const store = await openSqlite(database)
const client = new Client({
  store,
  endpoint: { ...endpoint, rootKey: Buffer.from(endpoint.rootKey, 'base64') },
})
client.on('pairing.qr', ({ qr }) => process.send({ event: 'qr', qr }))
client.on('connection.state', ({ state, reason }) =>
  process.send({ event: 'state', state, reason: reason?.reason }),
)

async function logged() {
  const ids = []
  for await (const { type, payload } of client.events.read())
    if (type === 'message' && !payload.fromMe) ids.push(payload.id)
  return ids
}

process.on('message', async ({ command, chat, text, id }) => {
  if (command === 'send') {
    const event = { event: 'sent', id }
    try {
      await client.send(chat, { text }, { id })
      process.send(event)
    } catch (error) {
      process.send({ ...event, code: error.code, sqlite: error.details?.sqlite })
    }
  }
  if (command === 'log') process.send({ event: 'log', ids: await logged() })
  if (command === 'stop') {
    await client.close()
    await store.close()
    process.disconnect()
  }
})
await client.connect()
