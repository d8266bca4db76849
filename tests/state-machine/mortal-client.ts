/**
 * A client whose process can die: from one moment to the next nothing of it reaches the disk or the wire any more, and its
 * successor finds what was written. Its commits fail, or wait, when a run says so.
 */
import { Client, MemoryStore } from 'waton'
import type { Endpoint } from 'waton'
import type { Change } from 'waton/persistence'
import { CrashStore, faultyStore, writeFault } from 'waton/testing'
import type { Clock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'

type Socket = Awaited<ReturnType<NonNullable<Endpoint['connect']>>>

/** One life of the process. */
interface Life {
  readonly client: Client
  readonly store: CrashStore
  isDead: boolean
}

/** See the file comment. */
export class MortalClient {
  readonly #disk = new MemoryStore()
  readonly #endpoint: Endpoint
  readonly #clock: Clock
  readonly #seed: string
  #lives = 0
  #life: Life
  #commitsToFail = 0
  #isApplied = false
  /** Commits that failed. */
  failedCommits = 0

  constructor(endpoint: Endpoint, clock: Clock, seed: string) {
    this.#endpoint = endpoint
    this.#clock = clock
    this.#seed = seed
    this.#life = this.#begin()
  }

  /** The client of the process that lives. */
  get client(): Client {
    return this.#life.client
  }

  /** The next commits fail. @param isApplied - although the store has written them */
  failCommits(count: number, isApplied: boolean): void {
    this.#commitsToFail = count
    this.#isApplied = isApplied
  }

  /** Commits wait from now on. */
  hold(): void {
    this.#life.store.hold()
  }

  /** What waits is written, and nothing waits or fails any more. */
  async letThrough(): Promise<void> {
    this.#commitsToFail = 0
    await this.#life.store.letThrough()
  }

  /**
   * The process dies, and another starts; it does not wait until that is connected.
   *
   * @param unacknowledged - how many of the commits that wait are on the disk
   * @param kinds - of records that are lost with it
   * @returns how many records were lost
   */
  async crash(unacknowledged: number, kinds: readonly string[] = []): Promise<number> {
    const life = this.#life
    life.isDead = true
    await life.store.crash(unacknowledged)
    const lost = await this.#forget(kinds)
    this.#life = this.#begin()
    this.connect()
    return lost
  }

  /** Begins to connect; what comes of it is seen elsewhere. */
  connect(): void {
    this.#life.client.connect().catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.#life.client.close()
  }

  #begin(): Life {
    this.#lives += 1
    const store = new CrashStore(this.#disk)
    const faulty = faultyStore(store, {
      commit: () => {
        if (this.#commitsToFail === 0) return undefined
        this.#commitsToFail -= 1
        this.failedCommits += 1
        return { error: writeFault(), isApplied: this.#isApplied }
      },
    })
    const connect = this.#endpoint.connect
    const client = new Client({
      store: faulty,
      endpoint: {
        ...this.#endpoint,
        ...(connect === undefined
          ? {}
          : { connect: async (options) => mortal(await connect(options), () => life.isDead) }),
      },
      clock: this.#clock,
      random: seededRandom(`${this.#seed} life ${String(this.#lives)}`),
    })
    const life: Life = { client, store, isDead: false }
    return life
  }

  async #forget(kinds: readonly string[]): Promise<number> {
    if (kinds.length === 0) return 0
    const nowMs = this.#clock.nowMs()
    const claim = await this.#disk.claim('default', { owner: 'a damaged disk', nowMs, leaseMs: 60_000 })
    const changes: Change[] = []
    for (const kind of kinds)
      for (const { key } of await this.#disk.listRecords('default', kind, undefined, 10_000))
        changes.push({ op: 'delete-record', kind, key })
    await this.#disk.commit(claim, changes)
    await claim.release()
    return changes.length
  }
}

/** A socket through which nothing goes once its process is dead. */
function mortal(inner: Socket, isDead: () => boolean): Socket {
  return {
    get bufferedBytes() {
      return inner.bufferedBytes
    },
    send: (bytes) => {
      if (isDead()) inner.close()
      else inner.send(bytes)
    },
    close: () => {
      inner.close()
    },
    get onData() {
      return inner.onData
    },
    set onData(listener) {
      inner.onData =
        listener === undefined
          ? undefined
          : (bytes) => {
              if (isDead()) inner.close()
              else listener(bytes)
            }
    },
    get onClose() {
      return inner.onClose
    },
    set onClose(listener) {
      inner.onClose = listener
    },
  }
}
