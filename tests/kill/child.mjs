// The process that the kill harness kills: a client of the built package on SQLite, which sends numbered texts and keeps
// a journal of what its durable consumer handled. Its plan may name the moment at which it kills itself, at a seam that
// every client has: a commit, a write to the socket, data from the socket.
import { appendFileSync } from 'node:fs'
import { Client } from 'waton'
import { openSqlite } from 'waton/sqlite'
import { connectWebSocket } from '../../dist/transport/websocket.js'

const plan = JSON.parse(process.argv[2])
const { database, journal, endpoint, peer, sendUpTo, kill } = plan

let seen = 0
/** Counts the passages of a point and dies at the planned one. SIGKILL: no handler, no flush, no goodbye. */
function pass(point) {
  if (kill?.point !== point) return
  seen += 1
  if (seen === kill.nth) process.kill(process.pid, 'SIGKILL')
}

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

const store = withCommitPoints(await openSqlite(database))
const client = new Client({
  store,
  endpoint: {
    url: endpoint.url,
    rootKey: Buffer.from(endpoint.rootKey, 'base64'),
    rootSerial: endpoint.rootSerial,
    connect: connectWithPoints,
  },
})
const tell = (message) => process.send?.(message)

client.on('pairing.qr', ({ qr }) => tell({ event: 'qr', qr }))
client.on('connection.state', ({ state }) => tell({ event: 'state', state }))
void client.consume(
  'journal',
  (event) => {
    if (event.type === 'message' && !event.payload.fromMe) appendFileSync(journal, `${event.payload.id}\n`)
  },
  { from: 'start' },
)
await client.connect()

async function sendAll() {
  for (let number = 1; number <= sendUpTo; number += 1) {
    const sent = await client.send(peer, { text: `out ${String(number)}` }, { id: `OUT${String(number)}` })
    await sent.acked
  }
  tell({ event: 'sent', sendUpTo })
}
void sendAll()

process.on('message', async ({ command }) => {
  if (command === 'report') {
    const events = []
    for await (const event of client.events.read({ after: 0 })) {
      events.push({
        seq: event.seq,
        type: event.type,
        id: event.payload.id,
        fromMe: event.payload.fromMe,
        text: event.payload.content?.text,
      })
    }
    tell({ event: 'report', events })
  }
  if (command === 'stop') {
    await client.close()
    await store.close()
    tell({ event: 'stopped' })
    process.disconnect()
  }
})
