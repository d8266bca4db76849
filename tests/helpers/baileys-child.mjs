// An unmodified Baileys in its own process, told what to do over IPC. It keeps its auth state in memory and comes back
// after a restart request, as its documentation asks of every user; nothing else is added to it.
import makeWASocket, { DisconnectReason, initAuthCreds } from '@whiskeysockets/baileys'

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

const records = new Map()
const keys = {
  get: (type, ids) => {
    const found = {}
    for (const id of ids) if (records.has(`${type}-${id}`)) found[id] = records.get(`${type}-${id}`)
    return found
  },
  set: (data) => {
    for (const [type, values] of Object.entries(data)) {
      for (const [id, value] of Object.entries(values ?? {})) {
        if (value === null) records.delete(`${type}-${id}`)
        else records.set(`${type}-${id}`, value)
      }
    }
  },
}

const [url] = process.argv.slice(2)
const auth = { creds: initAuthCreds(), keys }
let socket
let isQuitting = false

const tell = (event) => process.send?.(event)

function connect() {
  socket = makeWASocket({
    waWebSocketUrl: url,
    version: [2, 3000, 1043857760],
    auth,
    logger: silent,
    markOnlineOnConnect: false,
    // messages that a device asks for again: Baileys leaves keeping them to its user
    getMessage: (key) => Promise.resolve(sent.get(key.id)),
  })
  socket.ev.on('creds.update', (update) => Object.assign(auth.creds, update))
  socket.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
    if (qr !== undefined) tell({ event: 'qr', qr })
    if (connection === 'open') tell({ event: 'open', me: auth.creds.me })
    if (connection !== 'close' || isQuitting) return
    const code = lastDisconnect?.error?.output?.statusCode
    if (code === DisconnectReason.loggedOut) tell({ event: 'logged-out' })
    else connect()
  })
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const { key, message, pushName, messageStubType, status } of messages) {
      const text = message?.conversation ?? message?.extendedTextMessage?.text
      tell({ event: 'message', type, key, text, pushName, messageStubType: messageStubType ?? undefined })
      // an update that comes in the same flush is merged into the message
      if (typeof status === 'number') tell({ event: 'status', key, status })
    }
  })
  socket.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates)
      if (update.status !== undefined) tell({ event: 'status', key, status: update.status })
  })
}

const sent = new Map()

const commands = {
  async send({ chat, text, id }) {
    const message = await socket.sendMessage(chat, { text }, id === undefined ? {} : { messageId: id })
    sent.set(message.key.id, message.message)
    return { id: message.key.id }
  },
  async code({ phoneNumber }) {
    return { code: await socket.requestPairingCode(phoneNumber) }
  },
  async read({ key }) {
    await socket.readMessages([key])
    return {}
  },
  async logout() {
    await socket.logout()
    return {}
  },
  quit() {
    isQuitting = true
    socket?.end(undefined)
    setTimeout(() => process.exit(0), 50)
    return {}
  },
}

process.on('message', async ({ call, command, ...input }) => {
  try {
    tell({ event: 'answer', call, result: await commands[command](input) })
  } catch (error) {
    tell({ event: 'answer', call, error: String(error?.stack ?? error) })
  }
})
process.on('disconnect', () => process.exit(0))
connect()
