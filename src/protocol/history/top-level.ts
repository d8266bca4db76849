/**
 * What a piece of history says beside chats: names, addresses, settings. Each is small and read whole.
 *
 * @source schema `HistorySync`
 */
import { utf8Text } from '../../base/bytes.ts'
import { STATUS_JID } from '../jid.ts'
import { countUnknownFields, decodeProto, type DecodableType } from '../proto/codec.ts'
import {
  Account,
  CallLogRecord,
  GlobalSettings,
  InlineContact,
  PastParticipants,
  PhoneNumberToLIDMapping,
  Pushname,
  StickerMetadata,
} from '../proto/history.ts'
import { historySyncType, type HistoryItem, type HistorySummary } from './items.ts'
import type { Output } from './output.ts'
import { readInfo } from './web-message-info.ts'
import { WIRE_BYTES, WIRE_VARINT, type WireCursor } from './wire.ts'

/** The field of status messages in a `HistorySync`. */
export const STATUS_MESSAGES: number = 3

type Draft = { -readonly [Name in keyof Omit<HistorySummary, 'counts'>]: HistorySummary[Name] }

/** Where a field was found, and how long it is. */
interface Place {
  readonly offset: number
  readonly lengthBytes: number
}

/** See the file comment. */
export class TopLevel {
  readonly facts: Draft = {}
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  /** Takes a field whose value the cursor has before it. */
  take(
    { number, wire }: { readonly number: number; readonly wire: number },
    cursor: WireCursor,
    place: Place,
  ): void {
    const output = this.#output
    if (wire === WIRE_VARINT) this.#takeNumber(number, cursor.varint())
    else if (wire !== WIRE_BYTES) output.counts.unknownFields++
    else if (number === STATUS_MESSAGES) {
      output.guard({ what: 'message', ...place, chat: STATUS_JID }, () => {
        this.#takeStatus(cursor, place)
      })
    } else {
      output.guard({ what: 'field', ...place }, () => {
        this.#takeBytes(number, cursor.view(cursor.end))
      })
    }
  }

  #takeNumber(field: number, value: number): void {
    const { facts } = this
    switch (field) {
      case 1:
        facts.syncType = historySyncType(value)
        break
      case 5:
        facts.chunkOrder = value
        break
      case 6:
        facts.progress = value
        break
      case 10:
        facts.threadDsTimeframeOffset = value
        break
      case 14:
        facts.aiWaitListState = value
        break
      case 21:
        facts.hasInlineContacts = value !== 0
        break
      default:
        this.#output.counts.unknownFields++
    }
  }

  #takeStatus(cursor: WireCursor, place: Place): void {
    const info = readInfo(cursor)
    this.#output.counts.unknownFields += info.unknownFields
    if (info.key?.id) this.#output.add({ kind: 'message', chat: STATUS_JID, info })
    else this.#output.skip({ what: 'message', why: 'nameless', ...place, chat: STATUS_JID })
  }

  #takeBytes(field: number, bytes: Uint8Array): void {
    const readItem = READ_ITEM.get(field)
    const takeFact = TAKE_FACT.get(field)
    if (readItem) {
      const item = readItem(bytes, this.#output)
      if (item) this.#output.add(item)
    } else if (takeFact) takeFact(this.facts, bytes, this.#output)
    else this.#output.counts.unknownFields++
  }
}

/** Reads a part, and counts what of it this version does not know. */
function read<Value>(type: DecodableType<Value>, bytes: Uint8Array, output: Output): Value {
  const value = decodeProto(type, bytes, 'HistorySync')
  output.counts.unknownFields += countUnknownFields(value)
  return value
}

type ReadItem = (bytes: Uint8Array, output: Output) => HistoryItem | undefined
type TakeFact = (facts: Draft, bytes: Uint8Array, output: Output) => unknown

/** Fields of which there are many; what lacks one of its two halves says nothing. */
const READ_ITEM: ReadonlyMap<number, ReadItem> = new Map<number, ReadItem>([
  [7, readPushName],
  [11, (bytes, output) => ({ kind: 'sticker', sticker: read(StickerMetadata, bytes, output) })],
  [12, readPastParticipants],
  [13, (bytes, output) => ({ kind: 'call', call: read(CallLogRecord, bytes, output) })],
  [15, readMapping],
  [18, (bytes, output) => ({ kind: 'account', account: read(Account, bytes, output) })],
  [20, (bytes, output) => ({ kind: 'contact', contact: read(InlineContact, bytes, output) })],
])

/** Fields of which there is one. They are kept, so they are copied: what they were read from is large. */
const TAKE_FACT: ReadonlyMap<number, TakeFact> = new Map<number, TakeFact>([
  [8, (facts, bytes, output) => (facts.globalSettings = read(GlobalSettings, bytes.slice(), output))],
  [9, (facts, bytes) => (facts.threadIdUserSecret = bytes.slice())],
  [16, (facts, bytes) => (facts.companionMetaNonce = utf8Text(bytes))],
  [17, (facts, bytes) => (facts.shareableChatIdentifierEncryptionKey = bytes.slice())],
  [19, (facts, bytes) => (facts.nctSalt = bytes.slice())],
])

function readPushName(bytes: Uint8Array, output: Output): HistoryItem | undefined {
  const { id: jid, pushname: name } = read(Pushname, bytes, output)
  return jid && name ? { kind: 'push-name', jid, name } : undefined
}

function readMapping(bytes: Uint8Array, output: Output): HistoryItem | undefined {
  const { pnJid: pn, lidJid: lid } = read(PhoneNumberToLIDMapping, bytes, output)
  return pn && lid ? { kind: 'lid-mapping', pn, lid, source: 'list' } : undefined
}

function readPastParticipants(bytes: Uint8Array, output: Output): HistoryItem | undefined {
  const { groupJid: chat, pastParticipants: participants } = read(PastParticipants, bytes, output)
  return chat ? { kind: 'past-participants', chat, participants } : undefined
}
