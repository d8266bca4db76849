/**
 * A piece of history as a stream: decompressed bytes go in as they come, items come out. Nothing is held but the field that
 * is being read and what a chat says of itself, so that a chat with a hundred thousand messages takes as much memory as one
 * with two.
 *
 * Two levels are streamed: the history and the chats in it. What is below, a message or a name, is bounded and read whole;
 * when it is damaged, or too large, it is passed over and said so, and the rest goes on.
 *
 * @source schema `HistorySync` (2: conversations, 3: statusV3Messages), `Conversation` (1: id, 2: messages)
 */
import { EMPTY_BYTES, utf8Text } from '../../base/bytes.ts'
import { ProtocolError, UsageError } from '../../base/errors.ts'
import { ChatInProgress } from './chat.ts'
import type { HistoryItem, HistorySummary } from './items.ts'
import { DEFAULT_HISTORY_LIMITS, type HistoryLimits } from './limits.ts'
import { Output } from './output.ts'
import { STATUS_MESSAGES, TopLevel } from './top-level.ts'
import { ENDS_TOO_EARLY, WIRE_BYTES, WIRE_VARINT, WireCursor, fieldOf, wireOf } from './wire.ts'

/** Of a `HistorySync`. */
const CONVERSATIONS = 2

/** Of a `Conversation`. */
const ID = 1
const MESSAGES = 2

/** What {@link HistoryReader} gives back for a field that it has read. */
const TAKEN = 0

/** A field that has come in part. */
interface PartialField {
  readonly bytes: Uint8Array
  filled: number
}

/** A field, in the window. */
interface Field {
  readonly number: number
  readonly wire: number
  /** Where its tag begins, its value, and where that ends. */
  readonly start: number
  readonly valueStart: number
  readonly end: number
}

/**
 * Reads one piece of history.
 *
 * Bytes in the items are views of what was pushed, which must not be changed afterwards; who keeps a message for long
 * copies it. Chunks of 64 KiB, as zlib gives them, keep the program responsive. What a file may expand to is for the
 * caller to bound (`limits.totalBytes` refuses what is beyond it, chunk by chunk).
 *
 * @example
 * ```ts
 * const reader = new HistoryReader()
 * for await (const chunk of inflated) {
 *   for (const item of reader.push(chunk)) if (item.kind === 'message') count++
 * }
 * const { progress, counts } = reader.end()
 * ```
 */
export class HistoryReader {
  readonly #limits: HistoryLimits
  readonly #output: Output
  readonly #top: TopLevel
  readonly #cursor = new WireCursor()
  /** What is being read: a chunk, or a field that came in several. */
  #window: Uint8Array = EMPTY_BYTES
  /** Where the window begins in the whole. */
  #base = 0
  #pushedBytes = 0
  #chat: ChatInProgress | undefined
  #partial: PartialField | undefined
  /** Of a field that is passed over. */
  #skipBytes = 0
  #isFinished = false

  /** Nothing is read yet. */
  constructor({ limits = {} }: { readonly limits?: Partial<HistoryLimits> } = {}) {
    this.#limits = { ...DEFAULT_HISTORY_LIMITS, ...limits }
    this.#output = new Output(this.#limits.damagedParts)
    this.#top = new TopLevel(this.#output)
  }

  /**
   * Takes the next bytes and gives what is whole with them.
   *
   * @throws {ProtocolError} `WATON_HISTORY_MALFORMED`, `WATON_HISTORY_TOO_LARGE`, `WATON_HISTORY_ORDER`: it cannot go on;
   * what was given before is good
   * @throws {UsageError} `WATON_HISTORY_FINISHED` after the end or a fault
   */
  push(chunk: Uint8Array): HistoryItem[] {
    this.#check()
    // until it is known to be well
    this.#isFinished = true
    this.#pushedBytes += chunk.length
    if (this.#pushedBytes > this.#limits.totalBytes) throw this.#tooLarge(this.#pushedBytes)
    let rest = chunk
    while (rest.length > 0) rest = this.#takeSome(rest)
    this.#isFinished = false
    return this.#output.take()
  }

  /**
   * Says that there is no more, and gives what the history says once.
   *
   * @throws {ProtocolError} `WATON_HISTORY_TRUNCATED` when it ends in the middle
   * @throws {UsageError} `WATON_HISTORY_FINISHED` after the end or a fault
   */
  end(): HistorySummary {
    this.#check()
    this.#isFinished = true
    if (this.#chat !== undefined || this.#partial !== undefined || this.#skipBytes > 0)
      throw this.#truncated()
    return { ...this.#top.facts, counts: { bytes: this.#pushedBytes, ...this.#output.counts } }
  }

  /** Takes what it can of some bytes and returns the rest. */
  #takeSome(bytes: Uint8Array): Uint8Array {
    if (this.#skipBytes > 0) {
      const count = Math.min(this.#skipBytes, bytes.length)
      this.#skipBytes -= count
      this.#base += count
      this.#finishChat(this.#base)
      return bytes.subarray(count)
    }
    const partial = this.#partial
    if (partial === undefined) {
      this.#walk(bytes)
      return EMPTY_BYTES
    }
    const count = Math.min(partial.bytes.length - partial.filled, bytes.length)
    partial.bytes.set(bytes.subarray(0, count), partial.filled)
    partial.filled += count
    if (partial.filled === partial.bytes.length) {
      this.#partial = undefined
      this.#walk(partial.bytes)
    }
    return bytes.subarray(count)
  }

  /** Reads the fields in a window; one that is not whole is kept. */
  #walk(window: Uint8Array): void {
    const cursor = this.#cursor
    this.#window = window
    cursor.enter(window, this.#base)
    while (cursor.position < window.length) {
      const start = cursor.position
      const neededBytes = this.#readField(start)
      if (neededBytes === TAKEN) {
        this.#finishChat(cursor.offset)
        continue
      }
      const bytes = new Uint8Array(neededBytes)
      bytes.set(window.subarray(start))
      this.#partial = { bytes, filled: window.length - start }
      this.#base += start
      return
    }
    this.#base += window.length
  }

  /** Reads a field; says how many bytes it takes when they are not all here. */
  #readField(start: number): number {
    const cursor = this.#cursor
    // a chat's fields end with it
    cursor.end = Math.min(this.#window.length, this.#room())
    const tag = cursor.tryVarint()
    if (tag === ENDS_TOO_EARLY) return this.#oneMore(start)
    const number = fieldOf(tag)
    const wire = wireOf(tag)
    if (number === 0) throw cursor.malformed('a field has no number')
    if (wire === WIRE_BYTES) return this.#readLong(number, start)
    const valueStart = cursor.position
    if (wire === WIRE_VARINT) {
      if (cursor.tryVarint() === ENDS_TOO_EARLY) return this.#oneMore(start)
    } else {
      cursor.position += cursor.fixedBytes(wire)
      if (cursor.position > this.#room()) throw cursor.malformed('a field is longer than its chat')
      if (cursor.position > cursor.end) return cursor.position - start
    }
    this.#take({ number, wire, start, valueStart, end: cursor.position })
    return TAKEN
  }

  /** A field with a length. */
  #readLong(number: number, start: number): number {
    const cursor = this.#cursor
    const length = cursor.tryVarint()
    if (length === ENDS_TOO_EARLY) return this.#oneMore(start)
    const valueStart = cursor.position
    const end = valueStart + length
    if (end > this.#room()) throw cursor.malformed('a field is longer than its chat')
    if (this.#base + end > this.#limits.totalBytes) throw this.#tooLarge(this.#base + end)
    if (this.#chat === undefined && number === CONVERSATIONS) this.#enterChat(start, end)
    else if (length > this.#limitOf(number)) this.#pass(number, start, end)
    else if (end > this.#window.length) return end - start
    else this.#take({ number, wire: WIRE_BYTES, start, valueStart, end })
    return TAKEN
  }

  #enterChat(start: number, end: number): void {
    const place = { begin: this.#base + start, end: this.#base + end }
    this.#chat = new ChatInProgress(place, this.#limits, this.#output)
  }

  /** Reads a field that is here whole; what is damaged in it is passed over. */
  #take(field: Field): void {
    const cursor = this.#cursor
    const chat = this.#chat
    cursor.position = field.valueStart
    cursor.end = field.end
    const place = { offset: this.#base + field.start, lengthBytes: field.end - field.start }
    if (chat === undefined) this.#top.take(field, cursor, place)
    else if (field.wire === WIRE_BYTES && field.number === MESSAGES) chat.takeMessage(cursor, place)
    else {
      if (field.wire === WIRE_BYTES && field.number === ID) chat.takeId(utf8Text(cursor.view(field.end)))
      chat.takeOwn(this.#window, field.start, field.end)
    }
    cursor.position = field.end
  }

  /** Goes over a field that is too large. */
  #pass(number: number, start: number, end: number): void {
    const here = Math.min(end, this.#window.length)
    this.#skipBytes = end - here
    this.#cursor.position = here
    const chat = this.#chat?.id
    this.#output.skip({
      what: this.#isMessage(number) ? 'message' : 'field',
      why: 'too-large',
      offset: this.#base + start,
      lengthBytes: end - start,
      ...(chat === undefined ? {} : { chat }),
    })
  }

  #finishChat(offset: number): void {
    if (this.#chat === undefined || offset < this.#chat.end) return
    const chat = this.#chat
    this.#chat = undefined
    chat.finish()
  }

  /** Where the chat ends, as a place in the window that may lie beyond it. */
  #room(): number {
    return this.#chat === undefined ? Infinity : this.#chat.end - this.#base
  }

  #isMessage(number: number): boolean {
    return number === (this.#chat === undefined ? STATUS_MESSAGES : MESSAGES)
  }

  #limitOf(number: number): number {
    return this.#isMessage(number) ? this.#limits.messageBytes : this.#limits.fieldBytes
  }

  /** The bytes end in the middle of a number: with one more it may be whole. */
  #oneMore(start: number): number {
    if (this.#room() <= this.#window.length) throw this.#cursor.malformed('a field is longer than its chat')
    return this.#window.length - start + 1
  }

  #check(): void {
    if (!this.#isFinished) return
    throw new UsageError(
      'WATON_HISTORY_FINISHED',
      'this reader has come to its end, or to a fault: make a new one for the next piece of history',
    )
  }

  #tooLarge(lengthBytes: number): ProtocolError {
    const { totalBytes: limitBytes } = this.#limits
    return new ProtocolError(
      'WATON_HISTORY_TOO_LARGE',
      `a piece of history has more than ${String(limitBytes)} bytes: raise limits.totalBytes if it is to be trusted`,
      { details: { lengthBytes, limitBytes } },
    )
  }

  #truncated(): ProtocolError {
    return new ProtocolError(
      'WATON_HISTORY_TRUNCATED',
      'a piece of history ends in the middle: what was given is good, the rest is missing; fetch it again',
      { details: { offset: this.#pushedBytes } },
    )
  }
}
