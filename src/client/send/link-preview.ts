/**
 * Previews of links, where the user gave a function that looks at pages. waton itself never opens a page: what a text links
 * to may be anything. A preview is never a reason why a message fails or waits for long, and never lets a later message of
 * the chat overtake it.
 */
import type { Clock } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { linkIn } from '../../protocol/message/kinds/index.ts'
import type { LinkPreview, OutgoingContent, OutgoingText } from '../content.ts'

/** What a page shows of itself. */
export type PreviewedPage = Omit<LinkPreview, 'url'>

/**
 * Looks at a page and says what to show of it; `undefined` for nothing. The page is one that somebody wrote: a bot that
 * takes links of strangers should refuse addresses of its own network.
 */
export type PreviewLink = (
  url: string,
  options: { readonly signal: AbortSignal },
) => Promise<PreviewedPage | undefined>

/** What previews work with. */
export interface LinkPreviewsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly previewLink?: PreviewLink | undefined
}

/** How long a message waits for a preview. @source Baileys 7.0.0-rc14 `Socket/messages-send.js` getUrlInfo */
const PREVIEW_TIMEOUT_MS = 3_000

/** See the file comment. */
export class LinkPreviews {
  readonly #options: LinkPreviewsOptions
  /** The last message that waits, by chat. Each goes within the timeout. */
  readonly #waiting = new Map<string, Promise<unknown>>()

  constructor(options: LinkPreviewsOptions) {
    this.#options = options
  }

  /** The link that is to be looked at: the first of a text that asks for a preview. */
  linkOf(content: OutgoingContent): string | undefined {
    const { text, linkPreview } = content as Partial<OutgoingText>
    if (this.#options.previewLink === undefined || linkPreview !== true) return undefined
    return typeof text === 'string' ? linkIn(text) : undefined
  }

  /**
   * Looks at the link, and waits for the messages before it in the chat that do the same.
   *
   * @returns `undefined` when there is nothing to wait for
   */
  inOrder<Value>(
    chat: string,
    link: string | undefined,
    then: (preview: PreviewedPage | undefined) => Value,
  ): Promise<Value> | undefined {
    const before = this.#waiting.get(chat)
    if (link === undefined && before === undefined) return undefined
    const looking = link === undefined ? undefined : this.#lookAt(link)
    const ready = (async () => {
      const preview = await looking
      await before
      return then(preview)
    })()
    const settled = ready.then(ignore, ignore)
    this.#waiting.set(chat, settled)
    void settled.then(() => {
      if (this.#waiting.get(chat) === settled) this.#waiting.delete(chat)
    })
    return ready
  }

  /** What was given as a preview is none. */
  refused(error: unknown): void {
    this.#options.logger.warn({ reason: describeError(error) }, 'a link is sent without its preview')
  }

  async #lookAt(link: string): Promise<PreviewedPage | undefined> {
    const { clock, previewLink } = this.#options
    const stop = new AbortController()
    const late = new Promise<undefined>((resolve) => {
      const timer = clock.schedule(PREVIEW_TIMEOUT_MS, () => {
        stop.abort()
        resolve(undefined)
      })
      stop.signal.addEventListener('abort', () => {
        timer.cancel()
      })
    })
    try {
      return await Promise.race([previewLink?.(link, { signal: stop.signal }), late])
    } catch (error) {
      this.refused(error)
      return undefined
    } finally {
      // also ends the timer
      stop.abort()
    }
  }
}

/** The content with what a page shows of itself. */
export function withPreview(content: OutgoingContent, url: string, page: object): OutgoingContent {
  return { ...content, linkPreview: { ...page, url } } as OutgoingContent
}

function ignore(): void {
  // told to whoever sends it
}
