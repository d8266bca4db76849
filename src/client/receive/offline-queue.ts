/**
 * Empties the server's offline queue: what waited is pulled in batches, because a server that is not asked stops after the
 * first few stanzas and never turns to live ones. The next batch is asked for when the last one was taken in, so that a
 * slow store holds the server back. What gets lost on the way cannot stall it: silence is answered by asking again, and
 * ends after a while, because nothing is lost by going on (what was not answered comes again at the next login).
 *
 * It stands at two places: {@link OfflineQueue.admit} at the door, where stanzas arrive, and {@link OfflineQueue.took}
 * where they have been processed. It has no part in what stanzas mean.
 *
 * @source whatsapp-rust `src/client/offline_batch.rs` (after WA Web `WAWebOfflineHandler`): pull loop, end after 60 s; its
 *   #125: a server goes live only behind its end marker; Baileys 7.0.0-rc14 `Socket/socket.js`: batches of 100;
 *   Baileys #2810: live stanzas may carry `offline="0"`, and the end marker may never come
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { childrenOf, numberAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { buildOfflineBatch } from '../../protocol/stanza/info-bulletin.ts'
import type { OfflineProgress } from '../events.ts'

/** Stanzas asked for at once. */
const BATCH = 100

/** Silence after which the queue is asked again; twice as long each time. */
const QUIET_MS = 1_000

/** Silence after which nothing more is expected: everything that was announced has come, or something is missing. */
const ALL_HERE_MS = 10_000
const GIVE_UP_MS = 60_000

/** What the queue works with. */
export interface OfflineQueueOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Sends on the connection that is open, if one is. */
  readonly send: (stanza: BinaryNode) => void
  /** Called at the beginning, for each batch and at the end. */
  readonly onProgress: (progress: OfflineProgress) => void
}

interface Drain {
  expected: number
  /** Stanzas of the queue that came, and those that were processed. */
  arrived: number
  taken: number
  /** How often silence was broken since the last stanza. */
  probes: number
  /** How long it has been silent, told by the timer: the machine's clock may be set while the queue is drained. */
  quietMs: number
}

/** See the file comment. One per client; a connection's end is told with {@link OfflineQueue.stop}. */
export class OfflineQueue {
  readonly #options: OfflineQueueOptions
  /** Whether what arrives now belongs to the queue; the end marker closes the door before it is processed. */
  #isOpen = false
  #drain: Drain | undefined
  #timer: Timer | undefined
  #hasEnded = false

  constructor(options: OfflineQueueOptions) {
    this.#options = options
  }

  /**
   * Notes a stanza that arrives. What says `offline="0"` outside of a drain is live and loses the attribute: the number
   * counts, and a server says 0 both for the first of its queue and for what never waited.
   */
  admit(stanza: BinaryNode): BinaryNode {
    if (stanza.tag === 'ib') this.#admitBulletin(stanza)
    const { offline, ...attrs } = stanza.attrs
    if (offline === undefined) return stanza
    const drain = this.#isOpen ? this.#drain : undefined
    if (drain !== undefined) {
      drain.arrived += 1
      this.#touch(drain)
    } else if (offline === '0') {
      return { ...stanza, attrs }
    }
    return stanza
  }

  /** The announcement has been processed. Returns what asks for the first batch. */
  begin(): BinaryNode {
    this.#report(false)
    return buildOfflineBatch(BATCH)
  }

  /** One stanza of the queue has been taken in. Returns what asks for the next batch, when it is time. */
  took(): BinaryNode | undefined {
    const drain = this.#drain
    // what an earlier connection delivered may still be on its way through
    if (drain === undefined || drain.taken >= drain.arrived) return undefined
    drain.taken += 1
    this.#touch(drain)
    if (drain.taken % BATCH !== 0) return undefined
    this.#report(false)
    return buildOfflineBatch(BATCH)
  }

  /** The end marker and all before it is recorded. */
  end(total: number): void {
    const received = this.#drain?.taken ?? 0
    if (total !== received)
      this.#options.logger.debug(
        { total, received },
        'the offline queue has another length than the server says',
      )
    this.#finish()
  }

  /** The connection is over: what was not answered is announced again on the next one. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#drain = undefined
    this.#isOpen = false
    this.#hasEnded = false
  }

  #admitBulletin(stanza: BinaryNode): void {
    for (const child of childrenOf(stanza)) {
      if (child.tag === 'offline_preview') this.#open(numberAttribute(child, 'count') ?? 0)
      else if (child.tag === 'offline') this.#isOpen = false
    }
  }

  #open(expected: number): void {
    this.#isOpen = true
    this.#hasEnded = false
    this.#drain = { expected, arrived: 0, taken: 0, probes: 0, quietMs: 0 }
    this.#watch()
  }

  #touch(drain: Drain): void {
    drain.quietMs = 0
    drain.probes = 0
    this.#watch()
  }

  #watch(): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.schedule(QUIET_MS, () => {
      this.#look()
    })
  }

  #look(): void {
    const drain = this.#drain
    if (drain === undefined) return
    const { logger, send } = this.#options
    // a store that is slow is not a server that is silent
    if (drain.taken < drain.arrived) {
      this.#touch(drain)
      return
    }
    drain.quietMs += QUIET_MS
    const { expected, taken, quietMs } = drain
    if (quietMs >= (taken >= expected ? ALL_HERE_MS : GIVE_UP_MS)) {
      logger.warn({ expected, received: taken, quietMs }, 'the offline queue ended without its end marker')
      this.#isOpen = false
      this.#finish()
      return
    }
    if (quietMs >= QUIET_MS * 2 ** drain.probes) {
      drain.probes += 1
      send(buildOfflineBatch(BATCH))
    }
    this.#watch()
  }

  #finish(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#report(true)
    this.#drain = undefined
  }

  #report(done: boolean): void {
    const { expected, taken } = this.#drain ?? { expected: 0, taken: 0 }
    this.#options.onProgress({ expected, received: taken, done })
  }
}
