/**
 * Forgets what is old, as `pruning.ts` says, in the background: small slices, each an ordinary commit, with pauses between
 * them. It runs every hour, and earlier when the log has grown much. It decides nothing that a crash could leave half
 * done: events, their messages and what a consumer has lost of them go in one commit.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { letOthersRun } from '../../base/turn.ts'
import type { Change, EventRow, MessageKey } from '../../persistence/contract/index.ts'
import { messagesOf } from '../event-record.ts'
import { isOfHistory } from '../message-record.ts'
import type { Retention } from '../options.ts'
import { FINISHED_STATES } from '../send/states.ts'
import type { AccountState } from './account-state.ts'
import { eventSizeBytes, messageSizeBytes } from './log-size.ts'
import { REDELIVERY_DAYS, expiringKinds } from './pruning.ts'
import { passOver } from '../consume/progress.ts'
import { CONSUMER, EVENT_LOG_SIZE, SELF } from './records.ts'
import type { LogSize, LostStretch } from './records.ts'
import type { LostEvents } from '../events/ephemeral.ts'
import type { Unit } from './unit.ts'

/** What a pruner works with. */
export interface PrunerOptions {
  readonly state: AccountState
  readonly clock: Clock
  readonly logger: Logger
  readonly retention: Retention
  /** Whose addresses sent messages are recorded under. */
  readonly self: { readonly me?: { readonly pn: string; readonly lid?: string } | undefined }
  /** Told when a consumer was cut off; it is recorded with its progress, too. */
  readonly hub: { tellLost(lost: LostEvents): void }
  /**
   * The latest time that the server has told since the start, in milliseconds since the epoch; 0 before it has told any. What
   * is old is so by both clocks: a machine whose clock runs ahead must not take everything for old. @default none is asked
   */
  readonly serverTimeMs?: () => number
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Between two runs, and before the first one: a start has better things to do. */
const INTERVAL_MS = 60 * 60 * 1000
const FIRST_MS = 5 * 60 * 1000

/** Between two slices, so that whatever else wants to be written goes first. */
const PAUSE_MS = 20

/** Rows in one slice, and messages that they may tell of: an event of history has hundreds. */
const SLICE = 64
const SLICE_MESSAGES = 1024
const HASHES = 512

/** Messages that are read without a break. */
const READ_AT_ONCE = 50

/** Slices of one table in one run; what is left waits for the next, which comes soon then. */
const MAX_SLICES = 4096

/** Slices of the log that are counted before the count is recorded: a process that ends early has not counted in vain. */
const SLICES_PER_RECORD = 256

/** The log is looked at when it has grown by this share of its budget, and by no more than these bytes. */
const GROWTH_SHARE = 16
const MAX_GROWTH_BYTES = 16 * 1024 * 1024

/** See the file comment. */
export class Pruner {
  readonly #options: PrunerOptions
  readonly #stop = new AbortController()
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  /** The size of the log up to {@link #measuredUpTo}; what came in since the start is counted by the state. */
  #sizeBytes: number | undefined
  #measuredUpTo = 0
  #counted = 0
  #countedHashes = 0

  constructor(options: PrunerOptions) {
    this.#options = options
    this.#measuredUpTo = options.state.lastSeq
  }

  /** Runs from now on, until {@link stop}. */
  start(): void {
    this.#schedule(FIRST_MS)
  }

  /** Events were appended: perhaps so many that the log must be looked at. */
  appended(): void {
    const { state, retention } = this.#options
    const limit = Math.min(MAX_GROWTH_BYTES, retention.bytes / GROWTH_SHARE)
    if (state.written.logBytes - this.#counted >= limit) void this.run()
  }

  /** Ends after the slice under way. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#timer?.cancel()
    await this.#running
  }

  /** Forgets everything that is due. Single flight; never rejects: what could not be forgotten waits for the next run. */
  run(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve()
    this.#running ??= this.#run().then((isDone) => {
      this.#running = undefined
      this.#schedule(isDone ? INTERVAL_MS : FIRST_MS)
    })
    return this.#running
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel()
    if (this.#stop.signal.aborted) return
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      void this.run()
    })
  }

  /** @returns whether the log has become as small as it is to be, as far as can be told */
  async #run(): Promise<boolean> {
    let isDone = true
    try {
      await this.#measure()
      isDone = await this.#slices(() => this.#events())
      await this.#hashes()
      await this.#slices(() => this.#outbox())
      for (const { kind, days } of expiringKinds()) await this.#records(kind, days)
    } catch (error) {
      this.#options.logger.warn({ reason: describeError(error) }, 'old entries could not be forgotten yet')
    }
    return isDone
  }

  /**
   * @param slice - does one, and tells whether there is more
   * @returns whether there is nothing left to do
   */
  async #slices(slice: () => Promise<boolean>, most: number = MAX_SLICES): Promise<boolean> {
    for (let count = 0; count < most; count += 1) {
      if (this.#isStopped() || !(await slice())) return true
      await sleep(this.#options.clock, PAUSE_MS, this.#stop.signal)
    }
    return false
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  #daysAgoMs(days: number): number {
    const { clock, serverTimeMs } = this.#options
    return Math.min(clock.nowMs(), serverTimeMs?.() ?? Infinity) - days * DAY_MS
  }

  /** The log as it was when this process began: what the last one has counted, and what it had no time to count. */
  async #measure(): Promise<void> {
    if (this.#sizeBytes !== undefined) return
    const { state } = this.#options
    const known = await state.read(EVENT_LOG_SIZE, SELF)
    let { sizeBytes, upTo } = known ?? { sizeBytes: 0, upTo: 0 }
    const slice = async (): Promise<boolean> => {
      const rows = await this.#readEvents(upTo, this.#measuredUpTo)
      for (const row of rows) sizeBytes += await this.#sizeOf(row)
      upTo = rows.at(-1)?.seq ?? upTo
      return rows.length === SLICE
    }
    // to the end, however long that is: what is not counted is not kept within the bytes either
    while (!(await this.#slices(slice, SLICES_PER_RECORD))) await this.#record({ sizeBytes, upTo })
    if (!this.#isStopped()) this.#sizeBytes = sizeBytes
  }

  async #record(size: LogSize): Promise<void> {
    await this.#options.state.commit((unit) => {
      unit.put(EVENT_LOG_SIZE, SELF, size)
      return Promise.resolve()
    })
  }

  async #readEvents(after: number, upTo: number): Promise<readonly EventRow[]> {
    const { store, account } = this.#options.state
    const rows = await store.readEvents(account, { after, limit: SLICE })
    return rows.filter(({ seq }) => seq <= upTo)
  }

  async #sizeOf(row: EventRow): Promise<number> {
    const { store, account } = this.#options.state
    let sizeBytes = eventSizeBytes(row)
    for (const [index, key] of messagesOf(row).entries()) {
      if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await letOthersRun()
      const message = await store.readMessage(account, key)
      sizeBytes += message === undefined ? 0 : messageSizeBytes(message)
    }
    return sizeBytes
  }

  /** One slice of the log. Returns whether there may be more to forget. */
  async #events(): Promise<boolean> {
    const { state, retention, hub } = this.#options
    const oldestMs = this.#daysAgoMs(retention.days)
    const { logBytes, upTo } = state.written
    const end = { sizeBytes: (this.#sizeBytes ?? 0) + logBytes, upTo: Math.max(upTo, this.#measuredUpTo) }
    // the newest event says where the log goes on
    const rows = await this.#readEvents(0, end.upTo - 1)
    const low = await this.#lowest()
    const gone: EventRow[] = []
    let freed = 0
    let messages = 0
    for (const row of rows) {
      // the rest has another slice
      if (messages >= SLICE_MESSAGES) break
      const isOver = end.sizeBytes - freed > retention.bytes
      if (!isOver && (row.at >= oldestMs || row.seq > low)) break
      freed += await this.#sizeOf(row)
      messages += messagesOf(row).length
      gone.push(row)
    }
    const size = { ...end, sizeBytes: Math.max(0, end.sizeBytes - freed) }
    this.#counted = logBytes
    const lost = await this.#forget(gone, size)
    this.#sizeBytes = (this.#sizeBytes ?? 0) - freed
    for (const one of lost) hub.tellLost(one)
    return gone.length === SLICE || messages >= SLICE_MESSAGES
  }

  /** The size goes with it, so that a restart does not count again what is gone. */
  async #forget(events: readonly EventRow[], size: LogSize): Promise<readonly LostEvents[]> {
    const { state } = this.#options
    const known = await state.read(EVENT_LOG_SIZE, SELF)
    if (events.length === 0 && known?.sizeBytes === size.sizeBytes && known.upTo === size.upTo) return []
    return state.commit((unit) => {
      unit.put(EVENT_LOG_SIZE, SELF, size)
      return forgetEvents(unit, events)
    })
  }

  /** Where the consumer that is furthest behind stands. */
  async #lowest(): Promise<number> {
    const { state } = this.#options
    const names = await state.listKeys(CONSUMER, '')
    const all = await Promise.all(names.map((name) => state.read(CONSUMER, name)))
    return Math.min(Infinity, ...all.map((progress) => progress?.low ?? Infinity))
  }

  /** As many slices as what came in since the last run needs, and some more to catch up. */
  async #hashes(): Promise<void> {
    const { hashes } = this.#options.state.written
    let left = Math.ceil((2 * (hashes - this.#countedHashes)) / HASHES) + 4
    this.#countedHashes = hashes
    const before = this.#daysAgoMs(REDELIVERY_DAYS)
    await this.#slices(async () => {
      await this.#commit([{ op: 'expire-recognised', before, limit: HASHES }])
      left -= 1
      return left > 0
    })
  }

  /** Finished rows go from the oldest on, each with the message that it has sent. */
  async #outbox(): Promise<boolean> {
    const { state, retention, self } = this.#options
    const before = this.#daysAgoMs(Math.max(retention.days, REDELIVERY_DAYS))
    const query = { states: FINISHED_STATES, limit: SLICE }
    const rows = await state.store.listOutbox(state.account, query)
    const old = rows.filter(({ at }) => at < before)
    const senders = [self.me?.pn, self.me?.lid].filter((jid) => jid !== undefined)
    await this.#commit(
      old.flatMap(({ id, chat }): Change[] => [
        { op: 'delete-outbox', id },
        ...senders.map((sender): Change => ({ op: 'delete-message', key: { chat, sender, id } })),
      ]),
    )
    return old.length === SLICE
  }

  /** Goes through one kind of record. */
  async #records(kind: string, days: number): Promise<void> {
    const { state } = this.#options
    const before = this.#daysAgoMs(days)
    let after: string | undefined
    await this.#slices(async () => {
      const rows = await state.store.listRecords(state.account, kind, after, SLICE)
      after = rows.at(-1)?.key
      const old = rows.filter(({ at }) => at < before)
      await this.#commit(old.map(({ key }) => ({ op: 'expire-record', kind, key, before })))
      return rows.length === SLICE
    })
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return
    await this.#options.state.commit((unit) => {
      unit.changes.push(...changes)
      return Promise.resolve()
    })
  }
}

/** The messages that only this event tells of: one of the history may have come by itself since, and has its own event. */
async function goingWith(unit: Unit, event: EventRow): Promise<readonly MessageKey[]> {
  const keys = messagesOf(event)
  if (event.message !== undefined) return keys
  const going: MessageKey[] = []
  for (const [index, key] of keys.entries()) {
    if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await letOthersRun()
    const row = await unit.readMessage(key)
    if (row !== undefined && isOfHistory(row)) going.push(key)
  }
  return going
}

/** Events, the messages that they tell of, and the word to whoever has not seen them: one commit. */
async function forgetEvents(unit: Unit, events: readonly EventRow[]): Promise<readonly LostEvents[]> {
  const upTo = events.at(-1)?.seq
  if (upTo === undefined) return []
  for (const event of events)
    for (const key of await goingWith(unit, event)) unit.changes.push({ op: 'delete-message', key })
  unit.changes.push({ op: 'expire-events', upTo })
  const lost: LostEvents[] = []
  for (const name of await unit.listKeys(CONSUMER, '')) {
    const missed = await passOver(
      unit,
      name,
      events.map(({ seq }) => seq),
      upTo,
    )
    const stretch = await noteLost(unit, name, missed)
    if (stretch !== undefined) lost.push({ consumer: name, ...stretch })
  }
  return lost
}

/** Keeps on record what a consumer was cut off from, together with what it was before. */
async function noteLost(
  unit: Unit,
  name: string,
  missed: readonly number[],
): Promise<LostStretch | undefined> {
  const [from] = missed
  const progress = await unit.read(CONSUMER, name)
  if (from === undefined || progress === undefined) return undefined
  const { lost: before } = progress
  const lost = { from, to: missed.at(-1) ?? from, count: missed.length }
  const all = { from: before?.from ?? from, to: lost.to, count: (before?.count ?? 0) + lost.count }
  unit.put(CONSUMER, name, { ...progress, lost: all })
  return lost
}
