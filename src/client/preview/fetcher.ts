/**
 * The `previewLink` that waton offers: it opens the page itself, guarded, and has the optional package `link-preview-js`
 * read it (docs/decisions/0017-link-previews.md). This file is what programs that want it load with waton; what does the
 * work is loaded with the first link.
 */
import { createRequire } from 'node:module'
import { checkOptions, wholeNumber } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import type { PreviewLink } from '../options.ts'
import type { PageReader } from './page.ts'

/** How {@link linkPreviewFetcher} looks at pages. */
export interface LinkPreviewFetcherOptions {
  /** Bytes of a page that are read, after decompression; what a page says of itself stands at its beginning. @default 1 MiB */
  readonly maxBytes?: number
}

const MIB = 1024 * 1024
const OPTIONS = { maxBytes: wholeNumber(1024, 16 * MIB) }
const PACKAGE = 'link-preview-js'

/**
 * Looks at the pages that texts link to, for the option `previewLink`. The package `link-preview-js` has to be installed.
 *
 * ```ts
 * const bot = new Bot({ store: 'me.db', previewLink: linkPreviewFetcher() })
 * bot.command('docs', (ctx) => ctx.reply({ text: 'See https://nodejs.org', linkPreview: true }))
 * ```
 *
 * A link may be a stranger's, so only pages of the public web are opened: over HTTP(S) on its usual port, without cookies,
 * never at an address of this machine or its network, also not after a redirect. It goes there directly, not through
 * `endpoint.proxy`.
 *
 * @throws {UsageError} `WATON_PREVIEW_PACKAGE` without the package
 */
export function linkPreviewFetcher(options: LinkPreviewFetcherOptions = {}): PreviewLink {
  checkOptions('linkPreviewFetcher(options)', options, OPTIONS)
  const read = pageReader(createRequire(import.meta.url))
  const { maxBytes = MIB } = options
  return async (url, { signal }) => {
    const { previewPage } = await import('./page.ts')
    return previewPage(url, { read, maxBytes, signal })
  }
}

/** What reads pages. Whether it is there is found out at once, and loaded is it when it is needed. */
export function pageReader(find: Pick<NodeJS.Require, 'resolve'>): PageReader {
  try {
    find.resolve(PACKAGE)
  } catch (cause) {
    throw new UsageError(
      'WATON_PREVIEW_PACKAGE',
      `the package ${PACKAGE}, which reads what a page says of itself, is not installed; run: npm install ${PACKAGE}`,
      { cause },
    )
  }
  return async (page) => (await import('link-preview-js')).getPreviewFromContent(page)
}
