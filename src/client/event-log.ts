/**
 * `client.events`: the durable events, read from the log, and those that consumers gave up on. The log itself is read in
 * `consume/event-hub.ts`, and dead letters are kept in `consume/dead-letters.ts`.
 */
import { checkDeadLetter, checkDeadLetterQuery, checkRead } from './check-calls.ts'
import type { DeadLetter, DeadLetterQuery } from './consume/dead-letters.ts'
import type { ReadEvent, ReadOptions } from './consume/event-hub.ts'
import type { DurableType } from './events.ts'
import type { Runtime } from './runtime.ts'

/** Durable events, read from the log. */
export interface EventLog {
  /** The events after a position, up to the end that the log has when it gets there. Works before `connect()`. */
  read<Type extends DurableType = DurableType>(options?: ReadOptions<Type>): AsyncIterable<ReadEvent<Type>>
  /** Events that consumers gave up on. */
  readonly dead: DeadLetters
}

/** Events that consumers gave up on, kept until somebody decides about them. */
export interface DeadLetters {
  /** Lists them, by consumer and position. */
  list(query?: DeadLetterQuery): AsyncIterable<DeadLetter>
  /**
   * Gives the event to its consumer again: at once when that runs, otherwise when it runs next. What the handler sent in
   * an earlier attempt is not sent again.
   *
   * @throws {UsageError} `WATON_DEAD_LETTER_UNKNOWN`, `WATON_DEAD_LETTER_EVENT`
   */
  retry(consumer: string, seq: number): Promise<void>
  /** Forgets that the consumer gave the event up. @throws {UsageError} `WATON_DEAD_LETTER_UNKNOWN` */
  discard(consumer: string, seq: number): Promise<void>
}

/** What the log and the consumers are reached by: the account is opened by the first call. */
type Open = () => Promise<Runtime>

/** See {@link EventLog}. */
export function eventLog(open: Open): EventLog {
  return {
    read: (options) => read(open, options),
    dead: {
      list: (query) => listDead(open, query),
      retry: async (consumer, seq) => {
        checkDeadLetter('retry', consumer, seq)
        await (await open()).consumers.retry(consumer, seq)
      },
      discard: async (consumer, seq) => {
        checkDeadLetter('discard', consumer, seq)
        await (await open()).consumers.discard(consumer, seq)
      },
    },
  }
}

async function* read<Type extends DurableType>(
  open: Open,
  options?: ReadOptions<Type>,
): AsyncGenerator<ReadEvent<Type>, void, undefined> {
  checkRead(options)
  yield* (await open()).readLog(options)
}

async function* listDead(open: Open, query?: DeadLetterQuery): AsyncGenerator<DeadLetter, void, undefined> {
  checkDeadLetterQuery(query)
  yield* (await open()).consumers.deadLetters(query)
}
