/**
 * One collection while it is fetched: what to ask the server next, and what its answers come to. Each patch is verified
 * against what is known and committed before the next is looked at, so that a fetch which is cut goes on where it was.
 */
import { toHex } from '../../base/bytes.ts'
import { ProtocolError, QueryError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import {
  EMPTY_APP_STATE,
  readAppStateBlob,
  readExternalMutations,
  readPatch,
  readSnapshot,
  verifyPatch,
  verifySnapshot,
} from '../../protocol/app-state/index.ts'
import type { AppStateBlob, AppStatePatch, VerifiedAppState } from '../../protocol/app-state/index.ts'
import type { AppStateAnswer, AppStateRequest } from '../../protocol/stanza/iq/app-state.ts'
import { APP_STATE_COLLECTION, DIRTY_COLLECTION } from '../state/records.ts'
import type { AppStateCollection, DirtyCollection } from '../state/records.ts'
import { changesOf, differenceTo } from './changes.ts'
import type { CollectionName } from './collections.ts'
import { commitStep, isSame } from './commit.ts'
import type { CommitContext } from './commit.ts'
import { listEntries, entriesUnder } from './entry.ts'
import type { Entries } from './entry.ts'
import type { KeyOf } from './keyring.ts'
import { Rebuild } from './rebuild.ts'
import { runSteps } from './steps.ts'

/** What a fetch works with. */
export interface FetchContext extends CommitContext {
  readonly logger: Logger
  readonly keyOf: KeyOf
  /** Fetches a file of kind `appState`. */
  readonly fetchFile: (blob: AppStateBlob) => Promise<Uint8Array>
}

/**
 * `more`: the server has more of it; `done`: that was all; `behind`: that was all, and less than the server has said that there
 * is; `stale`: somebody else has changed it meanwhile.
 */
export type FetchOutcome = 'more' | 'done' | 'behind' | 'stale'

/** What the server answers when something passes; 0 when it does not say. */
const PASSING: ReadonlySet<number> = new Set([0, 408, 409, 429])

/** See the file comment. */
export class CollectionFetch {
  readonly name: CollectionName
  readonly #context: FetchContext
  /** What the store has of it. */
  #known: AppStateCollection | undefined
  /** The news that led to this fetch. */
  readonly #news: DirtyCollection | undefined
  #rebuild: Rebuild | undefined
  #isAsked = false

  constructor(
    context: FetchContext,
    name: CollectionName,
    {
      known,
      news,
    }: { readonly known: AppStateCollection | undefined; readonly news: DirtyCollection | undefined },
  ) {
    this.#context = context
    this.name = name
    this.#known = known
    this.#news = news
    if (known === undefined || known.needsSnapshot === true) this.#rebuild = new Rebuild()
  }

  /** Whether the whole collection is fetched. */
  get isWhole(): boolean {
    return this.#rebuild !== undefined
  }

  /** The collection as it was last known to the store. */
  get known(): AppStateCollection | undefined {
    return this.#known
  }

  /** What to ask. */
  question(): AppStateRequest {
    const wantsSnapshot = this.isWhole && !this.#isAsked
    this.#isAsked = true
    return { name: this.name, version: this.#version, wantsSnapshot }
  }

  /**
   * Takes an answer.
   *
   * @throws {ProtocolError} {@link CryptoError} what verifying throws; nothing of what it is about was kept
   * @throws {QueryError} when the server refuses, {@link TransportError} when a media server does
   * @throws {StorageError} when the store cannot be written
   */
  async take(answer: AppStateAnswer): Promise<FetchOutcome> {
    this.#checkRefusal(answer)
    const before = this.#version
    if (answer.snapshot !== undefined) await this.#takeSnapshot(answer.snapshot)
    for (const bytes of answer.patches) if (!(await this.#takePatch(readPatch(bytes)))) return 'stale'
    const { hasMore } = answer
    if (hasMore && this.#version === before && answer.snapshot === undefined) throw withoutEnd(this.name)
    if (!(await this.#commitWhole(hasMore))) return 'stale'
    return hasMore ? 'more' : this.#finish()
  }

  get #version(): number {
    return (this.#rebuild?.at ?? this.#known ?? EMPTY_APP_STATE).version
  }

  #checkRefusal({ error, patches, snapshot }: AppStateAnswer): void {
    // a conflict is told beside the patches that lead out of it
    if (error === undefined || (error.code === 409 && (patches.length > 0 || snapshot !== undefined))) return
    throw new QueryError('WATON_QUERY_REFUSED', 'the server refused a collection of app state', {
      details: { collection: this.name, serverCode: error.code, serverText: error.text },
      retryable: error.code >= 500 || PASSING.has(error.code),
    })
  }

  async #takeSnapshot(reference: Uint8Array): Promise<void> {
    const { fetchFile, keyOf } = this.#context
    const snapshot = readSnapshot(await fetchFile(readAppStateBlob(reference)))
    const verified = await runSteps(verifySnapshot({ collection: this.name, snapshot, keyOf }))
    this.#rebuild ??= new Rebuild()
    this.#rebuild.begin(verified)
  }

  /** False when the collection has changed meanwhile. */
  async #takePatch(patch: AppStatePatch): Promise<boolean> {
    if (patch.version !== undefined && patch.version <= this.#version) return true
    const { external } = patch
    const mutations =
      external === undefined
        ? patch.mutations
        : readExternalMutations(await this.#context.fetchFile(external))
    if (this.#rebuild !== undefined) {
      const { at, valueMac } = this.#rebuild
      this.#rebuild.follow(await this.#verify({ patch, mutations, from: at, previousValueMac: valueMac }))
      return true
    }
    const known = await entriesUnder(
      this.#context.state,
      this.name,
      mutations.map(({ indexMac }) => indexMac),
    )
    const previousValueMac = (indexMac: Uint8Array): Uint8Array | undefined => valueMacIn(known, indexMac)
    const from = this.#known ?? EMPTY_APP_STATE
    return this.#commit(await this.#verify({ patch, mutations, from, previousValueMac }), known)
  }

  #verify(input: Omit<Parameters<typeof verifyPatch>[0], 'collection' | 'keyOf'>): Promise<VerifiedAppState> {
    return runSteps(verifyPatch({ ...input, collection: this.name, keyOf: this.#context.keyOf }))
  }

  /** The whole collection is here, or as new as what was known: told as the difference to that. */
  async #commitWhole(hasMore: boolean): Promise<boolean> {
    const rebuild = this.#rebuild
    if (rebuild === undefined) return true
    const knownVersion = this.#known?.version ?? 0
    if (rebuild.at.version < knownVersion) {
      if (hasMore) return true
      throw rolledBack(this.name, rebuild.at.version, knownVersion)
    }
    const entries = await listEntries(this.#context.state, this.name)
    const mutations = differenceTo(rebuild.whole, entries)
    this.#rebuild = undefined
    return this.#commit({ to: rebuild.at, mutations }, entries)
  }

  async #commit({ to, mutations }: VerifiedAppState, entries: Entries): Promise<boolean> {
    const changes = changesOf(mutations, entries)
    const committed = await commitStep(this.#context, { name: this.name, from: this.#known, to, changes })
    if (committed === undefined) return false
    this.#known = committed
    this.#context.logger.debug(
      { collection: this.name, version: to.version, changes: changes.length },
      'app state is one step further',
    )
    return true
  }

  /** That was all: what stood in the way is over, and so is the news that led here. */
  async #finish(): Promise<FetchOutcome> {
    const { state, isCurrent } = this.#context
    const known = this.#known ?? EMPTY_APP_STATE
    const isInTheWay = this.#known?.missingKeys !== undefined || this.#known?.fault !== undefined
    if (!isInTheWay && this.#news === undefined) return 'done'
    return state.commit(async (unit) => {
      if (!isCurrent() || !isSame(await unit.read(APP_STATE_COLLECTION, this.name), known)) return 'stale'
      const { version, ltHash } = known
      if (isInTheWay) unit.put(APP_STATE_COLLECTION, this.name, { version, ltHash })
      const news = await unit.read(DIRTY_COLLECTION, this.name)
      if (news === undefined) return 'done'
      const isOld = isSameNews(news, this.#news)
      const isReached = news.version === undefined ? isOld : news.version <= version
      if (isReached) unit.delete(DIRTY_COLLECTION, this.name)
      // news that have come meanwhile are a reason of their own
      return isReached || !isOld ? 'done' : 'behind'
    })
  }
}

function isSameNews(now: DirtyCollection, before: DirtyCollection | undefined): boolean {
  return now.atMs === before?.atMs && now.version === before.version
}

function valueMacIn(entries: Entries, indexMac: Uint8Array): Uint8Array | undefined {
  return entries.get(toHex(indexMac))?.valueMac
}

function withoutEnd(collection: string): ProtocolError {
  return new ProtocolError(
    'WATON_APP_STATE_NO_PROGRESS',
    'the server says that a collection of app state has more and gives nothing; it is asked again later',
    { details: { collection }, retryable: true },
  )
}

function rolledBack(collection: string, version: number, knownVersion: number): ProtocolError {
  return new ProtocolError(
    'WATON_APP_STATE_ROLLED_BACK',
    'the server has a collection of app state only as it was before what it gave earlier; nothing is taken back, and it is asked again later',
    { details: { collection, version, knownVersion }, retryable: true },
  )
}
