/** What is planned to go wrong with the history that phones give, and has not happened yet; `history-faults.ts` plans it. */
import type { HistoryDesk, HistoryKind, PieceFault } from '../link.ts'

/**
 * What goes wrong: one of the faults of a piece; `disorder`: the pieces behind the first come to a new device in another
 * order; `silence`: a phone does not answer a request.
 */
export interface HistoryFault {
  /** What happens. */
  readonly fault: PieceFault | 'disorder' | 'silence'
  /** Only to pieces of this kind. @default any */
  readonly kind?: HistoryKind
  /** To so many pieces, devices or requests, one after the other. @default 1 */
  readonly times?: number
}

/** See the file comment. */
export class HistoryPlans implements HistoryDesk {
  readonly #waiting: (HistoryFault & { times: number })[] = []

  add(fault: HistoryFault): void {
    this.#waiting.push({ ...fault, times: fault.times ?? 1 })
  }

  takePieceFault(kind: HistoryKind): PieceFault | undefined {
    const taken = this.#take(
      ({ fault, kind: only }) => isOfPiece(fault) && (only === undefined || only === kind),
    )
    return taken !== undefined && isOfPiece(taken) ? taken : undefined
  }

  takeDisorder(): boolean {
    return this.#take(({ fault }) => fault === 'disorder') !== undefined
  }

  takeSilence(): boolean {
    return this.#take(({ fault }) => fault === 'silence') !== undefined
  }

  #take(isIt: (fault: HistoryFault) => boolean): HistoryFault['fault'] | undefined {
    const index = this.#waiting.findIndex(isIt)
    const planned = this.#waiting[index]
    if (planned === undefined) return undefined
    planned.times -= 1
    if (planned.times === 0) this.#waiting.splice(index, 1)
    return planned.fault
  }
}

function isOfPiece(fault: HistoryFault['fault']): fault is PieceFault {
  return fault !== 'disorder' && fault !== 'silence'
}
