/**
 * Applies packed changes to a connection inside a transaction that somebody else opened. One prepared statement per
 * kind of change; columns are bound in the order in which `packing.ts` wrote them.
 */
import { StorageError } from '../../base/errors.ts'
import { conflictFailure } from '../contract/failures.ts'
import type { Change } from '../contract/rows.ts'
import { bytesToColumn } from './driver.ts'
import type { SqlDatabase, SqlStatement, SqlValue } from './driver.ts'
import { RESULT, resultCode } from './failures.ts'
import type { PackedChanges } from './packing.ts'

type Operation = Change['op']

interface StatementPlan {
  readonly sql: string
  /** How many fields a change of this kind has. */
  readonly fields: number
  /** Which of them is a length of bytes, or -1. */
  readonly bytesAt: number
}

/** What each kind of change runs. Rows are replaced in place: "INSERT OR REPLACE" deletes and inserts in two steps of the tree. */
export const PLANS: Readonly<Record<Operation, StatementPlan>> = {
  'put-record': {
    sql: `INSERT INTO waton_records (account, kind, key, at, value) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at, value = excluded.value`,
    fields: 4,
    bytesAt: 3,
  },
  'delete-record': {
    sql: 'DELETE FROM waton_records WHERE account = ? AND kind = ? AND key = ?',
    fields: 2,
    bytesAt: -1,
  },
  'expire-records': {
    sql: 'DELETE FROM waton_records WHERE account = ? AND kind = ? AND at < ?',
    fields: 2,
    bytesAt: -1,
  },
  'expire-record': {
    sql: 'DELETE FROM waton_records WHERE account = ? AND kind = ? AND key = ? AND at < ?',
    fields: 3,
    bytesAt: -1,
  },
  'put-message': {
    sql: `INSERT INTO waton_messages (account, chat, sender, id, at, kind, state, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at, kind = excluded.kind, state = excluded.state, value = excluded.value`,
    fields: 7,
    bytesAt: 6,
  },
  'delete-message': {
    sql: 'DELETE FROM waton_messages WHERE account = ? AND chat = ? AND sender = ? AND id = ?',
    fields: 3,
    bytesAt: -1,
  },
  'append-event': {
    sql: `INSERT INTO waton_events
      (account, seq, type, version, at, chat, message_chat, message_sender, message_id, value)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    fields: 9,
    bytesAt: 8,
  },
  'expire-events': {
    sql: 'DELETE FROM waton_events WHERE account = ? AND seq <= ?',
    fields: 1,
    bytesAt: -1,
  },
  'put-outbox': {
    sql: `INSERT INTO waton_outbox (account, id, chat, position, state, at, value) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET chat = excluded.chat, position = excluded.position, state = excluded.state,
        at = excluded.at, value = excluded.value`,
    fields: 6,
    bytesAt: 5,
  },
  'delete-outbox': {
    sql: 'DELETE FROM waton_outbox WHERE account = ? AND id = ?',
    fields: 1,
    bytesAt: -1,
  },
  recognise: {
    sql: `INSERT INTO waton_recognised (account, hash, at) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at`,
    fields: 2,
    bytesAt: 0,
  },
  'expire-recognised': {
    sql: `DELETE FROM waton_recognised WHERE (account, hash) IN
      (SELECT account, hash FROM waton_recognised WHERE account = ? AND at < ? ORDER BY at, hash LIMIT ?)`,
    fields: 2,
    bytesAt: -1,
  },
}

/** See the file comment. */
export class ChangeWriter {
  readonly #database: SqlDatabase
  readonly #statements = new Map<Operation, SqlStatement>()

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /**
   * Applies all changes in order; throws at the first that fails and leaves the rollback to the caller.
   *
   * @param account - in column form
   */
  apply(account: string, changes: PackedChanges): void {
    let field = 0
    let offset = 0
    for (let index = 0; index < changes.count; index++) {
      const operation = operationOf(changes.fields[field])
      const plan = PLANS[operation]
      const values: SqlValue[] = [account]
      for (let column = 0; column < plan.fields; column++) {
        const value = changes.fields[field + 1 + column] ?? null
        if (column !== plan.bytesAt) {
          values.push(value)
          continue
        }
        const end = offset + Number(value)
        values.push(bytesToColumn(changes.bytes.subarray(offset, end)))
        offset = end
      }
      field += 1 + plan.fields
      this.#run(operation, values)
    }
  }

  #run(operation: Operation, values: readonly SqlValue[]): void {
    const statement = this.#statements.get(operation) ?? this.#prepare(operation)
    try {
      statement.run(...values)
    } catch (error) {
      if (operation === 'append-event' && isDuplicate(error)) {
        throw conflictFailure(String(values[0]), Number(values[1]))
      }
      throw error
    }
  }

  #prepare(operation: Operation): SqlStatement {
    const statement = this.#database.prepare(PLANS[operation].sql)
    this.#statements.set(operation, statement)
    return statement
  }
}

function operationOf(field: unknown): Operation {
  if (typeof field === 'string' && field in PLANS) return field as Operation
  throw new StorageError(
    'WATON_STORE_ROW',
    'a change of the commit has an unknown "op": nothing was written',
    { action: 'fix-call' },
  )
}

/** SQLITE_CONSTRAINT_PRIMARYKEY; other constraints mean a column that is not what the contract says. */
const DUPLICATE_KEY = 1555

function isDuplicate(error: unknown): boolean {
  if (resultCode(error) !== RESULT.constraint) return false
  return (error as { readonly errcode: number }).errcode === DUPLICATE_KEY
}
