/**
 * Asking the server about many with few questions: each is asked about once at a time, whoever wants to know; what is
 * wanted while all questions are under way goes into the next one. A question closes when there is room for it, never on a
 * timer.
 */
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import type { Connection } from '../connection/connection.ts'

/** What a {@link BatchedQuestions} is made of. */
export interface BatchedOptions {
  /** How many are asked about with one question. */
  readonly batch: number
  /** Questions under way at a time. */
  readonly concurrency: number
  /** Asks, and records the answers. Its error is told to everybody who waits for one of them. */
  readonly ask: (connection: Connection, keys: readonly string[]) => Promise<void>
}

interface Wanted {
  readonly key: string
  readonly connection: Connection
  readonly done: Deferred<void>
}

/** See the file comment. */
export class BatchedQuestions {
  readonly #options: BatchedOptions
  readonly #underWay = new Map<string, Deferred<void>>()
  #queue: Wanted[] = []
  #asking = 0

  constructor(options: BatchedOptions) {
    this.#options = options
  }

  /** Resolves when all of them have been asked about; rejects with the first error. */
  async ask(connection: Connection, keys: readonly string[]): Promise<void> {
    const waits = keys.map((key) => this.#want(connection, key).promise)
    this.#pump()
    await Promise.all(waits)
  }

  #want(connection: Connection, key: string): Deferred<void> {
    const present = this.#underWay.get(key)
    if (present !== undefined) return present
    const done: Deferred<void> = deferred()
    // whoever waits for several hears of the first error only
    done.promise.catch(() => undefined)
    this.#underWay.set(key, done)
    this.#queue.push({ key, connection, done })
    return done
  }

  #pump(): void {
    const { batch, concurrency } = this.#options
    while (this.#asking < concurrency) {
      const connection = this.#queue[0]?.connection
      if (connection === undefined) return
      const wanted = this.#queue.filter((one) => one.connection === connection).slice(0, batch)
      const taken = new Set(wanted)
      this.#queue = this.#queue.filter((one) => !taken.has(one))
      this.#asking += 1
      void this.#run(connection, wanted)
    }
  }

  async #run(connection: Connection, wanted: readonly Wanted[]): Promise<void> {
    const keys = wanted.map(({ key }) => key)
    try {
      await this.#options.ask(connection, keys)
      this.#settle(wanted, ({ done }) => {
        done.resolve()
      })
    } catch (error) {
      this.#settle(wanted, ({ done }) => {
        done.reject(error)
      })
    }
    this.#asking -= 1
    this.#pump()
  }

  #settle(wanted: readonly Wanted[], tell: (one: Wanted) => void): void {
    for (const one of wanted) {
      this.#underWay.delete(one.key)
      tell(one)
    }
  }
}
