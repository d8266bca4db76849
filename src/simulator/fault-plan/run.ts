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
import { describeFault, MAX_FAULTS } from './plan.ts'
import type {
  AtStanza,
  CorruptFault,
  CutFault,
  DelayFault,
  DropFault,
  DuplicateFault,
  FaultPlan,
  HoldAnswersFault,
  LoseFault,
  PlannedFault,
  RefuseConnectionsFault,
  RefuseFault,
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
export type StanzaFault = DuplicateFault | ReorderFault | LoseFault | RefuseFault | HoldAnswersFault
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
const REFUSED_TAGS: readonly string[] = ['message']

/** See the file comment. */
export class ActivePlan implements FaultRun {
  readonly #options: FaultRunOptions
  readonly #name: string
  readonly #random: RandomSource
  readonly #happened: HappenedFault[] = []
  readonly #timers: Timer[] = []
  #wire: Armed<WireFault>[] = []
  #stanza: Armed<StanzaFault>[] = []
  #refusedUntilMs = 0
  #added = 0

  /** @param name - what its lines in the trace begin with */
  constructor(plan: FaultPlan, options: FaultRunOptions, name: 'planned' | 'requested' = 'planned') {
    this.#options = options
    this.#name = name
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

  /** One more fault, from now on: what it counts begins here. @returns whether there was room for it */
  add(fault: PlannedFault): boolean {
    if (this.#wire.length + this.#stanza.length >= MAX_FAULTS) return false
    this.#added += 1
    this.#arm(fault, this.#added)
    return true
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
      this.#takeStanza(armed, party, stanza)
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
    if (isStanzaFault(fault)) {
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

  #takeStanza(armed: Armed<StanzaFault>, party: TraceParty, { tag, attrs }: BinaryNode): void {
    const { fault } = armed
    armed.taken += 1
    const what = `<${tag}> ${attrs['id'] ?? ''}`
    if (armed.taken === 1) this.#record(armed, party, what)
    // of answers the first stands for all
    else if (fault.fault !== 'hold-answers')
      this.#options.trace.note('fault', `${fault.fault} again: ${what}`, party)
    const times = 'count' in fault ? (fault.count ?? 1) : 1
    if (armed.taken >= times) this.#stanza = this.#stanza.filter((other) => other !== armed)
  }

  #record({ fault, number }: Armed<PlannedFault>, party: Partial<TraceParty>, what?: string): void {
    const { trace, clock } = this.#options
    const traceIndex = trace.nextIndex
    // only what is asked for one by one can be more than a plan holds
    if (this.#happened.length >= MAX_FAULTS) this.#happened.shift()
    this.#happened.push({ fault, number, atMs: clock.nowMs(), traceIndex })
    const text = `${this.#name} fault ${String(number)}: ${describeFault(fault)}`
    trace.note('fault', what === undefined ? text : `${text}: ${what}`, party)
  }
}

/** What ends the connection that it happens on. */
const ENDINGS: ReadonlySet<string> = new Set(['cut', 'drop', 'restart'])
/** What happens to the frame itself, and so in front of it. */
const IN_FRONT: ReadonlySet<string> = new Set(['drop', 'delay', 'corrupt'])

function isStanzaFault(fault: PlannedFault): fault is StanzaFault {
  return 'stanza' in fault.at || 'answer' in fault.at
}

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
  const { at } = fault
  const tags = at.tags ?? (fault.fault === 'refuse' ? REFUSED_TAGS : DEFAULT_TAGS)
  return at.direction === direction && tags.includes(tag) && hasAttributes(attrs, at.attributes)
}

/** Whether a stanza has these attributes; without any it has. */
export function hasAttributes(attrs: BinaryNode['attrs'], wanted: AtStanza['attributes'] = {}): boolean {
  return Object.entries(wanted).every(([name, value]) => [value].flat().includes(attrs[name] ?? ''))
}

function firstOf(fault: StanzaFault): number {
  return fault.fault === 'hold-answers' ? fault.at.answer : fault.at.stanza
}
