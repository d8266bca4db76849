/**
 * Stanzas that have arrived and whose changes are not durable yet: those that wait for their turn, and behind them those
 * that were taken and whose commit is under way. The second kind is kept as it came, so that it can be taken again from
 * the beginning when a commit fails. Both are bounded in number and bytes; the server is held back in time.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'

/** How much is kept, and when the server is held back. */
export interface ArrivalLimits {
  /** Stanzas waiting before the server is held back, and when it may go on. */
  readonly highWater: number
  readonly lowWater: number
  /** The same in bytes, of everything that is kept. */
  readonly highWaterBytes: number
  readonly lowWaterBytes: number
  /** Nothing is taken in beyond these, whatever the socket does about being held back. */
  readonly maxCount: number
  readonly maxBytes: number
}

/** A stanza is a few hundred bytes; a history notification or a large group's news some hundred thousand. */
export const ARRIVAL_LIMITS: ArrivalLimits = {
  highWater: 2048,
  lowWater: 512,
  highWaterBytes: 16 * 1024 * 1024,
  lowWaterBytes: 4 * 1024 * 1024,
  maxCount: 8192,
  maxBytes: 64 * 1024 * 1024,
}

/** A stanza and the connection that its answers belong to. */
export interface Arrival {
  readonly connection: Connection
  readonly stanza: BinaryNode
  /** What it takes in memory, roughly. */
  readonly sizeBytes: number
}

/** See the file comment. */
export class Arrivals {
  readonly #limits: ArrivalLimits
  #waiting: Arrival[] = []
  /** In the order in which they were taken. */
  readonly #taken = new Set<Arrival>()
  #sizeBytes = 0
  #paused: Connection | undefined

  constructor(limits: ArrivalLimits = ARRIVAL_LIMITS) {
    this.#limits = limits
  }

  /** Keeps a stanza. Returns whether there was room for it. */
  add(connection: Connection, stanza: BinaryNode): boolean {
    const { highWater, highWaterBytes, maxCount, maxBytes } = this.#limits
    const sizeBytes = weightOf(stanza)
    const count = this.#waiting.length + this.#taken.size
    if (count >= maxCount || (count > 0 && this.#sizeBytes + sizeBytes > maxBytes)) return false
    this.#waiting.push({ connection, stanza, sizeBytes })
    this.#sizeBytes += sizeBytes
    const isFull = this.#waiting.length >= highWater || this.#sizeBytes >= highWaterBytes
    if (isFull && this.#paused === undefined) {
      this.#paused = connection
      connection.pause()
    }
    return true
  }

  /** Takes the next one; it is kept until {@link settle}. */
  take(): Arrival | undefined {
    const arrival = this.#waiting.shift()
    if (arrival !== undefined) this.#taken.add(arrival)
    this.#resume()
    return arrival
  }

  /** Its changes are durable, or there is nobody left to answer. */
  settle(arrival: Arrival): void {
    if (!this.#taken.delete(arrival)) return
    this.#sizeBytes -= arrival.sizeBytes
    this.#resume()
  }

  /** Nothing of it was staged: it is the next one again. */
  putBack(arrival: Arrival): void {
    if (this.#taken.delete(arrival)) this.#waiting.unshift(arrival)
  }

  /** Everything that is not durable is taken again, in the order in which it came. */
  restart(): void {
    const taken = [...this.#taken]
    this.#waiting = [...taken, ...this.#waiting]
    this.#taken.clear()
    // what a connection that is gone has delivered comes again on the next one
    for (const { connection } of taken) if (!connection.isOpen) this.forget(connection)
  }

  /** The connection is gone: what it delivered and was not taken comes again. */
  forget(connection: Connection): void {
    this.#waiting = this.#waiting.filter((arrival) => {
      const isKept = arrival.connection !== connection
      if (!isKept) this.#sizeBytes -= arrival.sizeBytes
      return isKept
    })
    if (this.#paused === connection) this.#paused = undefined
  }

  #resume(): void {
    const { lowWater, lowWaterBytes } = this.#limits
    if (this.#paused === undefined) return
    if (this.#waiting.length > lowWater || this.#sizeBytes > lowWaterBytes) return
    const paused = this.#paused
    this.#paused = undefined
    paused.resume()
  }
}

/** What the parts of a stanza cost beside their text and bytes. */
const NODE_BYTES = 64

/** Roughly the memory that a stanza takes: exact enough for a bound, and cheap. */
function weightOf({ tag, attrs, content }: BinaryNode): number {
  let weight = NODE_BYTES + tag.length
  for (const name in attrs) weight += name.length + (attrs[name]?.length ?? 0)
  if (content === undefined) return weight
  if (typeof content === 'string' || content instanceof Uint8Array) return weight + content.length
  for (const child of content) weight += weightOf(child)
  return weight
}
