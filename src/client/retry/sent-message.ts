/**
 * What is known of a message that went out: its outbox row, which is kept for two weeks and more without the stanza; or, for
 * what goes between own devices and no human sees, the message itself.
 */
import type { Self } from '../identity/self.ts'
import { outboxItem } from '../send/outbox-item.ts'
import type { OutboxItem } from '../send/outbox-item.ts'
import type { Unit } from '../state/unit.ts'
import { PEER_MESSAGE } from './records.ts'

/** What is needed to send a message once more. */
export interface SentMessageRecord extends Pick<OutboxItem, 'id' | 'chat' | 'state' | 'body'> {
  /** Whether it goes between own devices alone. */
  readonly isPeer: boolean
}

/** States of messages that somebody may have a copy of. */
const GONE_OUT: ReadonlySet<string> = new Set(['encrypted', 'acknowledged', 'delivered', 'read'])

/** A message that went out and that was not refused; `undefined` when there is none, or when it cannot be read. */
export async function sentMessage(
  unit: Unit,
  id: string,
  self: Self,
): Promise<SentMessageRecord | undefined> {
  const row = await unit.readOutbox(id)
  if (row === undefined) return sentToPeer(unit, id, self)
  try {
    const item = outboxItem(row)
    if (!GONE_OUT.has(item.state) || item.body.message.length === 0) return undefined
    return { ...item, isPeer: false }
  } catch {
    // the outbox sets it aside when it comes across it
    return undefined
  }
}

async function sentToPeer(unit: Unit, id: string, { pn }: Self): Promise<SentMessageRecord | undefined> {
  const message = await unit.read(PEER_MESSAGE, id)
  if (message === undefined) return undefined
  return { id, chat: pn, state: 'acknowledged', body: { to: pn, message, stanzaType: 'text' }, isPeer: true }
}
