/** One lock per key, first come first served. Held across awaits of local work, never across the network. */

/** See the file comment. Keys without a holder take no memory. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` when every earlier call with the same key has settled. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const current = before.then(work)
    const tail = current.then(ignore, ignore)
    this.#tails.set(key, tail)
    try {
      return await current
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }

  /** How many keys are held or waited for. */
  get size(): number {
    return this.#tails.size
  }
}

function ignore(): void {
  // a failure belongs to the caller of `run`, not to the next one in line
}
