// An unmodified Baileys in its own process with the auth folder of its documentation, so that it can be killed and come
// back. Told what to do over IPC; it comes back by itself only where its documentation asks for that (after linking).
import { globalAgent } from 'node:https'
import makeWASocket, { DisconnectReason, useMultiFileAuthState } from '@whiskeysockets/baileys'
import '../helpers/no-web.mjs'

const quiet = () => undefined
let onWrite
const silent = {
  // Baileys prints each stanza before it writes it, at this level only
  level: 'trace',
  child: () => silent,
  trace: (entry) => entry?.msg === 'xml send' && onWrite?.(entry.xml),
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
}

const { url, folder, version, settings: chosen } = JSON.parse(process.argv[2])
const { keepsMessages, ...settings } = chosen
const tell = (event) => process.send?.(event)
const { state, saveCreds } = await useMultiFileAuthState(folder)
let socket

// what a user of Baileys who answers requests for messages keeps; without it Baileys has its own cache alone
const sent = new Map()

// the disk: writes of sessions fail while it is told to
let isFailing = false
const write = state.keys.set.bind(state.keys)
state.keys.set = (data) => {
  if (data.session !== undefined && isFailing) throw new Error('this write fails because the test wants it')
  return write(data)
}

function connect() {
  socket = makeWASocket({
    waWebSocketUrl: url,
    auth: state,
    version,
    logger: silent,
    markOnlineOnConnect: false,
    ...(keepsMessages === true ? { getMessage: (key) => Promise.resolve(sent.get(key.id)) } : {}),
    ...settings,
  })
  socket.ev.on('creds.update', saveCreds)
  socket.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
    if (qr !== undefined) tell({ event: 'qr', qr })
    if (connection === 'open') tell({ event: 'open' })
    if (connection !== 'close') return
    const code = lastDisconnect?.error?.output?.statusCode
    tell({ event: 'close', atMs: Date.now(), code })
    if (code === DisconnectReason.restartRequired) connect()
  })
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const { key, message } of messages) {
      const text = message?.conversation ?? message?.extendedTextMessage?.text ?? undefined
      tell({ event: 'message', type, id: key.id, text })
    }
  })
}

const commands = {
  /** Asks the server something and says how that ended. */
  async ask({ stanza }) {
    try {
      const result = await socket.query(stanza)
      return { ended: 'resolved', isUndefined: result === undefined }
    } catch (error) {
      return { ended: 'rejected', reason: String(error?.message) }
    }
  },
  /** Sends a text, and says how that ended. */
  async send({ chat, text, id }) {
    try {
      const { message } = await socket.sendMessage(chat, { text }, { messageId: id })
      sent.set(id, message)
      return { ended: 'resolved' }
    } catch (error) {
      return { ended: 'rejected', reason: String(error?.message) }
    }
  },
  /** Sends a picture, and says how that ended. */
  async sendPicture({ chat, trusted }) {
    const image = { image: Buffer.alloc(5000, 7), jpegThumbnail: Buffer.of(0xff, 0xd8), width: 1, height: 1 }
    // how a user of Baileys has it trust another certificate
    globalAgent.options.ca = trusted
    try {
      await socket.sendMessage(chat, image)
      return { ended: 'resolved' }
    } catch (error) {
      return { ended: 'rejected', reason: String(error?.message) }
    }
  },
  /** Asks for a code to type in, and says how that ended. */
  async requestPairingCode({ phoneNumber }) {
    try {
      await socket.requestPairingCode(phoneNumber)
      return { ended: 'resolved' }
    } catch (error) {
      return { ended: 'rejected', reason: String(error?.message) }
    }
  },
  /** Writes of sessions fail from now on, or do no longer. */
  failSessionWrites(is) {
    isFailing = is.failing
  },
  /** Dies with its answer to a message: when that is on the wire, or in its place. */
  dieAtAnswer({ isWritten, id }) {
    const raw = socket.ws.socket
    const write = raw.send.bind(raw)
    const die = () => process.kill(process.pid, 'SIGKILL')
    onWrite = (xml) => {
      if (xml.includes(id)) raw.send = (bytes) => (isWritten ? write(bytes, die) : die())
    }
  },
}

process.on('message', async ({ call, command, ...input }) => {
  tell({ event: 'answer', call, result: await commands[command](input) })
})
process.on('disconnect', () => process.exit(0))
connect()
