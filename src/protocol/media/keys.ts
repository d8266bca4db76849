/**
 * The keys of a file on the media servers: one random media key, which travels in the message, and what is derived from
 * it for each kind of file. Here is also under which name the servers know each kind.
 *
 * @source Baileys 7.0.0-rc14 `Defaults/index.js` MEDIA_HKDF_KEY_MAPPING and MEDIA_PATH_MAP, `Utils/messages-media.js`
 * getMediaKeys; whatsmeow `download.go` (the names of the types in addresses)
 */
import { ProtocolError, UsageError } from '../../base/errors.ts'
import { hkdfSha256 } from '../crypto/index.ts'

/** What is fixed for one kind of file. */
interface KindFacts {
  /** Says which keys are derived. */
  readonly info: string
  /** The name in addresses: `/mms/<type>` of an upload, `mms-type=<type>` of a download. */
  readonly type: string
}

function facts(info: string, type: string): KindFacts {
  return { info: `WhatsApp ${info} Keys`, type }
}

/** A kind of file. Which one a file is must be known to open it: it is not written in the file. */
export type MediaKind =
  | 'image'
  | 'video'
  | 'gif'
  | 'videoNote'
  | 'audio'
  | 'voice'
  | 'document'
  | 'sticker'
  | 'stickerPack'
  | 'history'
  | 'appState'
  | 'imageThumbnail'
  | 'videoThumbnail'
  | 'documentThumbnail'
  | 'linkThumbnail'
  | 'productImage'
  | 'businessCover'
  | 'paymentBackground'

const KINDS: Readonly<Record<MediaKind, KindFacts>> = {
  image: facts('Image', 'image'),
  video: facts('Video', 'video'),
  gif: facts('Video', 'video'),
  videoNote: facts('Video', 'video'),
  audio: facts('Audio', 'audio'),
  voice: facts('Audio', 'audio'),
  document: facts('Document', 'document'),
  sticker: facts('Image', 'image'),
  stickerPack: facts('Sticker Pack', 'sticker-pack'),
  history: facts('History', 'md-msg-hist'),
  appState: facts('App State', 'md-app-state'),
  imageThumbnail: facts('Image Thumbnail', 'thumbnail-image'),
  videoThumbnail: facts('Video Thumbnail', 'thumbnail-video'),
  documentThumbnail: facts('Document Thumbnail', 'thumbnail-document'),
  linkThumbnail: facts('Link Thumbnail', 'thumbnail-link'),
  productImage: facts('Image', 'image'),
  businessCover: facts('Image', 'biz-cover-photo'),
  paymentBackground: facts('Payment Background', 'payment-bg-image'),
}

/** All kinds of files. */
export const MEDIA_KINDS: readonly MediaKind[] = Object.keys(KINDS) as MediaKind[]

/** Bytes of a media key. */
export const MEDIA_KEY_BYTES = 32

/** What is derived from a media key. */
export interface MediaKeys {
  /** 16 bytes: where the chain of blocks begins. */
  readonly iv: Uint8Array
  /** 32 bytes: what encrypts. */
  readonly cipherKey: Uint8Array
  /** 32 bytes: what signs. */
  readonly macKey: Uint8Array
  /** 32 bytes, which no client is known to use. */
  readonly refKey: Uint8Array
}

const EXPANDED_BYTES = 112

/**
 * Derives the keys of a file.
 *
 * @param mediaKey - 32 bytes
 * @throws {ProtocolError} `WATON_MEDIA_KEY` when the media key has another length
 * @throws {UsageError} `WATON_MEDIA_KIND` when the kind is unknown
 */
export function mediaKeys(mediaKey: Uint8Array, kind: MediaKind): MediaKeys {
  checkMediaKey(mediaKey)
  const expanded = hkdfSha256(mediaKey, EXPANDED_BYTES, { info: factsOf(kind).info })
  return {
    iv: expanded.slice(0, 16),
    cipherKey: expanded.slice(16, 48),
    macKey: expanded.slice(48, 80),
    refKey: expanded.slice(80),
  }
}

/**
 * The name of a kind in the addresses of the media servers, e.g. `image`: a sticker is an `image` there.
 *
 * @throws {UsageError} `WATON_MEDIA_KIND` when the kind is unknown
 */
export function mediaType(kind: MediaKind): string {
  return factsOf(kind).type
}

/** Throws `WATON_MEDIA_KEY` unless this can be a media key. */
export function checkMediaKey(mediaKey: Uint8Array): void {
  if (mediaKey.length === MEDIA_KEY_BYTES) return
  throw new ProtocolError(
    'WATON_MEDIA_KEY',
    'the media key must have 32 bytes; the message that carries it is damaged or from no WhatsApp client: discard it',
    { action: 'discard', details: { actual: mediaKey.length } },
  )
}

function factsOf(kind: MediaKind): KindFacts {
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind]
  throw new UsageError('WATON_MEDIA_KIND', 'this is no kind of media; use one of MEDIA_KINDS', {
    details: { kind },
  })
}
