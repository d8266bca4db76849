/** Where the parts of a reader put what they have read: items until somebody takes them, and counts for the end. */
import { ProtocolError } from '../../base/errors.ts'
import type { HistoryCounts, HistoryItem, HistorySkipped } from './items.ts'

type Counts = { -readonly [Name in Exclude<keyof HistoryCounts, 'bytes'>]: number }

/** See the file comment. */
export class Output {
  readonly counts: Counts = { chats: 0, messages: 0, skipped: 0, unknownFields: 0 }
  readonly #maxDamaged: number
  #damaged = 0
  #items: HistoryItem[] = []

  constructor(maxDamaged: number) {
    this.#maxDamaged = maxDamaged
  }

  add(item: HistoryItem): void {
    if (item.kind === 'message') this.counts.messages++
    else if (item.kind === 'chat') this.counts.chats++
    this.#items.push(item)
  }

  /** Says that something was passed over. @throws {ProtocolError} `WATON_HISTORY_MALFORMED` when too much is damaged */
  skip(skipped: Omit<HistorySkipped, 'kind'>): void {
    this.counts.skipped++
    this.#items.push({ kind: 'skipped', ...skipped })
    if (skipped.why === 'damaged' && ++this.#damaged > this.#maxDamaged)
      throw this.#tooDamaged(skipped.offset)
  }

  /** Reads a part; when it is damaged, it is passed over. */
  guard(part: Omit<HistorySkipped, 'kind' | 'why'>, read: () => void): void {
    try {
      read()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.skip({ ...part, why: 'damaged' })
    }
  }

  /** What was added since the last time. */
  take(): HistoryItem[] {
    const items = this.#items
    this.#items = []
    return items
  }

  #tooDamaged(offset: number): ProtocolError {
    return new ProtocolError(
      'WATON_HISTORY_MALFORMED',
      `more than ${String(this.#maxDamaged)} parts are damaged: this is no history, or it was altered on its way`,
      { details: { offset, reason: 'too many parts are damaged' } },
    )
  }
}
