/**
 * Messages that were recorded before a person's LID was known are kept under their phone number. The same message may
 * come again under the LID, with a new ciphertext: it is looked for under both, for as long as that can happen.
 */
import { SERVER_LID, SERVER_USER, formatJid, parseJid } from '../../protocol/jid.ts'
import type { MessageKey } from '../../persistence/contract/index.ts'
import { FORMER_ADDRESS } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** Remembers that something may be recorded under the phone number. Called when a LID is learned, and rarely. */
export function rememberFormerAddress(
  unit: Unit,
  { pnUser, lidUser }: { pnUser: string; lidUser: string },
): void {
  unit.put(FORMER_ADDRESS, lidUser, pnUser)
}

/**
 * Whether a message was recorded before, under its canonical key or under the one that it had before.
 *
 * It costs no read of the store for people whose LID was known from the first message on: that nothing is remembered of
 * them is cached.
 */
export async function wasRecorded(unit: Unit, key: MessageKey): Promise<boolean> {
  if (await unit.hasMessage(key)) return true
  const formerChat = await formerAddress(unit, key.chat)
  const formerSender = key.sender === key.chat ? formerChat : await formerAddress(unit, key.sender)
  const chats = formerChat === undefined ? [key.chat] : [key.chat, formerChat]
  const senders = formerSender === undefined ? [key.sender] : [key.sender, formerSender]
  for (const chat of chats)
    for (const sender of senders) {
      const isAsked = chat === key.chat && sender === key.sender
      if (!isAsked && (await unit.hasMessage({ chat, sender, id: key.id }))) return true
    }
  return false
}

async function formerAddress(unit: Unit, jid: string): Promise<string | undefined> {
  const { user, server, device } = parseJid(jid)
  if (server !== SERVER_LID) return undefined
  const pnUser = await unit.read(FORMER_ADDRESS, user)
  return pnUser === undefined ? undefined : formatJid({ user: pnUser, server: SERVER_USER, device })
}
