/**
 * How far a consumer got, as its records say it: everything up to a low-water mark, and above it one bit for each event, in
 * chunks of 1,024. Finishing an event writes the mark, or the 128 bytes of one chunk, or both, however many events wait
 * behind a chat that is stuck. Everything is read and written through the unit of work: when its commit fails, what it
 * had marked is unmarked with it.
 */
import type { AccountState } from '../state/account-state.ts'
import { CONSUMER, CONSUMER_AHEAD } from '../state/records.ts'
import type { LostStretch } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** Events of one chunk. */
export const CHUNK_EVENTS = 1024

const CHUNK_BYTES = CHUNK_EVENTS / 8

/** A stretch of the log, both ends included. */
export type SeqRange = readonly [first: number, last: number]

/** The record that holds the bits of an event. */
function chunkKey(name: string, chunk: number): string {
  return `${name}:${String(chunk)}`
}

function chunkOf(seq: number): number {
  return Math.floor(seq / CHUNK_EVENTS)
}

function hasBit(bits: Uint8Array | undefined, seq: number): boolean {
  const index = seq % CHUNK_EVENTS
  return (((bits?.[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
}

/** The chunks that one unit has touched. */
class Draft {
  readonly #unit: Unit
  readonly #name: string
  readonly #stored = new Map<number, Uint8Array | undefined>()
  readonly #changed = new Map<number, Uint8Array>()

  constructor(unit: Unit, name: string) {
    this.#unit = unit
    this.#name = name
  }

  async bits(chunk: number): Promise<Uint8Array | undefined> {
    if (!this.#stored.has(chunk))
      this.#stored.set(chunk, await this.#unit.read(CONSUMER_AHEAD, chunkKey(this.#name, chunk)))
    return this.#changed.get(chunk) ?? this.#stored.get(chunk)
  }

  async mark([first, last]: SeqRange): Promise<void> {
    for (let chunk = chunkOf(first); chunk <= chunkOf(last); chunk += 1) {
      const before = await this.bits(chunk)
      const bits = this.#changed.get(chunk) ?? before?.slice() ?? new Uint8Array(CHUNK_BYTES)
      const from = Math.max(first, chunk * CHUNK_EVENTS)
      const to = Math.min(last, (chunk + 1) * CHUNK_EVENTS - 1)
      for (let seq = from; seq <= to; seq += 1) {
        const index = seq % CHUNK_EVENTS
        bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7))
      }
      this.#changed.set(chunk, bits)
    }
  }

  /** The last event of the unbroken row that begins behind `low`. */
  async advance(low: number): Promise<number> {
    let next = low + 1
    for (;;) {
      const chunk = chunkOf(next)
      const bits = await this.bits(chunk)
      const end = (chunk + 1) * CHUNK_EVENTS
      while (next < end && hasBit(bits, next)) next += 1
      if (next < end) return next - 1
    }
  }

  /** Writes what the mark at `low` does not say already, and drops the chunks that it has passed. */
  write(low: number): void {
    for (const [chunk, stored] of this.#stored) {
      const key = chunkKey(this.#name, chunk)
      const bits = this.#changed.get(chunk)
      if (low >= (chunk + 1) * CHUNK_EVENTS - 1) {
        if (stored !== undefined) this.#unit.delete(CONSUMER_AHEAD, key)
      } else if (bits !== undefined && hasBitAbove(bits, chunk, low)) {
        this.#unit.put(CONSUMER_AHEAD, key, bits)
      }
    }
  }
}

function hasBitAbove(bits: Uint8Array, chunk: number, low: number): boolean {
  const base = chunk * CHUNK_EVENTS
  const first = Math.max(low + 1, base) - base
  const inFirst = (bits[first >> 3] ?? 0) >> (first & 7)
  return inFirst !== 0 || bits.subarray((first >> 3) + 1).some((byte) => byte !== 0)
}

/**
 * Marks events as finished, within a unit.
 *
 * @returns the low-water mark after it
 */
export async function finish(unit: Unit, name: string, ranges: readonly SeqRange[]): Promise<number> {
  const stored = await unit.read(CONSUMER, name)
  const before = stored?.low ?? 0
  const draft = new Draft(unit, name)
  for (const [first, last] of ranges) if (last > before) await draft.mark([Math.max(first, before + 1), last])
  const low = await draft.advance(before)
  draft.write(low)
  // what was lost stays on record until it has been told
  const kept = stored?.lost === undefined ? {} : { lost: stored.lost }
  if (low !== before) unit.put(CONSUMER, name, { ...kept, low })
  return low
}

/**
 * Moves a consumer's mark to `upTo`, because the log begins behind it from now on.
 *
 * @param seqs - the events that go, in the order of the log
 * @returns those of them that it had not finished
 */
export async function passOver(
  unit: Unit,
  name: string,
  seqs: readonly number[],
  upTo: number,
): Promise<readonly number[]> {
  const stored = await unit.read(CONSUMER, name)
  if (stored === undefined || stored.low >= upTo) return []
  const { low } = await restore(unit, name, { first: 0, start: 0 }, { keepsLost: true })
  const missed: number[] = []
  for (const seq of seqs) {
    const bits = await unit.read(CONSUMER_AHEAD, chunkKey(name, chunkOf(seq)))
    if (seq > low && !hasBit(bits, seq)) missed.push(seq)
  }
  await finish(unit, name, [[low + 1, upTo]])
  return missed
}

/**
 * Finds out where a consumer goes on, or notes where a new one begins.
 *
 * @param first - the first event that the log still holds: what lay before it has gone
 * @param start - the mark of a consumer that was never seen before
 */
export async function restore(
  unit: Unit,
  name: string,
  { first, start }: { readonly first: number; readonly start: number },
  { keepsLost }: { readonly keepsLost: boolean } = { keepsLost: false },
): Promise<Restored> {
  const stored = await unit.read(CONSUMER, name)
  if (stored === undefined) {
    unit.put(CONSUMER, name, { low: start })
    return { low: start }
  }
  // the first version kept a list of numbers
  const { finished = [], lost } = stored
  const low = Math.max(stored.low, first - 1)
  const kept = lost === undefined || !keepsLost ? {} : { lost }
  const isTold = lost !== undefined && !keepsLost
  if (low !== stored.low || finished.length > 0 || isTold) unit.put(CONSUMER, name, { ...kept, low })
  const marked = await finish(
    unit,
    name,
    finished.map((seq) => [seq, seq]),
  )
  return { low: marked, ...(lost === undefined ? {} : { lost }) }
}

/** Where a consumer goes on. */
export interface Restored {
  /** Everything up to here is finished. */
  readonly low: number
  /** What it will never see; told to whoever restores it, and then nobody's business. */
  readonly lost?: LostStretch
}

/** Which of the events, in the order of the log, are finished. */
export async function finishedAmong(
  state: AccountState,
  name: string,
  seqs: readonly number[],
): Promise<ReadonlySet<number>> {
  const low = (await state.read(CONSUMER, name))?.low ?? 0
  const finished = new Set<number>()
  let chunk = -1
  let bits: Uint8Array | undefined
  for (const seq of seqs) {
    if (chunkOf(seq) !== chunk) {
      chunk = chunkOf(seq)
      bits = await state.read(CONSUMER_AHEAD, chunkKey(name, chunk))
    }
    if (seq <= low || hasBit(bits, seq)) finished.add(seq)
  }
  return finished
}
