/** Which file a message has, and what opens it: the way from what events show to what a download needs. */
import { fromBase64 } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { MEDIA_KEY_BYTES } from '../../protocol/media/index.ts'
import type { MediaKind } from '../../protocol/media/index.ts'
import type { ReceivedMedia } from '../../protocol/message/kinds/media.ts'
import type { MessageContent } from '../content.ts'

/** One file on the media servers. */
export interface MediaFile {
  readonly kind: MediaKind
  /** A secret: in no log, and in no error. */
  readonly mediaKey: Uint8Array
  readonly encSha256?: Uint8Array
  readonly sha256?: Uint8Array
  readonly lengthBytes?: number
  /** Where it is, below any media host. */
  readonly directPath?: string
  /** Where it was when it was sent. */
  readonly url?: string | undefined
}

/** What content has a file, and of which kind it is. */
const KINDS: Readonly<Record<string, (media: Flags) => MediaKind>> = {
  image: () => 'image',
  video: ({ isGif }) => (isGif === true ? 'gif' : 'video'),
  videoNote: () => 'videoNote',
  audio: ({ isVoice }) => (isVoice === true ? 'voice' : 'audio'),
  document: () => 'document',
  sticker: () => 'sticker',
  stickerPack: () => 'stickerPack',
}

interface Flags {
  readonly isGif?: unknown
  readonly isVoice?: unknown
}

const SHA256_BYTES = 32

/**
 * The file of a message.
 *
 * @throws {UsageError} `WATON_MEDIA_NONE` when it has none, `WATON_MEDIA_NO_KEY` when nothing opens it
 */
export function fileOf(content: MessageContent): MediaFile {
  const found = mediaIn(content)
  if (found !== undefined) return fileIn(found.media, found.kind)
  throw new UsageError(
    'WATON_MEDIA_NONE',
    'this message has no file: only image, video, videoNote, audio, document, sticker and stickerPack have one',
  )
}

interface FoundMedia {
  readonly media: ReceivedMedia
  readonly kind: MediaKind
}

/** What is read is copied first: callers hand in objects of every sort. */
function mediaIn(content: MessageContent): FoundMedia | undefined {
  try {
    for (const [name, kindOf] of Object.entries(KINDS)) {
      const value: unknown = Reflect.get(content, name)
      if (typeof value !== 'object' || value === null) continue
      const media: ReceivedMedia & Flags = { ...value }
      return { media, kind: kindOf(media) }
    }
  } catch {
    // a getter of the caller's that fails has no file either
  }
  return undefined
}

function fileIn(media: ReceivedMedia, kind: MediaKind): MediaFile {
  const { mediaKey, encryptedSha256, sha256, sizeBytes, directPath, url } = media
  const key = fromBase64(textOf(mediaKey) ?? '')
  if (key.length !== MEDIA_KEY_BYTES) {
    throw new UsageError(
      'WATON_MEDIA_NO_KEY',
      'nothing opens the file of this message: it carries no media key. View-once messages have theirs on the phone only, and files of newsletters are not encrypted; neither can be downloaded',
      { details: { kind } },
    )
  }
  return {
    kind,
    mediaKey: key,
    ...digest('encSha256', encryptedSha256),
    ...digest('sha256', sha256),
    ...(typeof sizeBytes === 'number' && sizeBytes > 0 ? { lengthBytes: sizeBytes } : {}),
    ...(textOf(directPath) === undefined ? {} : { directPath: directPath ?? '' }),
    ...(textOf(url) === undefined ? {} : { url: url ?? '' }),
  }
}

/** What callers hand in may come from anywhere. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function digest<Name extends 'encSha256' | 'sha256'>(
  name: Name,
  value: unknown,
): Partial<Record<Name, Uint8Array>> {
  const text = textOf(value)
  const bytes = text === undefined ? undefined : fromBase64(text)
  return bytes?.length === SHA256_BYTES ? ({ [name]: bytes } as Record<Name, Uint8Array>) : {}
}
