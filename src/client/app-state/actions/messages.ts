/**
 * Messages that got a star, or were deleted for this account alone.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` chatModificationToAppPatch; whatsmeow `appstate/encode.go` (the author
 * in the index: `0` for own messages and in chats of two)
 */
import { isBroadcast, isGroup, isNewsletter } from '../../../protocol/jid.ts'
import type { MessageRef } from '../../events.ts'
import { canonicalJid, personOf } from '../../identity/addresses.ts'
import type { Self } from '../../identity/self.ts'
import type { Unit } from '../../state/unit.ts'
import { SILENT, actionKind, addressIn, momentOf, present } from './action.ts'
import type { ActionKind } from './action.ts'

/** A message as an index names it. */
export interface NamedMessage {
  readonly id: string
  readonly chat: string
  readonly fromMe: boolean
  /** Who wrote it, when the index says so. */
  readonly author?: string
}

/** @param parts - chat, id, whether this account wrote it, author */
export function messageIn([chat, id, fromMe, author]: readonly string[]): NamedMessage | undefined {
  const jid = addressIn(chat)
  if (jid === undefined || !id || (fromMe !== '0' && fromMe !== '1')) return undefined
  const message = { id, chat: jid, fromMe: fromMe === '1' }
  if (author === undefined || author === '' || author === '0') return message
  const written = addressIn(author)
  return written === undefined ? undefined : { ...message, author: written }
}

/** The message with full addresses, whether it is here or not. */
export async function referenceTo(
  unit: Unit,
  { id, chat, fromMe, author }: NamedMessage,
  self: Self,
): Promise<MessageRef> {
  const isOwn = fromMe || (author !== undefined && self.isOwn(author))
  const writer = isOwn ? self.pn : (author ?? otherIn(chat))
  return {
    id,
    chat: await canonicalJid(unit, chat),
    ...(writer === undefined ? {} : { sender: await personOf(unit, writer) }),
    fromMe: isOwn,
  }
}

/** Who writes in a chat of two, beside this account. */
function otherIn(chat: string): string | undefined {
  return isGroup(chat) || isBroadcast(chat) || isNewsletter(chat) ? undefined : chat
}

const STAR = actionKind({
  name: 'star',
  read({ index, value: { starAction }, isRemoval }) {
    const message = messageIn(index.slice(1))
    if (message === undefined || (!isRemoval && !starAction)) return undefined
    return { message, isStarred: !isRemoval && starAction?.starred === true }
  },
  async apply(unit, { message, isStarred }, { atMs, origin }, { self }) {
    const reference = await referenceTo(unit, message, self)
    unit.event('message.starred', { ...reference, isStarred, atMs, origin }, reference.chat)
  },
})

const DELETE_FOR_ME = actionKind({
  name: 'deleteMessageForMe',
  read({ index, value: { deleteMessageForMeAction: said }, isRemoval }) {
    const message = messageIn(index.slice(1))
    if (message === undefined) return undefined
    // what is gone does not come back
    if (isRemoval) return SILENT
    const sentAtMs = momentOf(said?.messageTimestamp)
    return { message, keepsMedia: said?.deleteMedia !== true, ...present({ sentAtMs }) }
  },
  async apply(unit, { message, ...said }, { atMs, origin }, { self }) {
    const reference = await referenceTo(unit, message, self)
    unit.event('message.hidden', { ...reference, ...said, atMs, origin }, reference.chat)
  },
})

/** Those of this file. */
export const MESSAGE_ACTIONS: readonly ActionKind[] = [STAR, DELETE_FOR_ME]
