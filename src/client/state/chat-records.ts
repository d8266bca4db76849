/** What is remembered of a chat as a whole; the other records of an account are in `records.ts`. */
import { integer } from './record-fields.ts'
import { jsonRecord, wrongField } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** After how long the messages of a chat disappear. */
export interface ChatTimer {
  /** 0 when they stay. */
  readonly seconds: number
  /** When it was set, by the clock of whoever set it. */
  readonly setAtMs: number
  /** What it was before, while this one has not reached the server. */
  readonly before?: Omit<ChatTimer, 'before'>
}

/** After how long messages disappear, by canonical chat. A lost one is learnt again from the next message. */
export const CHAT_TIMER: RecordKind<ChatTimer> = jsonRecord('chat-timer', 1, (parsed) => {
  const { before } = parsed
  if (before === undefined) return timerIn(parsed)
  if (typeof before !== 'object' || before === null) throw wrongField('a timer')
  return { ...timerIn(parsed), before: timerIn(before as Readonly<Record<string, unknown>>) }
})

/** A message that was told as one that cannot be read. */
export interface ToldUnreadable {
  /** The place of its event in the log. */
  readonly seq: number
}

/** Messages that could not be read, by chat, author and id; and beside them the last one of each chat and author. */
export const UNREADABLE: RecordKind<ToldUnreadable> = jsonRecord('unreadable', 1, ({ seq }) => ({
  seq: integer(seq),
}))

function timerIn({ seconds, setAtMs }: Readonly<Record<string, unknown>>): Omit<ChatTimer, 'before'> {
  if (!Number.isSafeInteger(seconds) || !Number.isSafeInteger(setAtMs)) throw wrongField('a whole number')
  return { seconds: Number(seconds), setAtMs: Number(setAtMs) }
}
