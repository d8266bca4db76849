/**
 * The order in which a consumer's events reach its handler: one event of a chat at a time and in order, many chats side by
 * side and in turn. A chat whose event has to be tried again waits for it without holding a place that another chat
 * could use. What an attempt does, and when the next one is due, is the business of `consumer.ts`.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'

/** Handlers that run at the same time at most. */
export const MAX_PARALLEL = 64

/** A chat whose first event was tried or is being tried. */
export interface LaneState<Item> {
  readonly key: string
  readonly item: Item
  /** Attempts that failed. */
  readonly failures: number
  readonly isRunning: boolean
  /** When the attempt under way began, or the last one failed. */
  readonly sinceMs: number
}

interface Lane<Item> {
  readonly key: string
  readonly items: Item[]
  failures: number
  isRunning: boolean
  sinceMs: number
  pause: Timer | undefined
}

/** What lanes work with. */
export interface ChatLanesOptions<Item> {
  readonly clock: Clock
  /**
   * Tries an item. Never rejects.
   *
   * @returns after how many milliseconds to try again, or `undefined` when the item is finished
   */
  readonly attempt: (item: Item, attempt: number) => Promise<number | undefined>
  /** An item is finished. */
  readonly onFinished: () => void
}

/** See the file comment. */
export class ChatLanes<Item> {
  readonly #options: ChatLanesOptions<Item>
  readonly #lanes = new Map<string, Lane<Item>>()
  readonly #ready: Lane<Item>[] = []
  #running = 0
  #waiting = 0
  #isStopped = false
  #idle: Deferred<void> | undefined

  constructor(options: ChatLanesOptions<Item>) {
    this.#options = options
  }

  /** Items that are not finished, those under way included. */
  get waiting(): number {
    return this.#waiting
  }

  /** Attempts under way. */
  get running(): number {
    return this.#running
  }

  /** Items of one lane that are not finished. */
  waitingIn(key: string): number {
    return this.#lanes.get(key)?.items.length ?? 0
  }

  /** The lanes whose first item has been begun. */
  *begun(): Iterable<LaneState<Item>> {
    for (const { key, items, failures, isRunning, sinceMs } of this.#lanes.values()) {
      const [item] = items
      if (item !== undefined && (isRunning || failures > 0)) yield { key, item, failures, isRunning, sinceMs }
    }
  }

  /** Adds an item at the end of a lane. */
  add(key: string, item: Item): void {
    if (this.#isStopped) return
    this.#waiting += 1
    const lane = this.#lanes.get(key)
    if (lane !== undefined) {
      lane.items.push(item)
      return
    }
    const fresh = { key, items: [item], failures: 0, isRunning: false, sinceMs: 0, pause: undefined }
    this.#lanes.set(key, fresh)
    this.#ready.push(fresh)
    this.#start()
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true
    this.#ready.length = 0
    for (const lane of this.#lanes.values()) lane.pause?.cancel()
  }

  /** Resolves when no attempt is under way. */
  async idle(): Promise<void> {
    if (this.#running === 0) return
    this.#idle ??= deferred()
    await this.#idle.promise
  }

  #start(): void {
    while (this.#running < MAX_PARALLEL && !this.#isStopped) {
      const lane = this.#ready.shift()
      const item = lane?.items[0]
      if (lane === undefined || item === undefined) return
      this.#running += 1
      void this.#run(lane, item)
    }
  }

  async #run(lane: Lane<Item>, item: Item): Promise<void> {
    const { clock, attempt, onFinished } = this.#options
    lane.isRunning = true
    lane.sinceMs = clock.nowMs()
    const againMs = await attempt(item, lane.failures + 1)
    lane.isRunning = false
    this.#running -= 1
    if (againMs === undefined) this.#finished(lane)
    else this.#pause(lane, againMs)
    this.#start()
    if (againMs === undefined) onFinished()
    if (this.#running > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  #finished(lane: Lane<Item>): void {
    lane.items.shift()
    lane.failures = 0
    this.#waiting -= 1
    if (lane.items.length === 0) this.#lanes.delete(lane.key)
    else this.#ready.push(lane)
  }

  #pause(lane: Lane<Item>, againMs: number): void {
    lane.failures += 1
    lane.sinceMs = this.#options.clock.nowMs()
    if (this.#isStopped) return
    lane.pause = this.#options.clock.schedule(againMs, () => {
      lane.pause = undefined
      this.#ready.push(lane)
      this.#start()
    })
  }
}
