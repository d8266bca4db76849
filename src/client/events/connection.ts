/**
 * What `connection.*` events say: the states of a client and why a connection ended. They describe the moment and are never
 * stored.
 */
import type { ErrorAction } from '../../base/errors.ts'

/** The states of a client. See `connection/machine.ts` for the transitions. */
export type ClientState =
  | 'idle'
  | 'connecting'
  | 'handshaking'
  | 'pairing'
  | 'authenticating'
  | 'preparing'
  | 'open'
  | 'waiting'
  | 'closing'
  | 'closed'

/** Why a connection ended, in words that never change. `docs/reference/connection.md` says what happens on each. */
export type CloseReasonName =
  | 'closed'
  | 'connection-lost'
  | 'stream-end'
  | 'restart-required'
  | 'qr-expired'
  | 'link-unconfirmed'
  | 'link-incomplete'
  | 'link-refused'
  | 'logout-unconfirmed'
  | 'logged-out'
  | 'unlinked'
  | 'replaced'
  | 'temporarily-banned'
  | 'account-locked'
  | 'banned'
  | 'version-outdated'
  | 'bad-user-agent'
  | 'multi-device-mismatch'
  | 'rate-limited'
  | 'server-error'
  | 'service-unavailable'
  | 'bad-request'
  | 'cat-expired'
  | 'cat-invalid'
  | 'not-found'
  | 'client-unknown'
  | 'not-well-formed'
  | 'ack-missing'
  | 'unknown'
  | 'ownership-lost'
  | 'store-failed'
  | 'store-unreadable'
  | 'clock-or-certificate'
  | 'server-not-trusted'

/** Why an account is banned for a while. */
export type BanCause =
  | 'sent-to-too-many-people'
  | 'blocked-by-users'
  | 'created-too-many-groups'
  | 'sent-same-message-too-often'
  | 'broadcast-list'
  | 'unknown'

/** A ban that ends by itself. */
export interface Ban {
  /** WhatsApp's own number for the cause, e.g. 101. */
  readonly code?: number
  /** Why. */
  readonly cause: BanCause
  /** When it ends, in milliseconds since the epoch; absent when the server did not say. */
  readonly expiresAtMs?: number
}

/** What the server sent, without the bytes in it: tags and attributes as they came. */
export interface StanzaView {
  /** Its name, e.g. `failure`. */
  readonly tag: string
  /** What stands in it. */
  readonly attrs: Readonly<Record<string, string>>
  /** The stanzas in it. */
  readonly children: readonly StanzaView[]
}

/** Why a connection ended, and how it goes on. */
export interface CloseReason {
  /** Which of the reasons. */
  readonly reason: CloseReasonName
  /** The server's number, when it gave one. */
  readonly serverCode?: number
  /** The server's own words, when it sent some. */
  readonly text?: string
  /** With `temporarily-banned`. */
  readonly ban?: Ban
  /** With `logged-out`: when the credentials were put aside, in milliseconds since the epoch. */
  readonly quarantinedAtMs?: number
  /** Whether the client comes back by itself. */
  readonly retrying: boolean
  /** When it does, in milliseconds since the epoch. */
  readonly retryAtMs?: number
  /** What to do, for programs; a client that comes back says `wait`. */
  readonly action: ErrorAction
  /** What to do, for people. */
  readonly advice: string
  /** What the server said, when it said something: for reports, and for codes that are new. */
  readonly stanza?: StanzaView
}
