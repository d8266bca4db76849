/**
 * Chats that wait before their next attempt, each a little longer than the last time. One chat's trouble holds up nobody
 * else; a new connection tries all of them at once, and what was learned of how long to wait stays.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'

/** What keeps a message from leaving. */
export type WaitReason =
  /** There is no connection; it goes out on the next one. */
  | 'connection'
  /** The handler that sends it has not ended: what it sends is recorded with its event. */
  | 'handler'
  /** An earlier message of the same chat waits. */
  | 'chat'
  /** The server did not tell the devices of the other side. */
  | 'devices'
  /** No device of the other side gave its keys. */
  | 'keys'
  /** The store could not be read or written. */
  | 'store'
  /** The server asked for patience. */
  | 'server'
  /** What the server refused it for is being repaired. */
  | 'repair'

/** One chat that waits. */
export interface Pause {
  /** The message at its head. */
  readonly id: string
  readonly chat: string
  readonly reason: WaitReason
  /** Failed attempts in a row, of this message and those before it. */
  readonly attempts: number
  /** Since when the chat has been failing. */
  readonly sinceMs: number
  readonly dueAtMs: number
}

/** The first pause, doubled by each further failure up to the longest. A quarter of each is left to chance. */
const FIRST_MS = 5_000
const LONGEST_MS = 10 * 60_000

/** How long a chat waits for the answer to a message that was refused before. */
const PROBE_MS = 30_000

/** Chats whose pauses are remembered; one that is forgotten is tried early. */
const MAX_PAUSES = 1024

/** See the file comment. */
export class Pauses {
  readonly #clock: Clock
  readonly #random: RandomSource
  readonly #onDue: () => void
  readonly #pauses = new Map<string, Pause>()
  #timer: Timer | undefined
  #isStopped = false

  /** @param onDue - called when at least one chat has waited long enough */
  constructor(clock: Clock, random: RandomSource, onDue: () => void) {
    this.#clock = clock
    this.#random = random
    this.#onDue = onDue
  }

  get isEmpty(): boolean {
    return this.#pauses.size === 0
  }

  /** The pause of a chat, by its lane or by the chat of the message at its head. */
  of(key: string): Pause | undefined {
    const pause = this.#pauses.get(key)
    if (pause !== undefined) return pause
    for (const one of this.#pauses.values()) if (one.chat === key) return one
    return undefined
  }

  /** Whether a lane is not to be worked on yet. */
  isHeld(lane: string): boolean {
    return (this.#pauses.get(lane)?.dueAtMs ?? 0) > this.#clock.nowMs()
  }

  /** Lanes that are not to be worked on yet. */
  held(): readonly string[] {
    const nowMs = this.#clock.nowMs()
    return [...this.#pauses].filter(([, { dueAtMs }]) => dueAtMs > nowMs).map(([lane]) => lane)
  }

  /** The head of a lane has failed: it waits. */
  wait(lane: string, message: Pick<Pause, 'id' | 'chat' | 'reason'>): Pause {
    const nowMs = this.#clock.nowMs()
    const { attempts = 0, sinceMs = nowMs } = this.#before(lane, message.id) ?? {}
    const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempts)
    const pauseMs = full - randomInteger(this.#random, Math.floor(full / 4))
    const pause = { ...message, attempts: attempts + 1, sinceMs, dueAtMs: nowMs + pauseMs }
    this.#set(lane, pause)
    return pause
  }

  /** A message of the lane has left, or is over: the next one is not made to wait for it. */
  over(lane: string): void {
    this.#pauses.delete(lane)
  }

  /** The message that a chat waited for is with the server. @returns whether a chat did */
  forget(id: string): boolean {
    for (const [lane, { id: head }] of this.#pauses) if (head === id) return this.#pauses.delete(lane)
    return false
  }

  /** A message that was refused before is on the wire again: what is behind it waits for the answer, and not for ever. */
  probe(lane: string, message: Pick<Pause, 'id' | 'chat'>): void {
    const nowMs = this.#clock.nowMs()
    const { attempts = 0, sinceMs = nowMs } = this.#before(lane, message.id) ?? {}
    const dueAtMs = nowMs + PROBE_MS
    this.#set(lane, { id: message.id, chat: message.chat, reason: 'server', attempts, sinceMs, dueAtMs })
  }

  /**
   * The message at the head is over; what was learned of the chat stays, and the next message is tried at once.
   *
   * @returns whether a chat waited for it
   */
  headIsOver(id: string): boolean {
    let isHead = false
    for (const [lane, pause] of this.#pauses) {
      if (pause.id !== id) continue
      this.#pauses.set(lane, { ...pause, dueAtMs: this.#clock.nowMs() })
      isHead = true
    }
    return isHead
  }

  /** Everything is tried at once: there is a new connection. */
  forgive(): void {
    this.#isStopped = false
    const dueAtMs = this.#clock.nowMs()
    for (const [lane, pause] of this.#pauses) this.#pauses.set(lane, { ...pause, dueAtMs })
  }

  /** No timer runs until {@link forgive}: an attempt of the connection that has ended may still fail. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The lane of a chat is another one when the other address of its person has been learned. */
  #before(lane: string, id: string): Pause | undefined {
    const same = this.#pauses.get(lane)
    if (same !== undefined) return same
    for (const [former, pause] of this.#pauses) {
      if (pause.id !== id) continue
      this.#pauses.delete(former)
      return pause
    }
    return undefined
  }

  #set(lane: string, pause: Pause): void {
    this.#pauses.delete(lane)
    const [oldest] = this.#pauses.keys()
    if (oldest !== undefined && this.#pauses.size >= MAX_PAUSES) this.#pauses.delete(oldest)
    this.#pauses.set(lane, pause)
    this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isStopped) return
    const nowMs = this.#clock.nowMs()
    const ahead = [...this.#pauses.values()]
      .map(({ dueAtMs }) => dueAtMs)
      .filter((dueAtMs) => dueAtMs > nowMs)
    if (ahead.length === 0) return
    this.#timer = this.#clock.schedule(Math.min(...ahead) - nowMs, () => {
      // for those that wait longer
      this.#schedule()
      this.#onDue()
    })
  }
}
