/** A small synchronous emitter with typed events. A listener that throws never stops the others or the caller. */

/** Maps event names to the one argument their listeners get. */
export type EventMap = object

/** What a listener gives back is not looked at, but that a promise of it may reject. */
type Listener<Payload> = (payload: Payload) => unknown

/** See the file comment. */
export class TypedEmitter<Events extends EventMap> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()
  readonly #onError: (error: unknown, event: keyof Events) => void

  /** @param onError - gets what a listener threw or rejected with */
  constructor(onError: (error: unknown, event: keyof Events) => void) {
    this.#onError = onError
  }

  /** Adds a listener and returns the function that removes it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    listeners.add(listener)
    return () => {
      this.off(name, listener)
    }
  }

  /** Adds a listener for the next event only. */
  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const remove = this.on(name, (payload) => {
      remove()
      return listener(payload)
    })
    return remove
  }

  /** Removes a listener. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(name)?.delete(listener)
  }

  /** Whether anybody listens to `name`. */
  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** Calls every listener in the order they were added. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    for (const listener of [...listeners] as unknown as Listener<Events[Name]>[]) {
      try {
        const result = listener(payload)
        if (result instanceof Promise)
          result.catch((error: unknown) => {
            this.#onError(error, name)
          })
      } catch (error) {
        this.#onError(error, name)
      }
    }
  }
}
