/**
 * A client whose process can die: from one moment to the next nothing of it reaches the disk or the wire any more, and its
 * successor finds what was written, or what a copy of the store holds that was made before. Its commits fail, or wait, when a
 * run says so.
 */
import { Client } from 'waton'
import type { Endpoint } from 'waton'
import type { Change, EventRow } from 'waton/persistence'
import { CrashStore, faultyStore, writeFault } from 'waton/testing'
import type { Clock } from '../../src/base/clock.ts'
import { errorCode } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { STORED_AS } from '../../src/client/send/states.ts'
import { CopyableStore } from '../helpers/copyable-store.ts'
import type { StoreCopy } from '../helpers/copyable-store.ts'

type Socket = Awaited<ReturnType<NonNullable<Endpoint['connect']>>>

/** One life of the process. */
interface Life {
  readonly client: Client
  readonly store: CrashStore
  isDead: boolean
}

/** What a restored copy has, and what the store had that it replaced. */
export interface Restored {
  /** The states of the messages in the outbox of the copy, by id. */
  readonly outbox: ReadonlyMap<string, string>
  /** The ids of messages that the log of the copy has, readable. */
  readonly readable: ReadonlySet<string>
  /** The ids of messages that the log of the other tells of, readable or not. */
  readonly formerlyMet: ReadonlySet<string>
}

/** The account of the client. */
const ACCOUNT = 'default'
/** More than a run has. */
const ALL = 100_000

/** See the file comment. */
export class MortalClient {
  #disk: CopyableStore
  #copy: StoreCopy | undefined
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
    this.#disk = this.#makeDisk()
    this.#life = this.#begin()
  }

  #makeDisk(): CopyableStore {
    return new CopyableStore((copy, from) => {
      // one that was asked for before another copy was restored is a copy of what is gone
      if (from === this.#disk) this.#copy = copy
    })
  }

  /** Copies the store, as soon as what was accepted is written; a process that dies before has made none. */
  backUp(): void {
    this.#life.client.backup('copy').catch(() => undefined)
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

  /** The process dies, and another starts on the last copy; `undefined` when there is none, and nothing happens. */
  async restore(unacknowledged: number): Promise<Restored | undefined> {
    const copy = this.#copy
    if (copy === undefined) return undefined
    const life = this.#life
    life.isDead = true
    await life.store.crash(unacknowledged)
    const former = this.#disk
    this.#disk = this.#makeDisk()
    await this.#disk.fill(copy)
    const restored = await compare(former, this.#disk)
    this.#life = this.#begin()
    this.connect()
    return restored
  }

  /** Begins to connect, again when the store could not be written meanwhile; what comes of it is seen elsewhere. */
  connect(): void {
    const life = this.#life
    life.client.connect().catch((error: unknown) => {
      if (errorCode(error) === 'WATON_STORE_WRITE' && !life.isDead) this.connect()
    })
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
    const claim = await this.#disk.claim(ACCOUNT, { owner: 'a damaged disk', nowMs, leaseMs: 60_000 })
    const changes: Change[] = []
    for (const kind of kinds)
      for (const { key } of await this.#disk.listRecords(ACCOUNT, kind, undefined, 10_000))
        changes.push({ op: 'delete-record', kind, key })
    await this.#disk.commit(claim, changes)
    await claim.release()
    return changes.length
  }
}

async function compare(former: CopyableStore, copy: CopyableStore): Promise<Restored> {
  const rows = await copy.listOutbox(ACCOUNT, { states: Object.values(STORED_AS), limit: ALL })
  const eventsOf = async (store: CopyableStore): Promise<readonly EventRow[]> =>
    store.readEvents(ACCOUNT, { after: 0, limit: ALL })
  const readable = (await eventsOf(copy)).filter(({ type }) => type === 'message')
  return {
    outbox: new Map(rows.map(({ id, state }) => [id, state])),
    readable: idsOf(readable),
    formerlyMet: idsOf(await eventsOf(former)),
  }
}

function idsOf(events: readonly EventRow[]): ReadonlySet<string> {
  return new Set(events.flatMap(({ message }) => (message === undefined ? [] : [message.id])))
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
