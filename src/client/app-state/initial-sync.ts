/**
 * Says when a client has what it needs to show: once the critical collections are here, or, if that takes too long, that it is
 * not complete and then once more when it is. Nothing ever waits for it.
 *
 * @source whatsmeow: three minutes for the first fetch of the critical collections
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { InitialSyncEvent } from '../events.ts'
import { CRITICAL } from './collections.ts'
import type { CollectionName } from './collections.ts'

/** How long nobody is told anything. */
const PATIENCE_MS = 180_000

/** See the file comment. One is good for one linked device. */
export class InitialSync {
  readonly #clock: Clock
  readonly #tell: (event: InitialSyncEvent) => void
  #timer: Timer | undefined
  #settled: readonly CollectionName[] = []
  #state: 'idle' | 'waiting' | 'late' | 'complete' = 'idle'

  constructor(clock: Clock, tell: (event: InitialSyncEvent) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** The client is open. */
  begin(): void {
    if (this.#state !== 'idle') return
    this.#state = 'waiting'
    this.#timer = this.#clock.schedule(PATIENCE_MS, () => {
      this.#state = 'late'
      this.#tell({ complete: false, collections: this.#settled })
    })
  }

  /** One more collection is here. */
  add(name: CollectionName): void {
    if (!this.#settled.includes(name)) this.update([...this.#settled, name])
  }

  /** These collections are here. */
  update(settled: readonly CollectionName[]): void {
    this.#settled = settled
    const isDone = CRITICAL.every((name) => settled.includes(name))
    if (!isDone || this.#state === 'idle' || this.#state === 'complete') return
    this.stop()
    this.#state = 'complete'
    this.#tell({ complete: true, collections: settled })
  }

  /** Nobody is told anything any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
