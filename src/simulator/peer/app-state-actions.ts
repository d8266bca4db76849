/**
 * What a human changes, as entries of app state: which collection each belongs to, its index, its version, its value. One
 * function for each thing that can be done on the phone; what they mean when they come back is `app-state-view.ts`.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/chat-utils.js` chatModificationToAppPatch for collections, indexes and versions;
 *   whatsmeow `appstate/encode.go`, `appstate/keys.go`; whatsapp-rust for locks, time format, locale, unarchiving
 */
import type { SyncActionValue } from '../../protocol/proto/app-state.ts'
import type { Change } from './app-state-collection.ts'
import type { PhoneMessage } from './mailbox.ts'

/** An entry that is to be written, and where. */
export interface PlacedChange extends Change {
  readonly collection: string
}

/** What can be changed about a chat; what is left out stays as it is. */
export interface ChatChange {
  readonly archived?: boolean
  readonly pinned?: boolean
  /** Until when, in milliseconds since the epoch; `'forever'`, or 0 for no longer. */
  readonly mutedUntilMs?: number | 'forever'
  /** Marked as unread, or as read, as a whole. */
  readonly unread?: boolean
  /** Behind the lock of the phone. */
  readonly locked?: boolean
}

/** A label as the human edits it. */
export interface LabelChange {
  /** A number as text, e.g. `1`. */
  readonly id: string
  readonly name: string
  /** A number of the palette, 0 to 19. @default 0 */
  readonly color?: number
  /** Takes the label away. @default false */
  readonly deleted?: boolean
}

/** Settings of the account; what is left out stays as it is. */
export interface SettingsChange {
  /** E.g. `pt_BR`. */
  readonly locale?: string
  readonly twentyFourHours?: boolean
  /** Whether a new message brings an archived chat back. */
  readonly unarchivesChats?: boolean
  /** Whether links in sent texts get no preview. */
  readonly hidesLinkPreviews?: boolean
}

/** A chat with the messages at its end, oldest first. */
export interface ChatEnd {
  readonly chat: string
  readonly messages: readonly PhoneMessage[]
}

type Value = SyncActionValue.$Properties

const HIGH = 'regular_high'
const LOW = 'regular_low'
/** Mutes without an end have this in place of a time. @source whatsmeow `appstate/encode.go` BuildMute */
const FOREVER = -1
/** Stands where an index could name who wrote a message of a group. */
const NOBODY = '0'

/** The changes of a chat, each with its entry. */
export function chatChanges(end: ChatEnd, change: ChatChange, nowMs: number): readonly PlacedChange[] {
  const { archived, pinned, mutedUntilMs, unread, locked } = change
  const { chat } = end
  const set = setter(nowMs)
  const range = rangeOf(end)
  const changes: PlacedChange[] = []
  if (archived !== undefined)
    changes.push(set(LOW, 3, ['archive', chat], { archiveChatAction: { archived, ...range } }))
  if (pinned !== undefined) changes.push(set(LOW, 5, ['pin_v1', chat], { pinAction: { pinned } }))
  if (unread !== undefined)
    changes.push(set(LOW, 3, ['markChatAsRead', chat], { markChatAsReadAction: { read: !unread, ...range } }))
  if (locked !== undefined) changes.push(set(LOW, 7, ['lock', chat], { lockChatAction: { locked } }))
  if (mutedUntilMs !== undefined)
    changes.push(set(HIGH, 2, ['mute', chat], { muteAction: mute(mutedUntilMs) }))
  return changes
}

/** A message gets a star, or loses it. */
export function starChange(message: PhoneMessage, starred: boolean, nowMs: number): PlacedChange {
  return setter(nowMs)(LOW, 2, ['star', ...nameOf(message)], { starAction: { starred } })
}

/** A message is deleted here, and nowhere else than on the human's own devices. */
export function deleteForMeChange(message: PhoneMessage, nowMs: number): PlacedChange {
  const action = { deleteMedia: false, messageTimestamp: seconds(message) }
  return setter(nowMs)(HIGH, 3, ['deleteMessageForMe', ...nameOf(message)], {
    deleteMessageForMeAction: action,
  })
}

/** A chat is emptied, starred messages included. */
export function clearChange(end: ChatEnd, nowMs: number): PlacedChange {
  return setter(nowMs)(HIGH, 6, ['clearChat', end.chat, '1', '0'], {
    clearChatAction: rangeOf(end),
  })
}

/** A chat is deleted, files included. */
export function deleteChatChange(end: ChatEnd, nowMs: number): PlacedChange {
  return setter(nowMs)(HIGH, 6, ['deleteChat', end.chat, '1'], {
    deleteChatAction: rangeOf(end),
  })
}

/** Somebody is saved under a name, or taken out of the contacts. */
export function contactChange(
  person: { readonly jid: string; readonly lid: string | undefined },
  name: string | undefined,
  nowMs: number,
): PlacedChange {
  const collection = 'critical_unblock_low'
  const index = ['contact', person.jid]
  if (name === undefined)
    return { operation: 'remove', collection, index, actionVersion: 2, value: { timestamp: nowMs } }
  const [firstName = name] = name.split(' ')
  const lidJid = person.lid === undefined ? {} : { lidJid: person.lid }
  const contactAction = { fullName: name, firstName, ...lidJid, saveOnPrimaryAddressbook: true }
  return setter(nowMs)(collection, 2, index, { contactAction })
}

/** A label is made, changed or taken away. */
export function labelChange(label: LabelChange, nowMs: number): PlacedChange {
  const { id, name, color = 0, deleted = false } = label
  return setter(nowMs)('regular', 3, ['label_edit', id], { labelEditAction: { name, color, deleted } })
}

/** A chat, or a message of it, gets a label or loses it. */
export function labelAssignment(
  where: { readonly labelId: string; readonly chat: string; readonly messageId?: string | undefined },
  labeled: boolean,
  nowMs: number,
): PlacedChange {
  const { labelId, chat, messageId } = where
  const index =
    messageId === undefined
      ? ['label_jid', labelId, chat]
      : ['label_message', labelId, chat, messageId, NOBODY, NOBODY]
  return setter(nowMs)('regular', 3, index, { labelAssociationAction: { labeled } })
}

/** The name that others see. */
export function pushNameChange(name: string, nowMs: number): PlacedChange {
  return setter(nowMs)('critical_block', 1, ['setting_pushName'], { pushNameSetting: { name } })
}

/** Settings of the account, each with its entry. */
export function settingsChanges(settings: SettingsChange, nowMs: number): readonly PlacedChange[] {
  const { locale, twentyFourHours, unarchivesChats: unarchiveChats, hidesLinkPreviews } = settings
  const set = setter(nowMs)
  const changes: PlacedChange[] = []
  if (locale !== undefined)
    changes.push(set('critical_block', 3, ['setting_locale'], { localeSetting: { locale } }))
  if (twentyFourHours !== undefined) {
    const timeFormatAction = { isTwentyFourHourFormatEnabled: twentyFourHours }
    changes.push(set(LOW, 7, ['time_format'], { timeFormatAction }))
  }
  if (unarchiveChats !== undefined)
    changes.push(set(LOW, 4, ['setting_unarchiveChats'], { unarchiveChatsSetting: { unarchiveChats } }))
  if (hidesLinkPreviews !== undefined) {
    const privacySettingDisableLinkPreviewsAction = { isPreviewsDisabled: hidesLinkPreviews }
    changes.push(
      set('regular', 8, ['setting_disableLinkPreviews'], { privacySettingDisableLinkPreviewsAction }),
    )
  }
  return changes
}

function setter(
  timestamp: number,
): (collection: string, actionVersion: number, index: readonly string[], value: Value) => PlacedChange {
  return (collection, actionVersion, index, value) => {
    return { operation: 'set', collection, actionVersion, index, value: { timestamp, ...value } }
  }
}

function mute(until: number | 'forever'): SyncActionValue.MuteAction.$Properties {
  if (until === 0) return { muted: false }
  return { muted: true, muteEndTimestamp: until === 'forever' ? FOREVER : until }
}

function nameOf({ chat, id, fromMe }: PhoneMessage): readonly string[] {
  return [chat, id, fromMe ? '1' : '0', NOBODY]
}

function seconds({ sentAtMs }: PhoneMessage): number {
  return Math.floor(sentAtMs / 1000)
}

/** Up to where the human saw the chat: what comes later is not meant. */
function rangeOf({ messages }: ChatEnd): SyncActionValue.ClearChatAction.$Properties {
  const last = messages.at(-1)
  if (last === undefined) return {}
  const messageRange = {
    lastMessageTimestamp: seconds(last),
    messages: messages.map((message) => ({
      key: { remoteJid: message.chat, fromMe: message.fromMe, id: message.id },
      timestamp: seconds(message),
    })),
  }
  return { messageRange }
}
