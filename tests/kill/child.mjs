// The process that the kill harness kills: a bot of the built package on SQLite, which sends numbered texts, answers each
// text that comes, and keeps a journal of what its handler finished. Its plan may name the moment at which it kills itself:
// one of the seams of the receive pipeline, or a point that every client has (a commit, a write to the socket, data from it).
import { appendFileSync } from 'node:fs'
import { Bot } from 'waton'
import { openSqlite } from 'waton/sqlite'
import { onSeam } from '../../dist/base/seams.js'
import { connectWebSocket } from '../../dist/transport/websocket.js'

const plan = JSON.parse(process.argv[2])
const { database, journal, endpoint, peer, sendFrom, sendUpTo, kill } = plan

let seen = 0
/** Counts the passages of a point and dies at the planned one. SIGKILL: no handler, no flush, no goodbye. */
function pass(point) {
  if (kill?.point !== point) return
  seen += 1
  if (seen === kill.nth) process.kill(process.pid, 'SIGKILL')
}
onSeam(pass)

/** A point at which everything else has had its turn: what should have waited for the commit has not waited. */
async function passSlowly(point) {
  if (kill?.point !== point || seen + 1 !== kill.nth) return pass(point)
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
  pass(point)
}

/** The store as it is, with a point before and after each commit. */
function withCommitPoints(store) {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') {
        return async (...input) => {
          pass('commit:before')
          await passSlowly('commit:slow')
          const result = await target.commit(...input)
          pass('commit:after')
          return result
        }
      }
      const member = target[name]
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** The socket as it is, with points around each write and before each read. */
async function connectWithPoints(options) {
  const socket = await connectWebSocket(options)
  return new Proxy(socket, {
    get(target, name) {
      if (name === 'send') {
        return (bytes) => {
          pass('write:before')
          target.send(bytes)
          pass('write:after')
        }
      }
      const member = target[name]
      return typeof member === 'function' ? member.bind(target) : member
    },
    set(target, name, value) {
      target[name] =
        name === 'onData' && value !== undefined
          ? (bytes) => {
              pass('read:before')
              value(bytes)
              pass('read:after')
            }
          : value
      return true
    },
  })
}

const tell = (message) => process.send?.(message)
const store = withCommitPoints(await openSqlite(database))
const bot = new Bot({
  store,
  endpoint: {
    url: endpoint.url,
    rootKey: Buffer.from(endpoint.rootKey, 'base64'),
    rootSerial: endpoint.rootSerial,
    connect: connectWithPoints,
  },
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
