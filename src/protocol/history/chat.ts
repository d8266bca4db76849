/**
 * A chat while it is read. Its messages go on at once; what it says of itself is collected and told at its end, because the
 * phone may say some of it after the messages.
 *
 * @source schema `Conversation`, `HistorySyncMsg`; Baileys 7.0.0-rc14 `Utils/history.js` for the addresses in receipts
 */
import { ProtocolError } from '../../base/errors.ts'
import { SERVER_HOSTED, SERVER_HOSTED_LID, isLid, isPn } from '../jid.ts'
import { countUnknownFields, decodeProto } from '../proto/codec.ts'
import { Conversation } from '../proto/history.ts'
import type { HistoryLidMapping } from './items.ts'
import type { HistoryLimits } from './limits.ts'
import type { Output } from './output.ts'
import { NO_INFO, readInfo, type WebMessageInfo } from './web-message-info.ts'
import { WIRE_BYTES, WIRE_VARINT, WireCursor, wireOf } from './wire.ts'

/** Fields of a `HistorySyncMsg`. */
const INFO_TAG = 1 * 8 + WIRE_BYTES
const ORDER_ID_TAG = 2 * 8 + WIRE_VARINT

/** What a held message takes beside its bytes. */
const HELD_OVERHEAD_BYTES = 128

/** The first buffer for what a chat says of itself: enough for one that is no group. */
const FIRST_BYTES = 512

/** Up to this length a loop copies faster than a native call. */
const SHORT_COPY_BYTES = 64

/** Where a message was found. */
interface Place {
  readonly offset: number
  readonly lengthBytes: number
}

/** See the file comment. */
export class ChatInProgress {
  /** Where it ends, in the whole. */
  readonly end: number
  readonly #begin: number
  readonly #limits: HistoryLimits
  readonly #output: Output
  readonly #held: { readonly bytes: Uint8Array; readonly place: Place }[] = []
  #heldBytes = 0
  #own: Uint8Array = new Uint8Array(FIRST_BYTES)
  #ownLength = 0
  #id: string | undefined
  #messages = 0
  #pnOfReceipt: string | undefined

  constructor(
    { begin, end }: { readonly begin: number; readonly end: number },
    limits: HistoryLimits,
    output: Output,
  ) {
    this.#begin = begin
    this.end = end
    this.#limits = limits
    this.#output = output
  }

  get id(): string | undefined {
    return this.#id
  }

  /** Takes the name of the chat, which its messages have waited for if it came late. */
  takeId(id: string): void {
    if (id === '' || this.#id !== undefined) return
    this.#id = id
    for (const { bytes, place } of this.#held.splice(0)) this.#addHeld(bytes, place)
  }

  /** Takes a `HistorySyncMsg`, which is what the cursor has before it. @throws {ProtocolError} `WATON_HISTORY_ORDER` */
  takeMessage(cursor: WireCursor, place: Place): void {
    if (this.#id === undefined) this.#hold(cursor.view(cursor.end), place)
    else this.#guardMessage(cursor, place)
  }

  /** Takes a field that the chat says of itself, with its tag. */
  takeOwn(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#ownLength + end - start
    if (length > this.#limits.fieldBytes) {
      const place = { offset: this.#begin, lengthBytes: end - start }
      this.#output.skip({ what: 'field', why: 'too-large', ...place, ...this.#named() })
      return
    }
    if (length > this.#own.length) this.#grow(length)
    if (end - start > SHORT_COPY_BYTES) this.#own.set(bytes.subarray(start, end), this.#ownLength)
    else for (let from = start, to = this.#ownLength; from < end;) this.#own[to++] = bytes[from++] ?? 0
    this.#ownLength = length
  }

  /** Tells the chat. */
  finish(): void {
    for (const { bytes, place } of this.#held.splice(0)) this.#addHeld(bytes, place)
    const part = { what: 'chat', offset: this.#begin, lengthBytes: this.end - this.#begin } as const
    const chat = this.#id
    if (chat === undefined) this.#output.skip({ ...part, why: 'nameless' })
    else
      this.#output.guard({ ...part, chat }, () => {
        this.#addChat(chat)
      })
  }

  #addChat(chat: string): void {
    // a view: the buffer is this chat's own
    const conversation = decodeProto(Conversation, this.#own.subarray(0, this.#ownLength), 'Conversation')
    this.#output.counts.unknownFields += countUnknownFields(conversation)
    this.#output.add({ kind: 'chat', chat, conversation, messages: this.#messages })
    const mapping = mappingOf(chat, conversation, this.#pnOfReceipt)
    if (mapping !== undefined) this.#output.add({ kind: 'lid-mapping', ...mapping })
  }

  #addMessage(cursor: WireCursor, place: Place): void {
    const { info, orderId } = readSyncMessage(cursor, this.#id)
    const chat = this.#id ?? info.key?.remoteJid
    if (!info.key?.id || chat === undefined) {
      this.#output.skip({ what: 'message', why: 'nameless', ...place, ...this.#named() })
      return
    }
    this.#learn(info)
    this.#messages++
    this.#output.counts.unknownFields += info.unknownFields
    this.#output.add(
      orderId === undefined ? { kind: 'message', chat, info } : { kind: 'message', chat, info, orderId },
    )
  }

  /** The phone number behind a chat, which the receipt of a message to it may tell. */
  #learn({ firstRecipient }: WebMessageInfo): void {
    if (firstRecipient === undefined || this.#pnOfReceipt !== undefined) return
    if (isPnChat(firstRecipient)) this.#pnOfReceipt = firstRecipient
  }

  #hold(bytes: Uint8Array, place: Place): void {
    this.#heldBytes += bytes.length + HELD_OVERHEAD_BYTES
    if (this.#heldBytes > this.#limits.heldBytes) {
      const { heldBytes: limitBytes } = this.#limits
      throw new ProtocolError(
        'WATON_HISTORY_ORDER',
        `a chat has more than ${String(limitBytes)} bytes of messages before it says which chat it is: ` +
          'no phone writes it like this; what came before it is good',
        { details: { offset: place.offset, limitBytes } },
      )
    }
    // a copy: it stays longer than what it came in
    this.#held.push({ bytes: bytes.slice(), place })
  }

  #addHeld(bytes: Uint8Array, place: Place): void {
    const cursor = new WireCursor()
    cursor.enter(bytes, place.offset)
    this.#guardMessage(cursor, place)
  }

  #guardMessage(cursor: WireCursor, place: Place): void {
    this.#output.guard({ what: 'message', ...place, ...this.#named() }, () => {
      this.#addMessage(cursor, place)
    })
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(length, 2 * this.#own.length))
    larger.set(this.#own.subarray(0, this.#ownLength))
    this.#own = larger
  }

  #named(): { readonly chat?: string } {
    return this.#id === undefined ? {} : { chat: this.#id }
  }
}

/** The two addresses of a chat's person, when the phone tells both. */
function mappingOf(
  chat: string,
  { pnJid, lidJid }: Conversation.$Properties,
  pnOfReceipt: string | undefined,
): Omit<HistoryLidMapping, 'kind'> | undefined {
  if (isLidChat(chat)) {
    if (pnJid) return { lid: chat, pn: pnJid, source: 'chat' }
    return pnOfReceipt === undefined ? undefined : { lid: chat, pn: pnOfReceipt, source: 'receipt' }
  }
  return isPnChat(chat) && lidJid ? { lid: lidJid, pn: chat, source: 'chat' } : undefined
}

/** A `HistorySyncMsg`. */
function readSyncMessage(
  cursor: WireCursor,
  chat: string | undefined,
): { readonly info: WebMessageInfo; readonly orderId?: number } {
  const read: { info: WebMessageInfo; orderId?: number } = { info: NO_INFO }
  const { end } = cursor
  while (cursor.position < end) {
    const tag = cursor.varint()
    if (tag === INFO_TAG) {
      cursor.end = cursor.lengthEnd()
      read.info = readInfo(cursor, chat)
      cursor.end = end
    } else if (tag === ORDER_ID_TAG) read.orderId = cursor.varint()
    else cursor.skip(wireOf(tag))
  }
  return read
}

function isLidChat(jid: string): boolean {
  return isLid(jid) || jid.endsWith(`@${SERVER_HOSTED_LID}`)
}

function isPnChat(jid: string): boolean {
  return isPn(jid) || jid.endsWith(`@${SERVER_HOSTED}`)
}
