/**
 * Files of every kind that waton sends, through the simulator's media server: an unmodified Baileys decrypts the message,
 * finds in it what it would have written itself, and downloads and decrypts the file. Files come as bytes, as a path and
 * as a stream.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { downloadContentFromMessage, generateWAMessageContent, proto } from '@whiskeysockets/baileys'
import type { AnyMessageContent, MediaType, MessageContentGenerationOptions } from '@whiskeysockets/baileys'
import { Agent } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import type { OutgoingContent } from 'waton'
import { childrenOf } from '../../src/protocol/binary/node.ts'
import { concatBytes } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, overWebSocket, startWorld } from '../helpers/world.ts'
import { BOB, JPEG } from './samples.ts'

const random = seededRandom('media to Baileys')

/** A file of more than one window of a sidecar. */
const FILE = random.bytes(150_001)
const WAVEFORM = Uint8Array.from({ length: 64 }, (_, index) => index)

/** What is sent, what Baileys is given for the same, Baileys' name of the field and of the kind, and the stanza's. */
interface Case {
  readonly name: string
  readonly waton: (file: Uint8Array | string | AsyncIterable<Uint8Array>) => OutgoingContent
  readonly baileys: object
  readonly field: keyof proto.IMessage
  readonly kind: MediaType
  readonly mediaType: string
}

const media = Buffer.from(FILE)
const shown = { width: 640, height: 480 }

const CASES: readonly Case[] = [
  {
    name: 'a picture',
    waton: (file) => ({ image: { file, ...shown, thumbnailBytes: JPEG }, caption: 'look' }),
    baileys: { image: media, ...shown, jpegThumbnail: JPEG, caption: 'look' },
    field: 'imageMessage',
    kind: 'image',
    mediaType: 'image',
  },
  {
    name: 'a picture to be seen once',
    waton: (file) => ({ image: { file, mimetype: 'image/png', thumbnailBytes: JPEG }, viewOnce: true }),
    baileys: { image: media, mimetype: 'image/png', jpegThumbnail: JPEG, viewOnce: true },
    field: 'imageMessage',
    kind: 'image',
    mediaType: 'image',
  },
  {
    name: 'a video',
    waton: (file) => ({ video: { file, ...shown, seconds: 7, thumbnailBytes: JPEG }, caption: 'watch' }),
    baileys: { video: media, ...shown, seconds: 7, jpegThumbnail: JPEG, caption: 'watch' },
    field: 'videoMessage',
    kind: 'video',
    mediaType: 'video',
  },
  {
    name: 'a moving picture',
    waton: (file) => ({ video: { file, isGif: true, thumbnailBytes: JPEG } }),
    baileys: { video: media, gifPlayback: true, jpegThumbnail: JPEG },
    field: 'videoMessage',
    kind: 'video',
    mediaType: 'gif',
  },
  {
    name: 'a round video',
    waton: (file) => ({ videoNote: { file } }),
    // it drops what else is said of one
    baileys: { video: media, ptv: true },
    field: 'ptvMessage',
    kind: 'ptv',
    mediaType: 'ptv',
  },
  {
    name: 'music',
    waton: (file) => ({ audio: { file, mimetype: 'audio/mp4', seconds: 200 } }),
    baileys: { audio: media, mimetype: 'audio/mp4', seconds: 200 },
    field: 'audioMessage',
    kind: 'audio',
    mediaType: 'audio',
  },
  {
    name: 'a voice message',
    waton: (file) => ({ audio: { file, isVoice: true, seconds: 5, waveformBytes: WAVEFORM } }),
    baileys: { audio: media, ptt: true, seconds: 5, waveform: WAVEFORM },
    field: 'audioMessage',
    kind: 'audio',
    mediaType: 'ptt',
  },
  {
    name: 'a document',
    waton: (file) => ({
      document: { file, mimetype: 'text/plain', fileName: 'a.txt', title: 'A', pageCount: 2 },
      caption: 'read',
      mentions: [BOB],
    }),
    baileys: {
      document: media,
      mimetype: 'text/plain',
      fileName: 'a.txt',
      title: 'A',
      pageCount: 2,
      caption: 'read',
      mentions: [BOB],
    },
    field: 'documentMessage',
    kind: 'document',
    mediaType: 'document',
  },
  {
    name: 'a sticker',
    waton: (file) => ({ sticker: { file, width: 512, height: 512, isAnimated: true } }),
    baileys: { sticker: media, width: 512, height: 512, isAnimated: true },
    field: 'stickerMessage',
    kind: 'sticker',
    mediaType: 'sticker',
  },
]

/** What differs from file to file. */
const OF_THE_FILE = [
  'url',
  'directPath',
  'mediaKey',
  'mediaKeyTimestamp',
  'fileEncSha256',
  'streamingSidecar',
]

/** The message within whatever is around it. */
function inner(message: proto.IMessage): proto.IMessage {
  return message.viewOnceMessage?.message ?? message
}

/** What a message says, without what differs from file to file. */
function comparable(message: proto.IMessage, field: keyof proto.IMessage): unknown {
  const bytes = proto.Message.encode(message).finish()
  const plain = proto.Message.toObject(proto.Message.decode(bytes), { bytes: String, longs: Number })
  const outer = 'viewOnceMessage' in plain ? 'view once' : 'plain'
  const own = inner(plain)[field] as Record<string, unknown>
  // Baileys writes the flag of what it has no mention for: see OPTION_DIFFERENCES
  const context = own.contextInfo as { nonJidMentions?: number } | undefined
  if (context?.nonJidMentions === 0) delete context.nonJidMentions
  return { outer, ...Object.fromEntries(Object.entries(own).filter(([name]) => !OF_THE_FILE.includes(name))) }
}

const UPLOADS_NOWHERE = {
  upload: () => Promise.resolve({ mediaUrl: 'https://mmg.whatsapp.net/x', directPath: '/x' }),
} as unknown as MessageContentGenerationOptions

/** The forms in which a file can be given, in turns. */
const FORMS: readonly ((path: string) => Uint8Array | string | AsyncIterable<Uint8Array>)[] = [
  () => FILE,
  (path) => path,
  () => Readable.from([FILE.subarray(0, 100_000), FILE.subarray(100_000)], { objectMode: false }),
]

async function fileOnDisk(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waton-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'file.bin'), FILE)
  return join(folder, 'file.bin')
}

test('files of every kind are decrypted, understood and downloaded by Baileys', async () => {
  const simulator = await startWorld(4711)
  const { alice, bob } = await addPair(simulator)
  const { mediaHost, mediaCertificate } = simulator.endpoint
  const waton = await linkedClient(simulator, alice, {
    endpoint: { ...overWebSocket(simulator), mediaHost, mediaCertificate },
  })
  const baileys = await Baileys.link(simulator, bob)
  const dispatcher = new Agent({ connect: { ca: mediaCertificate } })
  onTestFinished(() => dispatcher.close())
  const path = await fileOnDisk()
  const before = await putAside()
  for (const [index, { name, waton: content, baileys: theirs, field, kind, mediaType }] of CASES.entries()) {
    const form = FORMS[index % FORMS.length] ?? ((): Uint8Array => FILE)
    const { id } = await waton.send(BOB, content(form(path)))
    const { raw } = await until(`Baileys to get ${name}`, () =>
      baileys.messages.find(({ key, raw }) => key.id === id && raw !== undefined),
    )
    const message = proto.Message.decode(raw ?? new Uint8Array(0))
    const built = await generateWAMessageContent(theirs as AnyMessageContent, UPLOADS_NOWHERE)
    expect(comparable(message, field), name).toEqual(comparable(built, field))

    const file = inner(message)[field] as proto.Message.IVideoMessage
    const options = { dispatcher } as unknown as RequestInit
    const parts: Uint8Array[] = []
    for await (const part of await downloadContentFromMessage(file, kind, { options }))
      parts.push(part as Uint8Array)
    expect(concatBytes(...parts), name).toEqual(FILE)
    const [stanza] = simulator.trace
      .stanzas({ tag: 'message', direction: 'client-to-server' })
      .filter(({ node }) => node.attrs.id === id)
    expect(stanza?.node.attrs.type, name).toBe('media')
    const copies = stanza === undefined ? [] : childrenOf(stanza.node, 'participants')
    const types = copies.flatMap((list) => childrenOf(list, 'to').flatMap((to) => childrenOf(to, 'enc')))
    expect(new Set(types.map(({ attrs }) => attrs.mediatype)), name).toEqual(new Set([mediaType]))
  }
  expect(await putAside()).toEqual(before)
}, 120_000)

/** Files that streams were put aside in. */
async function putAside(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('waton-upload-'))
}
