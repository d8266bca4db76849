/**
 * Keeps app state as the account's devices have it (promise G5), on the receiving side: it decides when something is fetched,
 * one question at a time for all collections that are due, and what is done when that comes to nothing. It asks only when there
 * is a reason: a collection was never fetched, the server has news, a key has come. Which these are is durable, so that a
 * fetch which was cut goes on with the next connection, or the next process.
 */
import { toHex } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import {
  ClosedError,
  CryptoError,
  ProtocolError,
  QueryError,
  StorageError,
  UsageError,
  describeError,
  errorCode,
} from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { TypedEmitter } from '../../base/typed-emitter.ts'
import { missingKeyIds } from '../../protocol/app-state/index.ts'
import type { AppStateBlob } from '../../protocol/app-state/index.ts'
import { syncAppState } from '../../protocol/stanza/iq/app-state.ts'
import type { Connection } from '../connection/connection.ts'
import type { ClientEvents } from '../events.ts'
import type { Self } from '../identity/self.ts'
import type { MediaFile } from '../media/file.ts'
import type { AccountState } from '../state/account-state.ts'
import { APP_STATE_COLLECTION } from '../state/records.ts'
import type { AppStateCollection } from '../state/records.ts'
import type { ActionContext } from './actions/action.ts'
import { CollectionFetch } from './collection-fetch.ts'
import type { CollectionName } from './collections.ts'
import { isSame } from './commit.ts'
import { InitialSync } from './initial-sync.ts'
import { requestKeys } from './key-requests.ts'
import { loadKeys } from './keyring.ts'
import { afterFailure, isHopeless } from './ladder.ts'
import { Pauses } from './pauses.ts'
import { makePlan } from './plan.ts'
import type { Plan } from './plan.ts'

/** What it works with. */
export interface AppStateSyncOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly emitter: TypedEmitter<ClientEvents>
  readonly actions: ActionContext
  /** Fetches a file that no message has. */
  readonly fetchFile: (file: MediaFile, signal: AbortSignal) => Promise<Uint8Array>
}

/** Questions for the same collections in a row. @source whatsapp-rust `src/appstate`: 500 */
const MAX_PAGES = 500

/** How long the phone has to share its keys after linking, before it is asked for those that turn out to be needed. */
const KEYS_COME_MS = 30_000

/** How long a key may be on its way, in a message that comes after the news, before the phone is asked for it. */
const KEY_ON_ITS_WAY_MS = 10_000

/** When a fetch goes on that the store has interrupted, if the store does not say before that it is well. */
const AFTER_INTERRUPTION_MS = 10_000

/** Failures of a media server after which the whole collection is fetched: what it should have may be gone. */
const FILE_IS_GONE_AFTER = 5

/** One connection, as long as it is the one. */
interface Run {
  readonly connection: Connection
  readonly end: AbortController
}

/** See the file comment. */
export class AppStateSync {
  readonly #options: AppStateSyncOptions
  readonly #pauses: Pauses
  #initial: InitialSync
  #run: Run | undefined
  /** The device that all of it is about. */
  #device: string | undefined
  #beginAtMs = 0
  /** Since when each key is known to be missing. */
  readonly #missingSince = new Map<string, number>()
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #isWanted = false

  constructor(options: AppStateSyncOptions) {
    this.#options = options
    this.#pauses = new Pauses(options.random)
    this.#initial = this.#newInitial()
  }

  /** The client is open: what is due is fetched. */
  resume(connection: Connection): void {
    const { self, clock } = this.#options
    this.suspend()
    this.#run = { connection, end: new AbortController() }
    if (this.#device !== self.devicePn) {
      this.#device = self.devicePn
      this.#beginAtMs = clock.nowMs() + KEYS_COME_MS
      this.#initial.stop()
      this.#initial = this.#newInitial()
    }
    this.#pauses.clear()
    this.#initial.begin()
    this.wake()
  }

  /** The connection is gone. What it has brought and is not committed is not committed any more. */
  suspend(): void {
    this.#run?.end.abort()
    this.#run = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** There may be something to fetch: news, a key, a store that can be written again. */
  wake(): void {
    this.#isWanted = true
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** Ends it; resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.suspend()
    this.#initial.stop()
    await this.#working
  }

  #newInitial(): InitialSync {
    const { clock, emitter } = this.#options
    return new InitialSync(clock, (event) => {
      emitter.emit('sync.initial', event)
    })
  }

  /** One round after the other, as long as there is a reason for one. Never rejects. */
  async #work(): Promise<void> {
    while (this.#isWanted && this.#run !== undefined) {
      this.#isWanted = false
      const run = this.#run
      try {
        await this.#round(run)
      } catch (error) {
        this.#interrupted(run, error)
      }
    }
  }

  async #round(run: Run): Promise<void> {
    const { state, clock } = this.#options
    const plan = await makePlan(state, {
      nowMs: clock.nowMs(),
      pauses: this.#pauses,
      beginAtMs: this.#beginAtMs,
    })
    if (this.#run !== run) return
    this.#initial.update(plan.settled)
    const askAgainAtMs = await this.#askForKeys(run, plan.missingKeys)
    if (plan.due.length === 0) {
      this.#lookAgainAt(run, Math.min(plan.nextAtMs, askAgainAtMs))
      return
    }
    this.#isWanted = true
    await this.#fetch(run, plan.due)
  }

  #lookAgainAt(run: Run, atMs: number): void {
    if (this.#run !== run || !Number.isFinite(atMs)) return
    const { clock } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.schedule(Math.max(0, atMs - clock.nowMs()), () => {
      this.#timer = undefined
      this.wake()
    })
  }

  /** Returns when there may be more to ask for. */
  async #askForKeys({ connection }: Run, missing: readonly string[]): Promise<number> {
    const { state, clock, logger, self, random } = this.#options
    const nowMs = clock.nowMs()
    for (const id of this.#missingSince.keys()) if (!missing.includes(id)) this.#missingSince.delete(id)
    const late: string[] = []
    let waiting = Infinity
    for (const id of missing) {
      const sinceMs = this.#missingSince.get(id) ?? nowMs
      this.#missingSince.set(id, sinceMs)
      if (sinceMs + KEY_ON_ITS_WAY_MS <= nowMs) late.push(id)
      else waiting = Math.min(waiting, sinceMs + KEY_ON_ITS_WAY_MS)
    }
    if (late.length === 0) return waiting
    const againAtMs = await state.commit((unit) =>
      requestKeys(unit, late, { connection, state, self, random, logger }),
    )
    return Math.min(waiting, againAtMs)
  }

  /** Asks for collections until the server has no more of them, or they come to nothing. */
  async #fetch(run: Run, due: Plan['due']): Promise<void> {
    const context = await this.#context(run)
    let open = due.map(({ name, known, news }) => new CollectionFetch(context, name, { known, news }))
    for (let page = 0; open.length > 0 && page < MAX_PAGES; page += 1) {
      const questions = open.map((fetch) => fetch.question())
      let answers
      try {
        answers = await run.connection.query(syncAppState, questions)
      } catch (error) {
        if (error instanceof ClosedError) throw error
        this.#pause(namesOf(open), error)
        return
      }
      const unfinished: CollectionFetch[] = []
      for (const fetch of open) {
        const answer = answers.find(({ name }) => name === fetch.name)
        if (answer === undefined) this.#pause([fetch.name], undefined)
        else if (await this.#isUnfinished(run, fetch, () => fetch.take(answer))) unfinished.push(fetch)
      }
      open = unfinished
    }
    this.#pause(namesOf(open), undefined)
  }

  async #context(run: Run): Promise<ConstructorParameters<typeof CollectionFetch>[0]> {
    const { state, logger, actions, fetchFile } = this.#options
    return {
      ...{ state, logger, actions },
      keyOf: await loadKeys(state),
      isCurrent: () => this.#run === run,
      fetchFile: (blob) => fetchFile(mediaFileOf(blob), run.end.signal),
    }
  }

  /** Whether the server has more of the collection. What went wrong with it is no other's trouble. */
  async #isUnfinished(
    run: Run,
    fetch: CollectionFetch,
    take: () => ReturnType<CollectionFetch['take']>,
  ): Promise<boolean> {
    try {
      const outcome = await take()
      if (outcome === 'behind') this.#pause([fetch.name], undefined)
      else if (outcome !== 'more') this.#succeeded(fetch.name)
      return outcome === 'more'
    } catch (error) {
      if (error instanceof StorageError || this.#run !== run) throw error
      const missing = missingKeyIds(error)
      if (missing.length > 0) await this.#park(run, fetch, missing.map(toHex))
      else if (this.#isWrong(fetch.name, error)) await this.#stumble(run, fetch, error)
      else this.#pause([fetch.name], error)
      return false
    }
  }

  #succeeded(name: CollectionName): void {
    this.#pauses.succeeded(name)
    this.#initial.add(name)
  }

  /** Whether what the server has is not what it should be. Everything else passes. */
  #isWrong(name: CollectionName, error: unknown): error is WatonError {
    if (error instanceof QueryError) return !error.retryable
    if (error instanceof ProtocolError || error instanceof CryptoError || error instanceof UsageError)
      return true
    const isOfFile = errorCode(error) === 'WATON_MEDIA_REFUSED'
    return isOfFile && this.#pauses.failures(name) >= FILE_IS_GONE_AFTER
  }

  /** The collection waits for keys. */
  async #park(run: Run, fetch: CollectionFetch, missingKeys: readonly string[]): Promise<void> {
    const { logger } = this.#options
    logger.info({ collection: fetch.name, keys: missingKeys.length }, 'app state waits for keys of the phone')
    await this.#change(run, fetch, (known) => ({
      version: known?.version ?? 0,
      ltHash: known?.ltHash ?? new Uint8Array(128),
      ...(fetch.isWhole ? { needsSnapshot: true as const } : {}),
      missingKeys,
      ...(known?.fault === undefined ? {} : { fault: known.fault }),
    }))
  }

  /** The next rung of the ladder. */
  async #stumble(run: Run, fetch: CollectionFetch, error: WatonError): Promise<void> {
    const { logger, random, clock, emitter } = this.#options
    const { code, action } = error
    const failure = { code, wasWhole: fetch.isWhole, nowMs: clock.nowMs() }
    const after = await this.#change(run, fetch, (known) => afterFailure(known, failure, random))
    if (after?.fault === undefined) return
    const { attempts, retryAtMs } = after.fault
    const fields = { collection: fetch.name, code, attempts, reason: describeError(error) }
    if (!isHopeless(after)) {
      logger.warn(
        fields,
        'app state could not be verified and was not applied; the whole collection is fetched',
      )
      return
    }
    logger.error(fields, 'a collection of app state cannot be verified; it stays as it was')
    emitter.emit('sync.failed', { collection: fetch.name, code, action, attempts, retryAtMs })
  }

  /** Changes what is known of a collection, unless it has changed since. */
  #change(
    run: Run,
    { name, known }: CollectionFetch,
    change: (known: AppStateCollection | undefined) => AppStateCollection,
  ): Promise<AppStateCollection | undefined> {
    return this.#options.state.commit(async (unit) => {
      const now = await unit.read(APP_STATE_COLLECTION, name)
      if (this.#run !== run || !isSame(now, known)) return undefined
      const next = change(now)
      unit.put(APP_STATE_COLLECTION, name, next)
      return next
    })
  }

  /** It passes: the collections are asked for again a little later. */
  #pause(names: readonly CollectionName[], error: unknown): void {
    if (names.length === 0) return
    const { clock, logger } = this.#options
    this.#pauses.failed(names, clock.nowMs())
    const reason =
      error === undefined ? 'not answered, not all of it, or without an end' : describeError(error)
    const fields = { collections: names.join(' '), reason }
    logger.warn(fields, 'app state could not be fetched; it is asked for again')
  }

  /** Nothing is wrong with any collection; the connection has ended, or the store cannot be written. */
  #interrupted(run: Run, error: unknown): void {
    if (this.#run !== run) return
    const { logger, clock } = this.#options
    logger.warn(
      { code: errorCode(error), reason: describeError(error) },
      'fetching app state was interrupted',
    )
    this.#isWanted = false
    this.#lookAgainAt(run, clock.nowMs() + AFTER_INTERRUPTION_MS)
  }
}

function namesOf(fetches: readonly CollectionFetch[]): readonly CollectionName[] {
  return fetches.map(({ name }) => name)
}

function mediaFileOf({ mediaKey, directPath, sizeBytes, sha256, encSha256 }: AppStateBlob): MediaFile {
  return {
    kind: 'appState',
    mediaKey,
    directPath,
    ...(sizeBytes === undefined ? {} : { lengthBytes: sizeBytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(encSha256 === undefined ? {} : { encSha256 }),
  }
}
