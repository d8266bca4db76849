/**
 * A message as phones keep it and hand it to their companions: with a piece of history, or when they are asked for one
 * message again. The schema has eighty fields and makes a dozen lists for each message; what a companion needs of every
 * message is read by hand here, in a quarter of the time, and the rest on demand.
 *
 * @source schema `WebMessageInfo`, `MessageKey`
 */
import { decodeProto } from '../proto/codec.ts'
import { WebMessageInfo as Schema } from '../proto/history.ts'
import { WIRE_BYTES, WIRE_VARINT, WireCursor, fieldOf, wireOf } from './wire.ts'

/** Which message it is, from the phone's point of view, which is ours. */
export interface HistoryMessageKey {
  /** The chat. */
  readonly remoteJid?: string
  readonly fromMe?: boolean
  readonly id?: string
  /** The author, in a group. */
  readonly participant?: string
}

/** See the file comment. What the phone did not say is absent. */
export interface WebMessageInfo {
  /** All of it, for {@link readMessageDetails}. A view of what was read. */
  readonly bytes: Uint8Array
  readonly key?: HistoryMessageKey
  /** Serialised `Message`, a view; absent when the phone does not have it, and for what is no message (`stubType`). */
  readonly message?: Uint8Array
  readonly sentAtSeconds?: number
  /** `WebMessageInfo.Status`: 0 failed, 1 pending, 2 sent, 3 delivered, 4 read, 5 played. */
  readonly status?: number
  /** The author, where the key does not say. */
  readonly participant?: string
  /** Name of the author as they write it themselves. */
  readonly pushName?: string
  /** Name of a business. */
  readonly verifiedName?: string
  readonly isStarred?: boolean
  readonly isBroadcast?: boolean
  /** `WebMessageInfo.StubType`: what happened, when this is not a message but a line about the chat. */
  readonly stubType?: number
  /** Whom or what that was about. */
  readonly stubParameters?: readonly string[]
  /** What add-ons to this message are sealed with. */
  readonly messageSecret?: Uint8Array
  /** When it began to disappear. */
  readonly ephemeralStartSeconds?: number
  /** How long after that it is gone. */
  readonly ephemeralDurationSeconds?: number
  /** When it was deleted for everyone. */
  readonly revokedAtMs?: number
  /** For what the account wrote under another of its addresses. */
  readonly originalSelfAuthor?: string
  /** Whether somebody has reacted, voted, answered, pinned or kept: read it with {@link readMessageDetails}. */
  readonly hasAddOns: boolean
  /** Serialised `UserReceipt` of the first recipient, a view; the rest is in {@link readMessageDetails}. */
  readonly firstReceipt?: Uint8Array
  /** Fields that this version has no name for. */
  readonly unknownFields: number
}

/** While it is read. */
type Draft = { -readonly [Name in keyof WebMessageInfo]: WebMessageInfo[Name] } & {
  stubParameters?: string[]
}

/** The schema's last field; a number above it is of a later schema. */
const LAST_FIELD = 83

const USER_RECEIPT = 40
const RECEIPT_USER_TAG = 1 * 8 + WIRE_BYTES

/** reactions, pollUpdates, keepInChat, pinInChat, eventResponses, messageAddOns */
const ADD_ONS: ReadonlySet<number> = new Set([41, 45, 50, 54, 61, 68])

type ReadBytes = (info: Draft, cursor: WireCursor) => unknown
type ReadNumber = (info: Draft, value: number) => unknown

/** Fields with a length, by their number. */
const READ_BYTES: ReadonlyMap<number, ReadBytes> = new Map<number, ReadBytes>([
  [1, (info, cursor) => (info.key = readKey(cursor))],
  [2, (info, cursor) => (info.message = cursor.bytes())],
  [5, (info, cursor) => (info.participant = cursor.text())],
  [19, (info, cursor) => (info.pushName = cursor.text())],
  [26, (info, cursor) => (info.stubParameters ??= []).push(cursor.text())],
  [37, (info, cursor) => (info.verifiedName = cursor.text())],
  [USER_RECEIPT, takeReceipt],
  [49, (info, cursor) => (info.messageSecret = cursor.bytes())],
  [51, (info, cursor) => (info.originalSelfAuthor = cursor.text())],
])

/** Fields that are numbers, by theirs. */
const READ_NUMBER: ReadonlyMap<number, ReadNumber> = new Map<number, ReadNumber>([
  [3, (info, value) => (info.sentAtSeconds = value)],
  [4, (info, value) => (info.status = value)],
  [17, (info, value) => (info.isStarred = value !== 0)],
  [18, (info, value) => (info.isBroadcast = value !== 0)],
  [24, (info, value) => (info.stubType = value)],
  [32, (info, value) => (info.ephemeralStartSeconds = value)],
  [33, (info, value) => (info.ephemeralDurationSeconds = value)],
  [52, (info, value) => (info.revokedAtMs = value)],
])

/** Reads one. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
export function readWebMessageInfo(bytes: Uint8Array): WebMessageInfo {
  const cursor = new WireCursor()
  cursor.enter(bytes, 0)
  return readInfo(cursor)
}

/** Reads one from where the cursor stands to its end. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
export function readInfo(cursor: WireCursor): WebMessageInfo {
  const begin = cursor.position
  const info: Draft = { bytes: cursor.view(cursor.end), hasAddOns: false, unknownFields: 0 }
  cursor.position = begin
  while (cursor.position < cursor.end) {
    const tag = cursor.varint()
    readField(info, cursor, tag)
  }
  return info
}

function readField(info: Draft, cursor: WireCursor, tag: number): void {
  const field = fieldOf(tag)
  const wire = wireOf(tag)
  const readBytes = wire === WIRE_BYTES ? READ_BYTES.get(field) : undefined
  const readNumber = wire === WIRE_VARINT ? READ_NUMBER.get(field) : undefined
  if (readBytes) readBytes(info, cursor)
  else if (readNumber) readNumber(info, cursor.varint())
  else {
    if (field > LAST_FIELD) info.unknownFields++
    else if (ADD_ONS.has(field)) info.hasAddOns = true
    cursor.skip(wire)
  }
}

function takeReceipt(info: Draft, cursor: WireCursor): void {
  if (info.firstReceipt === undefined) info.firstReceipt = cursor.bytes()
  else cursor.skip(WIRE_BYTES)
}

/** The fields of a `MessageKey`, in their order from 1 on. */
function readKey(cursor: WireCursor): HistoryMessageKey {
  const key: { -readonly [Name in keyof HistoryMessageKey]: HistoryMessageKey[Name] } = {}
  const outerEnd = cursor.end
  cursor.end = cursor.lengthEnd()
  while (cursor.position < cursor.end) {
    const tag = cursor.varint()
    switch (tag) {
      case 1 * 8 + WIRE_BYTES:
        key.remoteJid = cursor.text()
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

/** Whose a serialised `UserReceipt` is. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` */
export function readReceiptUser(receipt: Uint8Array): string | undefined {
  const cursor = new WireCursor()
  cursor.enter(receipt, 0)
  while (cursor.position < cursor.end) {
    const tag = cursor.varint()
    if (tag === RECEIPT_USER_TAG) return cursor.text()
    cursor.skip(wireOf(tag))
  }
  return undefined
}
