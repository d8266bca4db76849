// What a phone hands over of its chats: one piece as it comes in the middle of a history, and the whole of a large account.
// Both read the same files, which Baileys' classes wrote: every id, time and text of the piece; of the whole, every id and
// time. waton reads a stream and keeps nothing; Baileys decompresses and decodes everything, which is how it works.
import { createReadStream } from 'node:fs'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createDeflate, createInflate, inflateSync } from 'node:zlib'
import { sized, timed } from '../harness.mjs'
import { seededRandom } from '../inputs.mjs'

const PIECE = { chats: sized(200, 5), messages: 20 }
const WHOLE = { chats: sized(2000, 10), messages: 50 }

const PIECE_ROW = `a piece of ${PIECE.chats} chats x ${PIECE.messages} messages`
const WHOLE_ROW = `${WHOLE.chats} chats x ${WHOLE.messages} messages`

export const title = 'History'
export const about =
  'A compressed history is read: every id, time and text of a piece; every id and time of a whole account. Nothing is stored. Memory is what the process takes more than before, at the most.'
export const rows = {
  [PIECE_ROW]: { unit: 'µs CPU' },
  [WHOLE_ROW]: { unit: 'ms' },
  [`${WHOLE_ROW}, CPU`]: { unit: 'ms CPU' },
  [`${WHOLE_ROW}, memory meanwhile`]: { unit: 'MB' },
}
export const rounds = (count) => Math.min(count, 5)

const NOW_SECONDS = 1_763_700_000
const WORDS = 'the invoice is ready chegou o pedido? obrigado até amanhã see you at ten 👍 na reunião'.split(
  ' ',
)

/** Chats with texts, quotes and pictures, as an ordinary account has them. */
class Writer {
  #random = seededRandom('history')

  constructor(proto) {
    this.proto = proto
  }

  /** One chat as a `HistorySync` of its own: joined, they are one. */
  chat(index, messages) {
    const isGroup = index % 4 === 0
    const id = isGroup ? `1203630${this.#digits(11)}@g.us` : `${this.#digits(15)}@lid`
    const conversation = {
      id,
      messages: Array.from({ length: messages }, (_, order) => ({
        message: this.#message(id, isGroup, NOW_SECONDS - 60 * order),
        msgOrderId: messages - order,
      })),
      unreadCount: this.#below(4),
      endOfHistoryTransfer: true,
      endOfHistoryTransferType: 1,
      conversationTimestamp: NOW_SECONDS,
      name: this.#text(14),
      ...(isGroup
        ? { participant: Array.from({ length: 20 }, () => ({ userJid: `${this.#digits(15)}@lid`, rank: 0 })) }
        : {
            pnJid: `${this.#digits(12)}@s.whatsapp.net`,
            tcToken: this.#bytes(12),
            tcTokenTimestamp: NOW_SECONDS,
          }),
    }
    return this.#encode({ conversations: [conversation] })
  }

  /** What comes beside chats. */
  rest() {
    const lid = () => `${this.#digits(15)}@lid`
    return this.#encode({
      syncType: 3,
      chunkOrder: 1,
      progress: 40,
      pushnames: Array.from({ length: 300 }, () => ({ id: lid(), pushname: this.#text(12) })),
      phoneNumberToLidMappings: Array.from({ length: 300 }, () => ({
        pnJid: `${this.#digits(12)}@s.whatsapp.net`,
        lidJid: lid(),
      })),
    })
  }

  #encode(history) {
    return this.proto.HistorySync.encode(this.proto.HistorySync.fromObject(history)).finish()
  }

  #message(remoteJid, isGroup, messageTimestamp) {
    const author = isGroup ? { participant: `${this.#digits(15)}@lid` } : {}
    return {
      key: { remoteJid, fromMe: this.#below(3) === 0, id: `3EB0${this.#hex(9)}`, ...author },
      message: { ...this.#content(messageTimestamp), messageContextInfo: { messageSecret: this.#bytes(32) } },
      messageTimestamp,
      status: 4,
      pushName: this.#text(12),
      ...author,
      userReceipt: [{ userJid: `${this.#digits(15)}@lid`, readTimestamp: messageTimestamp + 9 }],
    }
  }

  #content(time) {
    const kind = this.#below(10)
    if (kind < 5) return { conversation: this.#text(60) }
    const quotedMessage = { conversation: this.#text(40) }
    const contextInfo = {
      stanzaId: `3EB0${this.#hex(9)}`,
      participant: `${this.#digits(15)}@lid`,
      quotedMessage,
    }
    if (kind < 8) return { extendedTextMessage: { text: this.#text(80), contextInfo } }
    const directPath = `/v/t62.7118-24/${this.#hex(40)}`
    return {
      imageMessage: {
        url: `https://mmg.whatsapp.net${directPath}`,
        directPath,
        mimetype: 'image/jpeg',
        ...{ fileLength: 100_000, height: 1280, width: 720, mediaKeyTimestamp: time },
        ...{ fileSha256: this.#bytes(32), fileEncSha256: this.#bytes(32), mediaKey: this.#bytes(32) },
        jpegThumbnail: this.#bytes(700),
        caption: this.#text(20),
      },
    }
  }

  #bytes(count) {
    return Buffer.from(this.#random.bytes(count))
  }

  #hex(count) {
    return this.#bytes(count).toString('hex').toUpperCase()
  }

  #below(limit) {
    return this.#bytes(4).readUInt32BE() % limit
  }

  #digits(count) {
    return `1${Array.from(this.#random.bytes(count - 1), (byte) => byte % 10).join('')}`
  }

  #text(length) {
    let text = WORDS[this.#below(WORDS.length)]
    while (text.length < length) text += ` ${WORDS[this.#below(WORDS.length)]}`
    return text
  }
}

/** Writes both files, in the runner's process. */
export async function start() {
  const { proto } = await import('@whiskeysockets/baileys')
  const directory = await mkdtemp(join(tmpdir(), 'waton-bench-history-'))
  const write = async (name, { chats, messages }) => {
    const path = join(directory, name)
    const writer = new Writer(proto)
    const file = await open(path, 'w')
    await pipeline(
      async function* () {
        for (let index = 0; index < chats; index++) yield writer.chat(index, messages)
        yield writer.rest()
      },
      createDeflate(),
      file.createWriteStream(),
    )
    return path
  }
  const value = { piece: await write('piece', PIECE), whole: await write('whole', WHOLE) }
  return { value, answer: () => undefined, close: () => rm(directory, { recursive: true }) }
}

/** What reading a whole account takes, once. */
async function measured(work) {
  globalThis.gc()
  const before = process.memoryUsage.rss()
  const cpu = process.cpuUsage()
  const beganAt = performance.now()
  let most = before
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 5)
  const count = await work()
  look()
  clearInterval(timer)
  if (count !== WHOLE.chats * WHOLE.messages) throw new Error(`${count} messages were read`)
  const { user, system } = process.cpuUsage(cpu)
  return {
    [WHOLE_ROW]: performance.now() - beganAt,
    [`${WHOLE_ROW}, CPU`]: (user + system) / 1000,
    [`${WHOLE_ROW}, memory meanwhile`]: (most - before) / 2 ** 20,
  }
}

const textOf = (content) =>
  content.conversation ?? content.extendedTextMessage?.text ?? content.imageMessage?.caption

/** The piece is long: a round has few of them, and the first dozen are slow on every engine. */
const WARM_UP = sized(30, 0)

function warm(readPiece) {
  for (let count = 0; count < WARM_UP; count++) readPiece()
}

function check(count) {
  if (count !== PIECE.chats * PIECE.messages) throw new Error(`${count} messages were read`)
}

async function waton({ shared: { piece, whole } }) {
  const { history, messageProto } = await import('waton/protocol')
  const compressed = await readFile(piece)
  const readPiece = () => {
    const bytes = inflateSync(compressed)
    const reader = new history.HistoryReader()
    let [count, length] = [0, 0]
    for (let from = 0; from < bytes.length; from += 65_536) {
      for (const item of reader.push(bytes.subarray(from, from + 65_536))) {
        if (item.kind === 'chat') length += item.chat.length
        if (item.kind !== 'message') continue
        const { key, sentAtSeconds, message } = item.info
        length += key.id.length + sentAtSeconds + textOf(messageProto.decodeMessage(message)).length
        count++
      }
    }
    reader.end()
    check(Number.isFinite(length) ? count : Number.NaN)
  }
  const readWhole = async () => {
    const reader = new history.HistoryReader()
    let [count, length] = [0, 0]
    await pipeline(createReadStream(whole), createInflate({ chunkSize: 65_536 }), async (chunks) => {
      for await (const chunk of chunks)
        for (const item of reader.push(chunk)) {
          if (item.kind !== 'message') continue
          length += item.info.key.id.length + item.info.sentAtSeconds
          count++
        }
    })
    reader.end()
    return Number.isFinite(length) ? count : Number.NaN
  }
  warm(readPiece)
  return {
    cases: {
      piece: timed(PIECE_ROW, (lap) => lap(1, readPiece)),
      whole: { run: () => measured(readWhole) },
    },
  }
}

async function baileys({ shared: { piece, whole } }) {
  const { proto, processHistoryMessage } = await import('@whiskeysockets/baileys')
  const compressed = await readFile(piece)
  const readPiece = () => {
    let [count, length] = [0, 0]
    for (const chat of proto.HistorySync.decode(inflateSync(compressed)).conversations) {
      length += chat.id.length
      for (const { message } of chat.messages) {
        length += message.key.id.length + Number(message.messageTimestamp) + textOf(message.message).length
        count++
      }
    }
    check(Number.isFinite(length) ? count : Number.NaN)
  }
  const readWhole = async () => {
    const chunks = []
    const inflater = createInflate()
    inflater.on('data', (chunk) => chunks.push(chunk))
    await pipeline(createReadStream(whole), inflater)
    const { messages } = processHistoryMessage(proto.HistorySync.decode(Buffer.concat(chunks)))
    let length = 0
    for (const { key, messageTimestamp } of messages) length += key.id.length + Number(messageTimestamp)
    return Number.isFinite(length) ? messages.length : Number.NaN
  }
  warm(readPiece)
  return {
    cases: {
      piece: timed(PIECE_ROW, (lap) => lap(1, readPiece)),
      whole: { run: () => measured(readWhole) },
    },
  }
}

export const contestants = { waton, Baileys: baileys }
