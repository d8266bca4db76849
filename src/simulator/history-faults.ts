/**
 * What goes wrong with history on purpose: `simulator.faults.history`. Each that happens is a line in the trace. A download
 * that breaks in the middle is one of `faults.media`, a message that somebody forges is `phone.forgeHistory`.
 */
import { checkArgument, checkOptions, oneOf, wholeNumber } from '../base/check.ts'
import { HISTORY_KINDS } from './link.ts'
import type { HistoryFault, HistoryPlans } from './world/history-plans.ts'

const NAME = oneOf('gone', 'corrupt', 'truncate', 'wrong-digest', 'twice', 'bomb', 'disorder', 'silence')
const FAULT = { fault: NAME, kind: oneOf(...HISTORY_KINDS), times: wholeNumber(1, 10_000) }

/** See the file comment. */
export class HistoryFaults {
  readonly #plans: HistoryPlans

  constructor(plans: HistoryPlans) {
    this.#plans = plans
  }

  /**
   * Plans what goes wrong with the next pieces of history, or the next requests for some.
   *
   * ```ts
   * simulator.faults.history.next({ fault: 'gone', kind: 'RECENT' })
   * ```
   */
  next(fault: HistoryFault): void {
    checkOptions('faults.history.next(fault)', fault, FAULT)
    checkArgument('fault in faults.history.next({ fault })', fault.fault, NAME)
    this.#plans.add(fault)
  }
}
