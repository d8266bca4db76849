/**
 * The simulator's record: every stanza in both directions and a note for everything else that happened (connects,
 * logins, refusals, violations, faults). Tests judge by it and people read it, so it is bounded and printable.
 */
import type { Clock } from '../base/clock.ts'
import { childrenOf, node } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { printNode } from '../protocol/binary/print.ts'

/** Seen from the wire. */
export type TraceDirection = 'client-to-server' | 'server-to-client'

/** Who a connection belongs to, once that is known. */
export interface TraceParty {
  /** Which connection, counted from 1. */
  readonly connectionId: number
  /** The device's phone-number JID; `undefined` before login. */
  readonly device: string | undefined
}

/** One stanza on the wire. */
export interface TracedStanza extends TraceParty {
  /** Position in the record; notes and stanzas count together. */
  readonly index: number
  /** When, by the simulator's clock, in milliseconds since the epoch. */
  readonly atMs: number
  /** Which way it went. */
  readonly direction: TraceDirection
  /** The stanza. */
  readonly node: BinaryNode
}

/** What a note is about. */
export type TraceNoteKind =
  | 'connect'
  | 'handshake'
  | 'disconnect'
  | 'login'
  | 'pairing'
  | 'refusal'
  | 'violation'
  | 'unknown'
  | 'warning'
  | 'media'
  | 'fault'

/** Something that happened and is not a stanza. */
export interface TraceNote extends Partial<TraceParty> {
  /** Position in the record; notes and stanzas count together. */
  readonly index: number
  /** When, by the simulator's clock, in milliseconds since the epoch. */
  readonly atMs: number
  /** What it is about. */
  readonly kind: TraceNoteKind
  /** What happened, for a reader. */
  readonly text: string
}

/** Which stanzas to look at; everything that is left out matches. */
export interface TraceFilter {
  /** The device's phone-number JID, e.g. `15550000001:1@s.whatsapp.net`. */
  readonly device?: string
  /** Which way it went. */
  readonly direction?: TraceDirection
  /** The tag of the stanza. */
  readonly tag?: string
  /** The `type` attribute. */
  readonly type?: string
  /** The `xmlns` attribute. */
  readonly xmlns?: string
  /** Only entries after this index. */
  readonly after?: number
}

/** What a client said of itself at the end of the handshake. */
export interface TracedPayload extends TraceParty {
  /** Position in the record; notes and stanzas count together. */
  readonly index: number
  /** When, by the simulator's clock, in milliseconds since the epoch. */
  readonly atMs: number
  /** Serialised `ClientPayload`. */
  readonly payload: Uint8Array
}

/** A stanza, a login or registration payload, or a note. */
export type TraceEntry = TracedStanza | TracedPayload | TraceNote

/** Entries kept unless told otherwise; the oldest are forgotten beyond it. */
const DEFAULT_CAPACITY = 50_000
/** How much of a stanza `print` shows. */
const PRINTED_CHILDREN = 8
const PRINTED_BYTES = 12

/** See the file comment. */
export class Trace {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #entries: TraceEntry[] = []
  readonly #listeners = new Set<(entry: TraceEntry) => void>()
  #nextIndex = 0

  constructor(clock: Clock, capacity: number = DEFAULT_CAPACITY) {
    this.#clock = clock
    this.#capacity = capacity
  }

  /** Everything that is kept, in order. */
  get entries(): readonly TraceEntry[] {
    return this.#entries
  }

  /** The notes that are kept, in order. */
  get notes(): readonly TraceNote[] {
    return this.#entries.filter((entry) => 'kind' in entry)
  }

  /** The faults that happened on purpose and are kept, in order. */
  get faults(): readonly TraceNote[] {
    return this.notes.filter(({ kind }) => kind === 'fault')
  }

  /** The index that the next entry will get: pass it as `after` (minus one) to look at what happens from now on. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  /** The stanzas that are kept and match, in order. */
  stanzas(filter: TraceFilter = {}): readonly TracedStanza[] {
    return this.#entries.filter((entry): entry is TracedStanza => 'node' in entry && matches(entry, filter))
  }

  /** The registration and login payloads that are kept, in order. Registrations have no device yet. */
  payloads(filter: Pick<TraceFilter, 'device' | 'after'> = {}): readonly TracedPayload[] {
    return this.#entries.filter(
      (entry): entry is TracedPayload =>
        'payload' in entry && isWanted(filter.device, entry.device) && isLater(filter, entry),
    )
  }

  /** Calls `listener` for everything from now on. @returns the function that stops it */
  subscribe(listener: (entry: TraceEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** The record as text, one entry after the other. @param filter - limits the stanzas; notes are always shown */
  print(filter: TraceFilter = {}): string {
    const shown = this.#entries.filter((entry) => !('node' in entry) || matches(entry, filter))
    return shown.map(printEntry).join('\n')
  }

  /** Records a stanza. For the server. */
  stanza(party: TraceParty, direction: TraceDirection, node: BinaryNode): void {
    this.#add({ index: this.#nextIndex, atMs: this.#clock.nowMs(), ...party, direction, node })
  }

  /** Records a registration or login. For the server. */
  payload(party: TraceParty, payload: Uint8Array): void {
    this.#add({ index: this.#nextIndex, atMs: this.#clock.nowMs(), ...party, payload })
  }

  /** Records a note. For the server. */
  note(kind: TraceNoteKind, text: string, party: Partial<TraceParty> = {}): void {
    this.#add({ index: this.#nextIndex, atMs: this.#clock.nowMs(), ...party, kind, text })
  }

  #add(entry: TraceEntry): void {
    this.#nextIndex += 1
    this.#entries.push(entry)
    // Dropping in slices keeps an append cheap on the average.
    if (this.#entries.length > this.#capacity * 1.25)
      this.#entries.splice(0, this.#entries.length - this.#capacity)
    for (const listener of this.#listeners) listener(entry)
  }
}

function matches(entry: TracedStanza, filter: TraceFilter): boolean {
  const { node } = entry
  return (
    isWanted(filter.device, entry.device) &&
    isWanted(filter.direction, entry.direction) &&
    isWanted(filter.tag, node.tag) &&
    isWanted(filter.type, node.attrs['type']) &&
    isWanted(filter.xmlns, node.attrs['xmlns']) &&
    isLater(filter, entry)
  )
}

function isLater(filter: TraceFilter, entry: TraceEntry): boolean {
  return filter.after === undefined || entry.index > filter.after
}

function isWanted(wanted: string | undefined, actual: string | undefined): boolean {
  return wanted === undefined || wanted === actual
}

function printEntry(entry: TraceEntry): string {
  const who =
    entry.device ?? (entry.connectionId === undefined ? 'server' : `connection ${String(entry.connectionId)}`)
  const head = `${String(entry.index)} +${String(entry.atMs)} ${who}`
  if ('kind' in entry) return `${head} -- ${entry.kind}: ${entry.text}`
  if ('payload' in entry) return `${head} >> client payload of ${String(entry.payload.length)} bytes`
  const arrow = entry.direction === 'client-to-server' ? '>>' : '<<'
  return `${head} ${arrow} ${printNode(shorten(entry.node), { maxBytes: PRINTED_BYTES })}`
}

/** The stanza with long lists cut: an upload of 812 keys is one fact to a reader. */
function shorten(stanza: BinaryNode): BinaryNode {
  const children = childrenOf(stanza)
  if (children.length === 0) return stanza
  const shown = children.slice(0, PRINTED_CHILDREN).map(shorten)
  const hidden = children.length - shown.length
  return { ...stanza, content: hidden === 0 ? shown : [...shown, node('more', { hidden })] }
}
