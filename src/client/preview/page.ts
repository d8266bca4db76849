/**
 * What a page shows of itself: read from the public web, cut down to what says it, and handed to the reader. A page without
 * a title has no preview, as in Baileys. What a page says is a stranger's: it is made to fit into a message first.
 */
import { INTERNET, readPublicPage } from '../../transport/public-page.ts'
import type { PublicNetwork } from '../../transport/public-page.ts'
import type { PreviewedPage } from '../options.ts'
import { decodePage, summaryOf } from './html.ts'
import { isSmallJpeg } from './jpeg.ts'

/** Reads the tags of a page: the part of `link-preview-js` that is used. */
export type PageReader = (page: {
  readonly url: string
  readonly headers: Record<string, string>
  readonly data: string
}) => Promise<object>

/** How one page is looked at. */
export interface PreviewPageOptions {
  readonly read: PageReader
  /** Bytes of the page that are read. */
  readonly maxBytes: number
  /** Ends it. What is known of the page by then is its preview. */
  readonly signal: AbortSignal
  readonly network?: PublicNetwork
}

const PAGE_TYPES = ['text/html', 'application/xhtml+xml']
/** Characters that a preview has room for; apps show a few lines. */
const MAX_TITLE = 1024
const MAX_DESCRIPTION = 4096
/** Bytes of a picture that a message has room for: it travels in each copy of the message. */
const MAX_PICTURE_BYTES = 65_536

/**
 * @returns `undefined` for a page without a title
 * @throws {TransportError} `WATON_PAGE_...`
 * @throws {TimeoutError} `WATON_PAGE_STOPPED`
 */
export async function previewPage(
  url: string,
  { read, maxBytes, signal, network = INTERNET }: PreviewPageOptions,
): Promise<PreviewedPage | undefined> {
  const page = await readPublicPage({ url, accepts: PAGE_TYPES, maxBytes, signal }, network)
  const said: { title?: unknown; description?: unknown; images?: unknown } = await read({
    url: page.url,
    // whatever the page calls itself: the reader looks for tags in text of this type only
    headers: { 'content-type': 'text/html' },
    data: summaryOf(decodePage(page.bytes, page.contentType)),
  })
  const title = shortened(said.title, MAX_TITLE)
  if (title === undefined) return undefined
  const description = shortened(said.description, MAX_DESCRIPTION)
  const thumbnailBytes = await pictureOf(said.images, { signal, network })
  return {
    title,
    ...(description === undefined ? {} : { description }),
    ...(thumbnailBytes === undefined ? {} : { thumbnailBytes }),
  }
}

/** The page's picture, where it can be shown as it is: waton makes no pictures smaller. Without one the preview is as good. */
async function pictureOf(
  images: unknown,
  { signal, network }: { signal: AbortSignal; network: PublicNetwork },
): Promise<Uint8Array | undefined> {
  const [url] = Array.isArray(images) ? (images as readonly unknown[]) : []
  if (typeof url !== 'string') return undefined
  try {
    const picture = { url, accepts: ['image/jpeg'], maxBytes: MAX_PICTURE_BYTES, signal }
    const { bytes, isWhole } = await readPublicPage(picture, network)
    return isWhole && isSmallJpeg(bytes) ? bytes : undefined
  } catch {
    return undefined
  }
}

/** One line of text, cut to what fits; `undefined` when nothing is left. */
function shortened(said: unknown, most: number): string | undefined {
  if (typeof said !== 'string') return undefined
  const line = said
    .slice(0, 4 * most)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, most)
    // half of a pair, which the cut may have left
    .replace(/\p{Surrogate}/gu, '')
  return line === '' ? undefined : line
}
