/** So many at a time, the others in the order in which they came. */
import { ClosedError } from '../../base/errors.ts'

/** See the file comment. */
export class Places {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(places: number) {
    this.#free = places
  }

  /** Resolves with the function that gives the place back. @throws {ClosedError} `WATON_MEDIA_ABORTED` */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#free === 0) await this.#wait(signal)
    else this.#free -= 1
    let isIn = true
    return () => {
      if (isIn) this.#leave()
      isIn = false
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        this.#waiting.delete(enter)
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = (): void => {
        this.#waiting.delete(enter)
        reject(
          new ClosedError('WATON_MEDIA_ABORTED', 'the download was given up by its signal before it began', {
            action: 'retry',
          }),
        )
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#free += 1
    else next()
  }
}
