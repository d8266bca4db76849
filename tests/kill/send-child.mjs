// The process that the kill test of sends kills: a client of the built package on SQLite, which sends numbered texts to two
// chats in turn and writes down each that was accepted. It does not wait for a connection before it sends.
import { appendFileSync } from 'node:fs'
import { Client } from 'waton'
import { openSqlite } from 'waton/sqlite'
import { points } from './points.mjs'

const { database, journal, endpoint, chats, from, upTo, kill } = JSON.parse(process.argv[2])
const { withCommitPoints, endpointWithPoints } = points(kill)
const tell = (message) => process.send?.(message)

const store = withCommitPoints(await openSqlite(database))
const client = new Client({
  store,
  endpoint: endpointWithPoints(endpoint),
})
client.on('pairing.qr', ({ qr }) => tell({ event: 'qr', qr }))
const connected = client.connect()
if (from === 1) await connected
// a connection that fails is tried again; what failed for good is seen by what is missing in the end
connected.catch(() => undefined)

let next = from
/** One to four at once, in order: `send` is not awaited between them, the server is behind them. */
async function sendUpTo(last) {
  while (next <= last) {
    const burst = []
    for (let left = 1 + (next % 4); left > 0 && next <= last; left -= 1, next += 1) {
      const number = next
      const sending = client.send(chats[number % 2], { text: `text ${number}` }, { id: `SEND${number}` })
      burst.push(
        sending.then((sent) => {
          appendFileSync(journal, `${number}\n`)
          return sent.acked
        }),
      )
    }
    await Promise.all(burst)
  }
  tell({ event: 'sent', last })
}

process.on('message', async ({ command, last }) => {
  if (command === 'send') await sendUpTo(last)
  if (command === 'stop') {
    await client.close()
    await store.close()
    process.disconnect()
  }
})
await sendUpTo(upTo)
