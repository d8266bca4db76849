/**
 * Dead letters: events that a consumer gave up on. They stay, with the reason, until somebody asks for another round or
 * discards them; a round that was asked for is kept in the store, so that it also comes when the consumer runs next.
 */
import { UsageError } from '../../base/errors.ts'
import type { DurableEvent } from '../events.ts'
import type { AccountState } from '../state/account-state.ts'
import { DEAD_LETTER } from '../state/records.ts'
import type { DeadLetterRecord } from '../state/records.ts'
import { readPage } from './event-hub.ts'

/** An event that a consumer gave up on. */
export interface DeadLetter {
  /** Who gave it up. */
  readonly consumer: string
  /** Its position in the log. */
  readonly seq: number
  /** The event; `undefined` when the log does not hold it any more, or it cannot be read. */
  readonly event: DurableEvent | undefined
  /** What the last attempt failed with. */
  readonly reason: string
  /** Attempts so far, over all rounds. */
  readonly attempts: number
  /** When it was given up, in milliseconds since the epoch. */
  readonly atMs: number
  /** Whether another round was asked for and is not over. */
  readonly isRetrying: boolean
}

/** Which dead letters to list. */
export interface DeadLetterQuery {
  /** Only those of one consumer. @default all */
  readonly consumer?: string
}

/** Rows read at once. */
const PAGE = 128

/** As many digits as a position can have: letters are listed in the order of their keys, which is that of the log then. */
const SEQ_DIGITS = 16

/** The key of the record of a dead letter. */
export function letterKey(consumer: string, seq: number): string {
  return `${consumer}:${String(seq).padStart(SEQ_DIGITS, '0')}`
}

function consumerOf(key: string): string {
  return key.slice(0, key.lastIndexOf(':'))
}

/** The dead letters, by consumer and position. */
export async function* listDeadLetters(
  state: AccountState,
  { consumer }: DeadLetterQuery = {},
): AsyncGenerator<DeadLetter, void, undefined> {
  await state.flush()
  let after = consumer === undefined ? undefined : `${consumer}:`
  for (;;) {
    const rows = await state.store.listRecords(state.account, DEAD_LETTER.kind, after, PAGE)
    for (const { key } of rows) {
      if (consumer !== undefined && !key.startsWith(`${consumer}:`)) return
      const owner = consumerOf(key)
      if (consumer !== undefined && owner !== consumer) continue
      const letter = await state.read(DEAD_LETTER, key)
      if (letter !== undefined) yield await view(state, owner, letter)
    }
    after = rows.at(-1)?.key
    if (after === undefined) return
  }
}

/** Events that are to be handled again, and where the next page of them begins, unless these are the last. */
export interface RetryPage {
  readonly events: readonly DurableEvent[]
  readonly next?: number
}

/** The next letters of a consumer for which another round was asked, in the order of the log. */
export async function retriesAfter(
  state: AccountState,
  consumer: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<RetryPage> {
  await state.flush()
  const events: DurableEvent[] = []
  let key: string | undefined = letterKey(consumer, after)
  while (key !== undefined) {
    const rows = await state.store.listRecords(state.account, DEAD_LETTER.kind, key, PAGE)
    for (const row of rows) {
      if (!row.key.startsWith(`${consumer}:`)) return { events }
      const letter = consumerOf(row.key) === consumer ? await state.read(DEAD_LETTER, row.key) : undefined
      const event = letter?.isRetrying === true ? await eventAt(state, letter.seq) : undefined
      if (event !== undefined && events.push(event) >= limit) return { events, next: event.seq }
    }
    key = rows.at(-1)?.key
  }
  return { events }
}

async function view(state: AccountState, consumer: string, letter: DeadLetterRecord): Promise<DeadLetter> {
  const { seq, reason, attempts, atMs, isRetrying } = letter
  return { consumer, seq, event: await eventAt(state, seq), reason, attempts, atMs, isRetrying }
}

/** One event of the log, when it is there and can be read. */
export async function eventAt(state: AccountState, seq: number): Promise<DurableEvent | undefined> {
  const { events } = await readPage(state, seq - 1, 1)
  return events.find((event) => event.seq === seq)
}

/** Asks for another round. @throws {UsageError} `WATON_DEAD_LETTER_UNKNOWN`, `WATON_DEAD_LETTER_EVENT` */
export async function retryDeadLetter(
  state: AccountState,
  consumer: string,
  seq: number,
): Promise<{ readonly event: DurableEvent; readonly wasRetrying: boolean }> {
  const key = letterKey(consumer, seq)
  const event = await eventAt(state, seq)
  const wasRetrying = await state.commit(async (unit) => {
    const letter = await unit.read(DEAD_LETTER, key)
    if (letter === undefined) throw unknownLetter(consumer, seq)
    if (event === undefined) throw eventIsGone(consumer, seq)
    unit.put(DEAD_LETTER, key, { ...letter, isRetrying: true })
    return letter.isRetrying
  })
  // read before the record, and checked by it
  if (event === undefined) throw eventIsGone(consumer, seq)
  return { event, wasRetrying }
}

/** Forgets a dead letter. @throws {UsageError} `WATON_DEAD_LETTER_UNKNOWN` */
export async function discardDeadLetter(state: AccountState, consumer: string, seq: number): Promise<void> {
  const key = letterKey(consumer, seq)
  await state.commit(async (unit) => {
    if ((await unit.read(DEAD_LETTER, key)) === undefined) throw unknownLetter(consumer, seq)
    unit.delete(DEAD_LETTER, key)
  })
}

function unknownLetter(consumer: string, seq: number): UsageError {
  return new UsageError(
    'WATON_DEAD_LETTER_UNKNOWN',
    'this consumer has no such dead letter: client.events.dead.list() tells which there are',
    { details: { consumer, seq } },
  )
}

function eventIsGone(consumer: string, seq: number): UsageError {
  return new UsageError(
    'WATON_DEAD_LETTER_EVENT',
    'the event of this dead letter is not in the log any more, or cannot be read, so it cannot be handled again: discard it',
    { details: { consumer, seq } },
  )
}
