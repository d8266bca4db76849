// A large file from a media server on this machine to the disk: how long it takes, and how much memory. Both read the same
// encrypted file through a dispatcher that leaves TLS out, so that only work of the libraries counts. waton verifies digests,
// MAC and length, and syncs the file before it gets its name; Baileys' stream is written to a file as it comes, unverified.
import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { sized } from '../harness.mjs'

const MIB = 2 ** 20
const SIZE_MIB = sized(256, 1)

export const title = 'Media'
export const about = `A video of ${SIZE_MIB} MiB, downloaded to the disk and decrypted. Memory is what the process takes more than before, at the most.`
export const rows = {
  'until it is on the disk': { unit: 'ms' },
  'until it is on the disk, CPU': { unit: 'ms CPU' },
  'memory meanwhile': { unit: 'MB' },
}
export const rounds = (count) => Math.min(count, 5)

/** Writes what a sender would have uploaded. */
async function encryptTo(path) {
  const mediaKey = randomBytes(32)
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, '', 'WhatsApp Video Keys', 112))
  const iv = keys.subarray(0, 16)
  const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
  const [plain, encrypted] = [createHash('sha256'), createHash('sha256')]
  const file = await open(path, 'w')
  const write = async (bytes) => {
    encrypted.update(bytes)
    await file.write(bytes)
  }
  const piece = randomBytes(MIB)
  for (let index = 0; index < SIZE_MIB; index++) {
    piece.writeUInt32BE(index)
    plain.update(piece)
    const part = cipher.update(piece)
    mac.update(part)
    await write(part)
  }
  const last = cipher.final()
  mac.update(last)
  await write(last)
  await write(mac.digest().subarray(0, 10))
  await file.close()
  return { mediaKey, sha256: plain.digest(), encryptedSha256: encrypted.digest() }
}

/** The server, in the runner's process. */
export async function start() {
  const directory = await mkdtemp(join(tmpdir(), 'waton-bench-media-'))
  const path = join(directory, 'video.enc')
  const made = await encryptTo(path)
  const length = SIZE_MIB * MIB + 16 + 10
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-length': length })
    pipeline(createReadStream(path), response).catch(() => undefined)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    value: { port: server.address().port, directory, ...made },
    answer: () => undefined,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await rm(directory, { recursive: true })
    },
  }
}

async function dispatcherTo(port) {
  const { Agent } = await import('undici')
  return new Agent({
    connect: (_options, callback) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => callback(null, socket))
      socket.once('error', (error) => callback(error, null))
    },
  })
}

/** One download, with what it takes. */
async function measured(work) {
  globalThis.gc()
  const before = process.memoryUsage.rss()
  const cpu = process.cpuUsage()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 5)
  const beganAt = performance.now()
  await work()
  const duration = performance.now() - beganAt
  clearInterval(timer)
  const { user, system } = process.cpuUsage(cpu)
  return {
    'until it is on the disk': duration,
    'until it is on the disk, CPU': (user + system) / 1000,
    'memory meanwhile': (Math.max(most, process.memoryUsage.rss()) - before) / MIB,
  }
}

const DIRECT_PATH = '/v/t62.7161-24/1_n.enc?oh=01'

async function waton({ shared: { port, directory, mediaKey, sha256, encryptedSha256 } }) {
  const { Client, MemoryStore } = await import('waton')
  const mediaDispatcher = await dispatcherTo(port)
  const client = new Client({
    store: new MemoryStore(),
    endpoint: { url: 'ws://127.0.0.1:1', mediaDispatcher },
  })
  const base64 = (bytes) => Buffer.from(bytes).toString('base64')
  const video = {
    mediaKey: base64(mediaKey),
    sha256: base64(sha256),
    encryptedSha256: base64(encryptedSha256),
    sizeBytes: SIZE_MIB * MIB,
    directPath: DIRECT_PATH,
  }
  const message = { id: 'VIDEO', chat: '15550000002@s.whatsapp.net', content: { video } }
  const path = join(directory, 'waton.mp4')
  return {
    cases: { download: { run: () => measured(() => client.download(message, { path })) } },
    close: async () => {
      await client.close()
      await mediaDispatcher.close()
    },
  }
}

async function baileys({ shared: { port, directory, mediaKey } }) {
  const { downloadContentFromMessage } = await import('@whiskeysockets/baileys')
  const dispatcher = await dispatcherTo(port)
  const path = join(directory, 'baileys.mp4')
  const video = { mediaKey, directPath: DIRECT_PATH, url: 'https://mmg.whatsapp.net/v' }
  const download = async () => {
    const stream = await downloadContentFromMessage(video, 'video', { options: { dispatcher } })
    await pipeline(stream, createWriteStream(path))
  }
  return {
    cases: { download: { run: () => measured(download) } },
    close: () => dispatcher.close(),
  }
}

export const contestants = { waton, Baileys: baileys }
