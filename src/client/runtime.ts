/**
 * Everything of a client that needs the account: claimed, loaded and wired together. The façade (`client.ts`) makes one
 * when it is first needed; this file is where the parts meet.
 */
import { sleep } from '../base/clock.ts'
import type { StorageError } from '../base/errors.ts'
import { toHex } from '../base/bytes.ts'
import type { TypedEmitter } from '../base/typed-emitter.ts'
import type { Claim } from '../persistence/contract/index.ts'
import { loadAccount } from './account-parts.ts'
import type { AccountParts } from './account-parts.ts'
import { CodeDesk } from './connection/code-desk.ts'
import type { Connection } from './connection/connection.ts'
import { closeReason, endingFor } from './connection/ending.ts'
import type { Ending } from './connection/ending.ts'
import { runConnection } from './connection/login.ts'
import type { LoginListener } from './connection/login.ts'
import { pairingNews } from './connection/pairing-news.ts'
import { StoreHold } from './connection/store-hold.ts'
import { Supervisor } from './connection/supervisor.ts'
import { Verdicts } from './connection/verdicts.ts'
import { Consumers } from './consume/consumers.ts'
import { readLog } from './consume/event-hub.ts'
import type { EventHub, ReadEvent, ReadOptions } from './consume/event-hub.ts'
import { loadContract } from './events/load-contract.ts'
import type { ClientEvents, ClientState, CloseReason, DurableType, Me } from './events.ts'
import type { Self } from './identity/self.ts'
import { KeyUpkeep } from './keys/key-upkeep.ts'
import { Lease, isOwnershipLost } from './lease.ts'
import { leaveAccount, relinkAccount } from './leaving.ts'
import type { Leaving } from './leaving.ts'
import { Media } from './media/media.ts'
import type { RuntimeOptions } from './options.ts'
import type { People } from './people.ts'
import { CallBook } from './receive/call-book.ts'
import { makeEffects } from './receive/effects.ts'
import { Drops } from './receive/drops.ts'
import { OfflineQueue } from './receive/offline-queue.ts'
import { ReceivePipeline } from './receive/pipeline.ts'
import { PlaceholderRequests } from './receive/placeholder-requests.ts'
import { Presence } from './presence/presence.ts'
import { ReceiptQueue } from './reading/receipt-queue.ts'
import { Resends } from './retry/resends.ts'
import { TokenBuckets } from './retry/token-buckets.ts'
import type { Outbox } from './send/outbox.ts'
import type { AccountState } from './state/account-state.ts'
import { SharedState } from './shared-state.ts'
import { Pruner } from './state/pruner.ts'
import { SELF, STORE_PROBE } from './state/records.ts'
import type { Unknowns } from './unknowns.ts'

/** How long a connection that is closed waits for what is being written. */
const LAST_ANSWERS_MS = 1_000

/** See the file comment. */
export class Runtime {
  /** What came and nobody knew. */
  readonly unknowns: Unknowns
  /** What is known of other people, and asked about them. */
  readonly people: People
  readonly #options: RuntimeOptions
  readonly #emitter: TypedEmitter<ClientEvents>
  readonly #claim: Claim
  readonly state: AccountState
  readonly self: Self
  readonly outbox: Outbox
  /** Read and played receipts. */
  readonly receipts: ReceiptQueue
  /** What others see of this device. */
  readonly presence: Presence
  /** Media servers, and what goes over them. */
  readonly media: Media
  readonly hub: EventHub
  readonly supervisor: Supervisor
  /** What reads the log durably. */
  readonly consumers: Consumers
  /** Where pairing codes are asked for. */
  readonly codes: CodeDesk
  readonly #preKeys: KeyUpkeep
  readonly #placeholders: PlaceholderRequests
  readonly #resends: Resends
  readonly #drops: Drops
  readonly #shared: SharedState
  readonly #verdicts: Verdicts
  readonly #lease: Lease
  readonly #offline: OfflineQueue
  readonly #pipeline: ReceivePipeline
  readonly #hold: StoreHold
  readonly #pruner: Pruner
  #connection: Connection | undefined
  /** The latest time that the server has told. */
  #serverTimeMs = 0
  #clockSkewMs: number
  #isClosed = false
  /** The account belongs to somebody else now. */
  #lost: StorageError | undefined

  private constructor(options: RuntimeOptions, emitter: TypedEmitter<ClientEvents>, parts: AccountParts) {
    const { state, self, outbox } = parts
    const { clock, random, logger, timing, endpoint } = options
    this.#options = options
    this.#emitter = emitter
    this.#claim = parts.claim
    this.hub = parts.hub
    this.#clockSkewMs = parts.clockSkewMs
    this.state = state
    this.self = self
    this.outbox = outbox
    this.receipts = new ReceiptQueue({ state, self, clock, random, logger, timing })
    this.presence = new Presence({
      ...{ state, self, clock, tokens: outbox.tokens, isAvailable: options.markOnline },
      connection: () => (this.supervisor.state === 'open' ? this.#connection : undefined),
    })
    this.media = new Media({
      ...{ state, self, clock, random, logger, timing, endpoint },
      connection: () => (this.supervisor.state === 'open' ? this.#connection : undefined),
    })
    outbox.uploadWith(this.media.uploads.upload)
    this.people = parts.people
    this.unknowns = parts.people.unknowns
    this.consumers = this.#startConsumers()
    this.#preKeys = new KeyUpkeep({ state, self, clock, random, logger })
    this.#placeholders = new PlaceholderRequests({ state, self, clock, random, logger })
    this.#resends = new Resends({ state, self, clock, random, logger, timing, devices: this.people.devices })
    this.#drops = new Drops(logger)
    this.#shared = this.#makeShared()
    this.#verdicts = new Verdicts({ state, self, clock, random, logger, timing, endpoint })
    this.#offline = this.#startOffline()
    this.#hold = this.#makeHold()
    this.#pipeline = this.#startPipeline()
    this.codes = new CodeDesk({
      self,
      clock,
      random,
      timeoutMs: options.timing.queryTimeoutMs,
      state: () => this.supervisor.state,
    })
    this.supervisor = new Supervisor({
      clock,
      random,
      logger,
      runOnce: (run) => this.#runOnce(run),
      tryStore: () => this.#tryStore(),
      onState: (next, previous, reason) => {
        this.#tellState(next, previous, reason)
      },
    })
    this.#lease = this.#startLease()
    const serverTimeMs = (): number => this.#serverTimeMs
    this.#pruner = new Pruner({ ...options, state, self, hub: parts.hub, serverTimeMs })
  }

  /**
   * Claims the account and loads what is durable.
   *
   * @throws {StorageError} `WATON_STORE_OWNED` when another process has the account
   */
  static async open(options: RuntimeOptions, emitter: TypedEmitter<ClientEvents>): Promise<Runtime> {
    const { store, account, clock, random, timing } = options
    const contract = loadContract()
    contract.catch(() => undefined)
    const owner = `waton:${toHex(random.bytes(8))}`
    const claim = await store.claim(account, { owner, nowMs: clock.nowMs(), leaseMs: timing.leaseMs })
    try {
      const runtime: { current?: Runtime } = {}
      const parts = await loadAccount(claim, options, emitter, () => runtime.current)
      // in time for the first event: a module that loads meanwhile would make its moment a matter of chance (promise G9)
      await contract
      runtime.current = new Runtime(options, emitter, parts)
      runtime.current.#pruner.start()
      return runtime.current
    } catch (error) {
      await claim.release()
      throw error
    }
  }

  /** See `Client.clockSkewMs`. */
  get clockSkewMs(): number {
    return this.#clockSkewMs
  }

  /** The open connection, or `undefined`. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** The store failed to write: nothing is answered or sent until it writes again. */
  failed(error: StorageError): void {
    if (isOwnershipLost(error)) this.#lose(error)
    else this.#hold.failed(error, true)
  }

  /** Events were appended: the log may have grown beyond its budget. */
  appended(): void {
    this.#pruner.appended()
  }

  #makeHold(): StoreHold {
    return new StoreHold({
      ...this.#options,
      outbox: this.outbox,
      pipeline: () => this.#pipeline,
      connection: () => this.#connection,
      isOpen: () => this.supervisor.state === 'open',
      probe: () => this.#tryStore(),
      // an upload of keys, an order to send again, or a piece of app state may be among what was lost
      onHealed: () => {
        this.#preKeys.low()
        this.#resends.wake()
        this.#shared.wake()
      },
    })
  }

  /** Nothing may go on in any state: not a connection, not an attempt at one, not a handler (promise G6). */
  #lose(error: StorageError): void {
    this.#lost ??= error
    this.#lease.stop()
    this.consumers.stop()
    this.#connection?.close(error)
    void this.supervisor.stop(closeReason(endingFor('ownership-lost')))
  }

  /** See `Client.logout`. */
  async logout(): Promise<void> {
    const connection = this.supervisor.state === 'open' ? this.#connection : undefined
    await leaveAccount({ ...this.#leaving, connection })
  }

  /** See `Client.relink`. */
  async relink(): Promise<void> {
    await relinkAccount(this.#leaving)
  }

  get #leaving(): Leaving {
    const { state, self, outbox, supervisor } = this
    const { random, history } = this.#options
    return { state, self, outbox, supervisor, verdicts: this.#verdicts, random, history }
  }

  /** The event log from a position to its present end. */
  readLog<Type extends DurableType>(options?: ReadOptions<Type>): AsyncIterable<ReadEvent<Type>> {
    return readLog(this.state, options)
  }

  /** Stops the connection, finishes what is staged, and gives the account back. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#lease.stop()
    const media = this.media.close()
    await this.consumers.close()
    await this.#shared.history.close()
    await media
    await this.#pruner.stop()
    await this.#letAnswersLeave()
    await this.supervisor.stop()
    await this.#shared.appState.close()
    await this.state.close()
    await this.#claim.release()
  }

  /** What is being recorded is answered on the connection that delivered it, instead of coming again with the next one. */
  async #letAnswersLeave(): Promise<void> {
    if (this.#connection === undefined) return
    const isDone = new AbortController()
    const isLate = sleep(this.#options.clock, LAST_ANSWERS_MS, isDone.signal)
    await Promise.race([this.state.flush(), isLate])
    isDone.abort()
  }

  async #runOnce(run: Parameters<typeof runConnection>[1]): Promise<Ending> {
    if (this.#lost !== undefined) throw this.#lost
    await this.#lease.ensure(run.signal)
    const { clock, random, logger, timing, endpoint, device } = this.#options
    const { state, self, receipts, presence } = this
    const { devices } = this.people
    return runConnection(
      {
        ...{ state, self, devices, receipts, clock, random, logger, timing, endpoint, device },
        preKeys: this.#preKeys,
        verdicts: this.#verdicts,
        listener: this.#listener(),
        get markOnline() {
          return presence.isAvailable
        },
      },
      run,
    )
  }

  /** What a connection tells. */
  #listener(): LoginListener {
    return {
      ...pairingNews(this.#emitter, this.codes),
      onOpen: (connection: Connection) => {
        this.#opened(connection)
      },
      onStanza: (connection: Connection, stanza: Parameters<ReceivePipeline['accept']>[1]) => {
        this.#connection = connection
        this.#heard(Number(stanza.attrs.t))
        this.#pipeline.accept(connection, this.#offline.admit(stanza))
      },
      onServerTime: (atSeconds: number) => {
        this.#heard(atSeconds)
        this.#clockSkewMs = atSeconds * 1000 - this.#options.clock.nowMs()
      },
      onEnd: (connection: Connection) => {
        this.#ended(connection)
      },
    }
  }

  /** Notes a time of the server; `NaN` when a stanza has none. */
  readonly #heard = (atSeconds: number): void => {
    if (atSeconds * 1000 > this.#serverTimeMs) this.#serverTimeMs = atSeconds * 1000
  }

  /** Rejects while the store cannot be written. */
  async #tryStore(): Promise<void> {
    await this.state.commit((unit) => {
      unit.put(STORE_PROBE, SELF, '')
      return Promise.resolve()
    })
  }

  #opened(connection: Connection): void {
    this.#lease.check()
    this.#connection = connection
    this.outbox.tokens.resume(connection)
    this.outbox.resume(connection)
    this.#resends.resume(connection)
    this.#placeholders.resume(connection)
    this.#shared.resume(connection)
    this.media.resume(connection)
    const me: Me | undefined = this.self.me
    if (me !== undefined) this.#emitter.emit('connection.open', { me })
  }

  #ended(connection: Connection): void {
    this.codes.close()
    this.outbox.tokens.suspend()
    this.outbox.suspend()
    this.receipts.suspend()
    this.#resends.suspend()
    this.#placeholders.suspend()
    this.#shared.suspend()
    this.#pipeline.forget(connection)
    this.#offline.stop()
    this.#hold.stop()
    if (this.#connection === connection) this.#connection = undefined
  }

  #startPipeline(): ReceivePipeline {
    const { state, self, outbox, receipts, presence } = this
    const { random, logger } = this.#options
    return new ReceivePipeline({
      state,
      logger,
      onReadFailure: (error) => {
        this.#hold.failed(error, false)
      },
      onProgress: () => {
        this.#hold.progressed()
      },
      context: {
        self,
        outbox,
        receipts,
        history: this.#shared.history,
        resends: this.#resends,
        asking: new TokenBuckets(),
        random,
        logger,
        get markOnline() {
          return presence.isAvailable
        },
        effects: makeEffects({
          emitter: this.#emitter,
          logger,
          preKeys: this.#preKeys,
          appState: this.#shared.appState,
          placeholders: this.#placeholders,
          offline: this.#offline,
          tokens: outbox.tokens,
          media: this.media,
          connection: () => this.#connection,
        }),
        offline: this.#offline,
        drops: this.#drops,
        calls: new CallBook(),
        unknowns: this.unknowns,
      },
    })
  }

  #makeShared(): SharedState {
    const { clock, random, logger } = this.#options
    const { state, self, unknowns } = this
    return new SharedState({
      ...{ state, self, clock, random, logger, unknowns, drops: this.#drops },
      emitter: this.#emitter,
      downloads: this.media.downloads,
    })
  }

  #startOffline(): OfflineQueue {
    const { clock, logger } = this.#options
    return new OfflineQueue({
      clock,
      logger,
      send: (stanza) => {
        this.#connection?.answer([{ kind: 'stanza', stanza }])
      },
      onProgress: (progress) => {
        this.#emitter.emit('sync.offline', progress)
      },
    })
  }

  #startConsumers(): Consumers {
    const { state, hub, outbox, self } = this
    const { clock, logger } = this.#options
    return new Consumers({
      state,
      hub,
      outbox,
      account: () => self.pn,
      clock,
      logger,
      onDead: (event) => {
        this.#emitter.emit('consumer.dead', event)
      },
    })
  }

  #startLease(): Lease {
    const { clock, logger, timing } = this.#options
    return new Lease({
      claim: this.#claim,
      clock,
      logger,
      leaseMs: timing.leaseMs,
      timeoutMs: timing.queryTimeoutMs,
      onLost: (error) => {
        this.#lose(error)
      },
      onLapsed: (error) => {
        this.#connection?.close(error)
      },
    })
  }

  #tellState(state: ClientState, previous: ClientState, reason: CloseReason | undefined): void {
    const emitter = this.#emitter
    this.codes.moved(state)
    emitter.emit('connection.state', { state, previous, ...(reason === undefined ? {} : { reason }) })
    if (reason !== undefined) emitter.emit('connection.closed', reason)
  }
}
