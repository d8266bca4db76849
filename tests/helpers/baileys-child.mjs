// An unmodified Baileys in its own process, told what to do over IPC. It keeps its auth state in memory and comes back
// after a connection ended, as its documentation asks of every user; nothing else is added to it, and of the web it sees
// nothing.
import { Agent as HttpsAgent } from 'node:https'
import makeWASocket, {
  DisconnectReason,
  downloadMediaMessage,
  generateRegistrationId,
  initAuthCreds,
  proto,
  signedKeyPair,
} from '@whiskeysockets/baileys'
import { Agent } from 'undici'
import './no-web.mjs'

const quiet = () => undefined
const silent = {
  level: 'silent',
  child: () => silent,
  trace: quiet,
  debug: quiet,
  info: quiet,
  // the only place where it says that a MAC of app state is wrong
  warn: (fields, text = fields) => tell({ event: 'warned', text: String(text) }),
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
        if (type === 'session' && value !== null) noteBrokenChains(value)
        if (value === null) records.delete(`${type}-${id}`)
        else records.set(`${type}-${id}`, value)
      }
    }
  },
}

// libsignal tries a message in all sessions of a record, and a trial steps the session's ratchet, also where the message
// does not belong: what such a session encrypts from then on nobody can read. The record shows it: one ratchet key of the
// other side in several sessions. It belongs to the one in which the message was read, which was used last.
const owners = new Map()
const broken = new Set()
function noteBrokenChains({ _sessions: sessions }) {
  const entries = Object.entries(sessions)
  for (const [base, { currentRatchet }] of entries) {
    const key = currentRatchet.lastRemoteEphemeralKey
    const holders = entries.filter(([, session]) => key in session._chains)
    if (holders.length < 2) continue
    const latest = Math.max(...holders.map(([, { indexInfo }]) => indexInfo.used))
    const [owner, ...others] = holders.filter(([, { indexInfo }]) => indexInfo.used === latest)
    if (!owners.has(key)) owners.set(key, others.length > 0 ? undefined : owner[0])
    if (owners.get(key) === undefined || owners.get(key) === base) continue
    const ratchetKey = currentRatchet.ephemeralKeyPair.pubKey
    if (broken.has(ratchetKey)) continue
    broken.add(ratchetKey)
    // without the byte in front that names the curve
    const bytes = Buffer.from(ratchetKey, 'base64').subarray(1)
    tell({ event: 'broken-chain', ratchetKey: bytes.toString('base64') })
  }
}

const [url] = process.argv.slice(2)
const auth = { creds: initAuthCreds(), keys }
let settings = {}
let socket
let isWanted = false

// messages that a device asks for again: Baileys leaves keeping them to its user
const sent = new Map()

// messages with files, as Baileys announced them
const media = new Map()
// trusts the media server of the simulator; the option is of Node's own fetch
let dispatcher

// the other end may have gone, which is no matter of the test's
const tell = (event) => process.send?.(event, () => undefined)
const pair = ({ publicKey, privateKey }) => ({
  public: Buffer.from(publicKey),
  private: Buffer.from(privateKey),
})

function connect(own) {
  isWanted = true
  socket = makeWASocket({
    waWebSocketUrl: url,
    auth,
    logger: silent,
    markOnlineOnConnect: false,
    getMessage: (key) => Promise.resolve(sent.get(key.id)),
    ...settings,
    ...own,
  })
  socket.ev.on('creds.update', (update) => Object.assign(auth.creds, update))
  socket.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
    if (qr !== undefined) tell({ event: 'qr', qr })
    if (connection === 'open') tell({ event: 'open' })
    if (connection !== 'close' || !isWanted) return
    if (lastDisconnect?.error?.output?.statusCode === DisconnectReason.loggedOut)
      tell({ event: 'logged-out' })
    else connect(own)
  })
  announce(socket.ev)
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const { key, message, pushName, messageStubType, status } of messages) {
      if (message) media.set(key.id, { key, message })
      const text = message?.conversation ?? message?.extendedTextMessage?.text ?? undefined
      const raw = message ? proto.Message.encode(message).finish() : undefined
      tell({
        event: 'message',
        type,
        key,
        text,
        raw,
        pushName,
        messageStubType: messageStubType ?? undefined,
      })
      // an update that comes in the same flush is merged into the message
      if (typeof status === 'number') tell({ event: 'status', key, status })
    }
  })
  socket.ev.on('messaging-history.set', (history) => tell({ event: 'history', history: summaryOf(history) }))
  socket.ev.on('presence.update', ({ id, presences }) => tell({ event: 'presence', id, presences }))
  socket.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates)
      if (update.status !== undefined) tell({ event: 'status', key, status: update.status })
  })
}

// a piece of history in the form that crosses to the other process: plain values, keys and words in place of messages
function summaryOf({ chats, contacts, messages, lidPnMappings, ...about }) {
  const plain = JSON.stringify({
    ...about,
    chats: chats.map(({ messages: latest, ...chat }) => ({ ...chat, latest: latest?.length ?? 0 })),
    contacts,
    lidPnMappings,
    messages: messages.map(({ key, message, ...more }) => ({
      ...{ key, ...more },
      kind: Object.keys(message ?? {}).find((name) => name !== 'messageContextInfo'),
      text: message?.conversation ?? message?.extendedTextMessage?.text,
    })),
  })
  for (const { key, message } of messages) if (message) media.set(key.id, { key, message })
  return JSON.parse(plain)
}

// Baileys fetches the files of app state and history from WhatsApp's own host, whichever hosts the server has named: the
// simulator's stands in its place
function standInForMedia(host) {
  const guarded = globalThis.fetch
  globalThis.fetch = (target, options) => {
    const url = new URL(target instanceof Request ? target.url : target)
    if (url.hostname !== 'mmg.whatsapp.net') return guarded(target, options)
    return guarded(`https://${host}${url.pathname}${url.search}`, { ...options, dispatcher })
  }
}

// what Baileys tells its user beside messages; of what it says in pieces, the piece that is about the account
const ANNOUNCED = {
  call: (calls) => calls,
  'blocklist.update': (update) => [update],
  'chats.update': (updates) => updates.filter((update) => 'ephemeralExpiration' in update),
  'connection.update': ({ reachoutTimeLock }) => (reachoutTimeLock === undefined ? [] : [reachoutTimeLock]),
  'contacts.update': (updates) => updates.filter((update) => 'imgUrl' in update),
  'creds.update': ({ accountSettings }) => (accountSettings === undefined ? [] : [accountSettings]),
  'group-participants.update': (update) => [update],
  'group.join-request': (request) => [request],
  'groups.update': (updates) => updates,
  'groups.upsert': (groups) => groups,
  'message-capping.update': (update) => [update],
  'message-receipt.update': (updates) => updates,
  'messages.media-update': (updates) =>
    updates.map(({ error, ...update }) => ({ ...update, code: error?.data?.code })),
  'messages.update': (updates) => updates,
  'newsletter-participants.update': (update) => [update],
  'newsletter-settings.update': (update) => [update],
  'newsletter.reaction': (update) => [update],
  'newsletter.view': (update) => [update],
  'presence.update': (update) => [update],
}

// what it tells of app state and of the address book, each piece as it is
const CHANGES = {
  'chats.update': (updates) => updates,
  'chats.delete': (chats) => chats.map((id) => ({ id })),
  'chats.lock': (lock) => [lock],
  'contacts.upsert': (contacts) => contacts,
  'labels.association': (association) => [association],
  'labels.edit': (label) => [label],
  'lid-mapping.update': (mapping) => [mapping],
  'messages.delete': (deletion) => [deletion],
  'messages.update': (updates) => updates.filter(({ update }) => 'starred' in update),
  'settings.update': (setting) => [setting],
  // the chats with what its first look at app state says of them
  'messaging-history.set': ({ chats, contacts, messages }) => [{ chats, contacts, messages }],
  // a count says that it is through with its first look at app state
  'creds.update': ({ me, accountSettings, accountSyncCounter }) => [
    { name: me?.name, accountSyncCounter, ...accountSettings },
  ],
}

function announce(events) {
  for (const [name, parts] of Object.entries(CHANGES))
    events.on(name, (payload) => {
      for (const part of parts(payload)) tell({ event: 'changed', name, payload: JSON.stringify(part) })
    })
  for (const [name, parts] of Object.entries(ANNOUNCED))
    events.on(name, (payload) => {
      // as text: what Baileys tells has functions and classes in it
      for (const part of parts(payload)) tell({ event: 'announced', name, payload: JSON.stringify(part) })
    })
}

const commands = {
  // before the first connect: settings of `makeWASocket`, and the keys to begin with
  begin({ credentials, mediaCertificate, mediaHost, takesFullHistory, ...chosen }) {
    settings = chosen
    if (takesFullHistory) settings.shouldSyncHistoryMessage = () => true
    if (mediaCertificate !== undefined) {
      settings.fetchAgent = new HttpsAgent({ ca: mediaCertificate })
      dispatcher = new Agent({ connect: { ca: mediaCertificate } })
    }
    if (mediaHost !== undefined) standInForMedia(mediaHost)
    if (credentials === undefined) return
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
  connect(own) {
    connect(own)
  },
  async disconnect() {
    isWanted = false
    await socket.end(undefined)
  },
  async send({ chat, text, id }) {
    const message = await socket.sendMessage(chat, { text }, id === undefined ? {} : { messageId: id })
    sent.set(message.key.id, message.message)
    return { id: message.key.id }
  },
  // anything that `sendMessage` builds, with an upload when there is a file in it
  async content({ chat, content, options }) {
    const message = await socket.sendMessage(chat, content, options)
    return { id: message.key.id }
  },
  // the file of a message, as Baileys fetches and decrypts it
  async download({ id }) {
    return downloadMediaMessage(media.get(id), 'buffer', { options: { dispatcher } })
  },
  // the same as its documentation has it, with the means to have an expired file uploaded again
  async downloadOrAsk({ id }) {
    return downloadMediaMessage(
      media.get(id),
      'buffer',
      { options: { dispatcher } },
      { logger: silent, reuploadRequest: (message) => socket.updateMediaMessage(message) },
    )
  },
  // asks the phone to upload it again; where it is then
  async updateMedia({ id }) {
    // Baileys looks for it at WhatsApp's own host unless it has asked for the hosts before
    await socket.refreshMediaConn()
    const { message } = await socket.updateMediaMessage(media.get(id))
    return Object.values(message).find((content) => content?.directPath)?.directPath
  },
  // a message as the schema has it, encrypted and sent as it is
  async relay({ chat, message, id }) {
    return { id: await socket.relayMessage(chat, proto.Message.fromObject(message), { messageId: id }) }
  },
  // asks the phone for anything
  async askPhone({ request }) {
    return { id: await socket.sendPeerDataOperationMessage(request) }
  },
  // asks the phone for what is older than a message
  async fetchHistory({ count, key, timestamp }) {
    return { id: await socket.fetchMessageHistory(count, key, timestamp) }
  },
  // a change of app state, as `chatModify` takes it
  async modify({ change, chat }) {
    await socket.chatModify(change, chat)
  },
  // the functions that it has for changes beside `chatModify`, by their names
  async change({ name, parameters }) {
    await socket[name](...parameters)
  },
  // the version that it has of each collection
  versions() {
    const versions = {}
    for (const [key, state] of records)
      if (key.startsWith('app-state-sync-version-'))
        versions[key.slice('app-state-sync-version-'.length)] = state.version
    return versions
  },
  async code({ phoneNumber }) {
    return { code: await socket.requestPairingCode(phoneNumber) }
  },
  async read({ key }) {
    await socket.readMessages([key])
  },
  // several at once: Baileys sorts them by chat
  async readAll({ keys: several }) {
    await socket.readMessages(several)
  },
  async presence({ type, chat }) {
    await socket.sendPresenceUpdate(type, chat)
  },
  async subscribe({ jid }) {
    await socket.presenceSubscribe(jid)
  },
  // a stanza that has no answer, as it is
  async stanza({ stanza }) {
    await socket.sendNode(stanza)
  },
  async query({ stanza }) {
    await socket.query(stanza)
  },
  async rejectCall({ id, creator }) {
    await socket.rejectCall(id, creator)
  },
  async rotate() {
    await socket.rotateSignedPreKey()
  },
  // what a damaged disk takes: records of some kinds
  lose({ kinds }) {
    const lost = [...records.keys()].filter((key) => kinds.some((kind) => key.startsWith(`${kind}-`)))
    for (const key of lost) records.delete(key)
    return lost.length
  },
  // while it is not connected: another identity under the same number, and nothing that went with the former one
  registerAnew({ identityKey, deviceIdentity }) {
    const signedIdentityKey = pair(identityKey)
    Object.assign(auth.creds, {
      signedIdentityKey,
      account: proto.ADVSignedDeviceIdentity.decode(deviceIdentity),
      signedPreKey: signedKeyPair(signedIdentityKey, 1),
      registrationId: generateRegistrationId(),
      firstUnuploadedPreKeyId: 1,
      nextPreKeyId: 1,
    })
    return commands.lose({ kinds: ['session', 'pre-key'] })
  },
  // what it does by itself at every question about devices: a new session in place of a healthy one
  async renewSessions({ devices }) {
    await socket.assertSessions(devices, true)
  },
  async logout() {
    isWanted = false
    await socket.logout()
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
