/** Bounded collections (promise G7). The heavy lifting is `lru-cache`; this file fixes how waton uses it. */
import { LRUCache } from 'lru-cache'

/** A map that forgets its least recently used entry when it is full. */
export class BoundedMap<Key extends string | number, Value extends object | string | number | boolean> {
  readonly #entries: LRUCache<Key, Value>

  /** @param maxEntries - entries kept at most */
  constructor(maxEntries: number) {
    this.#entries = new LRUCache<Key, Value>({ max: maxEntries })
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  get size(): number {
    return this.#entries.size
  }
}
