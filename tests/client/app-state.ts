/** A world in which app state can be looked at from both sides: the server's log of it, and what a client has stored. */
import { MemoryStore } from 'waton'
import type { Client, ClientOptions, DurableEvent } from 'waton'
import type { Store } from 'waton/persistence'
import { LTHashAntiTampering } from 'whatsapp-rust-bridge'
import { toHex } from '../../src/base/bytes.ts'
import type { Endpoint, Timing } from '../../src/client/options.ts'
import {
  APP_STATE_COLLECTION,
  APP_STATE_ENTRY,
  DIRTY_COLLECTION,
  entryPrefix,
} from '../../src/client/state/records.ts'
import { SyncdSnapshot } from '../../src/protocol/proto/app-state.ts'
import { AppStateFaults } from '../../src/simulator/app-state-faults.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import type { AppStateHabits } from '../../src/simulator/world/app-state-plans.ts'
import { until } from '../helpers/until.ts'
import { ALICE, FastClock, World, keepingLogger, linkedClient, log, newClient } from './support.ts'
import type { Line } from './support.ts'

/** All collections. */
export const COLLECTIONS: readonly string[] = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
]

const ltHash = new LTHashAntiTampering()

/** One side's account of a collection. */
export interface Account {
  readonly version: number
  /** Hexadecimal. */
  readonly ltHash: string
  /** Value MACs by index MACs, both hexadecimal, in order. */
  readonly entries: readonly (readonly [string, string])[]
}

const NOTHING: Account = { version: 0, ltHash: toHex(new Uint8Array(128)), entries: [] }

/** What a client has stored of a collection. */
export async function clientAccount(store: Store, name: string): Promise<Account | undefined> {
  const row = await store.readRecord('default', APP_STATE_COLLECTION.kind, name)
  if (row === undefined) return undefined
  const { version, ltHash: hash } = APP_STATE_COLLECTION.decode(row)
  const prefix = entryPrefix(name)
  const rows = await store.listRecords('default', APP_STATE_ENTRY.kind, prefix, 100_000)
  const entries = rows
    .filter(({ key }) => key.startsWith(prefix))
    .map(
      ({ key, value }) => [key.slice(prefix.length), toHex(APP_STATE_ENTRY.decode(value).valueMac)] as const,
    )
  return { version, ltHash: toHex(hash), entries: sorted(entries) }
}

/** A phone whose app state is looked at, and a client linked to it. Media come over HTTPS, all else in memory. */
export class AppStateWorld extends World {
  readonly faults: AppStateFaults
  readonly lines: Line[] = []
  readonly store: Store
  /** The client's clock runs so many times as fast. */
  readonly clock: FastClock
  #alice: SimulatedPhone | undefined
  #endpoint: Endpoint | undefined
  /** What waits for others takes as long as it does on a clock of ordinary speed. */
  readonly #timing: Partial<Timing>

  constructor(
    seed: string | number,
    { store = new MemoryStore(), speed = 50 }: { store?: Store; speed?: number } = {},
  ) {
    super(seed)
    this.faults = new AppStateFaults(this.server.world)
    this.store = store
    this.clock = new FastClock(speed)
    const seconds = (count: number): number => count * 1000 * speed
    this.#timing = {
      keepAliveMs: seconds(30),
      pongTimeoutMs: seconds(20),
      queryTimeoutMs: seconds(60),
      connectTimeoutMs: seconds(20),
      ackTimeoutMs: seconds(75),
      leaseMs: seconds(60),
    }
  }

  /** Starts the media servers and adds Alice, whose app state it is, and Bob. */
  async begin(habits: Partial<AppStateHabits> = {}): Promise<this> {
    await this.server.media.listen('127.0.0.1')
    this.faults.habits(habits)
    const { alice } = await this.addPair()
    this.#alice = alice
    const mediaHost = this.server.world.media.host
    this.#endpoint = { ...this.endpoint, mediaHost, mediaCertificate: this.server.media.certificate }
    return this
  }

  get alice(): SimulatedPhone {
    if (this.#alice === undefined) throw new Error('begin() comes first')
    return this.#alice
  }

  get options(): Partial<ClientOptions> & { readonly store: Store } {
    if (this.#endpoint === undefined) throw new Error('begin() comes first')
    const { store, clock } = this
    return { store, clock, endpoint: this.#endpoint, logger: keepingLogger(this.lines), timing: this.#timing }
  }

  /** A client that Alice's phone links. */
  link(options: Partial<ClientOptions> = {}): Promise<Client> {
    return linkedClient(this, this.alice, { ...this.options, ...options })
  }

  /** The next process on the same store. */
  again(options: Partial<ClientOptions> = {}): Client {
    return newClient(this, { ...this.options, ...options })
  }

  /** What the server has of a collection, with a hash that neither side has computed. */
  serverAccount(name: string): Account {
    const log = this.server.world.resolve(ALICE)?.account.appState.collection(name)
    const snapshot = log?.snapshot(0)
    if (snapshot === undefined) return NOTHING
    const { records } = SyncdSnapshot.decode(snapshot.bytes)
    const macs = records.map(({ index, value }) => ({
      index: index?.blob ?? new Uint8Array(0),
      value: (value?.blob ?? new Uint8Array(0)).slice(-32),
    }))
    const hash = ltHash.subtractThenAdd(
      new Uint8Array(128),
      [],
      macs.map(({ value }) => value),
    )
    return {
      version: snapshot.version,
      ltHash: toHex(hash),
      entries: sorted(macs.map(({ index, value }) => [toHex(index), toHex(value)] as const)),
    }
  }

  /** Waits until the client has what the server has, of all collections. */
  async converged(store: Store = this.store): Promise<void> {
    for (const name of COLLECTIONS) {
      await until(`${name} to be as the server has it`, async () => {
        const client = await clientAccount(store, name)
        const isClean = (await store.readRecord('default', DIRTY_COLLECTION.kind, name)) === undefined
        return isClean && JSON.stringify(client) === JSON.stringify(this.serverAccount(name))
      })
    }
  }

  /** Faults that have happened. */
  get happened(): readonly string[] {
    return this.server.trace.notes.filter(({ kind }) => kind === 'fault').map(({ text }) => text)
  }

  /** Questions for app state that the client has asked. */
  get questions(): readonly string[] {
    return this.sent({ tag: 'iq' })
      .filter(({ attrs }) => attrs['xmlns'] === 'w:sync:app:state')
      .map(({ content }) => JSON.stringify(content))
  }
}

/** The events that app state leads to, in order. */
export async function changes(client: Client): Promise<readonly DurableEvent[]> {
  const events = await log(client)
  return events.filter(({ type }) => /^(?:chat|label|contact)\./.test(type))
}

/** What a client tells of one kind from now on. */
export function told(client: Client, type: 'sync.initial' | 'sync.failed'): object[] {
  const seen: object[] = []
  client.on(type, (event: object) => {
    seen.push(event)
  })
  return seen
}

function sorted(entries: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return [...entries].sort(([one], [other]) => (one < other ? -1 : 1))
}
