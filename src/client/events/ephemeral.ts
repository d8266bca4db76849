/**
 * Events that are never stored: they describe the moment, and whoever listens later has missed them.
 */
import type { ClientState, CloseReason } from './connection.ts'
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
  /** The server will refuse this version of WhatsApp Web from then on; waton looks for a newer one when it does. */
  'connection.expiring': { readonly expiresAtMs?: number }
  /** The offline queue of the server has been taken in. */
  'sync.offline': { readonly messages: number }
  /** Somebody came or went. Sent for people whom this account has asked about. */
  readonly presence: PresenceEvent
  /** Somebody types, speaks, or has stopped. */
  readonly 'chat.state': ChatStateEvent
}
