/**
 * Reads the log ahead of a consumer, page by page, into its lanes. Events of a chat whose lane is full are left in the store
 * and read again when the lane has drained (the chat is parked), so that one chat fills neither the memory nor the way
 * of the others. What no handler is to see is passed over and marked as finished.
 */
import { chatOf } from '../events/chat.ts'
import type { DurableEvent } from '../events.ts'
import type { AccountState } from '../state/account-state.ts'
import type { ChatLanes } from './chat-lanes.ts'
import { readPage } from './event-hub.ts'
import type { RefusedEvent } from './event-hub.ts'
import { finishedAmong } from './progress.ts'
import type { SeqRange } from './progress.ts'

/** One event on its way to the handler. */
export interface Delivery {
  readonly event: DurableEvent
  /** It was a dead letter, and somebody asked for another round. */
  readonly isRetry: boolean
}

/** What a feed works with. */
export interface FeedOptions {
  readonly name: string
  readonly state: AccountState
  readonly lanes: ChatLanes<Delivery>
  /** Whether the handler is to see an event. */
  readonly isWanted: (event: Pick<RefusedEvent, 'type' | 'at'>) => boolean
  /** Takes what cannot be read, before it is passed over. */
  readonly onRefused: (refused: readonly RefusedEvent[]) => Promise<void>
  /** Takes what was passed over. */
  readonly onPassed: (ranges: readonly SeqRange[]) => void
  /** The low-water mark. */
  readonly low: () => number
  /** The mark as it is recorded: retention may have moved it past what no handler has finished. */
  readonly recordedLow: () => Promise<number>
  /** How far reading may be ahead of it. */
  readonly maxAhead: number
}

/** Events in memory at most, in all lanes; reading waits beyond it. */
const MAX_WAITING = 4096

/** Events of one chat in memory at most, while there is much room and while there is less. */
const LANE_WHEN_EMPTY = 256
const LANE_WHEN_BUSY = 16

/** The same, for events that tell of hundreds of messages each. */
const LANE_OF_HISTORY = 16

/** See the file comment. */
export class Feed {
  readonly #options: FeedOptions
  /** Where the first event of a parked chat is that is not in memory. */
  readonly #parked = new Map<string, number>()
  #cursor: number
  #hasMore = true

  /** @param after - the low-water mark that reading begins behind */
  constructor(options: FeedOptions, after: number) {
    this.#options = options
    this.#cursor = after
  }

  /** Something was added to the log. */
  wake(): void {
    this.#hasMore = true
  }

  /** Reads one page where there is something to read and room for it. @returns whether it did */
  async step(): Promise<boolean> {
    const { lanes } = this.#options
    if (lanes.waiting >= MAX_WAITING) return false
    for (const [chat, seq] of this.#parked) {
      if (lanes.waitingIn(chat) > LANE_WHEN_BUSY / 4) continue
      await this.#catchUp(chat, seq)
      return true
    }
    if (!this.#hasMore || (await this.#isTooFarAhead())) return false
    await this.#readOn()
    return true
  }

  async #isTooFarAhead(): Promise<boolean> {
    const { low, recordedLow, maxAhead } = this.#options
    return this.#cursor - low() >= maxAhead && this.#cursor - (await recordedLow()) >= maxAhead
  }

  async #readOn(): Promise<void> {
    const { state, name, isWanted, onRefused, onPassed } = this.#options
    this.#hasMore = false
    try {
      const { events, refused, upTo } = await readPage(state, this.#cursor)
      if (upTo === undefined) return
      const finished = await finishedAmong(
        state,
        name,
        [...events, ...refused].map(({ seq }) => seq).sort((a, b) => a - b),
      )
      const unread = refused.filter((event) => !finished.has(event.seq) && isWanted(event))
      if (unread.length > 0) await onRefused(unread)
      const passed: SeqRange[] = []
      let next = this.#cursor + 1
      for (const event of events) {
        if (!finished.has(event.seq) && !isWanted(event)) continue
        if (event.seq > next) passed.push([next, event.seq - 1])
        next = event.seq + 1
        if (!finished.has(event.seq)) this.#offer(event)
      }
      if (next <= upTo) passed.push([next, upTo])
      this.#cursor = upTo
      if (passed.length > 0) onPassed(passed)
      if (upTo < state.lastSeq) this.#hasMore = true
    } catch (error) {
      this.#hasMore = true
      throw error
    }
  }

  #offer(event: DurableEvent): void {
    const chat = laneOf(event)
    if (this.#parked.has(chat)) return
    if (this.#isFull(chat, event)) this.#parked.set(chat, event.seq)
    else this.#options.lanes.add(chat, { event, isRetry: false })
  }

  /** Reads a page for one chat, up to where all chats were read. */
  async #catchUp(chat: string, from: number): Promise<void> {
    const { state, name, isWanted, lanes, onPassed } = this.#options
    const { events, upTo = this.#cursor } = await readPage(state, from - 1)
    const own = events.filter((event) => event.seq <= this.#cursor && laneOf(event) === chat)
    const finished = await finishedAmong(
      state,
      name,
      own.map(({ seq }) => seq),
    )
    for (const event of own) {
      if (finished.has(event.seq)) continue
      if (!isWanted(event)) {
        // it has grown too old while it waited
        onPassed([[event.seq, event.seq]])
        continue
      }
      if (this.#isFull(chat, event)) {
        this.#parked.set(chat, event.seq)
        return
      }
      lanes.add(chat, { event, isRetry: false })
    }
    if (upTo >= this.#cursor) this.#parked.delete(chat)
    else this.#parked.set(chat, upTo + 1)
  }

  #isFull(chat: string, { type }: DurableEvent): boolean {
    const { lanes } = this.#options
    const limit = lanes.waiting < MAX_WAITING / 2 ? LANE_WHEN_EMPTY : LANE_WHEN_BUSY
    return lanes.waitingIn(chat) >= (type === 'history.chunk' ? Math.min(limit, LANE_OF_HISTORY) : limit)
  }
}

/** Events of a chat share a lane; events without one share another. */
export function laneOf(event: DurableEvent): string {
  return chatOf(event) ?? ''
}
