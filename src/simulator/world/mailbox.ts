/**
 * What the server owes one device: every stanza stays here until the device answered it with the receipt or ack that
 * the protocol demands, and is sent again at each login until then. Sending is done by `server/delivery.ts`.
 *
 * @source which answer clears what: whatsapp-rust #659 (own fan-out copies need a sender receipt; an ack is ignored),
 *   Baileys 7.0.0-rc14 `lib/Socket/messages-recv.js`
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sameUser } from '../../protocol/jid.ts'

/**
 * What clears a stanza: `ack` (receipts, notifications), `receipt` (a message: any delivery receipt, or an ack),
 * `sender-receipt` (a copy of a message that another device of the same person sent: only `<receipt type="sender">`),
 * `sending` (nothing: it is gone once it was written to the device).
 */
export type Clearance = 'ack' | 'receipt' | 'sender-receipt' | 'sending'

/** One stanza that waits for its answer. */
export interface MailboxEntry {
  /** Counts up per mailbox; later stanzas have higher numbers. */
  readonly sequence: number
  readonly stanza: BinaryNode
  readonly clearedBy: Clearance
}

/** Stanzas kept per device; the oldest is dropped beyond it, with a note in the trace. */
export const MAX_MAILBOX = 20_000

/** An answer by receipt. */
export interface ReceiptAnswer {
  readonly ids: readonly string[]
  /** The receipt's `type`; `undefined` is a delivery. */
  readonly type: string | undefined
  /** JIDs that the receipt names (`to`, `recipient`): one of them must be who the stanza came from. */
  readonly parties: readonly string[]
}

/** An answer by ack. */
export interface AckAnswer {
  /** Tag of the stanza that is answered. */
  readonly class: string
  readonly id: string
  /** Must be the `from` of the stanza, device included. */
  readonly to: string
  /** The `type` of the stanza, or `undefined` when the ack leaves it out. */
  readonly type: string | undefined
}

/** What an ack did: `mismatch` when a stanza has its id but another sender or type, `ignored` when it needs a receipt. */
export type AckOutcome = 'cleared' | 'ignored' | 'mismatch' | 'nothing'

/** See the file comment. */
export class Mailbox {
  readonly #entries = new Map<number, MailboxEntry>()
  readonly #sequencesById = new Map<string, Set<number>>()
  #nextSequence = 1

  /** Stanzas waiting. */
  get size(): number {
    return this.#entries.size
  }

  /** The number that the next stanza will get. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Adds a stanza; returns it and the one that was dropped to stay within {@link MAX_MAILBOX}. */
  add(stanza: BinaryNode, clearedBy: Clearance): { entry: MailboxEntry; dropped: MailboxEntry | undefined } {
    const entry = { sequence: this.#nextSequence++, stanza, clearedBy }
    this.#entries.set(entry.sequence, entry)
    const key = keyOf(stanza.tag, stanza.attrs['id'] ?? '')
    const sequences = this.#sequencesById.get(key) ?? new Set()
    this.#sequencesById.set(key, sequences.add(entry.sequence))
    const dropped = this.#entries.size > MAX_MAILBOX ? this.#entries.values().next().value : undefined
    if (dropped !== undefined) this.#remove(dropped)
    return { entry, dropped }
  }

  /** What waits with a number above `sequence`, in order. */
  after(sequence: number): readonly MailboxEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.sequence > sequence)
  }

  /** Clears what a receipt answers. @returns how many stanzas were cleared */
  clearByReceipt(answer: ReceiptAnswer): number {
    const wanted: Clearance = answer.type === 'sender' ? 'sender-receipt' : 'receipt'
    let cleared = 0
    for (const id of answer.ids) {
      for (const entry of this.#find('message', id)) {
        if (entry.clearedBy !== wanted || !answer.parties.some((party) => isFrom(entry.stanza, party)))
          continue
        this.#remove(entry)
        cleared += 1
      }
    }
    return cleared
  }

  /** Clears the one stanza that an ack answers. */
  clearByAck(answer: AckAnswer): AckOutcome {
    const candidates = this.#find(answer.class, answer.id)
    const entry = candidates.find(({ stanza }) => {
      const isTypeRight = answer.type === undefined || answer.type === stanza.attrs['type']
      return isTypeRight && stanza.attrs['from'] === answer.to
    })
    if (entry === undefined) return candidates.length === 0 ? 'nothing' : 'mismatch'
    if (entry.clearedBy === 'sender-receipt') return 'ignored'
    this.#remove(entry)
    return 'cleared'
  }

  /** A stanza was written to the device. */
  wrote(entry: MailboxEntry): void {
    if (entry.clearedBy === 'sending') this.#remove(entry)
  }

  /** Forgets everything: the device was removed. */
  clear(): void {
    this.#entries.clear()
    this.#sequencesById.clear()
  }

  #find(tag: string, id: string): readonly MailboxEntry[] {
    const sequences = this.#sequencesById.get(keyOf(tag, id))
    if (sequences === undefined) return []
    return [...sequences]
      .map((sequence) => this.#entries.get(sequence))
      .filter((entry) => entry !== undefined)
  }

  #remove(entry: MailboxEntry): void {
    this.#entries.delete(entry.sequence)
    const key = keyOf(entry.stanza.tag, entry.stanza.attrs['id'] ?? '')
    const sequences = this.#sequencesById.get(key)
    sequences?.delete(entry.sequence)
    if (sequences?.size === 0) this.#sequencesById.delete(key)
  }
}

function keyOf(tag: string, id: string): string {
  return `${tag} ${id}`
}

function isFrom(stanza: BinaryNode, party: string): boolean {
  const from = stanza.attrs['from'] ?? ''
  return from === party || sameUser(from, party)
}
