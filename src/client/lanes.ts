/**
 * Work in lanes: one piece at a time per lane and in order, several lanes side by side up to a bound, fair to all.
 */
import { deferred } from '../base/deferred.ts'
import type { Deferred } from '../base/deferred.ts'

/** Lanes that work at the same time. */
const MAX_PARALLEL = 16

/** Pieces waiting in all lanes before {@link Lanes.room} makes the producer wait. */
const MAX_WAITING = 1024

/** See the file comment. */
export class Lanes<Item> {
  readonly #work: (item: Item) => Promise<void>
  #lanes = new Map<string, Item[]>()
  #ready: string[] = []
  readonly #busy = new Set<string>()
  readonly #blocked = new Set<string>()
  #waiting = 0
  #room: Deferred<void> | undefined
  #idle: Deferred<void> | undefined

  /** @param work - never rejects: a failure is the worker's to record */
  constructor(work: (item: Item) => Promise<void>) {
    this.#work = work
  }

  /** Adds a piece at the end of a lane. */
  add(key: string, item: Item): void {
    if (this.#blocked.has(key)) return
    const lane = this.#lanes.get(key)
    this.#waiting += 1
    if (lane === undefined) {
      this.#lanes.set(key, [item])
      if (!this.#busy.has(key)) this.#ready.push(key)
    } else {
      lane.push(item)
    }
    this.#start()
  }

  /** Whether work of a lane is waiting or under way, or the lane is blocked. */
  isOpen(key: string): boolean {
    return this.#lanes.has(key) || this.#busy.has(key) || this.#blocked.has(key)
  }

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    if (this.#waiting < MAX_WAITING) return
    this.#room ??= deferred()
    await this.#room.promise
  }

  /** Resolves when no work is under way. */
  async idle(): Promise<void> {
    if (this.#busy.size === 0) return
    this.#idle ??= deferred()
    await this.#idle.promise
  }

  /** Drops what waits in a lane and what is added to it, until {@link clear}. */
  block(key: string): void {
    this.#blocked.add(key)
    this.#waiting -= this.#lanes.get(key)?.length ?? 0
    this.#lanes.delete(key)
    this.#makeRoom()
  }

  /** Drops everything that waits. Work under way goes on, and its lane stays taken until it is done. */
  clear(): void {
    this.#lanes = new Map()
    this.#ready = []
    this.#blocked.clear()
    this.#waiting = 0
    this.#makeRoom()
  }

  #start(): void {
    while (this.#busy.size < MAX_PARALLEL) {
      const key = this.#ready.shift()
      if (key === undefined) return
      const item = this.#take(key)
      if (item === undefined) continue
      this.#busy.add(key)
      void this.#run(key, item)
    }
  }

  async #run(key: string, item: Item): Promise<void> {
    try {
      await this.#work(item)
    } finally {
      this.#busy.delete(key)
      if (this.#lanes.has(key)) this.#ready.push(key)
      this.#start()
      if (this.#busy.size === 0) {
        this.#idle?.resolve()
        this.#idle = undefined
      }
    }
  }

  #take(key: string): Item | undefined {
    const lane = this.#lanes.get(key)
    const item = lane?.shift()
    if (lane?.length === 0) this.#lanes.delete(key)
    if (item === undefined) return undefined
    this.#waiting -= 1
    this.#makeRoom()
    return item
  }

  #makeRoom(): void {
    if (this.#waiting >= MAX_WAITING) return
    this.#room?.resolve()
    this.#room = undefined
  }
}
