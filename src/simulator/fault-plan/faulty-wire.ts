/**
 * The server's end of a connection whose bytes can be cut, swallowed, held up and changed on the way. It works on any
 * `Wire`, so the socket in memory and the WebSocket break in the same way. Without a plan everything passes as it is.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { TraceDirection, TraceParty } from '../trace.ts'
import type { Wire } from '../server/wire.ts'
import { FrameMeter, splitAtFrames } from './frame-meter.ts'
import type { FramePiece } from './frame-meter.ts'
import type { ActivePlan, DueWireFault } from './run.ts'

const DEFAULT_CUT_AFTER_MS = 1_000
/** Bytes that may be held up in one direction before the connection is cut. */
const MAX_HELD_BYTES = 16 * 1024 * 1024

/** What a wire needs to know. */
export interface FaultyWireOptions {
  readonly clock: Clock
  /** The plan in progress. */
  readonly plan: () => ActivePlan | undefined
  readonly party: () => TraceParty
}

/** See the file comment. */
export class FaultyWire implements Wire {
  readonly #inner: Wire
  readonly #toClient: Lane
  readonly #toServer: Lane
  onData: ((bytes: Uint8Array) => void) | undefined
  onClose: (() => void) | undefined

  constructor(inner: Wire, options: FaultyWireOptions) {
    this.#inner = inner
    const cut = (): void => {
      this.cut()
    }
    this.#toClient = new Lane('server-to-client', options, {
      pass: (bytes) => {
        inner.send(bytes)
      },
      cut,
    })
    this.#toServer = new Lane('client-to-server', options, { pass: (bytes) => this.onData?.(bytes), cut })
    inner.onData = (bytes) => {
      this.#toServer.push(bytes)
    }
    inner.onClose = () => {
      this.#stop()
      this.onClose?.()
    }
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes + this.#toClient.heldBytes
  }

  send(bytes: Uint8Array): void {
    this.#toClient.push(bytes)
  }

  end(): void {
    this.#toClient.whenPassed(() => {
      this.#inner.end()
    })
  }

  cut(): void {
    this.#stop()
    this.#inner.cut()
  }

  #stop(): void {
    this.#toClient.stop()
    this.#toServer.stop()
  }
}

/** Where the bytes of a direction go. */
interface LaneEnds {
  readonly pass: (bytes: Uint8Array) => void
  readonly cut: () => void
}

/** One direction. */
class Lane {
  readonly #direction: TraceDirection
  readonly #options: FaultyWireOptions
  readonly #ends: LaneEnds
  readonly #meter: FrameMeter
  readonly #timers = new Set<Timer>()
  /** Delays that are not over. */
  #delays = 0
  #held: Uint8Array[] = []
  #afterwards: (() => void) | undefined
  #isDead = false

  constructor(direction: TraceDirection, options: FaultyWireOptions, ends: LaneEnds) {
    this.#direction = direction
    this.#options = options
    this.#ends = ends
    this.#meter = new FrameMeter(direction)
  }

  get heldBytes(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  push(bytes: Uint8Array): void {
    if (this.#isDead) return
    const edges = this.#meter.push(bytes)
    const plan = this.#options.plan()
    if (plan === undefined) {
      this.#pass(bytes)
      return
    }
    for (const piece of splitAtFrames(bytes, edges)) {
      if (!this.#isStopped()) this.#meet(plan, piece)
    }
  }

  /** Calls `done` when nothing is held up any more. */
  whenPassed(done: () => void): void {
    if (this.#delays === 0) done()
    else this.#afterwards = done
  }

  /** Nothing passes from now on. */
  stop(): void {
    this.#isDead = true
    this.#held = []
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #meet(plan: ActivePlan, piece: FramePiece): void {
    let { bytes } = piece
    for (const due of plan.meetPiece(this.#direction, this.#options.party(), piece)) {
      if (due.fault === 'corrupt') bytes = plan.corrupted(bytes)
      else if (this.#suffer(due, bytes)) return
    }
    this.#pass(bytes)
  }

  /** @returns whether the piece is dealt with */
  #suffer(due: DueWireFault, bytes: Uint8Array): boolean {
    switch (due.fault) {
      case 'cut':
      case 'restart':
        if (due.offset > 0) this.#pass(bytes.slice(0, due.offset))
        this.#ends.cut()
        return true
      case 'drop':
        this.#isDead = true
        this.#later(due.cutAfterMs ?? DEFAULT_CUT_AFTER_MS, this.#ends.cut)
        return true
      case 'delay':
        this.#delays += 1
        this.#later(due.forMs, () => {
          this.#delays -= 1
          if (this.#delays === 0) this.#release()
        })
        return false
      case 'corrupt':
      case 'refuse-connections':
        return false
    }
  }

  #pass(bytes: Uint8Array): void {
    if (this.#delays === 0) {
      this.#ends.pass(bytes)
      return
    }
    this.#held.push(bytes)
    if (this.heldBytes > MAX_HELD_BYTES) this.#ends.cut()
  }

  #release(): void {
    for (const bytes of this.#held.splice(0)) this.#ends.pass(bytes)
    this.#afterwards?.()
    this.#afterwards = undefined
  }

  #later(delayMs: number, act: () => void): void {
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#timers.delete(timer)
      act()
    })
    this.#timers.add(timer)
  }

  #isStopped(): boolean {
    return this.#isDead
  }
}
