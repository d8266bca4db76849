/**
 * The stored messages that content to be sent is about, looked for under every address that chat and author are known by.
 * What is received is about something too: that is `receive/target.ts`.
 */
import { tryParseJid } from '../../protocol/jid.ts'
import { targetSlot } from '../../protocol/message/reference.ts'
import type { FoundMessage, MessageTarget } from '../../protocol/message/reference.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import type { Person } from '../events.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { storedMessage } from '../message-record.ts'
import { findTarget } from '../receive/target.ts'
import type { Unit } from '../state/unit.ts'

/** What is looked for. */
export interface Search {
  readonly targets: readonly MessageTarget[]
  /** The chat that is written to. */
  readonly to: string
  readonly self: Self
}

/** The targets that are in the store, by {@link targetSlot}. */
export async function findMessages(
  unit: Unit,
  { targets, to, self }: Search,
): Promise<ReadonlyMap<string, FoundMessage>> {
  const found = new Map<string, FoundMessage>()
  for (const target of targets) {
    const message = await findMessage(unit, target, { to, self })
    if (message !== undefined) found.set(targetSlot(target), message)
  }
  return found
}

async function findMessage(
  unit: Unit,
  target: MessageTarget,
  { to, self }: Pick<Search, 'to' | 'self'>,
): Promise<FoundMessage | undefined> {
  const { id, chat } = target
  if (tryParseJid(chat) === undefined) return undefined
  for (const sender of await authorsOf(unit, target, self)) {
    const row = await findTarget(unit, { id, chat, sender, fromMe: target.fromMe === true })
    if (row === undefined) continue
    const { envelope, message } = storedMessage(row)
    return {
      id,
      chat: row.chat,
      // more addresses may be known by now than when it was recorded
      sender: await personOf(unit, envelope.sender.jid),
      fromMe: envelope.fromMe,
      isInChat: (await canonicalJid(unit, row.chat)) === (await canonicalJid(unit, to)),
      sentAtMs: envelope.sentAtMs,
      message: decodeMessage(message),
    }
  }
  return undefined
}

/** Who may have written it: whoever is named, else both sides of a chat of two. */
async function authorsOf(
  unit: Unit,
  { chat, sender, fromMe }: MessageTarget,
  self: Self,
): Promise<readonly Person[]> {
  const jids = fromMe === true ? [self.pn] : sender === undefined ? [chat, self.pn] : [sender.jid]
  const known = jids.filter((jid) => tryParseJid(jid) !== undefined)
  return Promise.all(known.map((jid) => personOf(unit, jid)))
}
