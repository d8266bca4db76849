/**
 * What is staged but not yet durable, above a bounded cache of what is. Reads fall through from staged to cached to the
 * store; the owner of the account is the only writer, so a cached value (or absence) stays true.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex } from '../../base/bytes.ts'
import type {
  Change,
  EventRow,
  MessageKey,
  MessageRow,
  OutboxRow,
  Store,
} from '../../persistence/contract/index.ts'
import type { RecordKind } from './record-kind.ts'
import { messageSlot, recordSlot } from './unit.ts'
import type { StagedRecord, Unit, UnitSource } from './unit.ts'

/** Decoded records kept in memory: a busy account talks to fewer devices than this. */
const MAX_CACHED_RECORDS = 4096

/** Outbox rows kept in memory behind their commit: an acknowledgement and a receipt come soon after the send. */
const MAX_CACHED_OUTBOX = 1024

/** Rows asked of the store at once when keys are listed. */
const LIST_PAGE = 256

/** A record as it is known to be in the store; `value` is `undefined` when it is known to be absent. */
interface Cached {
  readonly value: unknown
}

/** A record that was found unreadable. */
export interface Unreadable {
  readonly kind: RecordKind<unknown>
  readonly key: string
  readonly bytes: Uint8Array
  readonly error: unknown
  /** What takes its place, or `undefined` for nothing. */
  readonly replacement: unknown
}

/** See the file comment. */
export class Overlay implements UnitSource {
  readonly #store: Store
  readonly #account: string
  readonly #clean = new BoundedMap<string, Cached>(MAX_CACHED_RECORDS)
  readonly #records = new Map<string, StagedRecord>()
  readonly #cleanOutbox = new BoundedMap<string, OutboxRow>(MAX_CACHED_OUTBOX)
  readonly #messages = new Map<string, Unit>()
  readonly #outbox = new Map<string, OutboxRow>()
  readonly #recognised = new Map<string, Unit>()
  readonly #setAside: (unreadable: Unreadable) => void
  /** Counts what is not known any more: a read of the store that was under way then may have seen what was before. */
  #lapses = 0

  /** @param setAside - stages, at once, that an unreadable record makes way */
  constructor(store: Store, account: string, setAside: (unreadable: Unreadable) => void) {
    this.#store = store
    this.#account = account
    this.#setAside = setAside
  }

  async readRecord(kind: RecordKind<unknown>, key: string): Promise<unknown> {
    const slot = recordSlot(kind.kind, key)
    const known = this.#records.get(slot) ?? this.#clean.get(slot)
    if (known !== undefined) return known.value
    const lapses = this.#lapses
    const bytes = await this.#store.readRecord(this.#account, kind.kind, key)
    // a unit may have been staged, or the overlay dropped, while the store was read
    const meanwhile = this.#records.get(slot) ?? this.#clean.get(slot)
    if (meanwhile !== undefined) return meanwhile.value
    let value: unknown
    try {
      value = bytes === undefined ? undefined : kind.decode(bytes)
    } catch (error) {
      if (kind.onUnreadable === 'refuse' || bytes === undefined) throw error
      return this.#replace({ kind, key, bytes, error }, lapses)
    }
    // what was read before a failed commit may be older than what that commit has written after all
    if (lapses === this.#lapses && kind.isRarelyRead !== true) this.#clean.set(slot, { value })
    return value
  }

  /** An unreadable record makes way before anything can be written over it. */
  async #replace(found: Omit<Unreadable, 'replacement'>, lapses: number): Promise<unknown> {
    const replacement = await found.kind.rebuild?.(this)
    const slot = recordSlot(found.kind.kind, found.key)
    const meanwhile = this.#records.get(slot) ?? this.#clean.get(slot)
    if (meanwhile !== undefined) return meanwhile.value
    // whoever reads on after a failed commit is dropped, too: the next reader finds the record again
    if (lapses === this.#lapses) this.#setAside({ ...found, replacement })
    return replacement
  }

  async listKeys(kind: string, prefix: string): Promise<readonly string[]> {
    const keys = new Set<string>()
    // taken first: what is staged now may be durable, and no longer staged, when the store has been read
    const staged = [...this.#records.values()].filter(
      (record) => record.kind.kind === kind && record.key.startsWith(prefix),
    )
    let after = prefix
    for (;;) {
      const rows = await this.#store.listRecords(this.#account, kind, after, LIST_PAGE)
      const matching = rows.filter((row) => row.key.startsWith(prefix))
      for (const row of matching) keys.add(row.key)
      const last = matching.at(-1)
      if (last === undefined || rows.length < LIST_PAGE || matching.length < rows.length) break
      after = last.key
    }
    for (const record of staged) {
      if (record.value === undefined) keys.delete(record.key)
      else keys.add(record.key)
    }
    return [...keys]
  }

  async hasMessage(key: MessageKey): Promise<boolean> {
    if (this.#messages.has(messageSlot(key))) return true
    return (await this.#store.readMessage(this.#account, key)) !== undefined
  }

  async readMessage(key: MessageKey): Promise<MessageRow | undefined> {
    const slot = messageSlot(key)
    return this.#messages.get(slot)?.messages.get(slot) ?? (await this.#store.readMessage(this.#account, key))
  }

  async readOutbox(id: string): Promise<OutboxRow | undefined> {
    return (
      this.#outbox.get(id) ?? this.#cleanOutbox.get(id) ?? (await this.#store.readOutbox(this.#account, id))
    )
  }

  async isRecognised(hash: Uint8Array): Promise<boolean> {
    if (this.#recognised.has(toHex(hash))) return true
    const [known] = await this.#store.readRecognised(this.#account, [hash])
    return known === true
  }

  /** Makes the unit's writes visible to everything that reads after it. */
  stage(unit: Unit): void {
    for (const [slot, record] of unit.records) this.#records.set(slot, record)
    for (const slot of unit.messages.keys()) this.#messages.set(slot, unit)
    for (const [id, row] of unit.outbox) this.#outbox.set(id, row)
    for (const slot of unit.recognised.keys()) this.#recognised.set(slot, unit)
  }

  /** The changes of one commit. A record that several units wrote is encoded once, in its last form. */
  changesOf(units: readonly Unit[], events: readonly EventRow[]): readonly Change[] {
    const records = new Map<string, { record: StagedRecord; at: number }>()
    const outbox = new Map<string, OutboxRow>()
    const rows: Change[] = []
    for (const unit of units) {
      for (const [slot, record] of unit.records) records.set(slot, { record, at: unit.nowMs })
      for (const row of unit.messages.values()) rows.push({ op: 'put-message', row })
      for (const [id, row] of unit.outbox) outbox.set(id, row)
      for (const hash of unit.recognised.values()) rows.push({ op: 'recognise', hash, at: unit.nowMs })
      rows.push(...unit.changes)
    }
    for (const { record, at } of records.values()) rows.push(recordChange(record, at))
    for (const row of outbox.values()) rows.push({ op: 'put-outbox', row })
    for (const row of events) rows.push({ op: 'append-event', row })
    return rows
  }

  /** The units are durable: what they wrote moves from staged to cached. */
  settle(units: readonly Unit[]): void {
    for (const unit of units) {
      for (const [slot, record] of unit.records) {
        if (this.#records.get(slot) !== record) continue
        this.#records.delete(slot)
        if (record.kind.isRarelyRead === true) this.#lapse(slot)
        else this.#clean.set(slot, { value: record.value })
      }
      for (const slot of unit.messages.keys())
        if (this.#messages.get(slot) === unit) this.#messages.delete(slot)
      for (const [id, row] of unit.outbox) {
        if (this.#outbox.get(id) !== row) continue
        this.#outbox.delete(id)
        this.#cleanOutbox.set(id, row)
      }
      for (const slot of unit.recognised.keys())
        if (this.#recognised.get(slot) === unit) this.#recognised.delete(slot)
      for (const change of unit.changes) this.#forget(change)
    }
  }

  /** What was deleted without being read is not known any more. */
  #forget(change: Change): void {
    if (change.op === 'expire-record') this.#lapse(recordSlot(change.kind, change.key))
    else if (change.op === 'delete-outbox') this.#cleanOutbox.delete(change.id)
  }

  #lapse(slot: string): void {
    this.#lapses += 1
    this.#clean.delete(slot)
  }

  /** Forgets everything that is not durable, and what was cached: the store is the truth. */
  clear(): void {
    this.#lapses += 1
    this.#clean.clear()
    this.#cleanOutbox.clear()
    this.#records.clear()
    this.#messages.clear()
    this.#outbox.clear()
    this.#recognised.clear()
  }
}

function recordChange({ kind, key, value }: StagedRecord, at: number): Change {
  if (value === undefined) return { op: 'delete-record', kind: kind.kind, key }
  return { op: 'put-record', row: { kind: kind.kind, key, value: kind.encode(value), at } }
}
