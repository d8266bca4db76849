/**
 * Lets the end of the process wait for the writer thread to step out of SQLite. A thread that is ended inside a native
 * call of `@photostructure/sqlite` 1.2.1 aborts the whole process ("terminate called after throwing an instance of
 * 'Napi::Error'", exit code 134): nothing is lost, but `process.exit(0)` during a commit would look like a crash.
 */

const BUSY = 0
const STOP = 1

/** Two flags in memory that both threads share. */
export class Gate {
  /** Hand this to the other thread. */
  readonly memory: SharedArrayBuffer
  readonly #flags: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory
    this.#flags = new Int32Array(memory)
  }

  /** Whether the process is ending: nothing new may begin. */
  get isStopped(): boolean {
    return Atomics.load(this.#flags, STOP) === 1
  }

  /** Writer thread: about to call SQLite. Returns `false` when it must not any more. */
  enter(): boolean {
    // Flag first, then look: either the other side sees the flag, or this side sees the stop.
    Atomics.store(this.#flags, BUSY, 1)
    if (!this.isStopped) return true
    this.leave()
    return false
  }

  /** Writer thread: back from SQLite. */
  leave(): void {
    Atomics.store(this.#flags, BUSY, 0)
    Atomics.notify(this.#flags, BUSY)
  }

  /** Any thread: lets nothing new begin and blocks until the writer has left, or for `timeoutMs`. */
  stop(timeoutMs: number): void {
    Atomics.store(this.#flags, STOP, 1)
    if (Atomics.load(this.#flags, BUSY) === 1) Atomics.wait(this.#flags, BUSY, 1, timeoutMs)
  }
}
