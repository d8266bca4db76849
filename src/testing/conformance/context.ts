/** What every part of the conformance suite needs: the kinds of runner it fits, short rows, and checks of refusals. */
import assert from 'node:assert/strict'
import { StorageError } from '../../base/errors.ts'
import type {
  Change,
  Claim,
  EventRow,
  MessageRow,
  OutboxRow,
  RecordRow,
  Store,
} from '../../persistence/contract/index.ts'

/** The functions of a test runner: `node:test`, vitest, jest and mocha all fit. */
export interface ConformanceRunner {
  /** Groups tests. */
  describe(name: string, define: () => void): unknown
  /** Defines one test. */
  test(name: string, run: () => Promise<void>): unknown
}

/** Makes an empty store that shares nothing with the ones made before. */
export type StoreFactory = () => Promise<Store>

/** What the suite may expect besides the contract. */
export interface ConformanceOptions {
  /** Opens again what a closed store has written; leave it out for stores that keep nothing. */
  readonly reopen?: (closed: Store) => Promise<Store>
}

/** A test that gets a fresh store and need not close it. */
export type StoreTest = (name: string, run: (store: Store) => Promise<void>) => void

/** Wraps the runner's `test` so that every test has a store of its own. */
export function storeTest(makeStore: StoreFactory, runner: ConformanceRunner): StoreTest {
  return (name, run) => {
    runner.test(name, async () => {
      const store = await makeStore()
      try {
        await run(store)
      } finally {
        await store.close()
      }
    })
  }
}

/** The instant of the suite, in milliseconds since the epoch. */
export const NOW_MS = 1_700_000_000_000
/** How long the suite's claims hold, in milliseconds. */
export const LEASE_MS = 60_000

/** Takes an account for a test. */
export function claimOf(store: Store, account = 'default', owner = 'test'): Promise<Claim> {
  return store.claim(account, { owner, nowMs: NOW_MS, leaseMs: LEASE_MS })
}

/** Bytes from numbers. */
export function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values)
}

/** Puts a record of kind `session`. */
export function putRecord(row: Partial<RecordRow> & { readonly key: string }): Change {
  return { op: 'put-record', row: { kind: 'session', at: NOW_MS, value: bytes(1), ...row } }
}

/** Puts a {@link message}. */
export function putMessage(row: Partial<MessageRow> & { readonly id: string }): Change {
  return { op: 'put-message', row: message(row) }
}

/** A received text message. */
export function message(row: Partial<MessageRow> & { readonly id: string }): MessageRow {
  const usual = { chat: '15550000001@s.whatsapp.net', sender: '15550000001@s.whatsapp.net', at: NOW_MS }
  return { ...usual, kind: 'text', state: 'received', value: bytes(2), ...row }
}

/** Appends an {@link event}. */
export function appendEvent(row: Partial<EventRow> & { readonly seq: number }): Change {
  return { op: 'append-event', row: event(row) }
}

/** An event without a message. */
export function event(row: Partial<EventRow> & { readonly seq: number }): EventRow {
  return { type: 'message', version: 1, at: NOW_MS, chat: 'a@g.us', value: bytes(3), ...row }
}

/** Puts an {@link outbox} row. */
export function putOutbox(
  row: Partial<OutboxRow> & { readonly id: string; readonly position: number },
): Change {
  return { op: 'put-outbox', row: outbox(row) }
}

/** A queued message. */
export function outbox(
  row: Partial<OutboxRow> & { readonly id: string; readonly position: number },
): OutboxRow {
  return { chat: 'a@g.us', state: 'queued', at: NOW_MS, value: bytes(4), ...row }
}

/** A 32-byte hash that is different for every number. */
export function hashOf(number: number): Uint8Array {
  const hash = new Uint8Array(32)
  hash.set([number & 0xff, (number >>> 8) & 0xff, 0xa5])
  return hash
}

/** Checks that a call is refused with this code, by a `StorageError`, and returns it. */
export async function refused(call: Promise<unknown>, code: string): Promise<StorageError> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof StorageError, `expected a StorageError, got ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return error
  }
  return assert.fail(`the call succeeded; expected ${code}`)
}

/** Compares rows by value: a `Buffer` and a `Uint8Array` with the same bytes are the same. */
export function sameRows(actual: readonly unknown[], expected: readonly unknown[]): void {
  assert.deepEqual(actual.map(plain), expected.map(plain))
}

/** A row whose byte arrays are plain `Uint8Array`s and whose absent fields are left out. */
export function plain(row: unknown): unknown {
  if (row instanceof Uint8Array) return Uint8Array.from(row)
  if (typeof row !== 'object' || row === null) return row
  const entries = Object.entries(row).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value)]))
}
