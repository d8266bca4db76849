/**
 * Orders that wait for their turn: what devices ask for is answered at the pace of the token buckets, and what comes
 * faster waits in line instead of being lost. The orders themselves are in the store; here is their order, the bound on
 * how many there may be, and the one timer that lets the next ones through.
 *
 * Each device has a line for each chat, so that nobody waits for somebody else. An order that was let through keeps its
 * token until it is encrypted, however many connections that takes.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { SEPARATOR } from './records.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Orders of one device that are not carried out yet. At ten a minute the last of them waits for an hour and a half. */
const MAX_OF_DEVICE = 1_000

/** Orders of all devices that are not carried out yet. */
const MAX_IN_ALL = 4_000

/** Between two looks at the lines, however many of them there are. */
const MIN_PAUSE_MS = 100

/** An order as it waits. */
export interface WaitingOrder {
  readonly name: string
  /** The chat of the message, canonical. Orders of former versions have none. */
  readonly chat: string | undefined
  /** Its place: who has the smaller number is first. */
  readonly orderedAtMs: number
}

/** See the file comment. */
export class WaitingOrders {
  readonly #clock: Clock
  readonly #letThrough: (name: string) => void
  readonly #buckets = new TokenBuckets()
  /** Orders in line, by device and chat. No line is empty. */
  readonly #lines = new Map<string, WaitingOrder[]>()
  /** Orders that are not encrypted yet, by name: `true` once they have their token. */
  readonly #open = new Map<string, boolean>()
  /** How many are open, by device. */
  readonly #ofDevice = new Map<string, number>()
  #lastPlaceMs = 0
  #isRunning = false
  #timer: Timer | undefined
  #dueAtMs = Infinity

  /** @param letThrough - told the names of the orders whose turn it is, only between `start` and `stop` */
  constructor(clock: Clock, letThrough: (name: string) => void) {
    this.#clock = clock
    this.#letThrough = letThrough
  }

  /** Whether so many orders of a device, and one more, may be taken. @param device - canonical */
  hasRoom(device: string, others: number): boolean {
    const ofDevice = this.#ofDevice.get(device) ?? 0
    return this.#open.size + others < MAX_IN_ALL && ofDevice + others < MAX_OF_DEVICE
  }

  /** Whether orders of a device are not carried out yet. @param device - canonical */
  hasOrdersOf(device: string): boolean {
    return this.#ofDevice.has(device)
  }

  /** The place behind all others, for an order that is taken now. */
  nextPlace(nowMs: number): number {
    this.#lastPlaceMs = Math.max(nowMs, this.#lastPlaceMs + 1)
    return this.#lastPlaceMs
  }

  /**
   * Puts an order in its line, unless it is known. {@link look} or {@link start} lets it through.
   *
   * @param isLeft - whether the process before has left it: as many as wait have emptied its buckets, which a restart
   *   must not fill again
   */
  add(order: WaitingOrder, isLeft = false): void {
    const { name, orderedAtMs } = order
    this.#lastPlaceMs = Math.max(this.#lastPlaceMs, orderedAtMs)
    if (this.#open.has(name)) return
    if (isLeft) this.#buckets.take(bucketsOf(order), this.#clock.nowMs())
    const device = deviceOf(name)
    this.#open.set(name, false)
    this.#ofDevice.set(device, (this.#ofDevice.get(device) ?? 0) + 1)
    const line = this.#lines.get(lineOf(order))
    if (line === undefined) {
      this.#lines.set(lineOf(order), [order])
      return
    }
    let index = line.length
    while (index > 0 && (line[index - 1]?.orderedAtMs ?? 0) > orderedAtMs) index -= 1
    line.splice(index, 0, order)
  }

  /** Whether an order has its token. */
  mayGo(name: string): boolean {
    return this.#open.get(name) === true
  }

  /** An order is encrypted, or forgotten. */
  done(name: string): void {
    const mayGo = this.#open.get(name)
    if (mayGo === undefined) return
    this.#open.delete(name)
    const device = deviceOf(name)
    const left = (this.#ofDevice.get(device) ?? 0) - 1
    if (left > 0) this.#ofDevice.set(device, left)
    else this.#ofDevice.delete(device)
    if (!mayGo) this.#leaveLine(name)
  }

  /** There is a connection: whoever has a token goes, also once more, and the others follow as they get theirs. */
  start(): void {
    this.#isRunning = true
    for (const [name, mayGo] of this.#open) if (mayGo) this.#letThrough(name)
    this.look()
  }

  /** The connection is gone: nobody goes until {@link start}. */
  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueAtMs = Infinity
  }

  /** Lets through whoever has a token, the first in all lines first, and comes back when the next may have one. */
  look(): void {
    if (!this.#isRunning) return
    const nowMs = this.#clock.nowMs()
    while (this.#letOneOfEachThrough(nowMs));
    let pauseMs = Infinity
    for (const [head] of this.#lines.values())
      if (head !== undefined) pauseMs = Math.min(pauseMs, this.#buckets.pauseMs(bucketsOf(head), nowMs))
    this.#lookIn(pauseMs)
  }

  /** Like {@link look}, for an order that was added a moment ago: whoever stands behind others cannot go. */
  lookAt(order: WaitingOrder): void {
    if (!this.#isRunning) return
    if (this.mayGo(order.name)) {
      // it was taken before, and that was not kept
      this.#letThrough(order.name)
      return
    }
    if (this.#lines.get(lineOf(order))?.[0]?.name !== order.name) return
    const nowMs = this.#clock.nowMs()
    if (this.#take(order, nowMs)) return
    const pauseMs = this.#buckets.pauseMs(bucketsOf(order), nowMs)
    if (nowMs + pauseMs < this.#dueAtMs) this.#lookIn(pauseMs)
  }

  #letOneOfEachThrough(nowMs: number): boolean {
    const heads = [...this.#lines.values()].flatMap(([head]) => head ?? [])
    heads.sort((one, other) => one.orderedAtMs - other.orderedAtMs)
    return heads.filter((head) => this.#take(head, nowMs)).length > 0
  }

  /** Takes the tokens for the first of a line, and lets it through. */
  #take(head: WaitingOrder, nowMs: number): boolean {
    if (!this.#buckets.take(bucketsOf(head), nowMs)) return false
    this.#shorten(lineOf(head), 0)
    // behind those that went before it
    this.#open.delete(head.name)
    this.#open.set(head.name, true)
    this.#letThrough(head.name)
    return true
  }

  #leaveLine(name: string): void {
    for (const [key, line] of this.#lines) {
      const index = line.findIndex((order) => order.name === name)
      if (index >= 0) this.#shorten(key, index)
    }
  }

  #shorten(key: string, index: number): void {
    const line = this.#lines.get(key)
    line?.splice(index, 1)
    if (line?.length === 0) this.#lines.delete(key)
  }

  #lookIn(pauseMs: number): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueAtMs = Infinity
    if (pauseMs === Infinity) return
    const delayMs = Math.max(pauseMs, MIN_PAUSE_MS)
    this.#dueAtMs = this.#clock.nowMs() + delayMs
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#timer = undefined
      this.#dueAtMs = Infinity
      this.look()
    })
  }
}

function deviceOf(name: string): string {
  return name.slice(name.indexOf(SEPARATOR) + 1)
}

function lineOf({ name, chat }: WaitingOrder): string {
  return `${deviceOf(name)}${SEPARATOR}${chat ?? ''}`
}

function bucketsOf({ name, chat }: WaitingOrder): readonly string[] {
  const device = `device ${deviceOf(name)}`
  return chat === undefined ? [device] : [`chat ${chat}`, device]
}
