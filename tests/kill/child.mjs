// The process that the kill harness kills: a bot of the built package on SQLite, which sends numbered texts, answers each
// text that comes, and keeps a journal of what its handler finished. Its plan may name the moment at which it kills itself:
// one of the seams of the receive pipeline, or a point that every client has (a commit, a write to the socket, data from it).
import { appendFileSync } from 'node:fs'
import { Bot } from 'waton'
import { openSqlite } from 'waton/sqlite'
import { points } from './points.mjs'

const plan = JSON.parse(process.argv[2])
const { database, journal, endpoint, peer, sendFrom, sendUpTo, kill } = plan
const { withCommitPoints, endpointWithPoints } = points(kill)

const tell = (message) => process.send?.(message)
const store = withCommitPoints(await openSqlite(database))
const bot = new Bot({
  store,
  endpoint: endpointWithPoints(endpoint),
  maxAgeMs: Infinity,
  stopOnSignals: false,
  onQr: ({ qr }) => tell({ event: 'qr', qr }),
})
bot.on('message:text', async (ctx) => {
  await ctx.reply(`echo of ${ctx.text}`)
  appendFileSync(journal, `${ctx.message.id}\n`)
})
const client = await bot.open()
await bot.start()

async function sendAll() {
  for (let number = sendFrom; number <= sendUpTo; number += 1) {
    const sent = await client.send(peer, { text: `out ${String(number)}` }, { id: `OUT${String(number)}` })
    await sent.acked
  }
  tell({ event: 'sent', sendUpTo })
}
void sendAll()

process.on('message', async ({ command }) => {
  if (command === 'report') {
    const events = []
    for await (const { type, payload } of client.events.read({ after: 0 })) {
      events.push({
        type,
        id: payload.id,
        chat: payload.chat,
        sender: payload.sender?.jid,
        fromMe: payload.fromMe,
      })
    }
    tell({ event: 'report', events, synchronous: (await store.facts()).synchronous })
  }
  if (command === 'stop') {
    await bot.stop()
    await store.close()
    tell({ event: 'stopped' })
    process.disconnect()
  }
})
