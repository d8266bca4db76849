/**
 * Which messages were told as `message.undecryptable`, so that each is told once, also when it comes again under another
 * address of its author, and so that the `message` event that takes its place can say so.
 *
 * Beside the record of each message there is one for its chat and author. That of most is missing, which is remembered in
 * memory: a message that can be read costs no read of the store here.
 */
import type { MessageKey } from '../../persistence/contract/index.ts'
import type { UndecryptablePayload } from '../events.ts'
import { phoneJid } from '../identity/addresses.ts'
import { UNREADABLE } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** Tells that a message could not be read. */
export function tellUnreadable(unit: Unit, payload: UndecryptablePayload): void {
  const { chat, sender, id } = payload
  unit.event('message.undecryptable', payload, chat, {
    onSeq: (seq) => {
      for (const name of namesOf({ chat, sender: sender.jid, id })) unit.put(UNREADABLE, name, { seq })
    },
  })
}

/** The event that told that this message could not be read: its place in the log. */
export async function toldUnreadable(unit: Unit, key: MessageKey): Promise<number | undefined> {
  const chats = await addressesOf(unit, key.chat)
  const senders = key.sender === key.chat ? chats : await addressesOf(unit, key.sender)
  for (const chat of chats)
    for (const sender of senders) {
      const [both, message] = namesOf({ chat, sender, id: key.id })
      if ((await unit.read(UNREADABLE, both)) === undefined) continue
      const told = await unit.read(UNREADABLE, message)
      if (told !== undefined) return told.seq
    }
  return undefined
}

/** As it is now, and as it was before its LID was known. */
async function addressesOf(unit: Unit, jid: string): Promise<readonly string[]> {
  const phone = await phoneJid(unit, jid)
  return phone === undefined || phone === jid ? [jid] : [jid, phone]
}

/** The record of the chat and author, and of the message itself. */
function namesOf({ chat, sender, id }: MessageKey): readonly [string, string] {
  const both = `${chat}\u0000${sender}`
  return [both, `${both}\u0000${id}`]
}
