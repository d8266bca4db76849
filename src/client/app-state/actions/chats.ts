/**
 * How chats are sorted: archived, pinned, muted, read, locked, cleared, deleted.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` chatModificationToAppPatch and processSyncAction; whatsmeow
 * `appstate/encode.go` (-1: muted for good; ranges of messages in seconds)
 */
import type { SyncActionValue } from '../../../protocol/proto/app-state.ts'
import type { ChatChanges } from '../../events.ts'
import { canonicalJid } from '../../identity/addresses.ts'
import { SILENT, actionKind, addressIn, momentOf, present } from './action.ts'
import type { ActionKind } from './action.ts'

type Value = SyncActionValue.$Properties
type Range = SyncActionValue.SyncActionMessageRange.$Properties | null | undefined

/** In an index: yes. */
const YES = '1'

/** A change of how one chat is sorted. */
interface Sorting {
  readonly name: string
  readonly isMoment?: true
  /** What is said, if anything is. */
  readonly changes: (value: Value) => ChatChanges | null | undefined
  /** What a chat is that nobody has sorted. */
  readonly otherwise?: ChatChanges
  readonly range?: (value: Value) => Range
}

function sorting({ name, isMoment, changes, otherwise, range }: Sorting): ActionKind {
  return actionKind<{ jid: string; changes: ChatChanges; upToMs?: number }>({
    name,
    ...(isMoment === undefined ? {} : { isMoment }),
    read({ index, value, isRemoval }) {
      const jid = addressIn(index[1])
      if (jid === undefined) return undefined
      if (isRemoval) return otherwise === undefined ? SILENT : { jid, changes: otherwise }
      const said = changes(value)
      return said ? { jid, changes: said, ...upTo(range?.(value)) } : undefined
    },
    async apply(unit, { jid, ...said }, { atMs, origin }) {
      const chat = await canonicalJid(unit, jid)
      unit.event('chat.changed', { chat, ...said, atMs, origin }, chat)
    },
  })
}

const MUTE = sorting({
  name: 'mute',
  changes: ({ muteAction }) => {
    if (!muteAction) return undefined
    if (muteAction.muted !== true) return { isMuted: false }
    return { isMuted: true, ...present({ mutedUntilMs: momentOf(muteAction.muteEndTimestamp) }) }
  },
  otherwise: { isMuted: false },
})

const ARCHIVE = sorting({
  name: 'archive',
  changes: ({ archiveChatAction: said }) => said && { isArchived: said.archived === true },
  otherwise: { isArchived: false },
  range: ({ archiveChatAction }) => archiveChatAction?.messageRange,
})

const PIN = sorting({
  name: 'pin_v1',
  // of two pinned chats the one that was pinned later comes first
  isMoment: true,
  changes: ({ pinAction: said }) => said && { isPinned: said.pinned === true },
  otherwise: { isPinned: false },
})

/** An entry that is taken away says nothing of the messages in the chat. */
const READ = sorting({
  name: 'markChatAsRead',
  isMoment: true,
  changes: ({ markChatAsReadAction: said }) => said && { isUnread: said.read !== true },
  range: ({ markChatAsReadAction }) => markChatAsReadAction?.messageRange,
})

const LOCK = sorting({
  name: 'lock',
  changes: ({ lockChatAction: said }) => said && { isLocked: said.locked === true },
  otherwise: { isLocked: false },
})

/** The index says all but the range: `[name, chat, starred messages go as well, files go as well]`. */
const CLEAR = actionKind({
  name: 'clearChat',
  isMoment: true,
  read({ index: [, chat, starred, media], value, isRemoval }) {
    const jid = addressIn(chat)
    if (jid === undefined) return undefined
    // what is gone does not come back
    if (isRemoval) return SILENT
    const keeps = { keepsStarred: starred !== YES, keepsMedia: media !== YES }
    return { jid, ...keeps, ...upTo(value.clearChatAction?.messageRange) }
  },
  async apply(unit, { jid, ...said }, { atMs, origin }) {
    const chat = await canonicalJid(unit, jid)
    unit.event('chat.cleared', { chat, ...said, atMs, origin }, chat)
  },
})

/** `[name, chat, files go as well]`. */
const DELETE = actionKind({
  name: 'deleteChat',
  isMoment: true,
  read({ index: [, chat, media], value, isRemoval }) {
    const jid = addressIn(chat)
    if (jid === undefined) return undefined
    if (isRemoval) return SILENT
    return { jid, keepsMedia: media !== YES, ...upTo(value.deleteChatAction?.messageRange) }
  },
  async apply(unit, { jid, ...said }, { atMs, origin }) {
    const chat = await canonicalJid(unit, jid)
    unit.event('chat.deleted', { chat, ...said, atMs, origin }, chat)
  },
})

/** The newest message that whoever did it knew of. */
function upTo(range: Range): { readonly upToMs?: number } {
  const upToMs = momentOf(range?.lastMessageTimestamp) ?? momentOf(range?.lastSystemMessageTimestamp)
  return upToMs === undefined ? {} : { upToMs }
}

/** Those of this file. */
export const CHAT_ACTIONS: readonly ActionKind[] = [MUTE, ARCHIVE, PIN, READ, LOCK, CLEAR, DELETE]
