/** Text. Written as `extendedTextMessage`, as Baileys does; read from that and from the plain `conversation` of phones. */
import { checkArgument } from '../../../base/check.ts'
import type { Expectation } from '../../../base/check.ts'
import type { MessageProperties } from '../../proto/message.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, bytesText, compact, defineReader } from './reader.ts'

/** A text to send. */
export interface OutgoingText {
  /** What to write, as Unicode text. */
  readonly text: string
}

/** What a text says about a page that it links to. */
export interface ReceivedLinkPreview {
  /** The link as it stands in the text. */
  readonly url: string
  /** The title of the page. */
  readonly title?: string
  /** What the page is about. */
  readonly description?: string
  /** A picture of it, a JPEG as base64. */
  readonly thumbnail?: string
}

/** A text. */
export interface TextContent {
  /** What is written, as Unicode text. */
  readonly text: string
  /** What it says about a page that it links to. */
  readonly linkPreview?: ReceivedLinkPreview
  /** The colour behind it on a status, as `0xAARRGGBB`. */
  readonly backgroundArgb?: number
}

/** Characters that a text may have: what WhatsApp's own apps let one type. */
const MAX_CHARACTERS = 65_536

const SENDABLE: Expectation = {
  expected: `valid Unicode text of at most ${String(MAX_CHARACTERS)} characters`,
  accepts: (value) =>
    typeof value === 'string' && value.length <= MAX_CHARACTERS && !/\p{Surrogate}/u.test(value),
}

/** See the file comment. */
export const text: Kind<'text', OutgoingText> = defineKind({
  name: 'text',
  build: (content) => {
    checkArgument('the text of a message', content.text, SENDABLE)
    return { message: { extendedTextMessage: { text: content.text } } }
  },
})

/** @see TextContent */
export const plainText: ContentReader<'text', TextContent> = defineReader(
  'text',
  ['conversation'],
  (found) => ({ text: found }),
)

/** @see TextContent */
export const extendedText: ContentReader<'text', TextContent> = defineReader(
  'text',
  ['extendedTextMessage'],
  (extended) => {
    const found = extended.text
    if (typeof found !== 'string') return undefined
    // most texts have neither
    if (!extended.matchedText && typeof extended.backgroundArgb !== 'number') return { text: found }
    return compact<TextContent>({
      text: found,
      linkPreview: linkPreviewOf(extended),
      backgroundArgb: extended.backgroundArgb,
    })
  },
)

function linkPreviewOf({
  matchedText,
  title,
  description,
  jpegThumbnail,
}: NonNullable<MessageProperties['extendedTextMessage']>): ReceivedLinkPreview | undefined {
  if (!matchedText) return undefined
  const thumbnail = bytesText(jpegThumbnail)
  return compact<ReceivedLinkPreview>({ url: matchedText, title, description, thumbnail })
}
