/** What is remembered of pieces of history; the other records of an account are in `state/records.ts`. */
import { integer, text } from '../state/record-fields.ts'
import { jsonRecord, wrongField } from '../state/record-kind.ts'
import type { RecordKind } from '../state/record-kind.ts'

/** How far a piece of history is. */
export interface HistoryImport {
  /**
   * `waiting` to be imported, which may have begun; `damaged`: nobody can read it, and it is kept; `imported`: the phone is
   * owed the receipt for it; `answered`: the server has that receipt.
   */
  readonly state: 'waiting' | 'damaged' | 'imported' | 'answered'
  /** Where its receipt goes. */
  readonly to: string
  readonly arrivedAtMs: number
  /** Parts that are recorded. */
  readonly parts: number
  /** What of it is in those parts, so that an interrupted import goes on behind them: as many as it has, one by one. */
  readonly items: number
  /** Messages in those parts. */
  readonly messages: number
}

const STATES: readonly unknown[] = [
  'waiting',
  'damaged',
  'imported',
  'answered',
] satisfies HistoryImport['state'][]

/** How far the import of each piece of history is, by the id of its notification. */
export const HISTORY_IMPORT: RecordKind<HistoryImport> = jsonRecord(
  'history-import',
  1,
  ({ state, ...parsed }): HistoryImport => {
    if (!STATES.includes(state)) throw wrongField('how far a piece of history is')
    return {
      state: state as HistoryImport['state'],
      to: text(parsed.to),
      arrivedAtMs: integer(parsed.arrivedAtMs),
      parts: integer(parsed.parts),
      items: integer(parsed.items),
      messages: integer(parsed.messages),
    }
  },
)
