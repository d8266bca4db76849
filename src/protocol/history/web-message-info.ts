/**
 * A message as phones keep it and hand it to their companions: with a piece of history, or when they are asked for one
 * message again. The schema has eighty fields and makes a dozen lists for each message; what a companion needs of every
 * message is read by hand here, and the rest on demand.
 *
 * @source schema `WebMessageInfo`, `MessageKey`
 */
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { decodeProto } from '../proto/codec.ts'
import { WebMessageInfo as Schema } from '../proto/history.ts'
import { WIRE_BYTES, WIRE_VARINT, WireCursor, fieldOf, wireOf } from './wire.ts'

/** Which message it is, from the phone's point of view, which is ours. */
export interface HistoryMessageKey {
  /** The chat. */
  readonly remoteJid: string | undefined
  /** Whether the account wrote it. */
  readonly fromMe: boolean | undefined
  /** Its id. */
  readonly id: string | undefined
  /** The author, in a group. */
  readonly participant: string | undefined
}

/** See the file comment. What the phone did not say is `undefined`. */
export interface WebMessageInfo {
  /** All of it, for {@link readMessageDetails}. A view of what was read. */
  readonly bytes: Uint8Array
  /** Which message it is. */
  readonly key: HistoryMessageKey | undefined
  /** Serialised `Message`, a view; absent when the phone does not have it, and for what is no message (`stubType`). */
  readonly message: Uint8Array | undefined
  /** When it was sent. */
  readonly sentAtSeconds: number | undefined
  /** `WebMessageInfo.Status`: 0 failed, 1 pending, 2 sent, 3 delivered, 4 read, 5 played. */
  readonly status: number | undefined
  /** The author, where the key does not say. */
  readonly participant: string | undefined
  /** Name of the author as they write it themselves. */
  readonly pushName: string | undefined
  /** Name of a business. */
  readonly verifiedName: string | undefined
  /** Whether the account has starred it. */
  readonly isStarred: boolean | undefined
  /** Whether it came by a broadcast list. */
  readonly isBroadcast: boolean | undefined
  /** `WebMessageInfo.StubType`: what happened, when this is not a message but a line about the chat. */
  readonly stubType: number | undefined
  /** Whom or what that was about. */
  readonly stubParameters: readonly string[] | undefined
  /** What add-ons to this message are sealed with. */
  readonly messageSecret: Uint8Array | undefined
  /** When it began to disappear. */
  readonly ephemeralStartSeconds: number | undefined
  /** How long after that it is gone. */
  readonly ephemeralDurationSeconds: number | undefined
  /** When it was deleted for everyone. */
  readonly revokedAtMs: number | undefined
  /** For what the account wrote under another of its addresses. */
  readonly originalSelfAuthor: string | undefined
  /** Whether somebody has reacted, voted, answered, pinned or kept: read it with {@link readMessageDetails}. */
  readonly hasAddOns: boolean
  /** Whose the first receipt is, of a message that the account wrote; the others are in {@link readMessageDetails}. */
  readonly firstRecipient: string | undefined
  /** Fields that this version has no name for. */
  readonly unknownFields: number
}

/**
 * While it is read. Classes that begin with all of their fields: an object that grows field by field has a shape that the
 * engine forgets when no such object is left, and with it the code that was compiled for it.
 */
class Key implements HistoryMessageKey {
  remoteJid: string | undefined = undefined
  fromMe: boolean | undefined = undefined
  id: string | undefined = undefined
  participant: string | undefined = undefined
}

/** See {@link Key}. */
class Info implements WebMessageInfo {
  readonly bytes: Uint8Array
  key: Key | undefined = undefined
  message: Uint8Array | undefined = undefined
  sentAtSeconds: number | undefined = undefined
  status: number | undefined = undefined
  participant: string | undefined = undefined
  pushName: string | undefined = undefined
  verifiedName: string | undefined = undefined
  isStarred: boolean | undefined = undefined
  isBroadcast: boolean | undefined = undefined
  stubType: number | undefined = undefined
  stubParameters: string[] | undefined = undefined
  messageSecret: Uint8Array | undefined = undefined
  ephemeralStartSeconds: number | undefined = undefined
  ephemeralDurationSeconds: number | undefined = undefined
  revokedAtMs: number | undefined = undefined
  originalSelfAuthor: string | undefined = undefined
  firstRecipient: string | undefined = undefined
  hasAddOns = false
  unknownFields = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** A message of which nothing is known. */
export const NO_INFO: WebMessageInfo = Object.assign(new Info(EMPTY_BYTES), { key: new Key() })

/** The schema's last field; a number above it is of a later schema. */
const LAST_FIELD = 83

/** The first field of a `UserReceipt`. */
const RECEIPT_USER_TAG = 1 * 8 + WIRE_BYTES

/** reactions, pollUpdates, keepInChat, pinInChat, eventResponses, messageAddOns */
const ADD_ONS: ReadonlySet<number> = new Set([41, 45, 50, 54, 61, 68])

type ReadBytes = (info: Info, cursor: WireCursor, chat: string | undefined) => unknown
type ReadNumber = (info: Info, value: number) => unknown

/** A list with a place for every number of a field: looked up faster than a map. */
function byField<Value>(entries: readonly (readonly [number, Value])[]): readonly (Value | undefined)[] {
  const list = Array.from({ length: LAST_FIELD + 1 }, (): Value | undefined => undefined)
  for (const [field, value] of entries) list[field] = value
  return list
}

/** Fields with a length, by their number. */
const READ_BYTES = byField<ReadBytes>([
  [1, (info, cursor, chat) => (info.key = readKey(cursor, chat))],
  [2, (info, cursor) => (info.message = cursor.bytes())],
  [5, (info, cursor) => (info.participant = cursor.text(info.key?.participant))],
  [19, (info, cursor) => (info.pushName = cursor.text())],
  [26, (info, cursor) => (info.stubParameters ??= []).push(cursor.text())],
  [37, (info, cursor) => (info.verifiedName = cursor.text())],
  [40, takeReceipt],
  [49, (info, cursor) => (info.messageSecret = cursor.bytes())],
  [51, (info, cursor) => (info.originalSelfAuthor = cursor.text())],
])

/** Fields that are numbers, by theirs. */
const READ_NUMBER = byField<ReadNumber>([
  [3, (info, value) => (info.sentAtSeconds = value)],
  [4, (info, value) => (info.status = value)],
  [17, (info, value) => (info.isStarred = value !== 0)],
  [18, (info, value) => (info.isBroadcast = value !== 0)],
  [24, (info, value) => (info.stubType = value)],
  [32, (info, value) => (info.ephemeralStartSeconds = value)],
  [33, (info, value) => (info.ephemeralDurationSeconds = value)],
  [52, (info, value) => (info.revokedAtMs = value)],
])

/** Made once: nothing in here is asynchronous, and the engine keeps what it compiled for a shape that is in use. */
const ownCursor: WireCursor = new WireCursor()

/** Reads one. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
export function readWebMessageInfo(bytes: Uint8Array): WebMessageInfo {
  ownCursor.enter(bytes, 0)
  try {
    return readInfo(ownCursor)
  } finally {
    ownCursor.enter(EMPTY_BYTES, 0)
  }
}

/**
 * Reads one from where the cursor stands to its end.
 *
 * @param chat - the chat that it was found in
 * @throws {ProtocolError} `WATON_HISTORY_MALFORMED`
 */
export function readInfo(cursor: WireCursor, chat?: string): WebMessageInfo {
  const begin = cursor.position
  const info = new Info(cursor.view(cursor.end))
  cursor.position = begin
  while (cursor.position < cursor.end) {
    const tag = cursor.varint()
    const field = fieldOf(tag)
    const wire = wireOf(tag)
    const readBytes = wire === WIRE_BYTES ? READ_BYTES[field] : undefined
    const readNumber = wire === WIRE_VARINT ? READ_NUMBER[field] : undefined
    if (readBytes) readBytes(info, cursor, chat)
    else if (readNumber) readNumber(info, cursor.varint())
    else {
      if (field > LAST_FIELD) info.unknownFields++
      else if (ADD_ONS.has(field)) info.hasAddOns = true
      cursor.skip(wire)
    }
  }
  return info
}

/** The first receipt tells to whom a message went, which may be the only place where their number stands. */
function takeReceipt(info: Info, cursor: WireCursor): void {
  const isWanted = info.firstRecipient === undefined && info.key?.fromMe === true
  const end = cursor.lengthEnd()
  if (isWanted && cursor.varint() === RECEIPT_USER_TAG) info.firstRecipient = cursor.text()
  cursor.position = end
}

/** The fields of a `MessageKey`, in their order from 1 on. */
function readKey(cursor: WireCursor, chat: string | undefined): Key {
  const key = new Key()
  const outerEnd = cursor.end
  cursor.end = cursor.lengthEnd()
  while (cursor.position < cursor.end) {
    const tag = cursor.varint()
    switch (tag) {
      case 1 * 8 + WIRE_BYTES:
        key.remoteJid = cursor.text(chat)
        break
      case 2 * 8 + WIRE_VARINT:
        key.fromMe = cursor.varint() !== 0
        break
      case 3 * 8 + WIRE_BYTES:
        key.id = cursor.text()
        break
      case 4 * 8 + WIRE_BYTES:
        key.participant = cursor.text()
        break
      default:
        cursor.skip(wireOf(tag))
    }
  }
  cursor.end = outerEnd
  return key
}

/**
 * Everything that the phone says of a message: reactions, votes, answers, pins, receipts of every recipient. Content in it
 * is left as bytes, which `decodeMessage` reads.
 *
 * @throws {ProtocolError} `WATON_PROTO_MALFORMED`
 */
export function readMessageDetails(info: Pick<WebMessageInfo, 'bytes'>): Schema.$Properties {
  return decodeProto(Schema, info.bytes, 'WebMessageInfo')
}
