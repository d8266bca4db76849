/**
 * Where durable events leave the pipeline: after their commit, in order, to listeners of the moment (`client.on`) and
 * as a wake-up to durable consumers, which read them from the log.
 */
import { errorCode } from '../../base/errors.ts'
import type { StorageError } from '../../base/errors.ts'
import type { TypedEmitter } from '../../base/typed-emitter.ts'
import type { ClientEvents, DurableEvent, DurableType, MessagePayload } from '../events.ts'
import { awaitedTarget, openLate } from '../addition.ts'
import { personOf } from '../identity/addresses.ts'
import { decodeEvent } from '../event-record.ts'
import type { EventRow, MessageKey } from '../../persistence/contract/index.ts'
import type { AccountState } from '../state/account-state.ts'
import type { LostEvents } from '../events/ephemeral.ts'
import type { LoggedEvent } from '../state/unit.ts'

/** Events read from the store at once. */
const PAGE = 128

/** Events of history among them, at most: each tells of up to 200 messages. */
const MAX_CHUNKS = 8

/** Which part of the log to read. What is filtered out is not decoded. */
export interface ReadOptions<Type extends DurableType = DurableType> {
  /** Exclusive lower bound of `seq`. @default 0, the beginning */
  readonly after?: number
  /** Inclusive upper bound of `seq`. @default the end that the log has when it gets there */
  readonly until?: number
  /** Only events of these types; the compiler knows them then. @default all */
  readonly types?: readonly Type[]
  /** Only events of one chat, by any address of it. @default all, also those of no chat */
  readonly chat?: string
}

/** The events that {@link ReadOptions} with these types let through. */
export type ReadEvent<Type extends DurableType> = Extract<DurableEvent, { readonly type: Type }>

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

  /** Tells what a consumer will never see. */
  tellLost(lost: LostEvents): void {
    this.#emitter.emit('events.lost', lost)
    for (const wake of this.#wakers) wake()
  }

  /** Calls `wake` after each publication and each loss, until the returned function is called. */
  onNews(wake: () => void): () => void {
    this.#wakers.add(wake)
    return () => this.#wakers.delete(wake)
  }
}

/** An event that cannot be read: it is damaged, or a newer waton has written it. It stays in the log. */
export interface RefusedEvent extends Pick<EventRow, 'seq' | 'type' | 'at'> {
  /** Why, as a stable code: `WATON_STORE_RECORD` or `WATON_STORE_RECORD_NEWER`. */
  readonly code: string
}

/** A stretch of the log. */
export interface LogPage {
  /** The events that can be read. */
  readonly events: readonly DurableEvent[]
  /** Those that cannot. */
  readonly refused: readonly RefusedEvent[]
  /** How far the stretch goes, or `undefined` at the end of the log. */
  readonly upTo: number | undefined
}

/** Whether a row is to be read. */
type RowFilter = (row: EventRow) => boolean

const ALL: RowFilter = () => true

/** One page of the log after `after`, decoded. What cannot be read stays in the store, and is reported. */
export async function readPage(
  state: AccountState,
  after: number,
  limit: number = PAGE,
  isWanted: RowFilter = ALL,
): Promise<LogPage> {
  const { store, account } = state
  const rows = withinBounds(await store.readEvents(account, { after, limit }), isWanted)
  const events: DurableEvent[] = []
  const refused: RefusedEvent[] = []
  for (const result of await Promise.all(rows.filter(isWanted).map((row) => readEvent(state, row)))) {
    if (result === undefined) continue
    if ('payload' in result) events.push(result)
    else refused.push(result)
  }
  return { events, refused, upTo: rows.at(-1)?.seq }
}

/** The first of the rows, up to as much history as is held in memory at once. */
function withinBounds(rows: readonly EventRow[], isWanted: RowFilter): readonly EventRow[] {
  let left = MAX_CHUNKS
  const last = rows.findIndex((row) => row.type === 'history.chunk' && isWanted(row) && --left === 0)
  return last < 0 ? rows : rows.slice(0, last + 1)
}

async function readEvent(
  state: AccountState,
  row: EventRow,
): Promise<DurableEvent | RefusedEvent | undefined> {
  const { store, account } = state
  try {
    const unreadable: [MessageKey, StorageError][] = []
    const event = await decodeEvent(
      row,
      (key) => store.readMessage(account, key),
      (...found) => unreadable.push(found),
    )
    if (unreadable.length > 0 && (await isForgotten(state, row))) return undefined
    for (const [{ id }, error] of unreadable) state.reportUnreadable('message', id, error)
    return await unsealed(state, row, event)
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'WATON_STORE_RECORD' && code !== 'WATON_STORE_RECORD_NEWER') throw error
    // not damaged, but forgotten while it was read
    if (await isForgotten(state, row)) return undefined
    state.reportUnreadable('event', String(row.seq), error)
    return { seq: row.seq, type: row.type, at: row.at, code }
  }
}

async function isForgotten({ store, account }: AccountState, { seq }: EventRow): Promise<boolean> {
  return (await store.eventBounds(account)).first > seq
}

/** What was added to a message is opened as soon as that message is here. */
async function unsealed(
  state: AccountState,
  { message }: EventRow,
  event: DurableEvent,
): Promise<DurableEvent> {
  if (event.type === 'message' && message !== undefined)
    return { ...event, payload: await unsealedMessage(state, message, event.payload) }
  if (event.type !== 'history.chunk') return event
  const messages: MessagePayload[] = []
  for (const one of event.payload.messages) {
    const { id, chat, sender } = one
    messages.push(await unsealedMessage(state, { id, chat, sender: sender.jid }, one))
  }
  return { ...event, payload: { ...event.payload, messages } }
}

async function unsealedMessage(
  state: AccountState,
  key: MessageKey,
  payload: MessagePayload,
): Promise<MessagePayload> {
  const target = awaitedTarget(payload.content)
  const row = target && (await state.readMessage(key))
  const content = row && (await openLate(state, row, target))
  return content === undefined ? payload : { ...payload, content }
}

/** The log from `after` to its present end. */
export async function* readLog<Type extends DurableType>(
  state: AccountState,
  options: ReadOptions<Type> = {},
): AsyncGenerator<ReadEvent<Type>, void, undefined> {
  const { after = 0, until = Infinity } = options
  const isWanted = await rowFilter(state, options)
  let position = after
  while (position < until) {
    const limit = Math.min(PAGE, until - position)
    const { events, upTo } = await readPage(state, position, limit, isWanted)
    if (upTo === undefined) return
    // the filter has left only events of these types
    yield* events as readonly ReadEvent<Type>[]
    position = upTo
  }
}

/** An event of before the LID of a chat was known has its phone number. */
async function rowFilter(
  state: AccountState,
  { types, chat, until = Infinity }: ReadOptions,
): Promise<RowFilter> {
  const wanted: ReadonlySet<string> | undefined = types && new Set(types)
  const { jid, pn, lid } = chat === undefined ? {} : await personOf(state, chat)
  const chats = new Set([chat, jid, pn, lid])
  return (row) =>
    row.seq <= until && wanted?.has(row.type) !== false && (chat === undefined || chats.has(row.chat))
}
