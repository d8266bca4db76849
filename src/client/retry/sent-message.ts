/** What the outbox has of a message that went out. Rows are kept for two weeks and more; their stanza is not. */
import { outboxItem } from '../send/outbox-item.ts'
import type { OutboxItem } from '../send/outbox-item.ts'
import type { OutboxState } from '../send/states.ts'
import type { Unit } from '../state/unit.ts'

/** States of messages that somebody may have a copy of. */
const GONE_OUT: ReadonlySet<OutboxState> = new Set(['encrypted', 'acknowledged', 'delivered', 'read'])

/** A message that went out and that was not refused; `undefined` when there is none, or when it cannot be read. */
export async function sentMessage(unit: Unit, id: string): Promise<OutboxItem | undefined> {
  const row = await unit.readOutbox(id)
  if (row === undefined) return undefined
  try {
    const item = outboxItem(row)
    return GONE_OUT.has(item.state) && item.body.message.length > 0 ? item : undefined
  } catch {
    // the outbox sets it aside when it comes across it
    return undefined
  }
}
