/**
 * Sending files: pictures, videos, sound, documents and stickers. A kind says which file it has and checks what stands
 * beside it before anything is uploaded; the message is built when it is known where the file is. Nothing is computed of a
 * file: sizes, lengths and previews are what the caller says.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` prepareWAMessageMedia (fields, default media types); deliberate
 *   differences are in {@link MEDIA_DIFFERENCES}
 */
import { BOOLEAN, type Expectation, wholeNumber } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import type { MediaKind } from '../../media/index.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import { JPEG, type Part, checkParts, checkValue, optional, textOf } from './check.ts'
import { type BuildContext, type Kind, type MediaSource, type UploadedFile, defineKind } from './kind.ts'

/** Where sent files differ on purpose from what Baileys 7.0.0-rc14 sends. */
export const MEDIA_DIFFERENCES: readonly { readonly field: string; readonly reason: string }[] = [
  {
    field: 'streamingSidecar',
    reason:
      'waton sends it with videos and sound, so that they can be played while they are fetched; Baileys does not',
  },
  {
    field: 'ptvMessage',
    reason:
      'Baileys drops the preview, the size and the length of a round video; waton sends what it is given',
  },
  {
    field: 'documentMessage.mimetype',
    reason:
      'Baileys says application/pdf where nothing is given; waton says application/octet-stream, which claims nothing',
  },
]

/** What can be said of any file. */
export interface OutgoingFileFacts {
  /** The file: its bytes, the path of a file on the disk, or a stream of bytes. What a path names is read before `send` resolves. */
  readonly file: MediaSource
  /** Its media type. @default what most files of the kind have */
  readonly mimetype?: string
}

/** A picture to send. */
export interface OutgoingImage extends OutgoingOptions {
  /** The picture. */
  readonly image: OutgoingFileFacts & {
    /** Pixels from left to right. */
    readonly width?: number
    /** Pixels from top to bottom. */
    readonly height?: number
    /** A small preview, as JPEG, that is there before the picture is. */
    readonly thumbnailBytes?: Uint8Array
    /** What it shows, for those who cannot see it. */
    readonly accessibilityLabel?: string
  }
  /** What is written below it. */
  readonly caption?: string
}

/** What can be said of a video. */
export interface OutgoingVideoFacts extends OutgoingFileFacts {
  /** Pixels from left to right. */
  readonly width?: number
  /** Pixels from top to bottom. */
  readonly height?: number
  /** How long it is. */
  readonly seconds?: number
  /** A small preview, as JPEG, that is there before the video is. */
  readonly thumbnailBytes?: Uint8Array
  /** What it shows, for those who cannot see it. */
  readonly accessibilityLabel?: string
}

/** A video to send, or a moving picture. */
export interface OutgoingVideo extends OutgoingOptions {
  /** The video. */
  readonly video: OutgoingVideoFacts & {
    /** It is shown as a moving picture: silent, again and again. The file is an MP4 all the same. */
    readonly isGif?: boolean
  }
  /** What is written below it. */
  readonly caption?: string
}

/** A round video message to send. */
export interface OutgoingVideoNote extends OutgoingOptions {
  /** The video. */
  readonly videoNote: OutgoingVideoFacts
}

/** Sound to send: music or a voice message. */
export interface OutgoingAudio extends OutgoingOptions {
  /** The sound. */
  readonly audio: OutgoingFileFacts & {
    /** How long it is. */
    readonly seconds?: number
    /** It is a voice message: Opus in Ogg, one channel. */
    readonly isVoice?: boolean
    /** How loud a voice message is over time: some 64 bytes from 0 to 100. */
    readonly waveformBytes?: Uint8Array
  }
}

/** A document of any type to send. */
export interface OutgoingDocument extends OutgoingOptions {
  /** The document. */
  readonly document: OutgoingFileFacts & {
    /** The name of the file. @default that in the path, or `file` */
    readonly fileName?: string
    /** The title. */
    readonly title?: string
    /** How many pages it has. */
    readonly pageCount?: number
    /** A small preview, as JPEG. */
    readonly thumbnailBytes?: Uint8Array
  }
  /** What is written below it. */
  readonly caption?: string
}

/** A sticker to send. */
export interface OutgoingSticker extends OutgoingOptions {
  /** The sticker: a WebP. */
  readonly sticker: OutgoingFileFacts & {
    /** Pixels from left to right; those of WhatsApp have 512. */
    readonly width?: number
    /** Pixels from top to bottom. */
    readonly height?: number
    /** It moves. */
    readonly isAnimated?: boolean
  }
}

/** Characters of a name or a title. A limit of waton. */
const MAX_NAME = 1024

/** Bytes of a waveform. WhatsApp's own have 64. */
const MAX_WAVEFORM_BYTES = 256

const FILE: Expectation = {
  expected: 'the bytes of a file as Uint8Array, its path, or a stream (an iterable) of Uint8Array',
  accepts: (value) =>
    value instanceof Uint8Array ||
    (typeof value === 'string' && value !== '' && !value.includes('\0')) ||
    (typeof value === 'object' &&
      value !== null &&
      (Symbol.asyncIterator in value || Symbol.iterator in value)),
}

const MEDIA_TYPE: Expectation = {
  expected: 'a media type, e.g. image/png',
  accepts: (value) =>
    typeof value === 'string' && value.length <= 256 && /^[\w.+-]+\/[\w.+-]+(;[\x20-\x7e]*)?$/.test(value),
}

const WAVEFORM: Expectation = {
  expected: `1 to ${String(MAX_WAVEFORM_BYTES)} bytes from 0 to 100, as Uint8Array`,
  accepts: (value) =>
    value instanceof Uint8Array &&
    value.length > 0 &&
    value.length <= MAX_WAVEFORM_BYTES &&
    value.every((loudness) => loudness <= 100),
}

const PIXELS = optional(wholeNumber(1, 65_535))
const SECONDS = optional(wholeNumber(0, 0xffff_ffff))
const SHORT = optional(textOf(MAX_NAME))
const FLAG = optional(BOOLEAN)

const FACTS = { file: FILE, mimetype: optional(MEDIA_TYPE) }
const PICTURE = { ...FACTS, width: PIXELS, height: PIXELS }
const SHOWN = { ...PICTURE, thumbnailBytes: optional(JPEG), accessibilityLabel: SHORT }
const FILM = { ...SHOWN, seconds: SECONDS }

/** Checks what is said of a file, and its caption. @throws {UsageError} `WATON_CONTENT_...` */
function checkFile(
  what: string,
  facts: OutgoingFileFacts,
  parts: Readonly<Record<string, Part>>,
  content: object,
): MediaSource {
  checkParts(what, facts, parts)
  const { file } = facts
  if (typeof file === 'string' && /^(https?|data):/i.test(file)) {
    throw new UsageError(
      'WATON_CONTENT_FILE',
      `${what}.file is a web address, and waton opens none: fetch it and pass the body, e.g. { file: (await fetch(url)).body }`,
      { details: { part: `${what}.file` } },
    )
  }
  const { caption } = content as { readonly caption?: string }
  if (caption !== undefined) checkValue('caption', caption, textOf())
  return file
}

/** The fields that all files share. */
interface FileFields {
  readonly url: string
  readonly directPath: string
  readonly mediaKey: Uint8Array
  readonly mediaKeyTimestamp: number
  readonly fileSha256: Uint8Array
  readonly fileEncSha256: Uint8Array
  readonly fileLength: number
  readonly mimetype: string
}

/** Where the file is, and what opens it. @throws {UsageError} `WATON_CONTENT_FILE` */
function uploadOf({ upload }: BuildContext): UploadedFile {
  if (upload !== undefined) return upload
  throw new UsageError(
    'WATON_CONTENT_FILE',
    'the file of this message was not uploaded, so there is nothing to send; report this, with how it was sent',
    { action: 'report' },
  )
}

function fieldsOf(upload: UploadedFile, mimetype: string): FileFields {
  return {
    url: upload.url,
    directPath: upload.directPath,
    mediaKey: upload.mediaKey,
    mediaKeyTimestamp: Math.floor(upload.mediaKeyAtMs / 1000),
    fileSha256: upload.sha256,
    fileEncSha256: upload.encSha256,
    fileLength: upload.lengthBytes,
    mimetype,
  }
}

/** Only what is there: an absent field is not written. */
function given<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== false)
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> }
}

function videoFields(
  facts: OutgoingVideoFacts,
  {
    caption,
    isGif,
    viewOnce,
  }: { caption?: string | undefined; isGif?: boolean | undefined; viewOnce?: boolean | undefined },
  context: BuildContext,
): object {
  const upload = uploadOf(context)
  const { width, height, seconds, thumbnailBytes: jpegThumbnail, accessibilityLabel } = facts
  const own = {
    width,
    height,
    seconds,
    jpegThumbnail,
    accessibilityLabel,
    caption,
    gifPlayback: isGif,
    viewOnce,
  }
  return {
    ...fieldsOf(upload, facts.mimetype ?? 'video/mp4'),
    ...given({ ...own, streamingSidecar: upload.sidecar }),
  }
}

/** A file of this kind, with a sidecar where it can be played. */
function fileOf(source: MediaSource, kind: MediaKind, sidecar: boolean = false): ReturnType<FileHook> {
  return { source, kind, sidecar }
}

type FileHook = NonNullable<Kind<string, object>['file']>

/** @see OutgoingImage */
export const imageKind: Kind<'image', OutgoingImage> = defineKind({
  name: 'image',
  keys: ['caption'],
  file: (content) => fileOf(checkFile('image', content.image, SHOWN, content), 'image'),
  build: ({ image, caption, viewOnce }, context) => {
    const { width, height, thumbnailBytes: jpegThumbnail, accessibilityLabel } = image
    const own = given({ width, height, jpegThumbnail, accessibilityLabel, caption, viewOnce })
    return {
      message: { imageMessage: { ...fieldsOf(uploadOf(context), image.mimetype ?? 'image/jpeg'), ...own } },
    }
  },
})

/** @see OutgoingVideo */
export const videoKind: Kind<'video', OutgoingVideo> = defineKind({
  name: 'video',
  keys: ['caption'],
  file: (content) => {
    const source = checkFile('video', content.video, { ...FILM, isGif: FLAG }, content)
    return fileOf(source, content.video.isGif === true ? 'gif' : 'video', true)
  },
  build: ({ video, caption, viewOnce }, context) => ({
    message: { videoMessage: videoFields(video, { caption, viewOnce, isGif: video.isGif }, context) },
  }),
})

/** @see OutgoingVideoNote */
export const videoNoteKind: Kind<'videoNote', OutgoingVideoNote> = defineKind({
  name: 'videoNote',
  file: (content) => fileOf(checkFile('videoNote', content.videoNote, FILM, content), 'videoNote', true),
  build: ({ videoNote, viewOnce }, context) => ({
    message: { ptvMessage: videoFields(videoNote, { viewOnce }, context) },
  }),
})

/** @see OutgoingAudio */
export const audioKind: Kind<'audio', OutgoingAudio> = defineKind({
  name: 'audio',
  file: (content) => {
    const parts = { ...FACTS, seconds: SECONDS, isVoice: FLAG, waveformBytes: optional(WAVEFORM) }
    const source = checkFile('audio', content.audio, parts, content)
    return fileOf(source, content.audio.isVoice === true ? 'voice' : 'audio', true)
  },
  build: ({ audio, viewOnce }, context) => {
    const upload = uploadOf(context)
    const { seconds, isVoice: ptt, waveformBytes: waveform } = audio
    const own = given({ seconds, ptt, waveform, viewOnce, streamingSidecar: upload.sidecar })
    return {
      message: { audioMessage: { ...fieldsOf(upload, audio.mimetype ?? 'audio/ogg; codecs=opus'), ...own } },
    }
  },
})

/** @see OutgoingDocument */
export const documentKind: Kind<'document', OutgoingDocument> = defineKind({
  name: 'document',
  keys: ['caption'],
  file: (content) => {
    const pageCount = optional(wholeNumber(1, 0xffff_ffff))
    const parts = { ...FACTS, fileName: SHORT, title: SHORT, pageCount, thumbnailBytes: optional(JPEG) }
    return fileOf(checkFile('document', content.document, parts, content), 'document')
  },
  build: ({ document, caption }, context) => {
    const { title, pageCount, thumbnailBytes: jpegThumbnail, fileName = nameOf(document.file) } = document
    const own = given({ fileName, title, pageCount, jpegThumbnail, caption })
    const fields = fieldsOf(uploadOf(context), document.mimetype ?? 'application/octet-stream')
    return { message: { documentMessage: { ...fields, ...own } } }
  },
})

/** @see OutgoingSticker */
export const stickerKind: Kind<'sticker', OutgoingSticker> = defineKind({
  name: 'sticker',
  file: (content) => {
    return fileOf(checkFile('sticker', content.sticker, { ...PICTURE, isAnimated: FLAG }, content), 'sticker')
  },
  build: ({ sticker }, context) => {
    const { width, height, isAnimated } = sticker
    const own = given({ width, height, isAnimated })
    return {
      message: {
        stickerMessage: { ...fieldsOf(uploadOf(context), sticker.mimetype ?? 'image/webp'), ...own },
      },
    }
  },
})

/** The last part of a path; anything else has no name. */
function nameOf(file: MediaSource): string {
  const name = typeof file === 'string' ? file.split(/[/\\]/).at(-1) : undefined
  return name === undefined || name === '' ? 'file' : name.slice(0, MAX_NAME)
}
