/**
 * What was written to the connection of the moment and is not answered yet, and since when: on a connection that lives an
 * answer can get lost all the same. What is late is to be repeated as it is, once. What is late again means that something
 * is wrong with the connection: it ends, and the next one goes on with everything that has no answer.
 *
 * Each further time the same stanza is left alone for twice as long, so that one which is never answered, by a server that
 * lives, costs a new connection now and then and not all the time.
 *
 * @source whatsmeow `request.go`, whatsapp-rust: 75 s for an answer of any kind
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { TimeoutError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { Connection } from '../connection/connection.ts'
import { DEFAULT_TIMING } from '../options.ts'
import type { Timing } from '../options.ts'

/** What the deadlines need. */
export interface UnansweredOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly timing?: Partial<Timing> | undefined
}

/** What was late once, at most; one that is forgotten counts as never late. */
const MAX_LATE = 4_096

/** However often it was late before. */
const LONGEST_MS = 60 * 60 * 1000

/** See the file comment. */
export class Unanswered {
  readonly #options: UnansweredOptions
  readonly #timeoutMs: number
  readonly #onLate: (keys: readonly string[]) => void
  #connection: Connection | undefined
  #isRunning = false
  /** When each is late, by the key of its owner. */
  readonly #dueAtMs = new Map<string, number>()
  /** How often each was late. */
  readonly #late = new BoundedMap<string, number>(MAX_LATE)
  /** A part of each deadline is left to chance. */
  #spreadMs = 0
  #timer: Timer | undefined
  #timerAtMs = Infinity

  /** @param onLate - is to write these again: they count as not written */
  constructor(options: UnansweredOptions, onLate: (keys: readonly string[]) => void) {
    this.#options = options
    this.#timeoutMs = options.timing?.ackTimeoutMs ?? DEFAULT_TIMING.ackTimeoutMs
    this.#onLate = onLate
  }

  get size(): number {
    return this.#dueAtMs.size
  }

  /** Answers may come. After a pause of the same connection the server still has what was written to it. */
  begin(connection: Connection): void {
    if (connection !== this.#connection) this.clear()
    this.#connection = connection
    this.#isRunning = true
    this.#spreadMs = randomInteger(this.#options.random, Math.floor(this.#timeoutMs / 4) + 1)
    for (const key of this.#dueAtMs.keys()) this.add(key)
  }

  /** Answers are not looked at, so that nothing is late. */
  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAtMs = Infinity
  }

  has(key: string): boolean {
    return this.#dueAtMs.has(key)
  }

  /** It is being written. */
  add(key: string): void {
    const timeoutMs = Math.min(LONGEST_MS, this.#timeoutMs * 2 ** (this.#late.get(key) ?? 0))
    const dueAtMs = this.#options.clock.nowMs() + Math.max(timeoutMs, this.#timeoutMs) + this.#spreadMs
    this.#dueAtMs.set(key, dueAtMs)
    // one that runs already looks again when it is due, so that a busy connection does not start one for each stanza
    if (dueAtMs < this.#timerAtMs) this.#lookAt(dueAtMs)
  }

  /** It did not leave, or another takes its place. */
  delete(key: string): void {
    this.#dueAtMs.delete(key)
  }

  /** The server has answered. */
  answered(key: string): void {
    this.#dueAtMs.delete(key)
    this.#late.delete(key)
  }

  /** Everything counts as not written. */
  clear(): void {
    this.#dueAtMs.clear()
  }

  #lookAt(dueAtMs: number): void {
    if (!this.#isRunning) return
    this.#timer?.cancel()
    this.#timerAtMs = dueAtMs
    this.#timer = this.#options.clock.schedule(Math.max(0, dueAtMs - this.#options.clock.nowMs()), () => {
      this.#timer = undefined
      this.#timerAtMs = Infinity
      this.#look()
    })
  }

  #look(): void {
    const nowMs = this.#options.clock.nowMs()
    const late = [...this.#dueAtMs].filter(([, dueAtMs]) => dueAtMs <= nowMs).map(([key]) => key)
    let isAgain = false
    for (const key of late) {
      const before = this.#late.get(key) ?? 0
      this.#late.set(key, before + 1)
      this.#dueAtMs.delete(key)
      isAgain ||= before > 0
    }
    let nextMs = Infinity
    for (const dueAtMs of this.#dueAtMs.values()) nextMs = Math.min(nextMs, dueAtMs)
    if (nextMs < Infinity) this.#lookAt(nextMs)
    if (late.length === 0) return
    this.#options.logger.warn({ count: late.length, isAgain }, 'the server has not answered what was sent')
    if (isAgain) this.#connection?.close(tooLate(late.length))
    else this.#onLate(late)
  }
}

function tooLate(count: number): TimeoutError {
  return new TimeoutError(
    'WATON_ACK_TIMEOUT',
    'the server answers, but not what was sent, also not the second time; the connection begins anew and repeats it',
    { details: { count }, retryable: true },
  )
}
