/** Albums, placeholders and other content that stands for more than it holds. */
import { type ContentReader, compact, defineReader, named } from './reader.ts'

/** The head of an album: its pictures and videos follow as messages of their own, with `album` among their options. */
export interface ReceivedAlbum {
  /** Pictures that follow. */
  readonly images: number
  /** Videos that follow. */
  readonly videos: number
}

/** The head of an album. */
export interface AlbumContent {
  /** How much is in it. */
  readonly album: ReceivedAlbum
}

/** Content that linked devices do not get; it can be seen on the phone. */
export interface PlaceholderContent {
  /** Why it is not here. */
  readonly placeholder: {
    /** The reason. */
    readonly reason: 'phone-only' | 'unknown'
  }
}

const REASONS = { 0: 'phone-only' } as const

/** @see AlbumContent */
export const album: ContentReader<'album', AlbumContent> = defineReader(
  'album',
  ['albumMessage'],
  ({ expectedImageCount, expectedVideoCount }) => ({
    album: compact<ReceivedAlbum>({ images: expectedImageCount ?? 0, videos: expectedVideoCount ?? 0 }),
  }),
)

/** @see PlaceholderContent */
export const placeholder: ContentReader<'placeholder', PlaceholderContent> = defineReader(
  'placeholder',
  ['placeholderMessage'],
  ({ type }) => ({ placeholder: { reason: named(REASONS, type) ?? 'unknown' } }),
)
