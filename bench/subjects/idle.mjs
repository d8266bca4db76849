// What one more client costs that waits for its server: a fresh process for every value, with a server here that
// accepts sockets and says nothing. Keys are made as for a new account.
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sized } from '../harness.mjs'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const CLIENTS = sized(50, 2)

export const title = 'Idle clients'
export const about = `${CLIENTS} clients in one process, each on its way to a server that does not answer; per client beyond the first.`
export const rows = {
  'time to create': { unit: 'ms' },
  RSS: { unit: 'KB' },
  heap: { unit: 'KB' },
}
export const rounds = (count) => Math.min(count, 5)

export async function start() {
  const server = createServer((socket) => socket.on('error', () => undefined))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    value: `ws://127.0.0.1:${server.address().port}/`,
    answer: () => undefined,
    close: () => void server.close(),
  }
}

const watonProgram = (url) => `
  import { Client, MemoryStore } from 'waton'
  const create = () => {
    const client = new Client({ store: new MemoryStore(), endpoint: { url: '${url}' } })
    client.connect().catch(() => undefined)
    return client
  }`

const baileysProgram = (url) => `
  import makeWASocket, { initAuthCreds } from '@whiskeysockets/baileys'
  const quiet = () => undefined
  const logger = { level: 'silent', child: () => logger, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }
  const create = () => {
    const auth = { creds: initAuthCreds(), keys: { get: () => ({}), set: quiet } }
    const socket = makeWASocket({ auth, logger, waWebSocketUrl: '${url}', version: [2, 3000, 1043857760] })
    socket.ev.on('connection.update', quiet)
    return socket
  }`

const measurement = `
  const settled = async () => {
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 60))
      globalThis.gc()
    }
    return process.memoryUsage()
  }
  const clients = [create()]
  const before = await settled()
  const start = performance.now()
  for (let index = 0; index < ${CLIENTS}; index++) clients.push(create())
  const ms = performance.now() - start
  const after = await settled()
  const perClient = (name) => (after[name] - before[name]) / ${CLIENTS}
  console.log(JSON.stringify({ ms: ms / ${CLIENTS}, rss: perClient('rss'), heapUsed: perClient('heapUsed'), count: clients.length }))
  process.exit(0)`

function prepare(program) {
  const args = ['--expose-gc', '--no-warnings', '--input-type=module', '-e', program + measurement]
  return {
    cases: {
      idle: {
        async run() {
          const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 60_000 })
          const { ms, rss, heapUsed } = JSON.parse(stdout)
          return { 'time to create': ms, RSS: rss / 1024, heap: heapUsed / 1024 }
        },
      },
    },
  }
}

export const contestants = {
  waton: ({ shared }) => prepare(watonProgram(shared)),
  Baileys: ({ shared }) => prepare(baileysProgram(shared)),
}
