/**
 * The public event contract, as types. Durable events are stored with a sequence number before anybody sees them and can be
 * read again; ephemeral ones describe the moment and are gone. A new durable event is a definition in the file of its domain,
 * one line here and one in `registry.ts`.
 */
import type { EphemeralEvents } from './ephemeral.ts'
import type { MessagePayload, ReceiptPayload, UndecryptablePayload } from './message.ts'
import type { SendFailedPayload } from './send.ts'

export type * from './connection.ts'
export type * from './ephemeral.ts'
export type { MessagePayload, ReceiptPayload, ReceiptStatus, UndecryptablePayload } from './message.ts'
export type { SendFailedPayload } from './send.ts'
export type { Me, MessageRef, Origin, Person } from './shared.ts'

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

/** Everything `client.on` can be asked for. */
export type ClientEvents = EphemeralEvents & { readonly [Type in DurableType]: DurableEventOf<Type> }
