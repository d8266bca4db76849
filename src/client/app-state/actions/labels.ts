/**
 * Labels, what they are on, and quick replies.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` chatModificationToAppPatch and processSyncAction
 */
import type { SyncActionValue } from '../../../protocol/proto/app-state.ts'
import type { LabelAssignedPayload, LabelKind } from '../../events.ts'
import { canonicalJid } from '../../identity/addresses.ts'
import { accountChat, actionKind, addressIn, present } from './action.ts'
import type { ActionKind } from './action.ts'
import { messageIn, referenceTo } from './messages.ts'

/** By its number in the schema. @source `SyncActionValue.LabelEditAction.ListType` */
const KINDS: readonly LabelKind[] = [
  'none',
  'unread',
  'groups',
  'favorites',
  'predefined',
  'custom',
  'community',
  'server',
  'drafts',
  'ai-handoff',
]

function labelOf({
  name,
  color,
  type,
  predefinedId,
  orderIndex,
  isActive,
}: SyncActionValue.LabelEditAction.$Properties) {
  return present({
    name,
    color,
    kind: typeof type === 'number' ? KINDS[type] : undefined,
    // 0 stands for none
    predefinedId: predefinedId ? String(predefinedId) : undefined,
    position: orderIndex,
    isActive,
  })
}

const EDIT = actionKind({
  name: 'label_edit',
  read({ index: [, id], value: { labelEditAction: said }, isRemoval }) {
    if (!id) return undefined
    if (isRemoval) return { id, isDeleted: true }
    return said ? { id, isDeleted: said.deleted === true, ...labelOf(said) } : undefined
  },
  async apply(unit, label, { atMs, origin }, context) {
    unit.event('label.changed', { ...label, atMs, origin }, await accountChat(unit, context))
  },
})

/** Whether it is on it: a removed entry is as good as one that says no. */
function isAssigned(value: SyncActionValue.$Properties, isRemoval: boolean): boolean | undefined {
  if (isRemoval) return false
  return value.labelAssociationAction ? value.labelAssociationAction.labeled === true : undefined
}

const ON_CHAT = actionKind({
  name: 'label_jid',
  read({ index: [, labelId, chat], value, isRemoval }) {
    const jid = addressIn(chat)
    const isOn = isAssigned(value, isRemoval)
    return !labelId || jid === undefined || isOn === undefined ? undefined : { labelId, jid, isOn }
  },
  async apply(unit, { labelId, jid, isOn }, { atMs, origin }) {
    const chat = await canonicalJid(unit, jid)
    const payload: LabelAssignedPayload = { labelId, chat, isAssigned: isOn, atMs, origin }
    unit.event('label.assigned', payload, chat)
  },
})

const ON_MESSAGE = actionKind({
  name: 'label_message',
  read({ index: [, labelId, ...parts], value, isRemoval }) {
    const named = messageIn(parts)
    const isOn = isAssigned(value, isRemoval)
    return !labelId || named === undefined || isOn === undefined ? undefined : { labelId, named, isOn }
  },
  async apply(unit, { labelId, named, isOn }, { atMs, origin }, { self }) {
    const message = await referenceTo(unit, named, self)
    const { chat } = message
    unit.event('label.assigned', { labelId, chat, message, isAssigned: isOn, atMs, origin }, chat)
  },
})

const QUICK_REPLY = actionKind({
  name: 'quick_reply',
  read({ index: [, id], value: { quickReplyAction: said }, isRemoval }) {
    if (!id) return undefined
    if (isRemoval) return { id, isDeleted: true }
    if (!said) return undefined
    const keywords = said.keywords?.length ? said.keywords : undefined
    const reply = present({ shortcut: said.shortcut, text: said.message, keywords })
    return { id, isDeleted: said.deleted === true, ...reply }
  },
  async apply(unit, reply, { atMs, origin }, context) {
    unit.event('quick-reply.changed', { ...reply, atMs, origin }, await accountChat(unit, context))
  },
})

/** Those of this file. */
export const LABEL_ACTIONS: readonly ActionKind[] = [EDIT, ON_CHAT, ON_MESSAGE, QUICK_REPLY]
