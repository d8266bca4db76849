/** Everything of an account that has to do with media servers, wired together: their hosts, the connections to them, downloads and uploads. */
import { ClosedError } from '../../base/errors.ts'
import type { MediaRetry } from '../../protocol/stanza/notifications/media-retry.ts'
import { HttpClient } from '../../transport/http.ts'
import type { Connection } from '../connection/connection.ts'
import type { Self } from '../identity/self.ts'
import type { RuntimeOptions } from '../options.ts'
import type { AccountState } from '../state/account-state.ts'
import { Downloads } from './download.ts'
import { MediaHosts } from './hosts.ts'
import { Reuploads } from './reupload.ts'
import { Uploads } from './upload.ts'

/** What {@link Media} works with. */
export interface MediaOptions extends Pick<
  RuntimeOptions,
  'clock' | 'random' | 'logger' | 'timing' | 'endpoint'
> {
  readonly state: AccountState
  readonly self: Self
  /** The open connection of the moment. */
  readonly connection: () => Connection | undefined
}

/** The longest silence within a body. */
const IDLE_TIMEOUT_MS = 30_000

/** See the file comment. */
export class Media {
  readonly hosts: MediaHosts
  /** Connections to the media servers. */
  readonly http: HttpClient
  readonly downloads: Downloads
  readonly uploads: Uploads
  readonly #reuploads: Reuploads

  constructor(options: MediaOptions) {
    const { state, self, clock, random, logger, timing, endpoint, connection } = options
    this.hosts = new MediaHosts({ clock, connection, ownHost: endpoint.mediaHost })
    this.http = new HttpClient({
      clock,
      connectTimeoutMs: timing.connectTimeoutMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      dispatcher: endpoint.mediaDispatcher,
      certificate: endpoint.mediaCertificate,
      proxy: endpoint.proxy,
    })
    const { mediaRetryTimeoutMs: timeoutMs } = timing
    this.#reuploads = new Reuploads({ self, clock, random, logger, timeoutMs, connection })
    const { hosts, http } = this
    this.downloads = new Downloads({
      ...{ state, self, clock, random, logger, http, hosts },
      reuploads: this.#reuploads,
    })
    this.uploads = new Uploads({ clock, random, logger, http, hosts })
  }

  /** The phone has answered about a file. */
  answered(retry: MediaRetry): void {
    this.#reuploads.answered(retry)
  }

  /** There is a connection again. */
  resume(connection: Connection): void {
    this.#reuploads.resume(connection)
  }

  /** Gives up what runs, and closes the connections. */
  async close(): Promise<void> {
    this.#reuploads.close(
      new ClosedError(
        'WATON_CLIENT_CLOSED',
        'the client was closed before the phone answered; make a new one',
      ),
    )
    await Promise.all([this.downloads.close(), this.uploads.close()])
    await this.http.close()
  }
}
