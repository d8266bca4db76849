/**
 * What a human sends besides words, and where a message has its file: the fields of `Message` for pictures, films, sounds,
 * documents and stickers. Encryption is in `media-file.ts`, storage in `album.ts`.
 */
import { checkArgument, checkOptions, TEXT } from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { unwrapped } from './content.ts'
import type { KeyPurpose, MediaSecrets } from './media-file.ts'

/** What the human of a simulated phone sends; a file is given as its bytes. */
export type PhoneContent =
  | { readonly text: string }
  | { readonly image: Uint8Array; readonly caption?: string; readonly mimetype?: string }
  | { readonly video: Uint8Array; readonly caption?: string; readonly mimetype?: string }
  | {
      readonly audio: Uint8Array
      readonly mimetype?: string
      /** Recorded with the microphone. @default false */
      readonly voice?: boolean
    }
  | {
      readonly document: Uint8Array
      readonly fileName?: string
      readonly caption?: string
      readonly mimetype?: string
    }
  | { readonly sticker: Uint8Array; readonly mimetype?: string }

/** The kinds of files. */
export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker'

/** A file on its way into a message. */
export interface OutgoingFile {
  readonly kind: MediaKind
  readonly bytes: Uint8Array
  readonly mimetype: string
  readonly caption: string | undefined
  readonly fileName: string | undefined
  readonly isVoice: boolean
}

/** What every message with a file says of it. */
export interface MediaFields extends MediaSecrets {
  readonly url: string
  readonly directPath: string
  readonly mimetype: string
  /** Seconds since the epoch. */
  readonly mediaKeyTimestamp: number
}

/** A file as a message names it. */
export interface IncomingFile {
  readonly purpose: KeyPurpose
  /** The word in the path of an upload. */
  readonly uploadKind: string
  readonly directPath: string
  readonly secrets: MediaSecrets
}

/** Whose keys open which kind, and which servers take it. @source Baileys `MEDIA_HKDF_KEY_MAPPING`, `MEDIA_PATH_MAP` */
export const MEDIA_KINDS: Readonly<
  Record<MediaKind, { readonly purpose: KeyPurpose; readonly uploadKind: string; readonly mimetype: string }>
> = {
  image: { purpose: 'Image', uploadKind: 'image', mimetype: 'image/jpeg' },
  video: { purpose: 'Video', uploadKind: 'video', mimetype: 'video/mp4' },
  audio: { purpose: 'Audio', uploadKind: 'audio', mimetype: 'audio/ogg; codecs=opus' },
  document: { purpose: 'Document', uploadKind: 'document', mimetype: 'application/octet-stream' },
  sticker: { purpose: 'Image', uploadKind: 'image', mimetype: 'image/webp' },
}

const FILE: Expectation = {
  expected: 'the bytes of a file, at least one',
  accepts: (value) => value instanceof Uint8Array && value.length > 0,
}

const BOOLEAN: Expectation = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' }

/** The file in what a human sends; `undefined` for words. @throws {UsageError} `WATON_ARGUMENT` */
export function outgoingFile(content: PhoneContent): OutgoingFile | undefined {
  const given = content as Readonly<Record<string, unknown>>
  const kind = (Object.keys(MEDIA_KINDS) as MediaKind[]).find((candidate) => given[candidate] !== undefined)
  if (kind === undefined) return undefined
  const expectations: Readonly<Record<string, Expectation>> = {
    [kind]: FILE,
    mimetype: TEXT,
    ...(kind === 'sticker' || kind === 'audio' ? {} : { caption: TEXT }),
    ...(kind === 'document' ? { fileName: TEXT } : {}),
    ...(kind === 'audio' ? { voice: BOOLEAN } : {}),
  }
  checkOptions(`phone.send(chat, { ${kind} })`, content, expectations)
  checkArgument(`${kind} in phone.send(chat, { ${kind} })`, given[kind], FILE)
  const { mimetype, caption, fileName, voice } = content as Partial<Record<string, string>> & {
    readonly voice?: boolean
  }
  return {
    kind,
    bytes: given[kind] as Uint8Array,
    mimetype: mimetype ?? MEDIA_KINDS[kind].mimetype,
    caption,
    fileName,
    isVoice: voice === true,
  }
}

/** The message for a file, and the word that stands beside its ciphertext. */
export function buildMediaMessage(
  file: OutgoingFile,
  fields: MediaFields,
): { readonly content: MessageProperties; readonly mediaType: string } {
  const { kind, fileName, isVoice } = file
  const caption = file.caption === undefined ? {} : { caption: file.caption }
  switch (kind) {
    case 'image':
      return { content: { imageMessage: { ...fields, ...caption } }, mediaType: kind }
    case 'video':
      return { content: { videoMessage: { ...fields, ...caption } }, mediaType: kind }
    case 'audio':
      return { content: { audioMessage: { ...fields, ptt: isVoice } }, mediaType: isVoice ? 'ptt' : kind }
    case 'sticker':
      return { content: { stickerMessage: fields }, mediaType: kind }
    case 'document': {
      const name = fileName === undefined ? {} : { fileName, title: fileName }
      const plain = { documentMessage: { ...fields, ...name, ...caption } }
      // A caption came later than documents: older clients look past what they do not know.
      const content = file.caption === undefined ? plain : { documentWithCaptionMessage: { message: plain } }
      return { content, mediaType: kind }
    }
  }
}

/** The file that a message names, when it names one and says all that is needed to open it. */
export function incomingFile(content: MessageProperties): IncomingFile | undefined {
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage, stickerMessage } =
    unwrapped(content)
  const candidates = [
    ['image', imageMessage],
    ['video', videoMessage],
    ['video', ptvMessage],
    ['audio', audioMessage],
    ['document', documentMessage],
    ['sticker', stickerMessage],
  ] as const
  for (const [kind, fields] of candidates) {
    if (fields === undefined || fields === null) continue
    const { directPath, mediaKey, fileSha256, fileEncSha256, fileLength } = fields
    if (!directPath || !mediaKey || !fileSha256 || !fileEncSha256) return undefined
    const secrets = { mediaKey, fileSha256, fileEncSha256, fileLength: fileLength ?? 0 }
    return { ...MEDIA_KINDS[kind], directPath, secrets }
  }
  return undefined
}
