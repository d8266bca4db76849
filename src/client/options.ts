/**
 * What a user can tell a `Client`. Only `store` is required: every default is the one that a careful user would pick.
 */
import type { Agent } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { RandomSource } from '../base/random.ts'
import type { Store } from '../persistence/contract/index.ts'
import type { DeviceDescription, HistoryPolicy } from '../protocol/noise/client-payload.ts'
import type { WebVersion } from '../protocol/version.ts'
import type { ConnectSocket } from '../transport/byte-socket.ts'
import type { LinkPreview } from './content.ts'

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

/** Where the server is. Everything but `url` has WhatsApp's own value as its default. */
export interface Endpoint {
  /** WebSocket address, e.g. `wss://web.whatsapp.com/ws/chat`. */
  readonly url: string
  /** Public key (32 bytes) that the certificate chain of the handshake must lead to. */
  readonly rootKey?: Uint8Array
  /** Serial number that the intermediate certificate must name as its issuer's. */
  readonly rootSerial?: number
  /**
   * Whether a linked device that has seen the server's certificates sends its login with the first message of the next
   * handshake, which saves a round trip. @default true, as WhatsApp Web does
   */
  readonly resume?: boolean
  /**
   * Goes through a proxy: `http://user:password@host:port` or `socks5://user:password@host:port` (`socks5h://` has the
   * proxy look names up). It needs the package `https-proxy-agent` or `socks-proxy-agent`. @default none
   */
  readonly proxy?: string
  /** Makes the TCP connections instead of Node's own agent, where `proxy` is not enough. */
  readonly agent?: Agent
  /** The media server, as `host` or `host:port`, that is asked instead of those of WhatsApp. @default `mmg.whatsapp.net` */
  readonly mediaHost?: string
  /** A certificate, as PEM, that media servers may have besides those that Node trusts. */
  readonly mediaCertificate?: string
  /**
   * Makes the connections to media servers, instead of `mediaCertificate` and `proxy`: a dispatcher of the package `undici`.
   * It stays open when the client is closed.
   */
  readonly mediaDispatcher?: Dispatcher
  /** Opens the byte socket; replace it to go through something other than a WebSocket. */
  readonly connect?: ConnectSocket
  /**
   * Where the current version of WhatsApp Web is published; read only after the server has refused ours (405). Without
   * it, and without `fetchVersion`, a refused version is final.
   */
  readonly versionUrl?: string
  /** Finds the current version in another way, e.g. through a proxy. */
  readonly fetchVersion?: () => Promise<WebVersion>
}

/** How long things may take, in milliseconds. */
export interface Timing {
  /** Opening the socket and the handshake, together. @default 20_000 */
  readonly connectTimeoutMs: number
  /** Waiting for the answer to one query. @default 60_000 */
  readonly queryTimeoutMs: number
  /** The longest silence before a ping is sent; the shortest is two thirds of it. @default 30_000 */
  readonly keepAliveMs: number
  /** How long the server may leave a ping unanswered. @default 20_000 */
  readonly pongTimeoutMs: number
  /**
   * How long the server may leave a message or a receipt unacknowledged on a connection that lives. Then it is repeated as it
   * is; when that does not help, the connection begins anew. Up to a quarter is added at random. @default 75_000
   */
  readonly ackTimeoutMs: number
  /** How long an owner holds the account without renewing. @default 60_000 */
  readonly leaseMs: number
  /**
   * How long a message may fail to be prepared, because devices or keys of the other side cannot be had, before it is given up
   * with `WATON_SEND_GIVEN_UP`. Time without a connection ends no message. @default 86_400_000, a day
   */
  readonly sendTimeoutMs: number
  /**
   * How long a download waits for the phone to upload a file again that the servers have no longer; then it ends with
   * `WATON_MEDIA_PHONE_SILENT`. @default 60_000
   */
  readonly mediaRetryTimeoutMs: number
  /** How long the first QR code is shown, then each later one. @default [60_000, 20_000] */
  readonly qrMs: readonly [number, number]
}

/** How long the event log is kept. */
export interface Retention {
  /**
   * Days for which an event is kept at least, with the message that it tells of. Afterwards it goes as soon as every
   * durable consumer is done with it. @default 30
   */
  readonly days: number
  /**
   * Bytes that events and their messages may take. Beyond it the oldest go, also those that a consumer has not seen yet:
   * that consumer is told by `events.lost`. @default 512 MiB
   */
  readonly bytes: number
}

/** Options of a `Client`. */
export interface ClientOptions {
  /** Where credentials, sessions, messages and events live. */
  readonly store: Store
  /** Which account of the store this client owns. @default 'default' */
  readonly account?: string
  /** @default WhatsApp's own server */
  readonly endpoint?: Endpoint
  /** Gets structured log lines with secrets removed. @default silent */
  readonly logger?: Logger
  /** @default the machine's clock */
  readonly clock?: Clock
  /** @default the operating system's generator */
  readonly random?: RandomSource
  /** @default 'recent' */
  readonly history?: HistoryPolicy
  /** Whether contacts see this device as online, which also silences the phone. @default false */
  readonly markOnline?: boolean
  /** How long events and their messages are kept. @default 30 days, 512 MiB */
  readonly retention?: Partial<Retention>
  /** How the device is named on the phone. @default Ubuntu, Chrome */
  readonly device?: DeviceDescription
  /** Looks at a page for `{ text, linkPreview: true }`. @default links are sent without a preview */
  readonly previewLink?: PreviewLink
  /** How long things may take. @default see each */
  readonly timing?: Partial<Timing>
}

/** The timing that applies where the user says nothing. */
export const DEFAULT_TIMING: Timing = {
  connectTimeoutMs: 20_000,
  queryTimeoutMs: 60_000,
  keepAliveMs: 30_000,
  pongTimeoutMs: 20_000,
  ackTimeoutMs: 75_000,
  leaseMs: 60_000,
  sendTimeoutMs: 24 * 60 * 60 * 1000,
  mediaRetryTimeoutMs: 60_000,
  qrMs: [60_000, 20_000],
}

/**
 * Thirty days are twice as long as anything refers back (the server delivers again for two weeks, and edits, deletions and
 * retries come sooner), and cover a bot that is off for a month. 512 MiB are some half a million messages: a store that
 * still can be copied and backed up, and weeks of a busy bot.
 */
export const DEFAULT_RETENTION: Retention = { days: 30, bytes: 512 * 1024 * 1024 }

/** WhatsApp's own server. @source reference values as published by WhatsApp Web's client */
export const WHATSAPP_ENDPOINT: Endpoint = {
  url: 'wss://web.whatsapp.com/ws/chat',
  versionUrl: 'https://web.whatsapp.com/sw.js',
}

/** The options of a client with every default filled in. */
export interface RuntimeOptions {
  readonly store: Store
  readonly account: string
  readonly endpoint: Endpoint
  readonly logger: Logger
  readonly clock: Clock
  readonly random: RandomSource
  readonly history: HistoryPolicy
  readonly markOnline: boolean
  readonly device: DeviceDescription | undefined
  readonly previewLink: PreviewLink | undefined
  readonly retention: Retention
  readonly timing: Timing
}
