/**
 * The rows of a store and the changes a commit is made of. Times are milliseconds since the epoch. `value` is opaque:
 * its first byte is a version that only the code that wrote it understands.
 */

/** A keyed record: credentials, sessions, pre-keys, mappings, cursors. The client lists the kinds it uses. */
export interface RecordRow {
  /** What sort of record, e.g. `session`. */
  readonly kind: string
  /** Which of them. */
  readonly key: string
  /** Its bytes, which a store never looks into. */
  readonly value: Uint8Array
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number
}

/** What identifies a message: ids are unique only together with their chat and sender. */
export interface MessageKey {
  /** The chat by its canonical address. */
  readonly chat: string
  /** Who wrote it, by their canonical address. */
  readonly sender: string
  /** The message id. */
  readonly id: string
}

/** One message, sent or received, once per (chat, sender, id). */
export interface MessageRow extends MessageKey {
  /** When it was sent, in milliseconds since the epoch. */
  readonly at: number
  /** What it is, e.g. `text` or `undecryptable`. */
  readonly kind: string
  /** How far it got, e.g. `received`. */
  readonly state: string
  /** Its bytes, which a store never looks into. */
  readonly value: Uint8Array
}

/** One entry of the event log. Content lives in the message row that `message` points to. */
export interface EventRow {
  /** Position in the account's log, from 1, without reuse. */
  readonly seq: number
  /** The type of the event, e.g. `message`. */
  readonly type: string
  /** The version of the payload's shape. */
  readonly version: number
  /** When it was recorded, in milliseconds since the epoch. */
  readonly at: number
  /** The chat whose order this event belongs to, or `''`. */
  readonly chat: string
  /** The message that it refers to, when there is one. */
  readonly message?: MessageKey
  /** Its bytes, which a store never looks into. */
  readonly value: Uint8Array
}

/** One message on its way out. */
export interface OutboxRow {
  /** The message id. */
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  /** Sending order within the account, from 1, without reuse. */
  readonly position: number
  /** How far it got; what may be asked for in `listOutbox`. */
  readonly state: string
  /** When it was accepted, in milliseconds since the epoch. */
  readonly at: number
  /** Its bytes, which a store never looks into. */
  readonly value: Uint8Array
}

/** One change of a commit. Puts replace the row with the same key. */
export type Change = Addition | Removal

/** A change that adds or replaces a row. */
export type Addition =
  | { readonly op: 'put-record'; readonly row: RecordRow }
  | { readonly op: 'put-message'; readonly row: MessageRow }
  /** Fails the whole commit with `WATON_STORE_CONFLICT` when the seq exists. */
  | { readonly op: 'append-event'; readonly row: EventRow }
  | { readonly op: 'put-outbox'; readonly row: OutboxRow }
  /** Remembers a ciphertext hash (32 bytes), so that a redelivery is recognised. */
  | { readonly op: 'recognise'; readonly hash: Uint8Array; readonly at: number }

/** A change that takes rows away; what is not there is no failure. */
export type Removal =
  | { readonly op: 'delete-record'; readonly kind: string; readonly key: string }
  /** Deletes one record, unless it was written at `before` or later: for slices of a long list that is read and pruned. */
  | { readonly op: 'expire-record'; readonly kind: string; readonly key: string; readonly before: number }
  /** Deletes the records of a kind that were written before `before`; for kinds of which there are few. */
  | { readonly op: 'expire-records'; readonly kind: string; readonly before: number }
  | { readonly op: 'delete-message'; readonly key: MessageKey }
  | { readonly op: 'expire-events'; readonly upTo: number }
  | { readonly op: 'delete-outbox'; readonly id: string }
  /** Forgets the hashes from before `before`, oldest first, `limit` of them at most. @default all of them */
  | { readonly op: 'expire-recognised'; readonly before: number; readonly limit?: number }

const ADDITIONS: ReadonlySet<string> = new Set<Addition['op']>([
  'put-record',
  'put-message',
  'append-event',
  'put-outbox',
  'recognise',
])

/** Tells the two apart. */
export function isAddition(change: Change): change is Addition {
  return ADDITIONS.has(change.op)
}
