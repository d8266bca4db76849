/**
 * The stored message that another one is about, looked for under every address that its chat and its author are known by.
 * What a key on the wire means is the business of `receive/target.ts`, what is written into one of `send/target.ts`.
 */
import { encodeMessage } from '../protocol/proto/message.ts'
import type { MessageProperties } from '../protocol/proto/message.ts'
import type { MessageRow } from '../persistence/contract/index.ts'
import type { MessageRef, Person } from './events.ts'
import { canonicalJid, personOf, phoneJid } from './identity/addresses.ts'
import { editedRow } from './message-record.ts'
import type { Unit } from './state/unit.ts'

/** What reads messages and mappings: a unit, or the account's state outside of one. */
export type TargetReader = Pick<Unit, 'read' | 'readMessage'>

/** All addresses of a person; the canonical one first. */
export function addressesOf({ jid, pn, lid }: Person): readonly string[] {
  return [...new Set([jid, lid, pn].filter((address) => address !== undefined))]
}

/** The message, if it is here. Its row may be older than the LID of its chat or of its author. */
export async function findTarget(
  reader: TargetReader,
  { id, chat, sender }: Pick<MessageRef, 'id' | 'chat' | 'sender'>,
): Promise<MessageRow | undefined> {
  if (sender === undefined) return undefined
  const canonical = await canonicalJid(reader, chat)
  const phone = await phoneJid(reader, canonical)
  const chats = phone === undefined ? [canonical] : [canonical, phone]
  const known = await personOf(reader, sender.jid)
  const authors = new Set([...addressesOf(known), ...addressesOf(sender)])
  for (const one of new Set(chats)) {
    for (const author of authors) {
      const row = await reader.readMessage({ chat: one, sender: author, id })
      if (row !== undefined) return row
    }
  }
  return undefined
}

/** Notes in the row of a message, if it is here, what its author has made of it. */
export async function noteEdit(
  unit: Unit,
  target: Pick<MessageRef, 'id' | 'chat' | 'sender'>,
  { message, atMs }: { readonly message: MessageProperties; readonly atMs: number },
): Promise<void> {
  const row = await findTarget(unit, target)
  const edited = row && editedRow(row, { message: encodeMessage(message), atMs })
  if (edited !== undefined) unit.putMessage(edited)
}
