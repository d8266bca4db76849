// An unmodified Baileys that starts from credentials it is given and comes and goes when it is told to. Nothing is added
// to it; the settings that it is given are those that waton has without being asked.
import makeWASocket, { initAuthCreds } from '@whiskeysockets/baileys'

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
let settings
let socket
let isWanted = false

const tell = (event) => process.send?.(event)
const pair = ({ publicKey, privateKey }) => ({
  public: Buffer.from(publicKey),
  private: Buffer.from(privateKey),
})

function connect(keepAliveIntervalMs) {
  isWanted = true
  socket = makeWASocket({
    waWebSocketUrl: url,
    version: settings.version,
    browser: settings.browser,
    auth,
    logger: silent,
    keepAliveIntervalMs,
    markOnlineOnConnect: false,
    syncFullHistory: false,
    getMessage: () => Promise.resolve(undefined),
  })
  socket.ev.on('creds.update', (update) => Object.assign(auth.creds, update))
  socket.ev.on('connection.update', ({ qr, connection }) => {
    if (qr !== undefined) tell({ event: 'qr', qr })
    if (connection === 'open') tell({ event: 'open' })
    if (connection === 'close' && isWanted) connect(keepAliveIntervalMs)
  })
  socket.ev.on('messages.upsert', ({ messages }) => {
    for (const { message } of messages) {
      const text = message?.conversation ?? message?.extendedTextMessage?.text
      if (typeof text === 'string') tell({ event: 'text', text })
    }
  })
}

const commands = {
  begin({ credentials, version, browser }) {
    settings = { version, browser }
    const { noiseKey, identityKey, signedPreKey, registrationId, advSecret } = credentials
    Object.assign(auth.creds, {
      noiseKey: pair(noiseKey),
      signedIdentityKey: pair(identityKey),
      signedPreKey: {
        keyPair: pair(signedPreKey),
        signature: Buffer.from(signedPreKey.signature),
        keyId: signedPreKey.id,
      },
      registrationId,
      advSecretKey: Buffer.from(advSecret).toString('base64'),
    })
  },
  connect({ keepAliveIntervalMs }) {
    connect(keepAliveIntervalMs)
  },
  async disconnect() {
    isWanted = false
    await socket.end(undefined)
  },
  async send({ chat, text, id }) {
    const { key } = await socket.sendMessage(chat, { text }, id === undefined ? {} : { messageId: id })
    return key.id
  },
  // a query with an id of its own, so that the record can be cut where its answer came
  async mark({ id }) {
    const attrs = { id, to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }
    await socket.query({ tag: 'iq', attrs, content: [{ tag: 'ping', attrs: {} }] })
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
