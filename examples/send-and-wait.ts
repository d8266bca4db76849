/** Sends one message from a linked account and reports how far it got: `node send-and-wait.ts 15550000002 "hello"`. */
import { Client, errorCode, renderQr } from 'waton'
import { openSqlite } from 'waton/sqlite'

const [number, text] = process.argv.slice(2)
if (number === undefined || text === undefined)
  throw new Error('usage: send-and-wait.ts <number with country code> <text>')

const store = await openSqlite('me.db')
const client = new Client({ store })
client.on('pairing.qr', async ({ qr }) => {
  console.log(await renderQr(qr))
})

await client.connect()
try {
  // Resolves when the message is on disk: from here on it is delivered even when this program is killed and started again.
  const sent = await client.send(`${number}@s.whatsapp.net`, { text })
  await sent.acked
  console.log(`${sent.id}: the server has it`)
} catch (error) {
  console.error('not sent:', errorCode(error), error)
  process.exitCode = 1
} finally {
  await client.close()
  await store.close()
}
