/**
 * One direction of a connection above its cipher, where whole stanzas can be repeated, overtaken and left out without
 * the two ends losing step. Without a plan everything passes as it is.
 */
import type { Timer } from '../../base/clock.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { TraceDirection } from '../trace.ts'
import type { FaultyWireOptions } from './faulty-wire.ts'

/** How long a stanza waits for those that shall overtake it. */
const PATIENCE_MS = 1_000

interface Overtaken {
  readonly stanza: BinaryNode
  readonly timer: Timer
  left: number
}

/** See the file comment. */
export class StanzaLane {
  readonly #direction: TraceDirection
  readonly #options: FaultyWireOptions
  readonly #pass: (stanza: BinaryNode) => void
  /** As many as a plan has faults at most. */
  #overtaken: Overtaken[] = []

  constructor(direction: TraceDirection, options: FaultyWireOptions, pass: (stanza: BinaryNode) => void) {
    this.#direction = direction
    this.#options = options
    this.#pass = pass
  }

  push(stanza: BinaryNode): void {
    const met = this.#options.plan()?.meetStanza(this.#direction, this.#options.party(), stanza)
    switch (met?.fault) {
      case 'hold-answers':
        return
      case 'reorder':
        this.#hold(stanza, met.behind ?? 1)
        return
      case 'duplicate':
        this.#pass(stanza)
        this.#pass(stanza)
        break
      case undefined:
        this.#pass(stanza)
    }
    this.#countDown(stanza.tag)
  }

  /** The connection is gone: what waits is lost with it. */
  close(): void {
    for (const { timer } of this.#overtaken) timer.cancel()
    this.#overtaken = []
  }

  #hold(stanza: BinaryNode, left: number): void {
    const timer = this.#options.clock.schedule(PATIENCE_MS, () => {
      this.#release(overtaken)
    })
    const overtaken: Overtaken = { stanza, timer, left }
    this.#overtaken.push(overtaken)
  }

  #countDown(tag: string): void {
    for (const overtaken of [...this.#overtaken]) {
      if (overtaken.stanza.tag !== tag) continue
      overtaken.left -= 1
      if (overtaken.left <= 0) this.#release(overtaken)
    }
  }

  #release(overtaken: Overtaken): void {
    overtaken.timer.cancel()
    this.#overtaken = this.#overtaken.filter((other) => other !== overtaken)
    this.#pass(overtaken.stanza)
  }
}
