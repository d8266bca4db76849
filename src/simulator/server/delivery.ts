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
import type { OfflineCounts } from '../stanza/stream.ts'
import type { Mailbox, MailboxEntry } from '../world/mailbox.ts'
import { GOOD_HABITS } from '../world/offline.ts'
import type { OfflineHabits } from '../world/offline.ts'

/** See the file comment. */
export class Delivery {
  readonly #mailbox: Mailbox
  readonly #isPulled: boolean
  readonly #send: (stanza: BinaryNode) => void
  readonly #habits: () => OfflineHabits
  #state: 'held' | 'backlog' | 'live' = 'held'
  /** Everything up to this number was sent on this connection. */
  #sentUpTo = 0
  /** The backlog ends with this number. */
  #backlogEnd = 0
  #backlogSent = 0

  /**
   * @param isPulled - whether the client asks for its backlog in batches (`ClientPayload.pull`)
   * @param habits - how the server treats backlogs right now
   */
  constructor(
    mailbox: Mailbox,
    isPulled: boolean,
    send: (stanza: BinaryNode) => void,
    habits: () => OfflineHabits = () => GOOD_HABITS,
  ) {
    this.#mailbox = mailbox
    this.#isPulled = isPulled
    this.#send = send
    this.#habits = habits
  }

  /** The device wants its stanzas. */
  activate(): void {
    if (this.#state !== 'held') return
    const backlog = this.#mailbox.after(this.#sentUpTo)
    this.#backlogEnd = this.#mailbox.nextSequence - 1
    this.#backlogSent = 0
    this.#state = 'backlog'
    const { announced, primer } = this.#habits()
    if (backlog.length > 0 || announced !== 'as-it-is') {
      const counts = countByTag(backlog)
      this.#send(offlinePreview(announced === 'as-it-is' ? counts : { ...counts, count: announced }))
    }
    this.#sendBacklog(this.#isPulled ? primer : backlog.length)
  }

  /** The device wants nothing until it is active again. */
  hold(): void {
    this.#state = 'held'
  }

  /** The client asks for more of its backlog. */
  pull(count: number): void {
    if (this.#state === 'backlog') this.#sendBacklog(Math.min(count, this.#habits().batchLimit))
  }

  /** Something new is in the mailbox. @returns whether it was sent; otherwise it waits */
  deliver(entry: MailboxEntry): boolean {
    if (this.#state !== 'live') return false
    this.#sentUpTo = entry.sequence
    this.#mailbox.wrote(entry)
    const { stanza } = entry
    this.#send(this.#habits().liveSaysZero ? numbered(stanza, 0) : stanza)
    return true
  }

  #sendBacklog(count: number): void {
    const rest = this.#mailbox.after(this.#sentUpTo).filter((entry) => entry.sequence <= this.#backlogEnd)
    for (const entry of rest.slice(0, count)) {
      const { sequence, stanza } = entry
      this.#sentUpTo = sequence
      this.#mailbox.wrote(entry)
      this.#send(numbered(stanza, this.#backlogSent))
      this.#backlogSent += 1
      if (this.#mailbox.isRefused(entry)) {
        // the server waits for a better answer to this one, and holds back everything behind it
        this.#state = 'held'
        return
      }
    }
    if (rest.length <= count) this.#endBacklog()
  }

  #endBacklog(): void {
    this.#state = 'live'
    if (this.#habits().endMarker) this.#send(offlineEnd(this.#backlogSent))
    for (const entry of this.#mailbox.after(this.#sentUpTo)) this.deliver(entry)
  }
}

/** A stanza with its place in the backlog. @source whatsapp-rust #125, whatsmeow #1093: `offline="0"`, `"1"`, ... */
function numbered({ tag, attrs, content }: BinaryNode, place: number): BinaryNode {
  return node(tag, { ...attrs, offline: place }, content)
}

function countByTag(entries: readonly MailboxEntry[]): OfflineCounts {
  const counts = { message: 0, receipt: 0, notification: 0, call: 0, status: 0 }
  for (const { stanza } of entries) {
    const { tag } = stanza
    if (isCounted(tag)) counts[tag] += 1
    else counts.notification += 1
  }
  return { ...counts, count: entries.length }
}

function isCounted(tag: string): tag is 'message' | 'receipt' | 'notification' | 'call' | 'status' {
  return ['message', 'receipt', 'notification', 'call', 'status'].includes(tag)
}
