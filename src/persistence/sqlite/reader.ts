/**
 * The reading side of a store file: a read-only connection on the calling thread, where a point read takes a few
 * microseconds and waits for no commit. A read sees every commit that has resolved. Lists are read in slices with a
 * pause between them, so that a long one does not hold up the event loop.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventRow, MessageKey, MessageRow, OutboxRow, RecordRow } from '../contract/rows.ts'
import type { EventBounds, EventRange, OutboxQuery } from '../contract/store.ts'
import { bytesToColumn } from './driver.ts'
import type { SqlDatabase, SqlDriver, SqlRow, SqlStatement, SqlValue } from './driver.ts'
import { textFromColumn, textToColumn } from './text-column.ts'

/** A slice of a list ends with this many rows, some 0.5 ms with rows of a usual size ... */
const SLICE_ROWS = 128
/** ... and is made smaller when rows of this list are so large that it would hold more bytes than this. */
const SLICE_BYTES = 1024 * 1024

const SQL = {
  record: 'SELECT value FROM waton_records WHERE account = ? AND kind = ? AND key = ?',
  records:
    'SELECT key, at, value FROM waton_records WHERE account = ? AND kind = ? AND key > ? ORDER BY key LIMIT ?',
  // The empty key is a key too, and the first one.
  firstRecords:
    'SELECT key, at, value FROM waton_records WHERE account = ? AND kind = ? AND key >= ? ORDER BY key LIMIT ?',
  message: `SELECT at, kind, state, value FROM waton_messages WHERE account = ? AND chat = ? AND sender = ? AND id = ?`,
  recognised: 'SELECT 1 FROM waton_recognised WHERE account = ? AND hash = ?',
  events: `SELECT seq, type, version, at, chat, message_chat, message_sender, message_id, value
    FROM waton_events WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?`,
  bounds: `SELECT (SELECT min(seq) FROM waton_events WHERE account = ?) AS first,
    (SELECT max(seq) FROM waton_events WHERE account = ?) AS last`,
  outboxRow: 'SELECT id, chat, position, state, at, value FROM waton_outbox WHERE account = ? AND id = ?',
  outbox: `SELECT id, chat, position, state, at, value FROM waton_outbox
    WHERE account = ? AND (position, id) > (?, ?) AND state IN (SELECT value FROM json_each(?))
    ORDER BY position, id LIMIT ?`,
  accounts: accountsSql(),
} as const

/** Every query of a reader. */
export const QUERIES: readonly string[] = Object.values(SQL)

/** Every table is walked by jumping from one account to the next, not by reading its rows. */
function accountsSql(): string {
  const walk = (table: string): string => `SELECT name FROM (
    WITH RECURSIVE walk(name) AS (
      SELECT min(account) FROM ${table}
      UNION ALL
      SELECT (SELECT min(account) FROM ${table} WHERE account > walk.name) FROM walk WHERE walk.name IS NOT NULL
    ) SELECT name FROM walk WHERE name IS NOT NULL)`
  const tables = ['waton_records', 'waton_messages', 'waton_events', 'waton_outbox', 'waton_recognised']
  return `${tables.map(walk).join(' UNION ')} ORDER BY name`
}

/** See the file comment. Throws what the driver throws; the store gives it a code. */
export class Reader {
  readonly #database: SqlDatabase
  readonly #statements = new Map<string, SqlStatement>()

  constructor(driver: SqlDriver, path: string, busyTimeoutMs: number) {
    this.#database = driver.open(path, { readOnly: true, busyTimeoutMs })
  }

  close(): void {
    this.#database.close()
  }

  record(account: string, kind: string, key: string): Uint8Array | undefined {
    const row = this.#get(SQL.record, [textToColumn(account), textToColumn(kind), textToColumn(key)])
    return row === undefined ? undefined : bytesOf(row, 'value')
  }

  async recordsOf(account: string, kind: string, keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>()
    const prefix = [textToColumn(account), textToColumn(kind)]
    await this.#inSlices(keys, (key) => {
      const row = this.#get(SQL.record, [...prefix, textToColumn(key)])
      if (row !== undefined) found.set(key, bytesOf(row, 'value'))
    })
    return found
  }

  listRecords(account: string, kind: string, after: string | undefined, limit: number): Promise<RecordRow[]> {
    const prefix = [textToColumn(account), textToColumn(kind)]
    let last = after === undefined ? undefined : textToColumn(after)
    const read = (rows: number): SqlRow[] => {
      const isStart = last === undefined
      const slice = this.#all(isStart ? SQL.firstRecords : SQL.records, [...prefix, last ?? '', rows])
      if (slice.length > 0) last = textOf(slice.at(-1), 'key')
      return slice
    }
    return paged(limit, read, (row) => ({
      kind,
      key: textFromColumn(textOf(row, 'key')),
      at: numberOf(row, 'at'),
      value: bytesOf(row, 'value'),
    }))
  }

  message(account: string, key: MessageKey): MessageRow | undefined {
    const columns = [account, key.chat, key.sender, key.id].map(textToColumn)
    const row = this.#get(SQL.message, columns)
    if (row === undefined) return undefined
    return {
      chat: key.chat,
      sender: key.sender,
      id: key.id,
      at: numberOf(row, 'at'),
      kind: textFromColumn(textOf(row, 'kind')),
      state: textFromColumn(textOf(row, 'state')),
      value: bytesOf(row, 'value'),
    }
  }

  async recognised(account: string, hashes: readonly Uint8Array[]): Promise<boolean[]> {
    const column = textToColumn(account)
    const found: boolean[] = []
    await this.#inSlices(hashes, (hash) => {
      found.push(this.#get(SQL.recognised, [column, bytesToColumn(hash)]) !== undefined)
    })
    return found
  }

  events(account: string, range: EventRange): Promise<EventRow[]> {
    let last = range.after
    const read = (rows: number): SqlRow[] => {
      const slice = this.#all(SQL.events, [textToColumn(account), last, rows])
      last = slice.length === 0 ? last : numberOf(slice.at(-1), 'seq')
      return slice
    }
    return paged(range.limit, read, eventFrom)
  }

  bounds(account: string): EventBounds {
    const column = textToColumn(account)
    const row = this.#get(SQL.bounds, [column, column])
    return { first: Number(row?.['first'] ?? 0), last: Number(row?.['last'] ?? 0) }
  }

  outboxRow(account: string, id: string): OutboxRow | undefined {
    const row = this.#get(SQL.outboxRow, [textToColumn(account), textToColumn(id)])
    return row === undefined ? undefined : outboxFrom(row)
  }

  outbox(account: string, query: OutboxQuery): Promise<OutboxRow[]> {
    const states = JSON.stringify(query.states.map(textToColumn))
    // Behind every id of the position that the caller names: ids are texts, and a blob sorts after all texts.
    let position = query.after ?? -1
    let id: SqlValue = new Uint8Array(1)
    const read = (rows: number): SqlRow[] => {
      const slice = this.#all(SQL.outbox, [textToColumn(account), position, id, states, rows])
      const last = slice.at(-1)
      if (last !== undefined) {
        position = numberOf(last, 'position')
        id = textOf(last, 'id')
      }
      return slice
    }
    return paged(query.limit, read, outboxFrom)
  }

  accounts(): string[] {
    return this.#all(SQL.accounts, []).map((row) => textFromColumn(textOf(row, 'name')))
  }

  /**
   * Calls `visit` for every item and lets other work run after every slice. A slice is one read transaction, which
   * saves a third of each point read's time.
   */
  async #inSlices<T>(items: readonly T[], visit: (item: T) => void): Promise<void> {
    const [only] = items
    // one statement is a transaction by itself
    if (items.length === 1 && only !== undefined) {
      visit(only)
      return
    }
    for (let start = 0; start < items.length; start += SLICE_ROWS) {
      if (start > 0) await nextTurn()
      this.#statement('BEGIN').run()
      try {
        items.slice(start, start + SLICE_ROWS).forEach(visit)
      } finally {
        this.#statement('COMMIT').run()
      }
    }
  }

  #get(sql: string, values: readonly SqlValue[]): SqlRow | undefined {
    return this.#statement(sql).get(...values)
  }

  #all(sql: string, values: readonly SqlValue[]): SqlRow[] {
    return this.#statement(sql).all(...values)
  }

  #statement(sql: string): SqlStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** Reads up to `limit` rows, a slice at a time. `read` continues where it stopped. */
async function paged<T extends { readonly value: Uint8Array }>(
  limit: number,
  read: (rows: number) => SqlRow[],
  convert: (row: SqlRow) => T,
): Promise<T[]> {
  const result: T[] = []
  let sliceRows = SLICE_ROWS
  while (result.length < limit) {
    const wanted = Math.min(sliceRows, limit - result.length)
    const slice = read(wanted).map(convert)
    for (const row of slice) result.push(row)
    if (slice.length < wanted) break
    sliceRows = nextSliceRows(slice)
    await nextTurn()
  }
  return result
}

/** As many rows as fit the budget when they are like the ones just read. */
function nextSliceRows(slice: readonly { readonly value: Uint8Array }[]): number {
  let sizeBytes = 1
  for (const row of slice) sizeBytes += row.value.length
  const fitting = Math.floor((SLICE_BYTES * slice.length) / sizeBytes)
  return Math.max(1, Math.min(SLICE_ROWS, fitting))
}

function eventFrom(row: SqlRow): EventRow {
  const event = {
    seq: numberOf(row, 'seq'),
    type: textFromColumn(textOf(row, 'type')),
    version: numberOf(row, 'version'),
    at: numberOf(row, 'at'),
    chat: textFromColumn(textOf(row, 'chat')),
    value: bytesOf(row, 'value'),
  }
  if (row['message_id'] === null) return event
  const message = {
    chat: textFromColumn(textOf(row, 'message_chat')),
    sender: textFromColumn(textOf(row, 'message_sender')),
    id: textFromColumn(textOf(row, 'message_id')),
  }
  return { ...event, message }
}

function outboxFrom(row: SqlRow): OutboxRow {
  return {
    id: textFromColumn(textOf(row, 'id')),
    chat: textFromColumn(textOf(row, 'chat')),
    position: numberOf(row, 'position'),
    state: textFromColumn(textOf(row, 'state')),
    at: numberOf(row, 'at'),
    value: bytesOf(row, 'value'),
  }
}

function textOf(row: SqlRow | undefined, column: string): string {
  const value = row?.[column]
  return typeof value === 'string' ? value : ''
}

function numberOf(row: SqlRow | undefined, column: string): number {
  return Number(row?.[column])
}

function bytesOf(row: SqlRow, column: string): Uint8Array {
  const value = row[column]
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}
