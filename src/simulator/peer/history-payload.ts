/**
 * The history that a phone gives to a device it has just linked: a `HistorySync` message, compressed. It is written with
 * a few lines of protobuf of its own, because the schema classes of the library do not contain this message and because
 * a second writer is worth more in a test than the same one twice. Content is what the human saw, nothing invented.
 *
 * @source field numbers: `@wppconnect/wa-proto` HistorySync, Conversation, WebMessageInfo, MessageKey; read back by
 *   Baileys `lib/Utils/history.js`
 */
import { deflateSync } from 'node:zlib'
import { concatBytes, utf8Bytes } from '../../base/bytes.ts'
import { encodeMessage } from '../../protocol/proto/message.ts'
import type { PhoneMessage } from './mailbox.ts'

/** One chat of the history. */
export interface HistoryChat {
  readonly jid: string
  readonly lid: string | undefined
  readonly name: string | undefined
  readonly unreadCount: number
  /** Oldest first. */
  readonly messages: readonly PhoneMessage[]
}

/** `HistorySync.HistorySyncType` */
const INITIAL_BOOTSTRAP = 0
const PROGRESS_DONE = 100
const WIRE_VARINT = 0
const WIRE_BYTES = 2

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

function number(field: number, value: number): Uint8Array {
  return concatBytes(varint(field * 8 + WIRE_VARINT), varint(value))
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return concatBytes(varint(field * 8 + WIRE_BYTES), varint(value.length), value)
}

function text(field: number, value: string | undefined): Uint8Array {
  return value === undefined ? new Uint8Array(0) : bytes(field, utf8Bytes(value))
}

function webMessage(message: PhoneMessage): Uint8Array {
  const key = concatBytes(text(1, message.chat), number(2, message.fromMe ? 1 : 0), text(3, message.id))
  return concatBytes(
    bytes(1, key),
    bytes(2, encodeMessage(message.content)),
    number(3, Math.floor(message.sentAtMs / 1000)),
  )
}

function conversation(chat: HistoryChat): Uint8Array {
  const newestFirst = chat.messages.toReversed()
  const messages = newestFirst.map((message, index) =>
    bytes(2, concatBytes(bytes(1, webMessage(message)), number(2, newestFirst.length - index))),
  )
  const lastAt = Math.floor((newestFirst[0]?.sentAtMs ?? 0) / 1000)
  return concatBytes(
    text(1, chat.jid),
    ...messages,
    number(5, lastAt),
    number(6, chat.unreadCount),
    number(12, lastAt),
    text(13, chat.name),
    text(42, chat.lid),
  )
}

/** A zlib-compressed `HistorySync` of kind `INITIAL_BOOTSTRAP` with the given chats and who is who. */
export function initialHistory(chats: readonly HistoryChat[], salt?: Uint8Array): Uint8Array {
  const mappings = chats.flatMap(({ jid, lid }) =>
    lid === undefined ? [] : [bytes(15, concatBytes(text(1, jid), text(2, lid)))],
  )
  const names = chats.flatMap(({ jid, name }) =>
    name === undefined ? [] : [bytes(7, concatBytes(text(1, jid), text(2, name)))],
  )
  const history = concatBytes(
    number(1, INITIAL_BOOTSTRAP),
    ...chats.map((chat) => bytes(2, conversation(chat))),
    number(5, 1),
    number(6, PROGRESS_DONE),
    ...names,
    ...mappings,
    ...(salt === undefined ? [] : [bytes(19, salt)]),
  )
  return new Uint8Array(deflateSync(history))
}
