/**
 * The unit of work: everything that one stanza or one send changes, collected in memory and handed over as a whole
 * (promises G1 and G2). A unit that is abandoned has changed nothing. Reads see what this unit wrote, then what
 * earlier units staged, then the store.
 */
import { toHex } from '../../base/bytes.ts'
import type { StorageError } from '../../base/errors.ts'
import type { Change, EventRow, MessageKey, MessageRow, OutboxRow } from '../../persistence/contract/index.ts'
import { encodePayload } from '../event-record.ts'
import { DURABLE_VERSIONS } from '../events/registry.ts'
import type { DurablePayloads, DurableType } from '../events.ts'
import type { RecordKind } from './record-kind.ts'

/** A record write waiting for its commit; `value` is `undefined` for a deletion. */
export interface StagedRecord {
  readonly kind: RecordKind<unknown>
  readonly key: string
  readonly value: unknown
}

/** An event before it has a sequence number. */
export interface EventDraft {
  readonly type: DurableType
  readonly version: number
  readonly chat: string
  readonly message?: MessageKey
  readonly payload: DurablePayloads[DurableType]
  /** Told its place in the log when the unit is staged, in time to write it into the unit. */
  readonly onSeq?: (seq: number) => void
  /** Why nobody is given it, when it broke its contract. */
  readonly fault?: StorageError
}

/** An event with its place in the log. */
export interface LoggedEvent {
  readonly row: EventRow
  /** What listeners get; the row refers to the message instead of repeating it. */
  readonly payload: DurablePayloads[DurableType]
  /** Whether listeners get it. */
  readonly isSound: boolean
}

/** Gives a draft its place in the log. */
export function logEvent(draft: EventDraft, seq: number, at: number): LoggedEvent {
  const { type, version, chat, message, payload, fault } = draft
  const value = encodePayload(type, payload)
  return {
    row: { seq, type, version, at, chat, value, ...(message === undefined ? {} : { message }) },
    payload,
    isSound: fault === undefined,
  }
}

/** Where a unit reads what it has not written itself. */
export interface UnitSource {
  readRecord(kind: RecordKind<unknown>, key: string): Promise<unknown>
  listKeys(kind: string, prefix: string): Promise<readonly string[]>
  hasMessage(key: MessageKey): Promise<boolean>
  readMessage(key: MessageKey): Promise<MessageRow | undefined>
  readOutbox(id: string): Promise<OutboxRow | undefined>
  isRecognised(hash: Uint8Array): Promise<boolean>
}

/** The overlay key of a record. */
export function recordSlot(kind: string, key: string): string {
  return `${kind}\u0000${key}`
}

/** The overlay key of a message. */
export function messageSlot(key: MessageKey): string {
  return `${key.chat}\u0000${key.sender}\u0000${key.id}`
}

/** See the file comment. */
export class Unit {
  readonly #source: UnitSource
  readonly nowMs: number
  readonly records: Map<string, StagedRecord> = new Map()
  readonly messages: Map<string, MessageRow> = new Map()
  readonly outbox: Map<string, OutboxRow> = new Map()
  readonly recognised: Map<string, Uint8Array> = new Map()
  /** Replaced as a whole by the check before staging. */
  events: EventDraft[] = []
  /** Bulk changes that are not read back within the unit. */
  readonly changes: Change[] = []
  readonly afterCommit: (() => void)[] = []

  /** @param nowMs - the time that all rows of this unit carry */
  constructor(source: UnitSource, nowMs: number) {
    this.#source = source
    this.nowMs = nowMs
  }

  /** The record's value, or `undefined`. Values are immutable: change one by putting another. */
  async read<Value>(kind: RecordKind<Value>, key: string): Promise<Value | undefined> {
    const own = this.records.get(recordSlot(kind.kind, key))
    if (own !== undefined) return own.value as Value | undefined
    return (await this.#source.readRecord(kind as RecordKind<unknown>, key)) as Value | undefined
  }

  /** The keys of a kind that begin with `prefix`, staged ones included; for rare, small listings. */
  async listKeys<Value>(kind: RecordKind<Value>, prefix: string): Promise<readonly string[]> {
    const keys = new Set(await this.#source.listKeys(kind.kind, prefix))
    for (const record of this.records.values()) {
      if (record.kind.kind !== kind.kind || !record.key.startsWith(prefix)) continue
      if (record.value === undefined) keys.delete(record.key)
      else keys.add(record.key)
    }
    return [...keys]
  }

  put<Value>(kind: RecordKind<Value>, key: string, value: Value): void {
    this.records.set(recordSlot(kind.kind, key), { kind: kind as RecordKind<unknown>, key, value })
  }

  delete<Value>(kind: RecordKind<Value>, key: string): void {
    this.records.set(recordSlot(kind.kind, key), { kind: kind as RecordKind<unknown>, key, value: undefined })
  }

  /** Whether a message with this key was recorded before. */
  async hasMessage(key: MessageKey): Promise<boolean> {
    return this.messages.has(messageSlot(key)) || (await this.#source.hasMessage(key))
  }

  /** The message with this key as it was recorded, or `undefined`. */
  async readMessage(key: MessageKey): Promise<MessageRow | undefined> {
    return this.messages.get(messageSlot(key)) ?? (await this.#source.readMessage(key))
  }

  putMessage(row: MessageRow): void {
    this.messages.set(messageSlot(row), row)
  }

  async readOutbox(id: string): Promise<OutboxRow | undefined> {
    return this.outbox.get(id) ?? (await this.#source.readOutbox(id))
  }

  putOutbox(row: OutboxRow): void {
    this.outbox.set(row.id, row)
  }

  /** Whether a ciphertext with this hash was processed before. */
  async isRecognised(hash: Uint8Array): Promise<boolean> {
    return this.recognised.has(toHex(hash)) || (await this.#source.isRecognised(hash))
  }

  recognise(hash: Uint8Array): void {
    this.recognised.set(toHex(hash), hash)
  }

  /**
   * Adds an event; it gets its sequence number when the unit is staged.
   *
   * @param options - `message`: the message row that holds the content, for events about one; `onSeq`: see
   *   {@link EventDraft}
   */
  event<Type extends DurableType>(
    type: Type,
    payload: DurablePayloads[Type],
    chat: string,
    options: Pick<EventDraft, 'message' | 'onSeq'> = {},
  ): void {
    this.events.push({ type, version: DURABLE_VERSIONS[type], chat, payload, ...options })
  }

  /** Runs once everything in this unit is durable, in staging order. Answers to the server leave here. */
  onCommit(action: () => void): void {
    this.afterCommit.push(action)
  }

  /** Takes back everything that the unit has written so far. */
  discard(): void {
    for (const map of [this.records, this.messages, this.outbox, this.recognised]) map.clear()
    for (const list of [this.events, this.changes, this.afterCommit]) list.length = 0
  }

  /** Whether committing would change nothing. */
  get isEmpty(): boolean {
    return (
      this.records.size + this.messages.size + this.outbox.size + this.recognised.size === 0 &&
      this.events.length + this.changes.length === 0
    )
  }
}
