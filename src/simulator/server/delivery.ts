/**
 * How one connection empties a mailbox: nothing while the device is passive, then the backlog in the batches that the
 * client pulls, then everything as it comes. Order is kept throughout: what arrives during the backlog waits behind it.
 *
 * ```xml
 * <ib><offline_preview count="7" message="5" .../></ib>   a primer of stanzas with offline="..."   then per
 * <ib><offline_batch count="200"/></ib> (client) that many more                             <ib><offline count="7"/></ib>
 * ```
 *
 * @source whatsapp-rust `src/client/offline_batch.rs` (after WA Web `WAWebOfflineHandler`): a primer of about 5
 *   stanzas, and nothing more on that connection unless it is pulled
 */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { offlineEnd, offlinePreview } from '../stanza/stream.ts'
import type { Mailbox, MailboxEntry } from '../world/mailbox.ts'

/** Stanzas of the backlog sent before the first pull. */
const PRIMER = 5

/** See the file comment. */
export class Delivery {
  readonly #mailbox: Mailbox
  readonly #isPulled: boolean
  readonly #send: (stanza: BinaryNode) => void
  #state: 'held' | 'backlog' | 'live' = 'held'
  /** Everything up to this number was sent on this connection. */
  #sentUpTo = 0
  /** The backlog ends with this number. */
  #backlogEnd = 0
  #backlogSent = 0

  /** @param isPulled - whether the client asks for its backlog in batches (`ClientPayload.pull`) */
  constructor(mailbox: Mailbox, isPulled: boolean, send: (stanza: BinaryNode) => void) {
    this.#mailbox = mailbox
    this.#isPulled = isPulled
    this.#send = send
  }

  /** The device wants its stanzas. */
  activate(): void {
    if (this.#state !== 'held') return
    const backlog = this.#mailbox.after(this.#sentUpTo)
    this.#backlogEnd = this.#mailbox.nextSequence - 1
    this.#backlogSent = 0
    this.#state = 'backlog'
    if (backlog.length > 0) this.#send(offlinePreview(countByTag(backlog)))
    this.#sendBacklog(this.#isPulled ? PRIMER : backlog.length)
  }

  /** The device wants nothing until it is active again. */
  hold(): void {
    this.#state = 'held'
  }

  /** The client asks for more of its backlog. */
  pull(count: number): void {
    if (this.#state === 'backlog') this.#sendBacklog(count)
  }

  /** Something new is in the mailbox. @returns whether it was sent; otherwise it waits */
  deliver(entry: MailboxEntry): boolean {
    if (this.#state !== 'live') return false
    this.#sentUpTo = entry.sequence
    this.#mailbox.wrote(entry)
    this.#send(entry.stanza)
    return true
  }

  #sendBacklog(count: number): void {
    const rest = this.#mailbox.after(this.#sentUpTo).filter((entry) => entry.sequence <= this.#backlogEnd)
    for (const entry of rest.slice(0, count)) {
      const { sequence, stanza } = entry
      this.#sentUpTo = sequence
      this.#mailbox.wrote(entry)
      const attributes = { ...stanza.attrs, offline: this.#backlogSent }
      this.#backlogSent += 1
      this.#send(node(stanza.tag, attributes, stanza.content))
    }
    if (rest.length <= count) this.#endBacklog()
  }

  #endBacklog(): void {
    this.#state = 'live'
    this.#send(offlineEnd(this.#backlogSent))
    for (const entry of this.#mailbox.after(this.#sentUpTo)) this.deliver(entry)
  }
}

function countByTag(entries: readonly MailboxEntry[]): {
  message: number
  receipt: number
  notification: number
} {
  const counts = { message: 0, receipt: 0, notification: 0 }
  for (const { stanza } of entries) {
    if (stanza.tag === 'message') counts.message += 1
    else if (stanza.tag === 'receipt') counts.receipt += 1
    else counts.notification += 1
  }
  return counts
}
