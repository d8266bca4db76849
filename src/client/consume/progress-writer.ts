/**
 * Records finished events that have nothing else to record: one commit at a time, with all that finished meanwhile. When it
 * fails, the same events are recorded by the next one; a process that dies before that handles them again.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { seam } from '../../base/seams.ts'
import type { AccountState } from '../state/account-state.ts'
import { finish } from './progress.ts'
import type { SeqRange } from './progress.ts'

/** What the writer works with. */
export interface ProgressWriterOptions {
  readonly name: string
  readonly state: AccountState
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the consumer stops: what cannot be written then is left. */
  readonly signal: AbortSignal
  /** The low-water mark has this value, durably. */
  readonly onLow: (low: number) => void
}

/** The wait before a failed commit is tried again. */
const WRITE_AGAIN_MS = 1_000

/** See the file comment. */
export class ProgressWriter {
  readonly #options: ProgressWriterOptions
  #pending: SeqRange[] = []
  #writing: Promise<void> | undefined

  constructor(options: ProgressWriterOptions) {
    this.#options = options
  }

  /** Takes what is finished. Their number is bounded by how far a consumer reads ahead. */
  add(ranges: readonly SeqRange[]): void {
    this.#pending.push(...ranges)
    this.#writing ??= this.#write()
  }

  /** Waits until everything is recorded, or cannot be. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    const { clock, logger, name, signal, state, onLow } = this.#options
    // what finishes in the same turn goes into the same commit
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const ranges = this.#pending
      this.#pending = []
      try {
        seam('consumer:progressing')
        const low = await state.commit((unit) => finish(unit, name, ranges))
        seam('consumer:progressed')
        onLow(low)
      } catch (error) {
        const fields = { consumer: name, reason: describeError(error) }
        logger.warn(fields, 'a consumer could not record its progress')
        this.#pending = [...ranges, ...this.#pending]
        await sleep(clock, WRITE_AGAIN_MS, signal)
        if (signal.aborted) break
      }
    }
    this.#writing = undefined
  }
}
