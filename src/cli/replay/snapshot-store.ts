/**
 * A store in memory that can be written to a file and read back, and that can say what is in it. It keeps a second copy of
 * its rows, made from the changes, because the contract has no call that lists everything.
 */
import { MemoryStore } from 'waton'
import { crypto } from 'waton/protocol'
import { StoreWrapper } from 'waton/testing'
import type { Change, Claim, CommitResult, MessageKey } from 'waton/persistence'
import { fromBase64, toBase64 } from './transcript.ts'

/** A row as a line: the change that writes it, with bytes as `{ base64 }`. */
type RowLine = Readonly<Record<string, unknown>>

/** What a store holds, for comparison. */
export interface StoreSummary {
  /** Rows of each kind. */
  readonly rows: Readonly<Record<string, number>>
  /** SHA-256 of all rows, in hexadecimal. */
  readonly digest: string
}

const BEGINNING = { owner: 'snapshot', leaseMs: 1 }

/** See the file comment. One account. */
export class SnapshotStore extends StoreWrapper {
  readonly #account: string
  readonly #rows = new Map<string, Change>()

  constructor(account = 'default') {
    super(new MemoryStore())
    this.#account = account
  }

  /** Makes a store with the rows of a snapshot. */
  static async from(text: string, nowMs: number): Promise<SnapshotStore> {
    const store = new SnapshotStore()
    const claim = await store.claim(store.#account, { ...BEGINNING, nowMs })
    const lines = text.split('\n').filter((line) => line !== '')
    await store.commit(
      claim,
      lines.map((line) => readRow(JSON.parse(line) as RowLine)),
    )
    await claim.release()
    return store
  }

  /** All rows as text, in an order of their own. */
  toText(): string {
    return this.#lines()
      .map((line) => `${line}\n`)
      .join('')
  }

  /** What is in it. */
  summary(): StoreSummary {
    const rows: Record<string, number> = {}
    for (const key of [...this.#rows.keys()].sort()) {
      const [op = '', kind = ''] = key.split('\u0000')
      const name = op === 'put-record' ? `record ${kind}` : op.replace(/^[a-z]+-/, '')
      rows[name] = (rows[name] ?? 0) + 1
    }
    const digest = crypto.sha256(new TextEncoder().encode(this.toText()))
    return { rows, digest: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') }
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const result = await super.commit(claim, changes)
    for (const change of changes) {
      if (isPutting(change)) this.#rows.set(keyOfRow(change), change)
      else this.#remove(change)
    }
    return result
  }

  #remove(change: RemovingChange): void {
    const rows = this.#rows
    switch (change.op) {
      case 'delete-record':
        rows.delete(keyOf('put-record', change.kind, change.key))
        return
      case 'expire-record':
        this.#drop((row) => isRecord(row, change.kind, change.key) && row.row.at < change.before)
        return
      case 'delete-message':
        this.#drop((row) => isMessage(row, change.key))
        return
      case 'delete-outbox':
        rows.delete(keyOf('put-outbox', change.id))
        return
      case 'expire-records':
        this.#drop(
          (row) => row.op === 'put-record' && row.row.kind === change.kind && row.row.at < change.before,
        )
        return
      case 'expire-events':
        this.#drop((row) => row.op === 'append-event' && row.row.seq <= change.upTo)
        return
      case 'expire-recognised':
        this.#drop((row) => row.op === 'recognise' && row.at < change.before)
        return
    }
  }

  #drop(isGone: (row: Change) => boolean): void {
    for (const [key, row] of this.#rows) if (isGone(row)) this.#rows.delete(key)
  }

  #lines(): readonly string[] {
    return [...this.#rows]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, row]) => JSON.stringify(writeRow(row)))
  }
}

type PuttingChange = Extract<
  Change,
  { op: 'put-record' | 'put-message' | 'append-event' | 'put-outbox' | 'recognise' }
>

type RemovingChange = Exclude<Change, PuttingChange>

const PUTTING: ReadonlySet<string> = new Set([
  'put-record',
  'put-message',
  'append-event',
  'put-outbox',
  'recognise',
] satisfies PuttingChange['op'][])

function isPutting(change: Change): change is PuttingChange {
  return PUTTING.has(change.op)
}

function keyOfRow(change: PuttingChange): string {
  switch (change.op) {
    case 'put-record':
      return keyOf(change.op, change.row.kind, change.row.key)
    case 'put-message':
      return keyOf(change.op, change.row.chat, change.row.sender, change.row.id)
    case 'append-event':
      return keyOf(change.op, String(change.row.seq).padStart(16, '0'))
    case 'put-outbox':
      return keyOf(change.op, change.row.id)
    case 'recognise':
      return keyOf(change.op, toBase64(change.hash))
  }
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\u0000')
}

function writeRow(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: toBase64(value) }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, writeRow(part)]))
}

function readRow(line: RowLine): Change {
  return readValue(line) as Change
}

function readValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('base64' in value && typeof value.base64 === 'string') return fromBase64(value.base64)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, readValue(part)]))
}

type PutRecord = Extract<Change, { readonly op: 'put-record' }>

function isRecord(row: Change, kind: string, key: string): row is PutRecord {
  return row.op === 'put-record' && row.row.kind === kind && row.row.key === key
}

function isMessage(row: Change, { chat, sender, id }: MessageKey): boolean {
  return row.op === 'put-message' && row.row.chat === chat && row.row.sender === sender && row.row.id === id
}
