/**
 * The message that another one is about. Its key on the wire is written from the sender's point of view; here it becomes
 * ours. Finding the message itself is the business of `stored-target.ts`.
 */
import { isBroadcast, isGroup, isStatus, tryParseJid, userJid } from '../../protocol/jid.ts'
import type { MessageKey as WireKey } from '../../protocol/proto/message.ts'
import type { MessageRef, Person } from '../events.ts'
import { personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { addressesOf } from '../stored-target.ts'
import type { TargetReader } from '../stored-target.ts'

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
  reader: TargetReader,
  key: WireKey.$Properties,
  referrer: Referrer,
  self: Self,
): Promise<MessageRef> {
  const isAboutStatus = isStatus(key.remoteJid ?? undefined)
  const chat = isAboutStatus && key.remoteJid ? userJid(key.remoteJid) : referrer.chat
  const author = authorOf(key, referrer, self)
  const sender = author === undefined ? undefined : await personOf(reader, author)
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
