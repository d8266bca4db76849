/**
 * Messages as the store keeps them, and back: a small envelope beside the protobuf `Message` exactly as it came, so
 * that content which this version cannot name yet is there when a later one can.
 */
import { StorageError } from '../base/errors.ts'
import { concatBytes, uint32Bytes, uintFromBytes, utf8Bytes, utf8Text } from '../base/bytes.ts'
import { contentOf, plainContent } from '../protocol/message/content.ts'
import type { ReadContent } from '../protocol/message/content.ts'
import type { Perspective } from '../protocol/message/reference.ts'
import { decodeMessage } from '../protocol/proto/message.ts'
import type { MessageProperties } from '../protocol/proto/message.ts'
import type { MessageRow } from '../persistence/contract/index.ts'
import type { MessageContent } from './content.ts'
import type { MessagePayload, Origin, Person } from './events.ts'
import {
  fromJson,
  recordBody,
  toJson,
  unreadableRecord,
  withVersion,
  wrongField,
} from './state/record-kind.ts'

const RECORD_VERSION = 1

/** Bytes of the envelope's length in front of it. */
const LENGTH_BYTES = 4

/** Everything that is known of one message. */
export interface MessageRecord {
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  readonly sender: Person
  readonly fromMe: boolean
  readonly origin: Origin
  readonly sentAtMs: number
  readonly pushName?: string
  /** In a newsletter: the number that the server gave it. */
  readonly serverId?: string
  /** The event that told that it could not be read. */
  readonly replaces?: number
  /** What it is, e.g. `text`. */
  readonly kind: string
  /** The serialised `Message`. */
  readonly message: Uint8Array
  /** Its public form, where that takes more than the `Message`: what was added to other messages. */
  readonly opened?: MessageContent
  /** The addresses of this account: what a message is about may be its own. */
  readonly me?: readonly string[]
}

/** What is known of a message besides its content. */
export interface Envelope {
  readonly sender: Person
  readonly fromMe: boolean
  readonly origin: Origin
  readonly sentAtMs: number
  readonly pushName?: string
  readonly serverId?: string
  readonly replaces?: number
  readonly opened?: MessageContent
  readonly me?: readonly string[]
  /** What its author has made of it since. */
  readonly edited?: Edited
}

/** What a message says since it was edited. */
export interface Edited {
  /** The serialised `Message`, without secret; empty when it was deleted. */
  readonly message: Uint8Array
  /** When, by the clock of its author. */
  readonly atMs: number
}

/** The store row of a message. */
export function messageRow(record: MessageRecord, at: number): MessageRow {
  const { id, chat, sender, fromMe, kind, message, opened, me } = record
  const envelope: Envelope = {
    ...knownOf(record),
    ...(opened === undefined ? {} : { opened }),
    // a text points at nothing
    ...(me === undefined || kind === 'text' ? {} : { me }),
  }
  const value = encodeRecord(envelope, message)
  return { id, chat, sender: sender.jid, at, kind, state: fromMe ? 'sent' : 'received', value }
}

function encodeRecord(envelope: Envelope, message: Uint8Array): Uint8Array {
  // only what was added may have bytes in it, and toJson copies what it writes
  const json = envelope.opened === undefined && !envelope.edited ? JSON.stringify(envelope) : toJson(envelope)
  const envelopeBytes = utf8Bytes(json)
  return withVersion(RECORD_VERSION, concatBytes(uint32Bytes(envelopeBytes.length), envelopeBytes, message))
}

/**
 * The row of a message that its author has edited. What was written first stays: events tell that. The edit counts for
 * what is sent about the message from now on. `undefined` when a later edit is known already.
 */
export function editedRow(row: MessageRow, edited: Edited): MessageRow | undefined {
  const { envelope, message } = storedMessage(row)
  if (envelope.edited !== undefined && envelope.edited.atMs > edited.atMs) return undefined
  return { ...row, value: encodeRecord({ ...envelope, edited }, message) }
}

/** Whether a message is known from the history alone: it has not come by itself (yet). */
export function isOfHistory(row: MessageRow): boolean {
  try {
    return storedMessage(row).envelope.origin === 'history'
  } catch (error) {
    // whoever reads it will be told
    if (error instanceof StorageError) return false
    throw error
  }
}

/** The row of a message that came by itself, perhaps after the history had told it: what its author has made of it stays. */
export function rowInPlaceOf(former: MessageRow | undefined, row: MessageRow): MessageRow {
  const edited = former && storedMessage(former).envelope.edited
  return edited === undefined ? row : (editedRow(row, edited) ?? row)
}

/** What a stored message says today, with the secret that it was sent with. @throws {StorageError} `WATON_STORE_RECORD` */
export function presentMessage(row: MessageRow): MessageProperties {
  const { envelope, message } = storedMessage(row)
  try {
    const original = decodeMessage(message)
    if (envelope.edited === undefined) return original
    const edited: MessageProperties = decodeMessage(envelope.edited.message)
    const { messageContextInfo } = original
    return messageContextInfo ? { ...edited, messageContextInfo } : edited
  } catch (cause) {
    throw unreadableRecord('message', cause)
  }
}

/** What is told of a message besides its content and where it is. */
type Known = Omit<Envelope, 'opened' | 'me' | 'edited'>

/** That alone, of all that is known. */
function knownOf({ sender, fromMe, origin, sentAtMs, pushName, serverId, replaces }: Known): Known {
  return {
    sender,
    fromMe,
    origin,
    sentAtMs,
    ...(pushName === undefined ? {} : { pushName }),
    ...(serverId === undefined ? {} : { serverId }),
    ...(replaces === undefined ? {} : { replaces }),
  }
}

function envelopeOf(parsed: unknown): Envelope {
  const { sender, fromMe, origin, sentAtMs } = parsed as Partial<Record<keyof Envelope, unknown>>
  const { jid } = sender as { readonly jid?: unknown }
  const isWhole =
    typeof jid === 'string' &&
    typeof fromMe === 'boolean' &&
    typeof origin === 'string' &&
    typeof sentAtMs === 'number'
  if (!isWhole) throw wrongField('what is known of a message')
  return parsed as Envelope
}

/** What an event says about a message that was just read. */
export function payloadOf(record: MessageRecord, content: ReadContent): MessagePayload {
  const { id, chat, opened } = record
  return { id, chat, ...knownOf(record), content: opened ?? plainContent(content) }
}

/** What events say about a stored message. @throws {StorageError} `WATON_STORE_RECORD` */
export function messagePayload(row: MessageRow): MessagePayload {
  const { envelope, message } = storedMessage(row)
  const { opened, me } = envelope
  const known = knownOf(envelope)
  try {
    const { id, chat } = row
    const perspective = perspectiveOf({ chat, ...known, ...(me === undefined ? {} : { me }) })
    return { id, chat, ...known, content: opened ?? readableContent(message, perspective) }
  } catch (cause) {
    throw unreadableRecord('message', cause)
  }
}

/** What was recorded, in its parts. @throws {StorageError} `WATON_STORE_RECORD` */
export function storedMessage(row: MessageRow): {
  readonly envelope: Envelope
  /** The serialised `Message`. */
  readonly message: Uint8Array
} {
  const body = recordBody('message', RECORD_VERSION, row.value)
  try {
    const length = uintFromBytes(body.subarray(0, LENGTH_BYTES))
    const envelope = envelopeOf(fromJson(utf8Text(body.subarray(LENGTH_BYTES, LENGTH_BYTES + length))))
    return { envelope, message: body.subarray(LENGTH_BYTES + length) }
  } catch (cause) {
    throw unreadableRecord('message', cause)
  }
}

/** Who reads what whom wrote. */
export function perspectiveOf(record: {
  readonly chat: string
  readonly sender: Person
  readonly fromMe: boolean
  readonly me?: readonly string[]
}): Perspective {
  const { chat, sender, fromMe, me } = record
  return { chat, writer: sender.jid, fromMe, me: me ?? (fromMe ? [sender.jid] : []) }
}

/** The name of the kind of what was read: a content key, or the schema's name of what has none. */
export function kindOf(content: ReadContent): string {
  return content.kind === 'protocol' ? 'protocol' : (content.name ?? 'empty')
}

/** The public form of a serialised `Message`. @throws {ProtocolError} when it is not one */
export function readableContent(message: Uint8Array, perspective?: Perspective): MessageContent {
  return plainContent(contentOf(decodeMessage(message), perspective))
}
