// The program whose start `subjects/start.mjs` measures: prints how long it took to be connected, and its memory.
import { join } from 'node:path'

const { library, directory, endpoint } = JSON.parse(process.argv[2])
const begin = performance.now()
if (library === 'waton') await connectWaton()
else await connectBaileys()
console.log(JSON.stringify({ ms: performance.now() - begin, rss: process.memoryUsage().rss }))
process.exit(0)

async function connectWaton() {
  const { Client, openStore } = await import('waton')
  const store = await openStore(join(directory, 'waton.db'))
  const rootKey = new Uint8Array(Buffer.from(endpoint.rootKey, 'hex'))
  await new Client({ store, endpoint: { ...endpoint, rootKey } }).connect()
}

async function connectBaileys() {
  const { default: makeWASocket, useMultiFileAuthState } = await import('@whiskeysockets/baileys')
  const { state, saveCreds } = await useMultiFileAuthState(directory)
  const quiet = () => undefined
  const silent = {
    level: 'silent',
    child: () => silent,
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: quiet,
  }
  const socket = makeWASocket({
    waWebSocketUrl: endpoint.url,
    version: [2, 3000, 1043857760],
    auth: state,
    logger: silent,
    markOnlineOnConnect: false,
  })
  socket.ev.on('creds.update', saveCreds)
  await new Promise((resolve, reject) => {
    socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
      if (connection === 'open') resolve()
      if (connection === 'close') reject(lastDisconnect?.error)
    })
  })
}
