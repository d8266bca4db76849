/**
 * Where durable events leave the pipeline: after their commit, in order, to listeners of the moment (`client.on`) and
 * as a wake-up to durable consumers, which read them from the log.
 */
import { errorCode } from '../../base/errors.ts'
import type { TypedEmitter } from '../../base/typed-emitter.ts'
import type { ClientEvents, DurableEvent } from '../events.ts'
import { decodeEvent } from '../event-record.ts'
import type { EventRow } from '../../persistence/contract/index.ts'
import type { AccountState } from '../state/account-state.ts'
import type { LoggedEvent } from '../state/unit.ts'

/** Events read from the store at once. */
const PAGE = 128

/** Which part of the log to read. */
export interface ReadOptions {
  /** Exclusive lower bound of `seq`. @default 0, the beginning */
  readonly after?: number
}

/** See the file comment. */
export class EventHub {
  readonly #emitter: TypedEmitter<ClientEvents>
  readonly #wakers = new Set<() => void>()

  constructor(emitter: TypedEmitter<ClientEvents>) {
    this.#emitter = emitter
  }

  /** Hands out events that have just become durable. */
  publish(events: readonly LoggedEvent[]): void {
    for (const { row, payload, isSound } of events) {
      if (!isSound) continue
      const { seq, type, version, at } = row
      const event = { seq, type, version, at, payload } as DurableEvent
      this.#emitter.emit(event.type, event)
    }
    for (const wake of this.#wakers) wake()
  }

  /** Calls `wake` after each publication, until the returned function is called. */
  onPublished(wake: () => void): () => void {
    this.#wakers.add(wake)
    return () => this.#wakers.delete(wake)
  }
}

/** A stretch of the log. */
export interface LogPage {
  /** The events that can be read. */
  readonly events: readonly DurableEvent[]
  /** How far the stretch goes, or `undefined` at the end of the log. */
  readonly upTo: number | undefined
}

/** One page of the log after `after`, decoded. What cannot be read stays in the store, is reported, and is passed over. */
export async function readPage(state: AccountState, after: number): Promise<LogPage> {
  const { store, account } = state
  const rows = await store.readEvents(account, { after, limit: PAGE })
  const events = await Promise.all(rows.map((row) => readEvent(state, row)))
  return { events: events.filter((event) => event !== undefined), upTo: rows.at(-1)?.seq }
}

async function readEvent(state: AccountState, row: EventRow): Promise<DurableEvent | undefined> {
  const { store, account } = state
  try {
    return await decodeEvent(row, async ({ message }) =>
      message === undefined ? undefined : store.readMessage(account, message),
    )
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'WATON_STORE_RECORD' && code !== 'WATON_STORE_RECORD_NEWER') throw error
    state.reportUnreadable('event', String(row.seq), error)
    return undefined
  }
}

/** The log from `after` to its present end. */
export async function* readLog(
  state: AccountState,
  { after = 0 }: ReadOptions = {},
): AsyncGenerator<DurableEvent, void, undefined> {
  let position = after
  for (;;) {
    const { events, upTo } = await readPage(state, position)
    if (upTo === undefined) return
    yield* events
    position = upTo
  }
}
