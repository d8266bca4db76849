/**
 * Work for each message, across restarts: the consumer remembers how far it got. A message is handed over again when the work
 * failed or the process died before it was done, so the work should be safe to repeat.
 */
import { appendFile } from 'node:fs/promises'
import { Client, renderQr } from 'waton'
import { openSqlite } from 'waton/sqlite'

const store = await openSqlite('me.db')
const client = new Client({ store })
client.on('pairing.qr', async ({ qr }) => {
  console.log(await renderQr(qr))
})

const finished = client.consume(
  'archive',
  async (event) => {
    if (event.type !== 'message') return
    await appendFile('archive.jsonl', `${JSON.stringify(event)}\n`)
  },
  { from: 'start' },
)

process.once('SIGINT', () => {
  void client.close()
})

await client.connect()
await finished
await store.close()
