/**
 * The history that the phone hands over: a queue of pieces in the store, taken in one after the other in the background. The
 * receive stage only keeps what announces a piece; the phone hears that a piece was taken in when all of it is durable.
 *
 * What cannot be fetched is tried again later and with the next connection, for as long as its notification is kept. What
 * cannot be read is kept as it came, said, and passed over. Neither holds up the others.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { ProtocolError, StorageError, WatonError, describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import { buildReceipt } from '../../protocol/stanza/receipt.ts'
import type { Connection } from '../connection/connection.ts'
import type { HistoryProgress } from '../events.ts'
import type { Self } from '../identity/self.ts'
import type { Downloads } from '../media/download.ts'
import type { Drops } from '../receive/drops.ts'
import type { AccountState } from '../state/account-state.ts'
import { HISTORY_NOTIFICATION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Unknowns } from '../unknowns.ts'
import { PieceImport } from './import.ts'
import type { RecordedPart } from './import.ts'
import { readPiece } from './piece.ts'
import type { Piece } from './piece.ts'
import { HISTORY_IMPORT } from './records.ts'
import type { HistoryImport } from './records.ts'

/** What {@link History} works with. */
export interface HistoryOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly unknowns: Unknowns
  readonly drops: Drops
  readonly downloads: Pick<Downloads, 'file'>
  readonly onProgress: (progress: HistoryProgress) => void
}

/** Between two attempts at a file that could not be fetched. */
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 60 * 60 * 1000

/** Pieces whose failures and receipts are remembered. */
const MAX_REMEMBERED = 1_024

interface Failing {
  readonly attempts: number
  readonly dueAtMs: number
}

/** A piece that waits. */
interface Waiting {
  readonly piece: Piece
  readonly mark: HistoryImport
}

/** Types of which nothing is needed where no history is wanted. */
const MESSAGES_ONLY: ReadonlySet<Piece['syncType']> = new Set(['recent', 'full', 'initial-status'])

/** See the file comment. */
export class History {
  readonly #options: HistoryOptions
  readonly #stop = new AbortController()
  readonly #failing = new BoundedMap<string, Failing>(MAX_REMEMBERED)
  /** Pieces whose receipt was sent on this connection. */
  readonly #onWire = new BoundedMap<string, true>(MAX_REMEMBERED)
  #connection: Connection | undefined
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #isWanted = false

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** The connection is ready: receipts that are owed go out, and what could not be fetched is tried again. */
  resume(connection: Connection): void {
    this.#connection = connection
    this.#failing.clear()
    this.#onWire.clear()
    this.wake()
  }

  /** The connection is gone. */
  suspend(): void {
    this.#connection = undefined
  }

  /** There may be something to take in. */
  wake(): void {
    this.#isWanted = true
    if (this.#stop.signal.aborted) return
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** Stops behind the part that is being recorded. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#timer?.cancel()
    await this.#working
  }

  /** The phone has announced a piece, perhaps not for the first time. Runs inside the unit of its message. */
  async keep(unit: Unit, { id, to, raw }: { id: string; to: string; raw: Uint8Array }): Promise<void> {
    const mark = await unit.read(HISTORY_IMPORT, id)
    unit.onCommit(() => {
      this.#failing.delete(id)
      this.wake()
    })
    if (mark?.state === 'imported' || mark?.state === 'answered') {
      unit.put<HistoryImport>(HISTORY_IMPORT, id, { ...mark, state: 'imported' })
      unit.onCommit(() => {
        this.#answer(id, to)
      })
      return
    }
    unit.put(HISTORY_NOTIFICATION, id, raw)
    // another file may hold the same in another order: what is recorded is found by its messages
    const begun = mark ?? { arrivedAtMs: unit.nowMs, parts: 0, messages: 0 }
    unit.put<HistoryImport>(HISTORY_IMPORT, id, { ...begun, state: 'waiting', to, items: 0 })
  }

  /** The server has the receipt for a piece. Runs inside the unit of its ack. */
  async applyAck(unit: Unit, { id }: ParsedAck): Promise<void> {
    const mark = await unit.read(HISTORY_IMPORT, id)
    if (mark?.state === 'imported')
      unit.put<HistoryImport>(HISTORY_IMPORT, id, { ...mark, state: 'answered' })
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  async #work(): Promise<void> {
    while (this.#isWanted && !this.#isStopped()) {
      this.#isWanted = false
      try {
        await this.#answerOwed()
        while (await this.#takeNext());
      } catch (error) {
        if (this.#isStopped()) return
        // whoever heals the store, or the next connection, wakes it
        this.#options.logger.warn({ reason: describeError(error) }, 'history waits for the store')
      }
    }
  }

  /** Takes one piece in. @returns whether there was one */
  async #takeNext(): Promise<boolean> {
    if (this.#isStopped()) return false
    const next = await this.#next()
    if (next === undefined) return false
    try {
      await this.#import(next)
      this.#failing.delete(next.piece.id)
    } catch (error) {
      if (error instanceof StorageError || this.#isStopped()) throw error
      await this.#failed(next, error)
    }
    return true
  }

  /** What is due first: what somebody waits for, else in the order of arrival, and of the phone within one type. */
  async #next(): Promise<Waiting | undefined> {
    const nowMs = this.#options.clock.nowMs()
    const waiting = await this.#waiting()
    const dueAtMs = ({ piece }: Waiting): number => this.#failing.get(piece.id)?.dueAtMs ?? 0
    const due = waiting.filter((one) => dueAtMs(one) <= nowMs)
    this.#comeBack(Math.min(Infinity, ...waiting.map(dueAtMs).filter((atMs) => atMs > nowMs)))
    const firstOf = new Map<Piece['syncType'], number>()
    for (const { piece, mark } of due)
      firstOf.set(piece.syncType, Math.min(firstOf.get(piece.syncType) ?? Infinity, mark.arrivedAtMs))
    const rank = ({ piece: { syncType } }: Waiting): number =>
      syncType === 'on-demand' ? -1 : (firstOf.get(syncType) ?? 0)
    return due.sort(
      (a, b) =>
        rank(a) - rank(b) ||
        compare(a.piece.syncType, b.piece.syncType) ||
        (a.piece.chunkOrder ?? 0) - (b.piece.chunkOrder ?? 0) ||
        a.mark.arrivedAtMs - b.mark.arrivedAtMs ||
        compare(a.piece.id, b.piece.id),
    )[0]
  }

  async #waiting(): Promise<Waiting[]> {
    const { state } = this.#options
    const found: Waiting[] = []
    for (const id of await state.listKeys(HISTORY_IMPORT, '')) {
      const mark = await state.read(HISTORY_IMPORT, id)
      if (mark?.state !== 'waiting') continue
      const raw = await state.read(HISTORY_NOTIFICATION, id)
      // forgotten after two months
      if (raw === undefined) continue
      try {
        found.push({ piece: readPiece(id, raw), mark })
      } catch (error) {
        await this.#damaged({ id, syncType: 'unknown' }, mark, error)
      }
    }
    return found
  }

  /** For what is not due yet. */
  #comeBack(atMs: number): void {
    const { clock } = this.#options
    this.#timer?.cancel()
    if (!Number.isFinite(atMs) || this.#stop.signal.aborted) return
    this.#timer = clock.schedule(Math.max(0, atMs - clock.nowMs()), () => {
      this.wake()
    })
  }

  async #import({ piece, mark }: Waiting): Promise<void> {
    const { state, self, logger, unknowns, drops } = this.#options
    const { signal } = this.#stop
    const isWanted = self.credentials.history !== 'none' || piece.syncType === 'on-demand'
    const content = isWanted || !MESSAGES_ONLY.has(piece.syncType) ? await this.#fetch(piece) : undefined
    const options = { state, self, logger, unknowns, drops, piece, mark, signal, isWanted }
    const onPart = ({ isLast, messages }: RecordedPart): void => {
      this.#tell(piece, { isComplete: isLast, messages })
      if (isLast) this.#answer(piece.id, mark.to)
    }
    await new PieceImport({ ...options, onPart }).run(content)
  }

  async #fetch({ content }: Piece): Promise<Uint8Array | undefined> {
    if (content === undefined || content instanceof Uint8Array) return content
    return this.#options.downloads.file(content, this.#stop.signal)
  }

  async #failed({ piece, mark }: Waiting, error: unknown): Promise<void> {
    if (error instanceof ProtocolError) {
      await this.#damaged(piece, mark, error)
      return
    }
    const { clock, random } = this.#options
    const attempts = (this.#failing.get(piece.id)?.attempts ?? 0) + 1
    const pauseMs = Math.min(FIRST_PAUSE_MS * 4 ** (attempts - 1), LONGEST_PAUSE_MS)
    const spread = 0.75 + randomInteger(random, 500) / 1000
    this.#failing.set(piece.id, { attempts, dueAtMs: clock.nowMs() + Math.ceil(pauseMs * spread) })
    this.#tellFailure({ piece, messages: mark.messages, error, isRetried: true })
  }

  /** What was recorded of it stays; it is kept as it came, and has no receipt. */
  async #damaged(
    piece: Pick<Piece, 'id' | 'syncType' | 'progress'>,
    mark: HistoryImport,
    error: unknown,
  ): Promise<void> {
    await this.#options.state.commit(async (unit) => {
      const newest = (await unit.read(HISTORY_IMPORT, piece.id)) ?? mark
      unit.put<HistoryImport>(HISTORY_IMPORT, piece.id, { ...newest, state: 'damaged' })
    })
    this.#tellFailure({ piece, messages: mark.messages, error, isRetried: false })
  }

  #tellFailure({
    piece,
    messages,
    error,
    isRetried,
  }: {
    readonly piece: Pick<Piece, 'id' | 'syncType' | 'progress'>
    readonly messages: number
    readonly error: unknown
    readonly isRetried: boolean
  }): void {
    const { code, message } = error instanceof WatonError ? error : unforeseen(error)
    this.#options.logger.warn(
      { piece: piece.id, code, reason: message, isRetried },
      'a piece of history was not taken in',
    )
    this.#tell(piece, { isComplete: false, messages, failure: { code, message, isRetried } })
  }

  #tell(
    { id, syncType, progress }: Pick<Piece, 'id' | 'syncType' | 'progress'>,
    what: Pick<HistoryProgress, 'isComplete' | 'messages' | 'failure'>,
  ): void {
    this.#options.onProgress({
      ...{ syncType, piece: id },
      ...(progress === undefined ? {} : { progress }),
      ...what,
    })
  }

  /** What was recorded may not have been answered: there was no connection, or nobody heard that it was recorded. */
  async #answerOwed(): Promise<void> {
    const { state } = this.#options
    for (const id of await state.listKeys(HISTORY_IMPORT, '')) {
      const mark = await state.read(HISTORY_IMPORT, id)
      if (mark?.state === 'imported' && !this.#onWire.has(id)) this.#answer(id, mark.to)
    }
  }

  /** Without a connection it goes out with the next one. */
  #answer(id: string, to: string): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#onWire.set(id, true)
    connection.answer([{ kind: 'stanza', stanza: buildReceipt({ ids: [id], to, type: 'hist_sync' }) }])
  }
}

/** Nothing that is known to go wrong. */
function unforeseen(cause: unknown): ProtocolError {
  return new ProtocolError(
    'WATON_HISTORY_FAILED',
    'a piece of history could not be taken in, for a reason that nobody has thought of; it is kept: please report it',
    { cause },
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
