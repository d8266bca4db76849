/**
 * A plan that runs: it counts what passes, decides when each fault is due, and keeps the proof of those that happened.
 * It touches no connection itself; `faulty-wire.ts` and `stanza-lane.ts` ask it and do what it says.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Trace, TraceDirection, TraceParty } from '../trace.ts'
import type { FramePiece } from './frame-meter.ts'
import { describeFault } from './plan.ts'
import type {
  CorruptFault,
  CutFault,
  DelayFault,
  DropFault,
  DuplicateFault,
  FaultPlan,
  HoldAnswersFault,
  PlannedFault,
  RefuseConnectionsFault,
  ReorderFault,
  RestartFault,
} from './plan.ts'

/** The proof that a fault happened. */
export interface HappenedFault {
  /** As planned. */
  readonly fault: PlannedFault
  /** Its place in the plan, counted from 1. */
  readonly number: number
  /** When, by the simulator's clock. */
  readonly atMs: number
  /** Its line in the trace. */
  readonly traceIndex: number
}

/** What a plan in progress tells. Made by `simulator.faults.plan`. */
export interface FaultRun {
  /** The faults that happened, in this order. */
  readonly happened: readonly HappenedFault[]
  /** The faults whose place was not reached yet. */
  readonly pending: readonly PlannedFault[]
  /** No fault happens from now on; connections are accepted again. What is delayed still arrives in its time. */
  stop(): void
}

/** A fault of the bytes that is due. */
export type DueWireFault = (
  CutFault | DropFault | DelayFault | CorruptFault | RefuseConnectionsFault | RestartFault
) & {
  /** How many bytes of the piece pass before it. */
  readonly offset: number
}

/** A fault of a stanza that is due. */
export type StanzaFault = DuplicateFault | ReorderFault | HoldAnswersFault
type WireFault = Exclude<PlannedFault, StanzaFault>

/** One fault with what has passed of what it counts. */
interface Armed<Fault extends PlannedFault> {
  readonly fault: Fault
  readonly number: number
  seen: number
  /** To how many stanzas it happened. */
  taken: number
}

/** What a run needs of the simulator. */
export interface FaultRunOptions {
  readonly clock: Clock
  readonly trace: Trace
  /** Cuts everything; called in a later microtask. */
  readonly restart: () => void
  /** The phone-number form of a device's JID, as connections have it. */
  readonly nameOf: (jid: string) => string
}

const DEFAULT_TAGS: readonly string[] = ['message', 'receipt', 'notification']

/** See the file comment. */
export class ActivePlan implements FaultRun {
  readonly #options: FaultRunOptions
  readonly #random: RandomSource
  readonly #happened: HappenedFault[] = []
  readonly #timers: Timer[] = []
  #wire: Armed<WireFault>[] = []
  #stanza: Armed<StanzaFault>[] = []
  #refusedUntilMs = 0

  constructor(plan: FaultPlan, options: FaultRunOptions) {
    this.#options = options
    this.#random = seededRandom(`faults ${String(plan.seed)}`)
    for (const [index, planned] of plan.faults.entries()) {
      const device = planned.device === undefined ? {} : { device: options.nameOf(planned.device) }
      this.#arm({ ...planned, ...device }, index + 1)
    }
  }

  get happened(): readonly HappenedFault[] {
    return this.#happened
  }

  get pending(): readonly PlannedFault[] {
    const armed = [...this.#wire, ...this.#stanza].sort((a, b) => a.number - b.number)
    return armed.map(({ fault }) => fault)
  }

  /** Whether a connection that comes now is refused. */
  get isRefusing(): boolean {
    return this.#options.clock.nowMs() < this.#refusedUntilMs
  }

  stop(): void {
    this.#wire = []
    this.#stanza = []
    this.#refusedUntilMs = 0
    for (const timer of this.#timers) timer.cancel()
  }

  /**
   * Counts what is about to pass. Behind a fault that ends the connection nothing else happens to the piece: what is due
   * there as well happens to the next.
   */
  meetPiece(direction: TraceDirection, party: TraceParty, piece: FramePiece): readonly DueWireFault[] {
    const due: DueWireFault[] = []
    let isOver = false
    for (const armed of [...this.#wire]) {
      if (!isMeant(armed.fault, party)) continue
      const offset = count(armed, direction, piece)
      if (offset === undefined || isOver) continue
      isOver = ENDINGS.has(armed.fault.fault)
      this.#take(armed, party)
      due.push({ ...armed.fault, offset })
    }
    return due
  }

  /** Counts a stanza that is about to pass. @returns what happens to it */
  meetStanza(direction: TraceDirection, party: TraceParty, stanza: BinaryNode): StanzaFault | undefined {
    let met: StanzaFault | undefined
    for (const armed of [...this.#stanza]) {
      const { fault } = armed
      if (!isMeant(fault, party) || !isCounted(fault, direction, stanza)) continue
      armed.seen += 1
      if (met !== undefined || armed.seen < firstOf(fault)) continue
      met = fault
      this.#takeStanza(armed, party)
    }
    return met
  }

  /** The bytes with one of them changed: not one of the length in front, unless there is nothing else. */
  corrupted(bytes: Uint8Array): Uint8Array {
    const lengthBytes = 3
    const changed = bytes.slice()
    const [place = 0, mask = 0] = new Uint32Array(this.#random.bytes(8).buffer)
    const first = Math.min(lengthBytes, bytes.length - 1)
    const index = first + (place % (bytes.length - first))
    changed[index] = (changed[index] ?? 0) ^ (1 + (mask % 255))
    return changed
  }

  #arm(fault: PlannedFault, number: number): void {
    if (fault.fault === 'duplicate' || fault.fault === 'reorder' || fault.fault === 'hold-answers') {
      this.#stanza.push({ fault, number, seen: 0, taken: 0 })
      return
    }
    const armed = { fault, number, seen: 0, taken: 0 }
    this.#wire.push(armed)
    if (!('afterMs' in fault.at)) return
    const timer = this.#options.clock.schedule(fault.at.afterMs, () => {
      // a cut needs a connection: it waits for the next bytes on one
      if (fault.fault === 'cut') armed.seen = Infinity
      else this.#take(armed, {})
    })
    this.#timers.push(timer)
  }

  #take(armed: Armed<WireFault>, party: Partial<TraceParty>): void {
    this.#wire = this.#wire.filter((other) => other !== armed)
    this.#record(armed, party)
    const { fault } = armed
    if (fault.fault === 'refuse-connections') {
      this.#refusedUntilMs = Math.max(this.#refusedUntilMs, this.#options.clock.nowMs() + fault.forMs)
    } else if (fault.fault === 'restart') {
      // whoever writes just now has not finished
      queueMicrotask(this.#options.restart)
    }
  }

  #takeStanza(armed: Armed<StanzaFault>, party: TraceParty): void {
    const { fault } = armed
    armed.taken += 1
    if (armed.taken === 1) this.#record(armed, party)
    const times = fault.fault === 'hold-answers' ? (fault.count ?? 1) : 1
    if (armed.taken >= times) this.#stanza = this.#stanza.filter((other) => other !== armed)
  }

  #record({ fault, number }: Armed<PlannedFault>, party: Partial<TraceParty>): void {
    const { trace, clock } = this.#options
    const traceIndex = trace.nextIndex
    this.#happened.push({ fault, number, atMs: clock.nowMs(), traceIndex })
    trace.note('fault', `planned fault ${String(number)}: ${describeFault(fault)}`, party)
  }
}

/** What ends the connection that it happens on. */
const ENDINGS: ReadonlySet<string> = new Set(['cut', 'drop', 'restart'])
/** What happens to the frame itself, and so in front of it. */
const IN_FRONT: ReadonlySet<string> = new Set(['drop', 'delay', 'corrupt'])

function isMeant({ device }: PlannedFault, party: TraceParty): boolean {
  return device === undefined || device === party.device
}

/** @returns how many bytes of the piece pass before the fault, when it is due */
function count(
  armed: Armed<WireFault>,
  direction: TraceDirection,
  { bytes, isBegin, isEnd }: FramePiece,
): number | undefined {
  const { fault } = armed
  const { at } = fault
  if ('afterMs' in at) return armed.seen === Infinity ? bytes.length : undefined
  if (at.direction !== direction) return undefined
  if ('byte' in at) {
    armed.seen += bytes.length
    return armed.seen < at.byte ? undefined : Math.max(0, bytes.length - (armed.seen - at.byte))
  }
  const isInFront = IN_FRONT.has(fault.fault)
  if (isInFront ? !isBegin : !isEnd) return undefined
  armed.seen += 1
  if (armed.seen < at.frame) return undefined
  return isInFront ? 0 : bytes.length
}

function isCounted(fault: StanzaFault, direction: TraceDirection, { tag, attrs }: BinaryNode): boolean {
  if (fault.fault === 'hold-answers') {
    const isAnswer = tag === 'iq' && (attrs['type'] === 'result' || attrs['type'] === 'error')
    return direction === 'server-to-client' && isAnswer
  }
  return fault.at.direction === direction && (fault.at.tags ?? DEFAULT_TAGS).includes(tag)
}

function firstOf(fault: StanzaFault): number {
  return fault.fault === 'hold-answers' ? fault.at.answer : fault.at.stanza
}
