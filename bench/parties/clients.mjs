// A linked device of either library behind one small face, for the end-to-end subject:
// `open()` connects (and links when needed), `close()` disconnects and keeps the account, `send(chat, text)` resolves
// when the server has acknowledged, `onText` is called for every text received, `release()` lets go of what is in
// `directory`, `forget()` deletes it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within } from '../harness.mjs'
import { memoryKeys, silent } from './baileys.mjs'

const OPEN_DEADLINE_MS = 60_000

const makeDirectory = () => mkdtemp(join(tmpdir(), 'waton-bench-'))
const remove = (directory) => rm(directory, { recursive: true, force: true })

/** @param openStore - gets a directory, or does without */
async function createWaton({ endpoint, link, openStore }) {
  const { Client } = await import('waton')
  const directory = await makeDirectory()
  const store = await openStore(directory)
  let client
  const face = {
    directory,
    onText: () => undefined,
    async open() {
      client = new Client({ store, endpoint })
      client.once('pairing.qr', ({ qr }) => link(qr))
      client.on('message', ({ payload }) => {
        if (!payload.fromMe) face.onText()
      })
      await within(OPEN_DEADLINE_MS, 'waton to open', client.connect())
    },
    close: () => client.close(),
    async send(chat, text) {
      const sent = await client.send(chat, { text })
      await sent.acked
    },
    release: () => store.close(),
    async forget() {
      await store.close()
      await remove(directory)
    },
  }
  return face
}

export async function createWatonInMemory(options) {
  const { MemoryStore } = await import('waton')
  return createWaton({ ...options, openStore: () => new MemoryStore() })
}

export async function createWatonOnDisk(options) {
  const { openSqlite } = await import('waton/sqlite')
  return createWaton({ ...options, openStore: (directory) => openSqlite(join(directory, 'waton.db')) })
}

/** @param openAuth - resolves with `{ state, saveCreds }` as Baileys' own helper does */
async function createBaileys({ endpoint, link, openAuth }) {
  const { DisconnectReason, default: makeWASocket } = await import('@whiskeysockets/baileys')
  const directory = await makeDirectory()
  const { state, saveCreds } = await openAuth(directory)
  const acks = new Map()
  let socket
  let isClosing = false

  const connect = () =>
    new Promise((resolve, reject) => {
      socket = makeWASocket({
        waWebSocketUrl: endpoint.url,
        version: [2, 3000, 1043857760],
        auth: state,
        logger: silent,
        markOnlineOnConnect: false,
      })
      socket.ev.on('creds.update', saveCreds)
      socket.ev.on('messages.upsert', ({ messages }) => {
        for (const { key, message } of messages) if (!key.fromMe && message) face.onText()
      })
      socket.ws.on('CB:ack,class:message', ({ attrs }) => {
        const { resolve: acked } = acks.get(attrs.id) ?? {}
        acks.delete(attrs.id)
        acked?.()
      })
      socket.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
        if (qr !== undefined) link(qr).catch(reject)
        if (connection === 'open') resolve()
        if (connection !== 'close' || isClosing) return
        const code = lastDisconnect?.error?.output?.statusCode
        // its documentation asks every user to connect again after linking
        if (code === DisconnectReason.restartRequired) connect().then(resolve, reject)
        else reject(lastDisconnect?.error ?? new Error('Baileys was disconnected'))
      })
    })

  const face = {
    directory,
    onText: () => undefined,
    async open() {
      isClosing = false
      await within(OPEN_DEADLINE_MS, 'Baileys to open', connect())
    },
    async close() {
      isClosing = true
      const ended = new Promise((resolve) => {
        socket.ev.on('connection.update', ({ connection }) => connection === 'close' && resolve())
      })
      await socket.end(undefined)
      await within(5_000, 'Baileys to close', ended)
    },
    async send(chat, text) {
      const { generateMessageIDV2 } = await import('@whiskeysockets/baileys')
      const messageId = generateMessageIDV2(socket.user.id)
      const acked = new Promise((resolve) => acks.set(messageId, { resolve }))
      await socket.sendMessage(chat, { text }, { messageId })
      await acked
    },
    release: () => undefined,
    forget: () => remove(directory),
  }
  return face
}

export async function createBaileysInMemory(options) {
  const { initAuthCreds } = await import('@whiskeysockets/baileys')
  const creds = initAuthCreds()
  const saveCreds = (update) => void Object.assign(creds, update)
  return createBaileys({ ...options, openAuth: () => ({ state: { creds, keys: memoryKeys() }, saveCreds }) })
}

export async function createBaileysOnDisk(options) {
  const { useMultiFileAuthState } = await import('@whiskeysockets/baileys')
  return createBaileys({ ...options, openAuth: useMultiFileAuthState })
}
