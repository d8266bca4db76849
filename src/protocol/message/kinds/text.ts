/** Text. Written as `extendedTextMessage`, as Baileys does; read from that and from the plain `conversation` of phones. */
import { type Expectation, OBJECT } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import { Message, type MessageProperties } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import {
  JPEG,
  MAX_CHARACTERS,
  type Part,
  WEB_ADDRESS,
  checkParts,
  checkValue,
  optional,
  textOf,
} from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, bytesText, compact, defineReader } from './reader.ts'

/** What is shown about a link in a text. */
export interface LinkPreview {
  /** The link as it stands in the text. */
  readonly url: string
  /** The title of the page. */
  readonly title?: string
  /** What the page is about. */
  readonly description?: string
  /** A small picture of it, as JPEG. */
  readonly thumbnailBytes?: Uint8Array
}

/** A text to send. */
export interface OutgoingText extends OutgoingOptions {
  /** What to write, as Unicode text. */
  readonly text: string
  /** What is shown about a link in it. `true` has it made by `previewLink` of the client. @default none */
  readonly linkPreview?: LinkPreview | boolean
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

/** Characters of a preview's title and description. Limits of waton: clients show a few lines. */
const MAX_TITLE = 1024
const MAX_DESCRIPTION = 4096

/** What is said about a link in a text. */
const PREVIEW: Readonly<Record<string, Part>> = {
  url: WEB_ADDRESS,
  title: optional(textOf(MAX_TITLE)),
  description: optional(textOf(MAX_DESCRIPTION)),
  thumbnailBytes: optional(JPEG),
}

const LINK_PREVIEW: Expectation = {
  expected: 'true to have one made, false for none, or { url, title, description, thumbnailBytes }',
  accepts: (value) => typeof value === 'boolean' || OBJECT.accepts(value),
}

/** @see OutgoingText */
export const text: Kind<'text', OutgoingText> = defineKind({
  name: 'text',
  keys: ['linkPreview'],
  build: (content) => {
    checkValue('text', content.text, textOf(MAX_CHARACTERS, 0))
    return { message: { extendedTextMessage: { text: content.text, ...linkFields(content) } } }
  },
})

/** The first web address in a text, as Baileys finds it: at the beginning of a word. */
export function linkIn(found: string): string | undefined {
  return /(?:^|\s)(https?:\/\/[^\s]{1,2048})/i.exec(found)?.[1]?.replace(/[.,;:!?)\]}'"]+$/, '')
}

function linkFields({ text: written, linkPreview }: OutgoingText): Message.ExtendedTextMessage.$Properties {
  if (linkPreview === undefined) return {}
  checkValue('linkPreview', linkPreview, LINK_PREVIEW)
  // what `true` asks for was looked up before, where that is possible
  if (typeof linkPreview === 'boolean') return {}
  checkParts('linkPreview', linkPreview, PREVIEW)
  const { url, title, description, thumbnailBytes } = linkPreview
  if (!written.includes(url)) {
    throw new UsageError(
      'WATON_CONTENT_LINK',
      'linkPreview.url does not stand in the text, and WhatsApp shows a preview only of a link in the text: write the link as it stands in the text',
    )
  }
  return {
    matchedText: url,
    description: description ?? null,
    title: title ?? null,
    previewType: Message.ExtendedTextMessage.PreviewType.NONE,
    jpegThumbnail: thumbnailBytes ?? null,
  }
}

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
