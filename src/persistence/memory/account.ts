/**
 * The rows of one account in memory, and the way a change is applied with its inverse, so that a commit that fails
 * half-way can be undone. It knows nothing of claims.
 */
import { toHex } from '../../base/bytes.ts'
import { conflictFailure } from '../contract/failures.ts'
import { isAddition } from '../contract/rows.ts'
import type {
  Addition,
  Change,
  EventRow,
  MessageKey,
  MessageRow,
  OutboxRow,
  RecordRow,
  Removal,
} from '../contract/rows.ts'
import { compareText, requireText } from '../contract/text.ts'

/** Takes one applied change back. */
export type Undo = () => void

/** Rows are stored as private copies and must be copied again on the way out. */
export class MemoryAccount {
  readonly #name: string
  readonly #records = new Map<string, SortedTable<RecordRow>>()
  readonly #messages = new Map<string, MessageRow>()
  readonly #events = new SortedTable<EventRow>()
  readonly #outbox = new Map<string, OutboxRow>()
  /** The same rows in sending order. */
  readonly #outboxOrder = new SortedTable<OutboxRow>()
  readonly #recognised = new Map<string, number>()

  constructor(name: string) {
    this.#name = name
  }

  /** Applies one change and returns its inverse. */
  apply(change: Change): Undo {
    return isAddition(change) ? this.#put(change) : this.#remove(change)
  }

  #put(change: Addition): Undo {
    switch (change.op) {
      case 'put-record': {
        requireText(change.row.key)
        return this.#recordsOf(requireText(change.row.kind)).put(change.row.key, copyRow(change.row))
      }
      case 'put-message':
        requireTexts(change.row.kind, change.row.state)
        return putIn(this.#messages, messageKey(change.row), copyRow(change.row))
      case 'append-event':
        return this.#append(change.row)
      case 'put-outbox':
        requireTexts(change.row.chat, change.row.state)
        requireText(change.row.id)
        return this.#putOutbox(copyRow(change.row))
      case 'recognise':
        return putIn(this.#recognised, toHex(change.hash), change.at)
    }
  }

  #remove(change: Removal): Undo {
    switch (change.op) {
      case 'delete-record':
        return this.#recordsOf(change.kind).delete(change.key)
      case 'expire-record': {
        const row = this.record(change.kind, change.key)
        if (row === undefined || row.at >= change.before) return () => undefined
        return this.#recordsOf(change.kind).delete(change.key)
      }
      case 'expire-records':
        return this.#recordsOf(change.kind).deleteWhere((row) => row.at < change.before)
      case 'delete-message':
        return deleteFrom(this.#messages, [messageKey(change.key)])
      case 'expire-events':
        return this.#events.deleteUpTo(eventKey(change.upTo))
      case 'delete-outbox':
        return this.#deleteOutbox(change.id)
      case 'expire-recognised':
        return this.#expireRecognised(change.before, change.limit)
    }
  }

  record(kind: string, key: string): RecordRow | undefined {
    return this.#records.get(kind)?.get(key)
  }

  /** Records of a kind in key order behind `after`. */
  records(kind: string, after: string | undefined, limit: number): readonly RecordRow[] {
    return this.#records.get(kind)?.behind(after, limit) ?? []
  }

  message(key: MessageKey): MessageRow | undefined {
    return this.#messages.get(messageKey(key))
  }

  isRecognised(hash: Uint8Array): boolean {
    return this.#recognised.has(toHex(hash))
  }

  events(after: number, limit: number): readonly EventRow[] {
    return this.#events.behind(eventKey(after), limit)
  }

  firstEvent(): EventRow | undefined {
    return this.#events.behind(undefined, 1)[0]
  }

  lastEvent(): EventRow | undefined {
    return this.#events.last()
  }

  outboxRow(id: string): OutboxRow | undefined {
    return this.#outbox.get(id)
  }

  /** Outbox rows of some states behind a position, in sending order. */
  outbox(after: number, states: readonly string[], limit: number): readonly OutboxRow[] {
    const isWanted = (row: OutboxRow): boolean => row.position > after && states.includes(row.state)
    // "!" sorts behind the blank that ends the position in a key
    const from = after < 0 ? undefined : `${positionText(after)}!`
    return this.#outboxOrder.behind(from, limit, isWanted)
  }

  get isEmpty(): boolean {
    const maps = [this.#messages, this.#events, this.#outbox, this.#recognised, ...this.#records.values()]
    return maps.every((map) => map.size === 0)
  }

  #recordsOf(kind: string): SortedTable<RecordRow> {
    let table = this.#records.get(kind)
    if (table === undefined) {
      table = new SortedTable()
      this.#records.set(kind, table)
    }
    return table
  }

  #putOutbox(row: OutboxRow): Undo {
    const before = this.#outbox.get(row.id)
    const moved = before !== undefined && before.position !== row.position
    const undo = [
      ...(moved ? [this.#outboxOrder.delete(outboxKey(before))] : []),
      this.#outboxOrder.put(outboxKey(row), row),
      putIn(this.#outbox, row.id, row),
    ]
    return () => {
      for (const takeBack of undo.reverse()) takeBack()
    }
  }

  #deleteOutbox(id: string): Undo {
    const before = this.#outbox.get(id)
    if (before === undefined) return () => undefined
    const undo = [this.#outboxOrder.delete(outboxKey(before)), deleteFrom(this.#outbox, [id])]
    return () => {
      for (const takeBack of undo.reverse()) takeBack()
    }
  }

  #append(row: EventRow): Undo {
    const key = eventKey(row.seq)
    if (this.#events.get(key) !== undefined) throw conflictFailure(this.#name, row.seq)
    const { chat, type, message } = row
    requireTexts(chat, type, message?.chat ?? '', message?.sender ?? '', message?.id ?? '')
    return this.#events.put(key, copyEvent(row))
  }

  #expireRecognised(before: number, limit: number | undefined): Undo {
    const old = [...this.#recognised].filter(([, at]) => at < before)
    const oldestFirst = limit === undefined ? old : old.sort(byAge).slice(0, limit)
    return deleteFrom(
      this.#recognised,
      oldestFirst.map(([hash]) => hash),
    )
  }
}

/** A private copy of a row, so that neither side can change the other's bytes. */
export function copyRow<T extends { readonly value: Uint8Array }>(row: T): T {
  return { ...row, value: row.value.slice() }
}

/** Like {@link copyRow}, with the reference to the message. */
export function copyEvent(row: EventRow): EventRow {
  const copy = copyRow(row)
  return row.message === undefined ? copy : { ...copy, message: { ...row.message } }
}

/** Oldest first; hashes of one instant in their own order. */
function byAge([hash, at]: readonly [string, number], [other, otherAt]: readonly [string, number]): number {
  return at - otherAt || compareText(hash, other)
}

function requireTexts(...texts: readonly string[]): void {
  texts.forEach(requireText)
}

function messageKey(key: MessageKey): string {
  return JSON.stringify([requireText(key.chat), requireText(key.sender), requireText(key.id)])
}

/** A seq as text of one length, so that text order is number order. */
function eventKey(seq: number): string {
  return positionText(seq)
}

/** Text order is order by position, then by id. */
function outboxKey({ position, id }: OutboxRow): string {
  return `${positionText(position)} ${id}`
}

function positionText(position: number): string {
  return String(position).padStart(16, '0')
}

/** A map whose keys can be walked in order; sorting is put off until somebody walks. */
class SortedTable<T> {
  readonly #rows = new Map<string, T>()
  #order: string[] | undefined = []

  get size(): number {
    return this.#rows.size
  }

  get(key: string): T | undefined {
    return this.#rows.get(key)
  }

  put(key: string, row: T): Undo {
    const last = this.#order?.at(-1)
    if (!this.#rows.has(key)) {
      if (this.#order !== undefined && (last === undefined || compareText(last, key) < 0))
        this.#order.push(key)
      else this.#order = undefined
    }
    const undo = putIn(this.#rows, key, row)
    return () => {
      undo()
      this.#order = undefined
    }
  }

  delete(key: string): Undo {
    return this.#deleteAll([key])
  }

  deleteWhere(isOld: (row: T) => boolean): Undo {
    return this.#deleteAll([...this.#rows].filter(([, row]) => isOld(row)).map(([key]) => key))
  }

  /** Deletes the first rows, up to a key. */
  deleteUpTo(key: string): Undo {
    const order = this.#sorted()
    return this.#deleteAll(order.slice(0, firstBehind(order, key)))
  }

  behind(after: string | undefined, limit: number, isWanted?: (row: T) => boolean): readonly T[] {
    const order = this.#sorted()
    const found: T[] = []
    let index = after === undefined ? 0 : firstBehind(order, after)
    for (; index < order.length && found.length < limit; index++) {
      const row = this.#rows.get(order[index] ?? '')
      if (row !== undefined && isWanted?.(row) !== false) found.push(row)
    }
    return found
  }

  last(): T | undefined {
    const key = this.#sorted().at(-1)
    return key === undefined ? undefined : this.#rows.get(key)
  }

  #deleteAll(keys: readonly string[]): Undo {
    this.#takeOutOfOrder(keys.filter((key) => this.#rows.has(key)))
    const undo = deleteFrom(this.#rows, keys)
    return () => {
      undo()
      this.#order = undefined
    }
  }

  /** Without sorting again, which takes a second for a million rows: rows are forgotten a few at a time. */
  #takeOutOfOrder(keys: readonly string[]): void {
    const order = this.#order
    const [first] = keys
    if (order === undefined || first === undefined) return
    const start = firstBehind(order, first) - 1
    const isOneStretch = keys.every((key, index) => order[start + index] === key)
    if (isOneStretch) order.splice(start, keys.length)
    else this.#order = undefined
  }

  #sorted(): string[] {
    this.#order ??= [...this.#rows.keys()].sort(compareText)
    return this.#order
  }
}

/** The index of the first key greater than `key`. */
function firstBehind(order: readonly string[], key: string): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareText(order[middle] ?? '', key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function putIn<T>(map: Map<string, T>, key: string, value: T): Undo {
  const before = map.get(key)
  map.set(key, value)
  return () => {
    if (before === undefined) map.delete(key)
    else map.set(key, before)
  }
}

function deleteFrom<T>(map: Map<string, T>, keys: readonly string[]): Undo {
  const removed: [string, T][] = []
  for (const key of keys) {
    const value = map.get(key)
    if (value !== undefined) removed.push([key, value])
    map.delete(key)
  }
  return () => {
    for (const [key, value] of removed) map.set(key, value)
  }
}
