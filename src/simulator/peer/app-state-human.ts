/**
 * The human's hand on everything that is app state: chats, stars, labels, contacts, settings, and the key that all of it is
 * written with. Arguments are checked here; entries are made in `app-state-actions.ts` and written by `app-state.ts`.
 */
import { BOOLEAN, checkArgument, checkOptions, NAME, wholeNumber } from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import {
  chatChanges,
  clearChange,
  contactChange,
  deleteChatChange,
  deleteForMeChange,
  labelAssignment,
  labelChange,
  pushNameChange,
  settingsChanges,
  starChange,
} from './app-state-actions.ts'
import type { ChatChange, ChatEnd, LabelChange, PlacedChange, SettingsChange } from './app-state-actions.ts'
import type { AppState } from './app-state.ts'
import type { FirstLogin } from './first-login.ts'
import type { Mailbox, PhoneMessage } from './mailbox.ts'

/** What {@link AppStateHand} works with. */
export interface AppStateHandOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly appState: AppState
  readonly firstLogin: FirstLogin
  readonly mailbox: Mailbox
  /** Sends something to every linked device. */
  readonly tellDevices: (content: MessageProperties) => Promise<void>
  /** Tells others the name of the human. */
  readonly showName: (name: string) => void
}

/** Messages at the end of a chat that a change of it names. */
const MESSAGES_IN_RANGE = 1

const CHAT: Expectation = {
  expected: 'the address of a chat, e.g. 15550000002@s.whatsapp.net',
  accepts: (value) => typeof value === 'string' && /^[\d-]{1,40}@(?:s\.whatsapp\.net|lid|g\.us)$/.test(value),
}

const UNTIL: Expectation = {
  expected: `a time in milliseconds since the epoch, 0 or 'forever'`,
  accepts: (value) => value === 'forever' || wholeNumber(0).accepts(value),
}

const CHAT_CHANGE: Readonly<Record<keyof ChatChange, Expectation>> = {
  archived: BOOLEAN,
  pinned: BOOLEAN,
  mutedUntilMs: UNTIL,
  unread: BOOLEAN,
  locked: BOOLEAN,
}

const LABEL: Readonly<Record<keyof LabelChange, Expectation>> = {
  id: NAME,
  name: NAME,
  color: wholeNumber(0, 19),
  deleted: BOOLEAN,
}

const SETTINGS: Readonly<Record<keyof SettingsChange, Expectation>> = {
  locale: NAME,
  twentyFourHours: BOOLEAN,
  unarchivesChats: BOOLEAN,
  hidesLinkPreviews: BOOLEAN,
}

/** See the file comment. */
export class AppStateHand {
  readonly #options: AppStateHandOptions

  constructor(options: AppStateHandOptions) {
    this.#options = options
  }

  async changeChat(chat: string, change: ChatChange): Promise<void> {
    checkArgument('the chat in phone.changeChat(chat, change)', chat, CHAT)
    checkOptions('phone.changeChat(chat, change)', change, CHAT_CHANGE)
    await this.#write(chatChanges(this.#end(chat), change, this.#now()))
  }

  async starMessage(id: string, isStarred: boolean): Promise<void> {
    checkArgument('isStarred in phone.starMessage(id, isStarred)', isStarred, BOOLEAN)
    await this.#write([starChange(this.#message(id), isStarred, this.#now())])
  }

  async deleteForMe(id: string): Promise<void> {
    await this.#write([deleteForMeChange(this.#message(id), this.#now())])
  }

  async clearChat(chat: string): Promise<void> {
    checkArgument('the chat in phone.clearChat(chat)', chat, CHAT)
    await this.#write([clearChange(this.#end(chat), this.#now())])
  }

  async deleteChat(chat: string): Promise<void> {
    checkArgument('the chat in phone.deleteChat(chat)', chat, CHAT)
    await this.#write([deleteChatChange(this.#end(chat), this.#now())])
  }

  /** @param name - `undefined` takes the person out of the contacts */
  async saveContact(jid: string, name: string | undefined): Promise<void> {
    checkArgument('the jid in phone.saveContact(jid, name)', jid, CHAT)
    if (name !== undefined) checkArgument('the name in phone.saveContact(jid, name)', name, NAME)
    const lid = this.#options.addresses.lidOf(jid)
    await this.#write([contactChange({ jid, lid }, name, this.#now())])
  }

  async editLabel(label: LabelChange): Promise<void> {
    checkOptions('phone.editLabel(label)', label, LABEL)
    checkArgument('id in phone.editLabel({ id, name })', label.id, NAME)
    checkArgument('name in phone.editLabel({ id, name })', label.name, NAME)
    await this.#write([labelChange(label, this.#now())])
  }

  async assignLabel(where: Parameters<typeof labelAssignment>[0], isAssigned: boolean): Promise<void> {
    checkArgument('the label in phone.assignLabel(labelId, chat, isAssigned)', where.labelId, NAME)
    checkArgument('the chat in phone.assignLabel(labelId, chat, isAssigned)', where.chat, CHAT)
    checkArgument('isAssigned in phone.assignLabel(labelId, chat, isAssigned)', isAssigned, BOOLEAN)
    await this.#write([labelAssignment(where, isAssigned, this.#now())])
  }

  async setPushName(name: string): Promise<void> {
    checkArgument('the name in phone.setPushName(name)', name, NAME)
    await this.#write([pushNameChange(name, this.#now())])
    this.#options.showName(name)
  }

  async changeSettings(settings: SettingsChange): Promise<void> {
    checkOptions('phone.changeSettings(settings)', settings, SETTINGS)
    await this.#write(settingsChanges(settings, this.#now()))
  }

  async rotateKey(options: { readonly share: boolean }): Promise<void> {
    checkOptions('phone.rotateAppStateKey({ share })', options, { share: BOOLEAN })
    const { share } = options
    const { firstLogin, tellDevices } = this.#options
    const { id } = firstLogin.addKey()
    if (share) await tellDevices(firstLogin.keyShare([id]))
  }

  #write(changes: readonly PlacedChange[]): Promise<void> {
    return this.#options.appState.change(changes)
  }

  #now(): number {
    return this.#options.account.clock.nowMs()
  }

  #end(chat: string): ChatEnd {
    const { addresses, mailbox } = this.#options
    const shown = addresses.humanJid(chat)
    const messages = mailbox.messages.filter((message) => message.chat === shown).slice(-MESSAGES_IN_RANGE)
    return { chat, messages }
  }

  #message(id: string): PhoneMessage {
    const found = this.#options.mailbox.find(id)
    if (found !== undefined) return found
    throw new UsageError(
      'WATON_PHONE_NO_MESSAGE',
      'the phone was never shown a message with this id: use an id of phone.messages',
      { details: { id } },
    )
  }
}
