/**
 * Previews of links, where the user gave a function that looks at pages; without one no page is opened. A preview is never a
 * reason why a message fails or waits for long, and never lets a later message of the chat overtake it.
 */
import type { Clock } from '../../base/clock.ts'
import { describeError, isWatonError, TimeoutError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { letOthersRun } from '../../base/turn.ts'
import { isLid } from '../../protocol/jid.ts'
import { linkIn } from '../../protocol/message/kinds/index.ts'
import type { OutgoingContent, OutgoingText } from '../content.ts'
import { canonicalJid, phoneJid } from '../identity/addresses.ts'
import type { MappingReader } from '../identity/addresses.ts'
import { DEFAULT_TIMING } from '../options.ts'
import type { PreviewLink, PreviewedPage, Timing } from '../options.ts'

/** What previews work with. */
export interface LinkPreviewsOptions {
  /** Knows which addresses are one person. */
  readonly state: MappingReader
  readonly clock: Clock
  readonly logger: Logger
  readonly previewLink?: PreviewLink | undefined
  readonly timing?: Partial<Timing>
}

/** See the file comment. */
export class LinkPreviews {
  readonly #options: LinkPreviewsOptions
  /** The last message that waits, by the address that it goes to. Each goes within the timeout. */
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
   * Looks at the link, and waits for the messages before it in the chat that do the same. A chat is one person, by phone
   * number or LID.
   *
   * @returns `undefined` when there is nothing to wait for
   */
  inOrder<Value>(
    to: string,
    link: string | undefined,
    then: (preview: PreviewedPage | undefined) => Value,
  ): Promise<Value> | undefined {
    const before = this.#waiting.get(to)
    // as they are now: what is sent later waits for this one
    const others = new Map([...this.#waiting].filter(([address]) => isLid(address) !== isLid(to)))
    if (link === undefined && before === undefined && others.size === 0) return undefined
    const looking = link === undefined ? undefined : this.#lookAt(link)
    const ready = (async () => {
      const preview = await looking
      await before
      if (others.size > 0) await others.get(await this.#otherAddress(to))
      return then(preview)
    })()
    const settled = ready.then(ignore, ignore)
    this.#waiting.set(to, settled)
    void settled.then(() => {
      if (this.#waiting.get(to) === settled) this.#waiting.delete(to)
    })
    return ready
  }

  /** The LID of a phone number, and the phone number of a LID; what was given when the other is not known. */
  async #otherAddress(to: string): Promise<string> {
    const { state } = this.#options
    return isLid(to) ? ((await phoneJid(state, to)) ?? to) : canonicalJid(state, to)
  }

  /** There is no preview, or what was given as one is none. The log is told of the host only: a link may be a secret. */
  refused(link: string | undefined, error: unknown): void {
    const host = link !== undefined && URL.canParse(link) ? new URL(link).hostname : undefined
    this.#options.logger.warn({ host, reason: reasonOf(error) }, 'a link is sent without its preview')
  }

  async #lookAt(link: string): Promise<PreviewedPage | undefined> {
    const { clock, previewLink, timing } = this.#options
    const stop = new AbortController()
    const late = new Promise<never>((_resolve, reject) => {
      const timer = clock.schedule(timing?.previewTimeoutMs ?? DEFAULT_TIMING.previewTimeoutMs, () => {
        stop.abort()
        // what is known by now may still be handed over
        void letOthersRun().then(() => {
          reject(new TimeoutError('WATON_PREVIEW_TIMEOUT', 'the page was not looked at in time'))
        })
      })
      stop.signal.addEventListener('abort', () => {
        timer.cancel()
      })
    })
    try {
      return await Promise.race([previewLink?.(link, { signal: stop.signal }), late])
    } catch (error) {
      this.refused(link, error)
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

/** A foreign error may repeat the link. */
function reasonOf(error: unknown): string {
  return isWatonError(error) || !(error instanceof Error) ? describeError(error) : error.name
}

function ignore(): void {
  // told to whoever sends it
}
