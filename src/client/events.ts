/**
 * The public event contract. Durable events are stored with a sequence number before anybody sees them and can be read
 * again; ephemeral ones describe the moment and are gone. A change to a durable payload needs a new version here.
 */
import type { ErrorAction } from '../base/errors.ts'
import type { MessageContent } from './content.ts'

/** A person: the address that waton uses for them, and the phone number and LID addresses when known. */
export interface Person {
  /** The address to use for them, without a device. */
  readonly jid: string
  /** The phone-number address, `15550000001@s.whatsapp.net`, when known. */
  readonly pn?: string
  /** The LID address, `1234@lid`, when known. */
  readonly lid?: string
}

/** This device's account. */
export interface Me {
  /** Phone-number JID without device. */
  readonly pn: string
  /** LID JID without device. */
  readonly lid?: string
  /** The name that the account shows to others, when known. */
  readonly name?: string
  /** Which linked device of the account this is, from 1. */
  readonly deviceId: number
}

/** How an event came here: just now, from the server's offline queue, from history, or from another own device. */
export type Origin = 'live' | 'offline' | 'history' | 'own'

/** A message that was received and could be read. */
export interface MessagePayload {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** The chat, ready to be given to `client.send`. */
  readonly chat: string
  /** Who wrote it. */
  readonly sender: Person
  /** Whether this account wrote it, on another of its devices. */
  readonly fromMe: boolean
  /** How it came here. */
  readonly origin: Origin
  /** When the server took it, in milliseconds since the epoch. */
  readonly sentAtMs: number
  /** The name the sender gave themselves. */
  readonly pushName?: string
  /** What was written: an object with one key, which is its kind. */
  readonly content: MessageContent
}

/** A message that came and could not be read. Its sender is asked to send it again where that helps. */
export interface UndecryptablePayload {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** The chat it was written in. */
  readonly chat: string
  /** Who wrote it. */
  readonly sender: Person
  /** Whether this account wrote it, on another of its devices. */
  readonly fromMe: boolean
  /** How it came here. */
  readonly origin: Origin
  /** When the server took it, in milliseconds since the epoch. */
  readonly sentAtMs: number
  /** A stable code, e.g. `WATON_SIGNAL_NO_SESSION`. */
  readonly reason: string
}

/** How far a sent message got. */
export type ReceiptStatus = 'delivered' | 'read' | 'played'

/** Somebody's device confirmed messages that this account sent. */
export interface ReceiptPayload {
  /** The messages that it is about. */
  readonly ids: readonly string[]
  /** The chat that they are in. */
  readonly chat: string
  /** Whose device says so. */
  readonly from: Person
  /** How far they got. */
  readonly status: ReceiptStatus
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** A message of this account was refused for good. */
export interface SendFailedPayload {
  /** The id that `client.send` gave. */
  readonly id: string
  /** The chat that it was meant for. */
  readonly chat: string
  /** A stable code, e.g. `WATON_SEND_REFUSED`. */
  readonly code: string
  /** The server's own number for it, when it gave one. */
  readonly serverCode?: number
}

/** Durable events by type; the number is the payload's version. */
export interface DurablePayloads {
  /** A message that could be read. */
  readonly message: MessagePayload
  /** A message that could not be read (yet). */
  readonly 'message.undecryptable': UndecryptablePayload
  /** Somebody received, read or played messages. */
  readonly 'message.receipt': ReceiptPayload
  /** A message of ours that nobody will get. */
  readonly 'send.failed': SendFailedPayload
}

/** The name of a durable event. */
export type DurableType = keyof DurablePayloads

/** The version that each durable event is written with. */
export const DURABLE_VERSIONS: Readonly<Record<DurableType, number>> = {
  message: 1,
  'message.undecryptable': 1,
  'message.receipt': 1,
  'send.failed': 1,
}

/** One entry of the event log. */
export interface DurableEventOf<Type extends DurableType> {
  /** Position in the account's log, from 1. */
  readonly seq: number
  /** What happened; decides the shape of the payload. */
  readonly type: Type
  /** The version of the payload's shape. */
  readonly version: number
  /** When it was recorded, in milliseconds since the epoch. */
  readonly at: number
  /** What is known about it. */
  readonly payload: DurablePayloads[Type]
}

/** Any entry of the event log. */
export type DurableEvent = { [Type in DurableType]: DurableEventOf<Type> }[DurableType]

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

/** Something in the store could not be read. It is kept as it is, and the account goes on without it. */
export interface QuarantinedEvent {
  /** What it was, e.g. `session`, `pre-key`, `outbox`, `event`. */
  readonly kind: string
  /** Which one: the record's key, the message id, or the event's `seq`. */
  readonly id: string
  /** Why, as a stable code, e.g. `WATON_STORE_RECORD`. */
  readonly code: string
}

/** Events that are never stored. */
export interface EphemeralEvents {
  /** A QR code to show; the phone scans it under "Linked devices". */
  'pairing.qr': { readonly qr: string; readonly expiresAtMs: number }
  /**
   * A pairing code that can be typed in now: one that `requestPairingCode` asked for, or the one that takes its place because
   * the server wanted a new one.
   */
  'pairing.code': { readonly code: string; readonly phoneNumber: string; readonly expiresAtMs: number }
  /**
   * A passkey protects the account, and waton cannot present one. The connection stays open until then, for whoever goes on
   * in another way. `code`: said by the phone that a code was typed into; `request`, `continuation`: said by the server.
   */
  'pairing.passkey': {
    readonly step: 'code' | 'request' | 'continuation'
    readonly message: string
    readonly expiresAtMs: number
  }
  /**
   * A phone or the server tried to link this device and it went no further: nothing was stored, the connection and its codes
   * stay. The code is that of an error, e.g. `WATON_PAIRING_HMAC`, `WATON_PAIRING_SIGNATURE`, `WATON_PAIRING_CODE_UNANSWERED`.
   */
  'pairing.failed': { readonly code: string; readonly message: string }
  /** The phone has linked this device, and the server has let it in for the first time. */
  'pairing.success': { readonly me: Me }
  /** The client has moved from one state to another. */
  'connection.state': {
    readonly state: ClientState
    readonly previous: ClientState
    readonly reason?: CloseReason
  }
  /** Messages can be sent and received. */
  'connection.open': { readonly me: Me }
  /** A connection has ended; `retrying` tells whether the client comes back. */
  'connection.closed': CloseReason
  /** A record that cannot be read was set aside; see {@link QuarantinedEvent}. */
  'store.quarantined': QuarantinedEvent
  /**
   * The log has grown beyond its budget (`retention`), and the oldest events had to go before this consumer has seen them;
   * told when it happens, and once more when the consumer starts again.
   */
  'events.lost': {
    readonly consumer: string
    readonly from: number
    readonly to: number
    readonly count: number
  }
  /** The server will refuse this version of WhatsApp Web from then on; waton looks for a newer one when it does. */
  'connection.expiring': { readonly expiresAtMs?: number }
  /** The offline queue of the server has been taken in. */
  'sync.offline': { readonly messages: number }
}

/** Everything `client.on` can be asked for. */
export type ClientEvents = EphemeralEvents & { readonly [Type in DurableType]: DurableEventOf<Type> }
