/**
 * Media: pictures, videos, sound, documents and stickers. What is read is where the encrypted file is, what opens it and
 * what it looks like; fetching and decrypting it is not done here.
 */
import type { MessageProperties } from '../../proto/message.ts'
import { type ContentReader, bytesText, compact, defineReader, flag, secondsToMs, someOf } from './reader.ts'

/** A file on WhatsApp's media servers and what is known of it. */
export interface ReceivedMedia {
  /** The media type, e.g. `image/jpeg`. */
  readonly mimetype?: string
  /** Bytes of the file. */
  readonly sizeBytes?: number
  /** SHA-256 of the file, as base64. */
  readonly sha256?: string
  /** SHA-256 of the encrypted file, as base64. */
  readonly encryptedSha256?: string
  /** What opens the encrypted file, as base64. */
  readonly mediaKey?: string
  /** When that key was made, in milliseconds since the epoch. */
  readonly mediaKeyAtMs?: number
  /** Where the encrypted file is, below any media host. */
  readonly directPath?: string
  /** Where the encrypted file was when it was sent. */
  readonly url?: string
  /** A small preview, as base64; a JPEG but for stickers, which have a PNG. */
  readonly thumbnail?: string
  /** What it shows, for those who cannot see it. */
  readonly accessibilityLabel?: string
}

/** A picture. */
export interface ReceivedImage extends ReceivedMedia {
  /** Pixels from left to right. */
  readonly width?: number
  /** Pixels from top to bottom. */
  readonly height?: number
}

/** A video. */
export interface ReceivedVideo extends ReceivedMedia {
  /** Pixels from left to right. */
  readonly width?: number
  /** Pixels from top to bottom. */
  readonly height?: number
  /** How long it is. */
  readonly seconds?: number
  /** It is shown as a moving picture: silent, again and again. */
  readonly isGif?: true
}

/** Sound: music or a voice message. */
export interface ReceivedAudio extends ReceivedMedia {
  /** How long it is. */
  readonly seconds?: number
  /** It is a voice message. */
  readonly isVoice?: true
  /** How loud a voice message is over time: bytes from 0 to 100, as base64. */
  readonly waveform?: string
  /** The colour behind it on a status, as `0xAARRGGBB`. */
  readonly backgroundArgb?: number
}

/** A document of any type. */
export interface ReceivedDocument extends ReceivedMedia {
  /** The name of the file. */
  readonly fileName?: string
  /** The title. */
  readonly title?: string
  /** How many pages it has. */
  readonly pageCount?: number
  /** It is a contact card. */
  readonly isContactCard?: true
}

/** A sticker. */
export interface ReceivedSticker extends ReceivedMedia {
  /** Pixels from left to right. */
  readonly width?: number
  /** Pixels from top to bottom. */
  readonly height?: number
  /** It moves. */
  readonly isAnimated?: true
  /** It shows the sender's avatar. */
  readonly isAvatar?: true
  /** It was made by AI. */
  readonly isAi?: true
  /** It is a Lottie animation. */
  readonly isLottie?: true
  /** The emojis that it stands for. */
  readonly emojis?: string
}

/** One sticker of a pack. */
export interface PackedSticker {
  /** The name of its file in the pack. */
  readonly fileName?: string
  /** The media type. */
  readonly mimetype?: string
  /** The emojis that it stands for. */
  readonly emojis?: readonly string[]
  /** It moves. */
  readonly isAnimated?: true
  /** It is a Lottie animation. */
  readonly isLottie?: true
  /** What it shows, for those who cannot see it. */
  readonly accessibilityLabel?: string
}

/** A pack of stickers. */
export interface ReceivedStickerPack extends ReceivedMedia {
  /** Its own id. */
  readonly id?: string
  /** What it is called. */
  readonly name?: string
  /** Who made it. */
  readonly publisher?: string
  /** What it says of itself. */
  readonly description?: string
  /** The stickers in it. */
  readonly stickers: readonly PackedSticker[]
}

/** A picture. */
export interface ImageContent {
  /** The picture. */
  readonly image: ReceivedImage
  /** What is written below it. */
  readonly caption?: string
}

/** A video, or a moving picture. */
export interface VideoContent {
  /** The video. */
  readonly video: ReceivedVideo
  /** What is written below it. */
  readonly caption?: string
}

/** A round video message. */
export interface VideoNoteContent {
  /** The video. */
  readonly videoNote: ReceivedVideo
}

/** A voice message or another sound. */
export interface AudioContent {
  /** The sound. */
  readonly audio: ReceivedAudio
}

/** A document. */
export interface DocumentContent {
  /** The document. */
  readonly document: ReceivedDocument
  /** What is written below it. */
  readonly caption?: string
}

/** A sticker. */
export interface StickerContent {
  /** The sticker. */
  readonly sticker: ReceivedSticker
}

/** A pack of stickers. */
export interface StickerPackContent {
  /** The pack. */
  readonly stickerPack: ReceivedStickerPack
  /** What is written below it. */
  readonly caption?: string
}

/** The fields that all media share. */
interface MediaFields {
  readonly url?: string | null
  readonly mimetype?: string | null
  readonly fileSha256?: Uint8Array | null
  readonly fileLength?: number | null
  readonly mediaKey?: Uint8Array | null
  readonly fileEncSha256?: Uint8Array | null
  readonly directPath?: string | null
  readonly mediaKeyTimestamp?: number | null
  readonly jpegThumbnail?: Uint8Array | null
  readonly pngThumbnail?: Uint8Array | null
  readonly accessibilityLabel?: string | null
}

/** What all media have in common. */
function mediaOf(file: MediaFields): ReceivedMedia {
  return compact<ReceivedMedia>({
    mimetype: file.mimetype,
    sizeBytes: file.fileLength,
    sha256: bytesText(file.fileSha256),
    encryptedSha256: bytesText(file.fileEncSha256),
    mediaKey: bytesText(file.mediaKey),
    mediaKeyAtMs: secondsToMs(file.mediaKeyTimestamp),
    directPath: file.directPath,
    url: file.url,
    thumbnail: bytesText(file.jpegThumbnail ?? file.pngThumbnail),
    accessibilityLabel: file.accessibilityLabel,
  })
}

type Own<Media> = Omit<Media, keyof ReceivedMedia>
type Field<Name extends keyof MessageProperties> = NonNullable<MessageProperties[Name]>

/** A picture as messages and parts of messages have it. */
export function imageOf(file: Field<'imageMessage'>): ReceivedImage {
  return { ...mediaOf(file), ...compact<Own<ReceivedImage>>({ width: file.width, height: file.height }) }
}

/** A video as messages and parts of messages have it. */
export function videoOf(file: Field<'videoMessage'>): ReceivedVideo {
  const own = compact<Own<ReceivedVideo>>({
    width: file.width,
    height: file.height,
    seconds: file.seconds,
    isGif: flag(file.gifPlayback),
  })
  return { ...mediaOf(file), ...own }
}

/** A document as messages and parts of messages have it. */
export function documentOf(file: Field<'documentMessage'>): ReceivedDocument {
  const own = compact<Own<ReceivedDocument>>({
    fileName: file.fileName,
    title: file.title,
    pageCount: file.pageCount,
    isContactCard: flag(file.contactVcard),
  })
  return { ...mediaOf(file), ...own }
}

/** @see ImageContent */
export const image: ContentReader<'image', ImageContent> = defineReader('image', ['imageMessage'], (file) =>
  compact<ImageContent>({ image: imageOf(file), caption: file.caption }),
)

/** @see VideoContent */
export const video: ContentReader<'video', VideoContent> = defineReader('video', ['videoMessage'], (file) =>
  compact<VideoContent>({ video: videoOf(file), caption: file.caption }),
)

/** @see VideoNoteContent */
export const videoNote: ContentReader<'videoNote', VideoNoteContent> = defineReader(
  'videoNote',
  ['ptvMessage'],
  (file) => ({ videoNote: videoOf(file) }),
)

/** @see AudioContent */
export const audio: ContentReader<'audio', AudioContent> = defineReader('audio', ['audioMessage'], (file) => {
  const own = compact<Own<ReceivedAudio>>({
    seconds: file.seconds,
    isVoice: flag(file.ptt),
    waveform: bytesText(file.waveform),
    backgroundArgb: file.backgroundArgb,
  })
  return { audio: { ...mediaOf(file), ...own } }
})

/** @see DocumentContent */
export const document: ContentReader<'document', DocumentContent> = defineReader(
  'document',
  ['documentMessage'],
  (file) => compact<DocumentContent>({ document: documentOf(file), caption: file.caption }),
)

/** @see StickerContent */
export const sticker: ContentReader<'sticker', StickerContent> = defineReader(
  'sticker',
  ['stickerMessage'],
  (file) => {
    const own = compact<Own<ReceivedSticker>>({
      width: file.width,
      height: file.height,
      isAnimated: flag(file.isAnimated),
      isAvatar: flag(file.isAvatar),
      isAi: flag(file.isAiSticker),
      isLottie: flag(file.isLottie),
      emojis: file.emojis,
    })
    return { sticker: { ...mediaOf(file), ...own } }
  },
)

/** @see StickerPackContent */
export const stickerPack: ContentReader<'stickerPack', StickerPackContent> = defineReader(
  'stickerPack',
  ['stickerPackMessage'],
  (pack) => {
    const own = compact<Own<ReceivedStickerPack>>({
      id: pack.stickerPackId,
      name: pack.name,
      publisher: pack.publisher,
      description: pack.packDescription,
      stickers: (pack.stickers ?? []).map((one) =>
        compact<PackedSticker>({
          fileName: one.fileName,
          mimetype: one.mimetype,
          emojis: someOf(one.emojis),
          isAnimated: flag(one.isAnimated),
          isLottie: flag(one.isLottie),
          accessibilityLabel: one.accessibilityLabel,
        }),
      ),
    })
    return compact<StickerPackContent>({ stickerPack: { ...mediaOf(pack), ...own }, caption: pack.caption })
  },
)
