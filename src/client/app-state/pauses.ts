/** When collections may be asked for again after the server, or a media server, could not give them: 1 s, doubling. */
import type { RandomSource } from '../../base/random.ts'
import type { CollectionName } from './collections.ts'
import { spread } from './ladder.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 5 * 60 * 1000
/** Beyond it a power of two means nothing. */
const MAX_DOUBLINGS = 16

interface Pause {
  readonly failures: number
  readonly untilMs: number
}

/** See the file comment. Forgotten with the process: a new one may ask at once. */
export class Pauses {
  readonly #pauses = new Map<CollectionName, Pause>()
  readonly #random: RandomSource

  constructor(random: RandomSource) {
    this.#random = random
  }

  /** Failures in a row. */
  failures(name: CollectionName): number {
    return this.#pauses.get(name)?.failures ?? 0
  }

  /** When it may be asked for. */
  untilMs(name: CollectionName): number {
    return this.#pauses.get(name)?.untilMs ?? 0
  }

  /** They came to nothing, for one reason: they are asked for together again. */
  failed(names: readonly CollectionName[], nowMs: number): void {
    const most = Math.max(...names.map((name) => this.failures(name)))
    const pauseMs = spread(Math.min(FIRST_MS * 2 ** Math.min(most, MAX_DOUBLINGS), LONGEST_MS), this.#random)
    for (const name of names)
      this.#pauses.set(name, { failures: this.failures(name) + 1, untilMs: nowMs + pauseMs })
  }

  /** It went well. */
  succeeded(name: CollectionName): void {
    this.#pauses.delete(name)
  }

  /** Nothing has happened yet: the account or the connection is another one. */
  clear(): void {
    this.#pauses.clear()
  }
}
