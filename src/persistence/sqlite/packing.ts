/**
 * The form in which a commit crosses to the writer thread: one flat list of texts and numbers, and one block with the
 * bytes of all values behind each other, which is moved instead of copied. A structured clone of the changes
 * themselves takes 2.4 times as long to send and 9 times as long to receive, and copies the whole buffer behind every
 * value that is a view (figures in docs/decisions/0006-sqlite-driver-and-writer.md).
 */
import { isAddition } from '../contract/rows.ts'
import type { Addition, Change, EventRow, MessageRow, OutboxRow, Removal } from '../contract/rows.ts'
import { textToColumn } from './text-column.ts'

/** A field of a packed change; a bytes field is its length, the bytes follow in the block. */
type PackedField = string | number | null

/** Changes on their way to the writer. */
export interface PackedChanges {
  readonly count: number
  readonly fields: readonly PackedField[]
  /** A block of its own memory: it may be transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

/**
 * Packs changes; the caller keeps its arrays.
 *
 * @throws {StorageError} `WATON_STORE_TEXT` when a text is not well-formed
 */
export function packChanges(changes: readonly Change[]): PackedChanges {
  const packer = new Packer()
  for (const change of changes) packer.add(change)
  return { count: changes.length, fields: packer.fields, bytes: joinParts(packer.parts, packer.sizeBytes) }
}

class Packer {
  readonly fields: PackedField[] = []
  readonly parts: Uint8Array[] = []
  sizeBytes = 0

  add(change: Change): void {
    if (isAddition(change)) this.#addition(change)
    else this.#removal(change)
  }

  #addition(change: Addition): void {
    switch (change.op) {
      case 'put-record': {
        const { kind, key, at, value } = change.row
        this.#push(change.op, textToColumn(kind), textToColumn(key), at, this.#part(value))
        return
      }
      case 'put-message':
        this.#message(change.row)
        return
      case 'append-event':
        this.#event(change.row)
        return
      case 'put-outbox':
        this.#outbox(change.row)
        return
      case 'recognise':
        this.#push(change.op, this.#part(change.hash), change.at)
    }
  }

  #removal(change: Removal): void {
    switch (change.op) {
      case 'delete-record':
        this.#push(change.op, textToColumn(change.kind), textToColumn(change.key))
        return
      case 'expire-record':
        this.#push(change.op, textToColumn(change.kind), textToColumn(change.key), change.before)
        return
      case 'expire-records':
        this.#push(change.op, textToColumn(change.kind), change.before)
        return
      case 'delete-message': {
        const { chat, sender, id } = change.key
        this.#push(change.op, textToColumn(chat), textToColumn(sender), textToColumn(id))
        return
      }
      case 'expire-events':
        this.#push(change.op, change.upTo)
        return
      case 'delete-outbox':
        this.#push(change.op, textToColumn(change.id))
        return
      case 'expire-recognised':
        // a negative limit is none
        this.#push(change.op, change.before, change.limit ?? -1)
    }
  }

  #message(row: MessageRow): void {
    this.#push('put-message', textToColumn(row.chat), textToColumn(row.sender), textToColumn(row.id))
    this.#push(row.at, textToColumn(row.kind), textToColumn(row.state), this.#part(row.value))
  }

  #event(row: EventRow): void {
    this.#push('append-event', row.seq, textToColumn(row.type), row.version, row.at, textToColumn(row.chat))
    const message = row.message
    if (message === undefined) this.#push(null, null, null)
    else this.#push(textToColumn(message.chat), textToColumn(message.sender), textToColumn(message.id))
    this.#push(this.#part(row.value))
  }

  #outbox(row: OutboxRow): void {
    this.#push('put-outbox', textToColumn(row.id), textToColumn(row.chat), row.position)
    this.#push(textToColumn(row.state), row.at, this.#part(row.value))
  }

  #push(...fields: readonly PackedField[]): void {
    for (const field of fields) this.fields.push(field)
  }

  #part(value: Uint8Array): number {
    this.parts.push(value)
    this.sizeBytes += value.length
    return value.length
  }
}

function joinParts(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
