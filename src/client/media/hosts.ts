/**
 * The media servers of the account, as the chat server names them: asked for once for everybody who needs them, kept for as
 * long as it says, and asked for again when they refuse. An answer that failed is never kept: the next call asks anew.
 */
import type { Clock } from '../../base/clock.ts'
import { ClosedError } from '../../base/errors.ts'
import { fetchMediaConnection } from '../../protocol/stanza/iq/media-conn.ts'
import type { MediaConnection } from '../../protocol/stanza/iq/media-conn.ts'
import type { Connection } from '../connection/connection.ts'

export type { MediaConnection, MediaHost } from '../../protocol/stanza/iq/media-conn.ts'

/** Where media are when the chat server does not say. */
const WHATSAPP_MEDIA_HOST = 'mmg.whatsapp.net'

/** What {@link MediaHosts} works with. */
export interface MediaHostsOptions {
  readonly clock: Clock
  /** The open connection of the moment. */
  readonly connection: () => Connection | undefined
  /** The host of an endpoint of one's own. */
  readonly ownHost: string | undefined
}

/** See the file comment. */
export class MediaHosts {
  readonly #options: MediaHostsOptions
  #asking: Promise<MediaConnection> | undefined
  #known: { readonly media: MediaConnection; readonly untilMs: number } | undefined

  constructor(options: MediaHostsOptions) {
    this.#options = options
  }

  /** The host that has media without being named by anybody. */
  get defaultHost(): string {
    return this.#options.ownHost ?? WHATSAPP_MEDIA_HOST
  }

  /**
   * Whether a host that somebody else names, a sender or a redirect, may be asked: one of WhatsApp's, or that of the endpoint
   * instead. Anything else could be a machine in the user's own network.
   */
  readonly isTrusted = ({ hostname, host, port, username, password }: URL): boolean => {
    const { ownHost } = this.#options
    if (username !== '' || password !== '') return false
    if (ownHost !== undefined) return host === ownHost
    return hostname.endsWith('.whatsapp.net') && port === ''
  }

  /**
   * The media servers of the moment.
   *
   * @throws {ClosedError} `WATON_NOT_CONNECTED` when they are not known and there is no connection
   * @throws {QueryError} when the server refuses; the next call asks again
   */
  async current(): Promise<MediaConnection> {
    const known = this.#known
    if (known !== undefined && this.#options.clock.nowMs() < known.untilMs) return known.media
    return this.#ask()
  }

  /**
   * New ones, after a media server has refused the ones that were used. Whoever comes late gets what the first got.
   *
   * @throws as {@link current}
   */
  async refreshed(refused: MediaConnection | undefined): Promise<MediaConnection> {
    const isStale = this.#known === undefined || this.#known.media === refused
    return isStale ? this.#ask() : this.current()
  }

  /** Asks, or waits for the answer to whoever asks already. */
  #ask(): Promise<MediaConnection> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #fetch(): Promise<MediaConnection> {
    const connection = this.#options.connection()
    if (connection === undefined) {
      throw new ClosedError(
        'WATON_NOT_CONNECTED',
        'there is no open connection to ask for the media servers; await client.connect() first',
        { retryable: true },
      )
    }
    const askedAtMs = this.#options.clock.nowMs()
    const media = await connection.query(fetchMediaConnection, undefined)
    const ttlMs = Math.min(media.ttlSeconds, media.authTtlSeconds) * 1000
    this.#known = { media, untilMs: askedAtMs + ttlMs }
    return media
  }
}
