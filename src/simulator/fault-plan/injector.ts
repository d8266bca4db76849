/** Where the server meets the plan in progress: it makes what sits on connections, and starts one plan at a time. */
import { UsageError } from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { TraceDirection, TraceParty } from '../trace.ts'
import type { Wire } from '../server/wire.ts'
import { FaultyWire } from './faulty-wire.ts'
import { checkPlan } from './plan.ts'
import type { FaultPlan } from './plan.ts'
import { ActivePlan } from './run.ts'
import type { FaultRun, FaultRunOptions, StanzaFault } from './run.ts'
import { StanzaLane } from './stanza-lane.ts'
import type { StanzaLaneEnds } from './stanza-lane.ts'

/** See the file comment. */
export class FaultInjector {
  readonly #options: FaultRunOptions
  /** What is asked for one by one, beside any plan. */
  readonly #requested: ActivePlan
  #plan: ActivePlan | undefined

  constructor(options: FaultRunOptions) {
    this.#options = options
    this.#requested = new ActivePlan({ seed: 'requested', faults: [] }, options, 'requested')
  }

  /** Whether a connection that comes now is refused. */
  get isRefusing(): boolean {
    return this.#plan?.isRefusing ?? false
  }

  /** Starts a plan; see `Faults.plan`. */
  start(plan: FaultPlan): FaultRun {
    checkPlan(plan)
    if (this.#plan !== undefined) {
      throw new UsageError(
        'WATON_SIMULATOR_FAULT_PLAN_RUNNING',
        'a fault plan is in progress: stop() it before another is started',
      )
    }
    const active = new ActivePlan(plan, this.#options)
    this.#plan = active
    return {
      get happened() {
        return active.happened
      },
      get pending() {
        return active.pending
      },
      stop: () => {
        active.stop()
        if (this.#plan === active) this.#plan = undefined
      },
    }
  }

  /**
   * Asks for one fault of stanzas, beside a plan and in front of it: a stanza that it happens to is not counted by the plan.
   *
   * @throws {UsageError} `WATON_SIMULATOR_FAULT_PLAN`, `WATON_SIMULATOR_FAULTS_PENDING`
   */
  request(fault: StanzaFault): void {
    checkPlan({ seed: 'requested', faults: [fault] })
    if (this.#requested.add(fault)) return
    throw new UsageError(
      'WATON_SIMULATOR_FAULTS_PENDING',
      'too many requested faults have not happened yet: what they wait for does not come; ask for fewer',
    )
  }

  /** Puts faults into the bytes of a connection. */
  wire(inner: Wire, party: () => TraceParty): Wire {
    return new FaultyWire(inner, this.#equip(party))
  }

  /** Puts faults into the stanzas of a connection. */
  lane(direction: TraceDirection, party: () => TraceParty, ends: StanzaLaneEnds): StanzaLane {
    const { clock } = this.#options
    const meet = (stanza: BinaryNode): StanzaFault | undefined =>
      this.#requested.meetStanza(direction, party(), stanza) ??
      this.#plan?.meetStanza(direction, party(), stanza)
    return new StanzaLane({ clock, meet, ...ends })
  }

  #equip(party: () => TraceParty): {
    clock: FaultRunOptions['clock']
    plan: () => ActivePlan | undefined
    party: () => TraceParty
  } {
    return { clock: this.#options.clock, plan: () => this.#plan, party }
  }
}
