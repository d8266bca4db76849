/**
 * The message that another one is about. Its key on the wire is written from the sender's point of view; here it becomes
 * ours, and the message itself is looked for under every address that its chat and its author are known by.
 */
import { isBroadcast, isGroup, isStatus, tryParseJid, userJid } from '../../protocol/jid.ts'
import type { MessageKey as WireKey } from '../../protocol/proto/message.ts'
import type { MessageRow } from '../../persistence/contract/index.ts'
import type { MessageRef, Person } from '../events.ts'
import { canonicalJid, personOf, phoneJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { Unit } from '../state/unit.ts'

/** Where a message stands, as far as it matters for what it refers to. */
export interface Referrer {
  /** Canonical. */
  readonly chat: string
  readonly sender: Person
  readonly fromMe: boolean
}

/**
 * What a key means to us. The chat is always the one that the key came in, whatever the key says: nobody may refer to other
 * chats. Only status posts are referred to from elsewhere.
 */
export async function targetOf(
  unit: Unit,
  key: WireKey.$Properties,
  referrer: Referrer,
  self: Self,
): Promise<MessageRef> {
  const isAboutStatus = isStatus(key.remoteJid ?? undefined)
  const chat = isAboutStatus && key.remoteJid ? userJid(key.remoteJid) : referrer.chat
  const author = authorOf(key, referrer, self)
  const sender = author === undefined ? undefined : await personOf(unit, author)
  return {
    id: key.id ?? '',
    chat,
    ...(sender === undefined ? {} : { sender }),
    fromMe: sender !== undefined && addressesOf(sender).some((jid) => self.isOwn(jid)),
  }
}

function authorOf(
  key: WireKey.$Properties,
  { chat, sender, fromMe }: Referrer,
  self: Self,
): string | undefined {
  if (key.fromMe === true) return sender.jid
  const { participant } = key
  if (participant && tryParseJid(participant) !== undefined) return userJid(participant)
  // in a group, not theirs and nobody's
  if (isGroup(chat) || isBroadcast(chat)) return undefined
  return fromMe ? chat : self.userLike(chat)
}

/** All addresses of a person; the canonical one first. */
export function addressesOf({ jid, pn, lid }: Person): readonly string[] {
  return [...new Set([jid, lid, pn].filter((address) => address !== undefined))]
}

/** The message, if it is here. Its row may be older than the LID of its chat or of its author. */
export async function findTarget(
  unit: Unit,
  { id, chat, sender }: MessageRef,
): Promise<MessageRow | undefined> {
  if (sender === undefined) return undefined
  const canonical = await canonicalJid(unit, chat)
  const phone = await phoneJid(unit, canonical)
  const chats = phone === undefined ? [canonical] : [canonical, phone]
  for (const one of new Set(chats)) {
    for (const author of addressesOf(sender)) {
      const row = await unit.readMessage({ chat: one, sender: author, id })
      if (row !== undefined) return row
    }
  }
  return undefined
}
