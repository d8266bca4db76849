/** A promise together with the functions that settle it. */

/** See {@link deferred}. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** Creates a promise that is settled from outside. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = noop
  let reject: (error: unknown) => void = noop
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

function noop(): void {
  // replaced synchronously by the promise constructor
}
