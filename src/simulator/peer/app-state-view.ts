/**
 * What the human sees of app state: chats that are archived, pinned, muted; labels, stars, names of contacts, settings. Every
 * change ends up here, whichever device made it. Kinds of changes that a phone of the simulator does not show are counted.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/chat-utils.js` processSyncAction
 */
import type { Change } from './app-state-collection.ts'

/** What is shown of a chat besides its messages; what nobody ever changed is not there. */
export interface PhoneChatState {
  readonly archived?: boolean
  readonly pinned?: boolean
  /** Milliseconds since the epoch; `'forever'`, or 0 for not muted. */
  readonly mutedUntilMs?: number | 'forever'
  readonly unread?: boolean
  readonly locked?: boolean
  /** When it was emptied or deleted last. */
  readonly clearedAtMs?: number
  readonly deletedAtMs?: number
}

/** A label of the human. */
export interface PhoneLabel {
  readonly name: string
  readonly color: number
  readonly deleted: boolean
}

/** Settings of the account; what nobody ever changed is not there. */
export interface PhoneSettings {
  readonly pushName?: string
  readonly locale?: string
  readonly twentyFourHours?: boolean
  readonly unarchivesChats?: boolean
  readonly hidesLinkPreviews?: boolean
}

/** What the human sees of app state. */
export interface PhoneAppState {
  /** By the chat's JID, the phone number's where it is known. */
  readonly chats: ReadonlyMap<string, PhoneChatState>
  readonly labels: ReadonlyMap<string, PhoneLabel>
  /** `label chat`, or `label chat message`, of every label that is on something. */
  readonly labelled: ReadonlySet<string>
  /** Ids of messages with a star. */
  readonly starred: ReadonlySet<string>
  /** Ids of messages that are deleted here. */
  readonly hidden: ReadonlySet<string>
  /** Names by JID. */
  readonly contacts: ReadonlyMap<string, string>
  readonly settings: PhoneSettings
  /** Kinds of changes that came and are not shown, e.g. `quick_reply`, with how often they came. */
  readonly others: ReadonlyMap<string, number>
}

const MAX_ENTRIES = 50_000

/** What is done with a change, by the first word of its index; the rest of the index comes apart. */
type Reader = (view: AppStateView, change: Change, rest: readonly string[]) => void

/** See the file comment. */
export class AppStateView implements PhoneAppState {
  readonly chats: Map<string, PhoneChatState> = new Map<string, PhoneChatState>()
  readonly labels: Map<string, PhoneLabel> = new Map<string, PhoneLabel>()
  readonly labelled: Set<string> = new Set<string>()
  readonly starred: Set<string> = new Set<string>()
  readonly hidden: Set<string> = new Set<string>()
  readonly contacts: Map<string, string> = new Map<string, string>()
  readonly others: Map<string, number> = new Map<string, number>()
  settings: PhoneSettings = {}
  readonly #humanJid: (jid: string) => string

  /** @param humanJid - gives the phone number's JID of a person where it is known */
  constructor(humanJid: (jid: string) => string) {
    this.#humanJid = humanJid
  }

  /** Shows a change. */
  apply(change: Change): void {
    const [kind = '', ...rest] = change.index
    const reader = Object.hasOwn(READERS, kind) ? READERS[kind] : undefined
    if (reader === undefined) put(this.others, kind, (this.others.get(kind) ?? 0) + 1)
    else reader(this, change, rest)
  }

  /** The chat, or person, as the human sees it. */
  shown(jid: string = ''): string {
    return this.#humanJid(jid)
  }

  /** Changes what is known of a chat; `undefined` forgets it. */
  setChat(jid: string | undefined, change: { readonly [Name in keyof PhoneChatState]: unknown }): void {
    const chat = this.shown(jid)
    put(this.chats, chat, merged(this.chats.get(chat) ?? {}, change))
  }

  /** Changes a setting; `undefined` forgets it. */
  set(change: { readonly [Name in keyof PhoneSettings]: unknown }): void {
    this.settings = merged(this.settings, change)
  }
}

const chatReader =
  (read: (value: Change['value']) => { readonly [Name in keyof PhoneChatState]: unknown }): Reader =>
  (view, { operation, value }, [chat]) => {
    const names = read({})
    const gone = Object.fromEntries(Object.keys(names).map((name) => [name, undefined]))
    view.setChat(chat, operation === 'set' ? read(value) : gone)
  }

const settingReader =
  (read: (value: Change['value']) => { readonly [Name in keyof PhoneSettings]: unknown }): Reader =>
  (view, { operation, value }) => {
    view.set(read(operation === 'set' ? value : {}))
  }

const READERS: Readonly<Record<string, Reader>> = {
  archive: chatReader(({ archiveChatAction }) => ({ archived: archiveChatAction?.archived ?? undefined })),
  pin_v1: chatReader(({ pinAction }) => ({ pinned: pinAction?.pinned ?? undefined })),
  lock: chatReader(({ lockChatAction }) => ({ locked: lockChatAction?.locked ?? undefined })),
  mute: chatReader(({ muteAction }) => {
    const { muted, muteEndTimestamp } = muteAction ?? {}
    const until = !muteEndTimestamp || muteEndTimestamp < 0 ? 'forever' : muteEndTimestamp
    return { mutedUntilMs: muted ? until : 0 }
  }),
  markChatAsRead: chatReader(({ markChatAsReadAction: action }) => ({
    unread: action ? !action.read : undefined,
  })),
  clearChat: chatReader(({ timestamp }) => ({ clearedAtMs: timestamp ?? undefined })),
  deleteChat: chatReader(({ timestamp }) => ({ deletedAtMs: timestamp ?? undefined })),
  star: (view, { operation, value }, [, id = '']) => {
    toggle(view.starred, id, operation === 'set' && value.starAction?.starred === true)
  },
  deleteMessageForMe: (view, { operation }, [, id = '']) => {
    toggle(view.hidden, id, operation === 'set')
  },
  contact: (view, { operation, value }, [jid]) => {
    const { fullName, firstName } = value.contactAction ?? {}
    if (operation === 'remove') view.contacts.delete(view.shown(jid))
    else put(view.contacts, view.shown(jid), fullName ?? firstName ?? '')
  },
  label_edit: (view, { operation, value }, [id = '']) => {
    const { name, color, deleted } = value.labelEditAction ?? {}
    if (operation === 'remove') view.labels.delete(id)
    else put(view.labels, id, { name: name ?? '', color: color ?? 0, deleted: deleted ?? false })
  },
  label_jid: (view, change, [label = '', chat]) => {
    toggle(view.labelled, `${label} ${view.shown(chat)}`, isLabeled(change))
  },
  label_message: (view, change, [label = '', chat, id = '']) => {
    toggle(view.labelled, `${label} ${view.shown(chat)} ${id}`, isLabeled(change))
  },
  setting_pushName: settingReader(({ pushNameSetting }) => ({
    pushName: pushNameSetting?.name ?? undefined,
  })),
  setting_locale: settingReader(({ localeSetting }) => ({ locale: localeSetting?.locale ?? undefined })),
  time_format: settingReader(({ timeFormatAction }) => ({
    twentyFourHours: timeFormatAction?.isTwentyFourHourFormatEnabled ?? undefined,
  })),
  setting_unarchiveChats: settingReader(({ unarchiveChatsSetting }) => ({
    unarchivesChats: unarchiveChatsSetting?.unarchiveChats ?? undefined,
  })),
  setting_disableLinkPreviews: settingReader(({ privacySettingDisableLinkPreviewsAction: action }) => ({
    hidesLinkPreviews: action?.isPreviewsDisabled ?? undefined,
  })),
}

function isLabeled({ operation, value }: Change): boolean {
  return operation === 'set' && value.labelAssociationAction?.labeled === true
}

function merged<Target extends object>(target: Target, change: object): Target {
  const entries = Object.entries({ ...target, ...change }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Target
}

function put<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value)
  const oldest = map.keys().next().value
  if (map.size > MAX_ENTRIES && oldest !== undefined) map.delete(oldest)
}

function toggle(set: Set<string>, key: string, isIn: boolean): void {
  if (!isIn) set.delete(key)
  else if (set.size < MAX_ENTRIES) set.add(key)
}
