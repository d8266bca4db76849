/**
 * One direction of a connection above its cipher, where whole stanzas can be repeated, overtaken and left out without
 * the two ends losing step. Without a plan everything passes as it is.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { AtStanza, ReorderFault } from './plan.ts'
import { hasAttributes } from './run.ts'
import type { StanzaFault } from './run.ts'

/** How long a stanza waits for those that shall overtake it. */
const PATIENCE_MS = 1_000

/** What a lane lies between. */
export interface StanzaLaneEnds {
  /** Takes what passes. */
  readonly pass: (stanza: BinaryNode) => void
  /** Sends something back to where a stanza came from: the refusal of a message. */
  readonly answer?: (stanza: BinaryNode) => void
}

/** What a lane is made of. */
export interface StanzaLaneOptions extends StanzaLaneEnds {
  readonly clock: Clock
  /** What happens to a stanza. */
  readonly meet: (stanza: BinaryNode) => StanzaFault | undefined
}

interface Overtaken {
  readonly stanza: BinaryNode
  readonly timer: Timer
  /** What those that overtake it look like. */
  readonly by: AtStanza['attributes'] | undefined
  left: number
}

/** See the file comment. */
export class StanzaLane {
  readonly #options: StanzaLaneOptions
  /** As many as a plan has faults at most. */
  #overtaken: Overtaken[] = []

  constructor(options: StanzaLaneOptions) {
    this.#options = options
  }

  push(stanza: BinaryNode): void {
    const { meet, pass } = this.#options
    const met = meet(stanza)
    switch (met?.fault) {
      case 'hold-answers':
      case 'lose':
        return
      case 'refuse':
        this.#refuse(stanza, met.code)
        return
      case 'reorder':
        this.#hold(stanza, met)
        return
      case 'duplicate':
        pass(stanza)
        pass(stanza)
        break
      case undefined:
        pass(stanza)
    }
    this.#countDown(stanza)
  }

  /** The connection is gone: what waits is lost with it. */
  close(): void {
    for (const { timer } of this.#overtaken) timer.cancel()
    this.#overtaken = []
  }

  #refuse({ attrs }: BinaryNode, error: number): void {
    const { answer, clock } = this.#options
    const t = Math.floor(clock.nowMs() / 1000)
    answer?.(node('ack', { class: 'message', id: attrs['id'], from: attrs['to'], t, error }))
  }

  #hold(stanza: BinaryNode, { behind = 1, at }: ReorderFault): void {
    const timer = this.#options.clock.schedule(PATIENCE_MS, () => {
      this.#release(overtaken)
    })
    const overtaken: Overtaken = { stanza, timer, by: at.attributes, left: behind }
    this.#overtaken.push(overtaken)
  }

  #countDown({ tag, attrs }: BinaryNode): void {
    for (const overtaken of [...this.#overtaken]) {
      if (overtaken.stanza.tag !== tag || !hasAttributes(attrs, overtaken.by)) continue
      overtaken.left -= 1
      if (overtaken.left <= 0) this.#release(overtaken)
    }
  }

  #release(overtaken: Overtaken): void {
    overtaken.timer.cancel()
    this.#overtaken = this.#overtaken.filter((other) => other !== overtaken)
    this.#options.pass(overtaken.stanza)
  }
}
