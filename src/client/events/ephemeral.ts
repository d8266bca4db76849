/**
 * Events that are never stored: they describe the moment, and whoever listens later has missed them.
 */
import type { ClientState, CloseReason } from './connection.ts'
import type { HistoryProgress } from './history.ts'
import type { Me, Person } from './shared.ts'

/** Something in the store could not be read. It is kept as it is, and the account goes on without it. */
export interface QuarantinedEvent {
  /** What it was, e.g. `session`, `pre-key`, `outbox`, `event`. */
  readonly kind: string
  /** Which one: the record's key, the message id, or the event's `seq`. */
  readonly id: string
  /** Why, as a stable code, e.g. `WATON_STORE_RECORD`. */
  readonly code: string
}

/** How far the server's offline queue has been taken in. */
export interface OfflineProgress {
  /** Stanzas that the server announced: messages, receipts, notifications and the rest. */
  readonly expected: number
  /** Stanzas taken in so far. */
  readonly received: number
  /** Whether it is over, and what comes from now on is live; with fewer than expected, the rest comes at the next login. */
  readonly done: boolean
}

/** A consumer's handler failed on an event as often as it may: the event is a dead letter now. */
export interface ConsumerDeadEvent {
  /** The consumer's name. */
  readonly consumer: string
  /** The event's position in the log. */
  readonly seq: number
  /** The event's type. */
  readonly type: string
  /** Its chat; empty when it is about the whole account. */
  readonly chat: string
  /** What the last attempt failed with. */
  readonly reason: string
  /** Attempts so far. */
  readonly attempts: number
  /** When it was given up, in milliseconds since the epoch. */
  readonly atMs: number
}

/** Whether somebody looks at WhatsApp right now. */
export interface PresenceEvent {
  /** Who. */
  readonly from: Person
  /** The group in which they do, when it is about one. */
  readonly group?: string
  /** Whether they are there. */
  readonly isAvailable: boolean
  /** When they were last there, in milliseconds since the epoch. */
  readonly lastSeenAtMs?: number
  /** Whether they do not show when they were last there. */
  readonly isLastSeenHidden: boolean
  /** How many members of the group are there. */
  readonly onlineCount?: number
}

/** What somebody does in a chat right now. */
export interface ChatStateEvent {
  /** The chat. */
  readonly chat: string
  /** Who. */
  readonly from: Person
  /** `composing`: they type; `recording`: they speak; `paused`: neither any more. */
  readonly state: 'composing' | 'recording' | 'paused'
}

/** What a consumer will never see. */
export interface LostEvents {
  /** The consumer's name. */
  readonly consumer: string
  /** The first `seq` that is gone. */
  readonly from: number
  /** The last one. */
  readonly to: number
  /** How many of them the consumer had not finished. */
  readonly count: number
}

/** Events that are never stored. */
export interface EphemeralEvents {
  /** A QR code to show; the phone scans it under "Linked devices". */
  'pairing.qr': {
    /** The text that the QR code holds. */
    readonly qr: string
    /** Until when it is good, in milliseconds since the epoch; the next one comes then. */
    readonly expiresAtMs: number
  }
  /**
   * A pairing code that can be typed in now: one that `requestPairingCode` asked for, or the one that takes its place because
   * the server wanted a new one.
   */
  'pairing.code': {
    /** Eight characters to type into the phone. */
    readonly code: string
    /** The number of the phone that takes it: digits with country code. */
    readonly phoneNumber: string
    /** Until when it is good, in milliseconds since the epoch. */
    readonly expiresAtMs: number
  }
  /**
   * A passkey protects the account, and waton cannot present one. The connection stays open until then, for whoever goes on
   * in another way. `code`: said by the phone that a code was typed into; `request`, `continuation`: said by the server.
   */
  'pairing.passkey': {
    /** Who said so; see above. */
    readonly step: 'code' | 'request' | 'continuation'
    /** What happened and what to do, for people. */
    readonly message: string
    /** Until when the connection waits, in milliseconds since the epoch. */
    readonly expiresAtMs: number
  }
  /**
   * A phone or the server tried to link this device and it went no further: nothing was stored, the connection and its codes
   * stay. The code is that of an error, e.g. `WATON_PAIRING_HMAC`, `WATON_PAIRING_SIGNATURE`, `WATON_PAIRING_CODE_UNANSWERED`.
   */
  'pairing.failed': {
    /** A stable code; see above. */
    readonly code: string
    /** What happened and what to do, for people. */
    readonly message: string
  }
  /** The phone has linked this device, and the server has let it in for the first time. */
  'pairing.success': {
    /** The account that was linked. */
    readonly me: Me
  }
  /** The client has moved from one state to another. */
  'connection.state': {
    /** Where it is now. */
    readonly state: ClientState
    /** Where it was. */
    readonly previous: ClientState
    /** Why, when a connection has ended. */
    readonly reason?: CloseReason
  }
  /** Messages can be sent and received. */
  'connection.open': {
    /** The account that is connected. */
    readonly me: Me
  }
  /** A connection has ended; `retrying` tells whether the client comes back. */
  'connection.closed': CloseReason
  /** A record that cannot be read was set aside; see {@link QuarantinedEvent}. */
  'store.quarantined': QuarantinedEvent
  /**
   * The log has grown beyond its budget (`retention`), and the oldest events had to go before this consumer has seen them;
   * told when it happens, and once more when the consumer starts again.
   */
  'events.lost': LostEvents
  /** A consumer gave an event up; `client.events.dead` has it, and can try it again. */
  'consumer.dead': ConsumerDeadEvent
  /** The server will refuse this version of WhatsApp Web from then on; waton looks for a newer one when it does. */
  'connection.expiring': {
    /** When, in milliseconds since the epoch; absent when the server did not say. */
    readonly expiresAtMs?: number
  }
  /** The offline queue of the server is being taken in: at its beginning, for each batch, and at its end. */
  'sync.offline': OfflineProgress
  /** A piece of history is being taken in: after each part, at its end, and when it fails. */
  'sync.history': HistoryProgress
  /** Somebody came or went. Sent for people whom this account has asked about. */
  readonly presence: PresenceEvent
  /** Somebody types, speaks, or has stopped. */
  readonly 'chat.state': ChatStateEvent
}

/** Every event of {@link EphemeralEvents} by its name; one without a line here does not compile. */
const NAMES: Readonly<Record<keyof EphemeralEvents, true>> = {
  'pairing.qr': true,
  'pairing.code': true,
  'pairing.passkey': true,
  'pairing.failed': true,
  'pairing.success': true,
  'connection.state': true,
  'connection.open': true,
  'connection.closed': true,
  'store.quarantined': true,
  'events.lost': true,
  'consumer.dead': true,
  'connection.expiring': true,
  'sync.offline': true,
  'sync.history': true,
  presence: true,
  'chat.state': true,
}

/** The names of {@link EphemeralEvents}. */
export const EPHEMERAL_TYPES: readonly (keyof EphemeralEvents)[] = Object.keys(
  NAMES,
) as (keyof EphemeralEvents)[]
