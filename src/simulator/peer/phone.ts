/**
 * The simulated phone: the primary device of one account of the simulator and the human holding it. It is a client like
 * any other to the server, written from the protocol without the library's own stanza code. This file is what tests and
 * demos touch; `parts.ts` puts it together, `reception.ts` gives what arrives to the parts.
 */
import { checkArgument, checkOptions, oneOf, TEXT, wholeNumber } from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import { userJid, withDevice } from '../../protocol/jid.ts'
import type { ChatChange, LabelChange, SettingsChange } from './app-state-actions.ts'
import type { PhoneAppState } from './app-state-view.ts'
import type { PhoneProblem } from './connection.ts'
import type { SentHistory } from './history.ts'
import { checkPastPlan, inventChats, inventMessages } from './history-invention.ts'
import type { PastPlan } from './history-invention.ts'
import type { PastMessage } from './history-past.ts'
import type { ChatFacts } from './history-payload.ts'
import type { HistoryHabits } from './history-plan.ts'
import type { LinkByCodeOptions, LinkDeviceOptions, LinkedDevice } from './link-device.ts'
import type {
  DuplicateMessage,
  MessageTicks,
  PhoneChat,
  PhoneMessage,
  UndecryptableMessage,
} from './mailbox.ts'
import { outgoingFile } from './media-content.ts'
import type { PhoneContent } from './media-content.ts'
import { createParts } from './parts.ts'
import type { PhoneOptions, PhoneParts } from './parts.ts'
import { buildRemoveDevice } from './stanzas.ts'

export type { PhoneContent } from './media-content.ts'
export type { PhoneOptions } from './parts.ts'

/**
 * Makes a phone, connects it and publishes its keys. Resolves when others can write to it.
 *
 * @throws {QueryError} `WATON_PHONE_QUERY_REFUSED` when the server refuses the keys
 * @throws {TimeoutError} `WATON_PHONE_NO_ANSWER`
 */
export async function createPhone(options: PhoneOptions): Promise<SimulatedPhone> {
  const phone = new SimulatedPhone(createParts(options))
  try {
    await phone.start()
  } catch (error) {
    phone.close()
    throw error
  }
  return phone
}

const PERSON: Expectation = {
  expected: 'the address of a person, e.g. 15550000002@s.whatsapp.net',
  accepts: (value) => typeof value === 'string' && /^\d{1,32}@(?:s\.whatsapp\.net|lid)$/.test(value),
}

const SALT: Expectation = {
  expected: 'bytes, at least one',
  accepts: (value) => value instanceof Uint8Array && value.length > 0,
}

const HABITS: Readonly<Record<keyof HistoryHabits, Expectation>> = {
  inlineMaxBytes: wholeNumber(0),
  firstMessages: wholeNumber(0),
  chunkMessages: wholeNumber(1),
  recentDays: wholeNumber(1),
  fullDays: wholeNumber(1),
  addressing: oneOf('pn', 'lid'),
}

const MESSAGE: Expectation = {
  expected: 'one of phone.messages',
  accepts: (value) => typeof (value as Partial<PhoneMessage> | undefined)?.content === 'object',
}

/** See the file comment. Made by {@link createPhone}. */
export class SimulatedPhone {
  /** `15550000001@s.whatsapp.net` */
  readonly pn: string
  /** `...@lid` */
  readonly lid: string
  /** The name that others see. */
  readonly name: string
  readonly #parts: PhoneParts

  constructor(parts: PhoneParts) {
    this.#parts = parts
    this.pn = parts.account.pn
    this.lid = parts.account.lid
    this.name = parts.account.name
  }

  /** Everything the human sees, in order, own messages included. */
  get messages(): readonly PhoneMessage[] {
    return this.#parts.mailbox.messages
  }

  /** The chats, the one with the newest message first. */
  get chats(): readonly PhoneChat[] {
    return this.#parts.mailbox.chats
  }

  /** The pieces of history that were given to linked devices, in order, with the receipts that came for them. */
  get history(): readonly SentHistory[] {
    return this.#parts.histories.sent
  }

  /** What the human sees of settings that all devices share: chats that are pinned or muted, labels, stars, contacts. */
  get appState(): PhoneAppState {
    return this.#parts.appState.view
  }

  /** The version of each collection of {@link appState}, as the phone has it. */
  get appStateVersions(): ReadonlyMap<string, number> {
    return this.#parts.appState.versions
  }

  /** The devices linked to this phone, oldest first. */
  get devices(): readonly LinkedDevice[] {
    return this.#parts.linked.all
  }

  /** Messages that came again after they were shown; the human does not see them. */
  get duplicates(): readonly DuplicateMessage[] {
    return this.#parts.mailbox.duplicates
  }

  /** Messages that could not be read, with how often they were asked for again. */
  get undecryptable(): readonly UndecryptableMessage[] {
    return this.#parts.mailbox.undecryptable
  }

  /** What the server did that it should not have done, newest last. */
  get problems(): readonly PhoneProblem[] {
    return this.#parts.connection.problems
  }

  /** One-time pre-keys that nobody has used yet. */
  get preKeyStock(): number {
    return this.#parts.keys.stock
  }

  /** The public identity key, 32 bytes. */
  get identityKey(): Uint8Array {
    return this.#parts.keys.identity.publicKey
  }

  /** Whether the phone is connected to its server. */
  get isOnline(): boolean {
    return this.#parts.connection.isOnline
  }

  /** Connects and publishes keys; {@link createPhone} calls it. */
  async start(): Promise<void> {
    const jid = this.#parts.connection.open()
    if (userJid(jid) !== this.pn) {
      throw new UsageError('WATON_PHONE_LINK', 'the link belongs to another phone number', {
        details: { expected: this.pn, actual: jid },
      })
    }
    await this.#parts.publishKeys()
    this.#parts.announce()
  }

  /**
   * Scans the QR code that a companion shows. Resolves when the companion has accepted; its keys and history follow when
   * it has logged in.
   *
   * @throws {UsageError} `WATON_PHONE_QR` when the text is no pairing QR code; what the server says when it is refused
   */
  async linkDevice(qr: string, options: LinkDeviceOptions = {}): Promise<{ readonly deviceId: number }> {
    checkArgument('the code in phone.linkDevice(qr)', qr, TEXT)
    return this.#parts.linked.link(qr, options)
  }

  /**
   * Types the code that a companion asks for. Resolves when the companion has accepted, as {@link linkDevice} does.
   *
   * @param code - eight characters, with or without a dash
   * @throws {UsageError} `WATON_PHONE_LINK_CODE`; `WATON_SIMULATOR_CODE_UNKNOWN`, `WATON_SIMULATOR_CODE_EXPIRED`
   * @throws {CryptoError} `WATON_PHONE_LINK_CODE_WRONG` when the companion shows another code
   */
  async linkDeviceByCode(
    code: string,
    options: LinkByCodeOptions = {},
  ): Promise<{ readonly deviceId: number }> {
    checkArgument('the code in phone.linkDeviceByCode(code)', code, TEXT)
    return this.#parts.linked.linkByCode(code, options)
  }

  /**
   * Signs another identity key of a linked device, as if the device had been linked anew under its number. The server does
   * not know of it: see `faults.loseKeys`.
   *
   * @param identityKey - 32 bytes
   * @returns a serialised `ADVSignedDeviceIdentity` that the device has yet to sign
   */
  vouchAnew(deviceId: number, identityKey: Uint8Array): Uint8Array {
    return this.#parts.linked.vouchAnew(deviceId, identityKey)
  }

  /** Takes a linked device off the account. @throws {QueryError} `WATON_PHONE_QUERY_REFUSED` */
  async unlinkDevice(deviceId: number): Promise<void> {
    this.#parts.linked.publishWithout(deviceId)
    await this.#parts.connection.request(buildRemoveDevice(withDevice(this.pn, deviceId)))
  }

  /**
   * The human installs WhatsApp anew, e.g. on another phone: other keys, no sessions, and no linked devices. What was shown
   * before stays in {@link messages}. Resolves when the server has the new keys and has told the contacts.
   *
   * @throws {QueryError} `WATON_PHONE_QUERY_REFUSED`
   */
  async reinstall(): Promise<void> {
    await this.#parts.reinstall()
  }

  /**
   * The human writes, or sends a file, given as its bytes. Resolves when the server has the message (one tick).
   *
   * ```ts
   * await phone.send(chat, { image: await readFile('cat.jpg'), caption: 'mine' })
   * ```
   *
   * @param chat - a person's JID, `15550000002@s.whatsapp.net` or `...@lid`
   * @param options - `id` to choose the message id
   * @throws {UsageError} `WATON_PHONE_CHAT`, `WATON_PHONE_TEXT`, `WATON_PHONE_MESSAGE_ID`
   * @throws {QueryError} `WATON_PHONE_SEND_REFUSED`, `WATON_PHONE_NO_DEVICES`, `WATON_PHONE_QUERY_REFUSED`
   * @throws {TimeoutError} `WATON_PHONE_NO_ANSWER` @throws {ClosedError} `WATON_PHONE_CLOSED`
   */
  async send(
    chat: string,
    content: PhoneContent,
    options: { readonly id?: string } = {},
  ): Promise<{ readonly id: string }> {
    checkArgument('the chat in phone.send(chat, content)', chat, TEXT)
    checkOptions('phone.send(chat, content): the content', content, {})
    if (outgoingFile(content) === undefined) {
      const { text } = content as { readonly text?: unknown }
      checkArgument('text in phone.send(chat, { text })', text, TEXT)
    }
    checkOptions('phone.send(chat, content, options)', options, { id: TEXT })
    return this.#parts.outbox.send(chat, content, options.id)
  }

  /**
   * The file of a message that this human sees: fetched, checked and decrypted. A phone keeps what it was shown, so it has
   * files that the servers have forgotten.
   *
   * @param message - one of {@link messages}
   * @throws {UsageError} `WATON_PHONE_NO_MEDIA` when it has none
   * @throws {ProtocolError} `WATON_PHONE_MEDIA_GONE` when it can be fetched no more
   * @throws {CryptoError} `WATON_PHONE_MEDIA_WRONG` when it is not what the message speaks of
   */
  download(message: PhoneMessage): Promise<Uint8Array> {
    return new Promise((resolve) => {
      checkArgument('the message in phone.download(message)', message, MESSAGE)
      resolve(this.#parts.album.open(message))
    })
  }

  /** The human deletes the files on the phone, to have room; the messages stay, and what the servers have. */
  deleteFiles(): void {
    this.#parts.album.clear()
    this.#parts.noteFault('the phone deletes its files')
  }

  /**
   * Fills the past of the phone: people, groups and messages of all kinds, invented from a seed. A device that is linked
   * afterwards gets them as history.
   *
   * ```ts
   * phone.addPast({ chats: 200, messagesPerChat: 50, seed: 7 })
   * ```
   *
   * @throws {UsageError} `WATON_ARGUMENT` @throws {UsageError} `WATON_PHONE_PAST` when the phone has too much already
   */
  addPast(plan: PastPlan): void {
    checkPastPlan(plan)
    const { account, past } = this.#parts
    const nowMs = account.clock.nowMs()
    const chats = inventChats(plan, nowMs)
    for (const { jid, facts } of chats) past.addChat(jid, facts)
    for (const { chat, message } of inventMessages(plan, chats, nowMs)) past.addMessage(chat, message)
  }

  /**
   * Says what a chat of the past is like: name, pinned, archived, muted, unread and so on.
   *
   * @param facts - with `lid`, the person's other address, and `pushName`, the name that the person chose
   * @throws {UsageError} `WATON_ARGUMENT`, `WATON_PHONE_PAST`
   */
  addPastChat(chat: string, facts: ChatFacts & { readonly lid?: string; readonly pushName?: string }): void {
    this.#parts.past.addChat(chat, facts)
  }

  /**
   * Puts one message into the past: words, a file, anything of the schema as `message`, or an event as `stubType`. Nobody
   * is told of it.
   *
   * ```ts
   * phone.addPastMessage(chat, { text: 'hello', fromMe: true, sentAtMs: Date.now() - 60_000 })
   * ```
   *
   * @param chat - a person, a group, or `status@broadcast`
   * @throws {UsageError} `WATON_ARGUMENT`, `WATON_PHONE_PAST`
   */
  addPastMessage(chat: string, message: PastMessage): { readonly id: string } {
    return this.#parts.past.addMessage(chat, message)
  }

  /** Changes how the phone cuts its history into pieces; what is left out stays as it was. */
  historyHabits(habits: Partial<HistoryHabits>): void {
    checkOptions('phone.historyHabits(habits)', habits, HABITS)
    this.#parts.histories.habits = habits
  }

  /** Pretends to be somebody else's phone: tells them of a piece of history that is not theirs. */
  async forgeHistory(chat: string): Promise<{ readonly id: string }> {
    checkArgument('the chat in phone.forgeHistory(chat)', chat, PERSON)
    const content = this.#parts.histories.forgery()
    this.#parts.noteFault(`the phone forges history for ${chat}`)
    return this.#parts.outbox.sendHidden(chat, content)
  }

  /** The human opens the chats of these messages: their writers get read receipts. */
  markRead(messageIds: readonly string[]): void {
    this.#parts.inbox.markRead(messageIds)
  }

  /**
   * The human archives, pins, mutes, locks a chat, or marks it as unread; all devices hear of it. As the other changes of
   * {@link appState} below it resolves when the server has it, and fails with `WATON_PHONE_APP_STATE_REFUSED` when it does
   * not take it.
   */
  changeChat(chat: string, change: ChatChange): Promise<void> {
    return this.#parts.appStateHand.changeChat(chat, change)
  }

  /** The human gives a message a star, or takes it away. @throws {UsageError} `WATON_PHONE_NO_MESSAGE` */
  starMessage(id: string, isStarred: boolean): Promise<void> {
    return this.#parts.appStateHand.starMessage(id, isStarred)
  }

  /** The human deletes a message for themselves. @throws {UsageError} `WATON_PHONE_NO_MESSAGE` */
  deleteForMe(id: string): Promise<void> {
    return this.#parts.appStateHand.deleteForMe(id)
  }

  /** The human empties a chat. */
  clearChat(chat: string): Promise<void> {
    return this.#parts.appStateHand.clearChat(chat)
  }

  /** The human deletes a chat. */
  deleteChat(chat: string): Promise<void> {
    return this.#parts.appStateHand.deleteChat(chat)
  }

  /** The human saves somebody in the address book. */
  saveContact(jid: string, name: string): Promise<void> {
    return this.#parts.appStateHand.saveContact(jid, name)
  }

  /** The human takes somebody out of the address book. */
  removeContact(jid: string): Promise<void> {
    return this.#parts.appStateHand.saveContact(jid, undefined)
  }

  /** The human makes, changes or deletes a label. */
  editLabel(label: LabelChange): Promise<void> {
    return this.#parts.appStateHand.editLabel(label)
  }

  /** The human puts a label on a chat, or on one message of it, or takes it off. */
  assignLabel(labelId: string, chat: string, isAssigned: boolean, messageId?: string): Promise<void> {
    return this.#parts.appStateHand.assignLabel({ labelId, chat, messageId }, isAssigned)
  }

  /** The human takes another name for others to see. */
  setPushName(name: string): Promise<void> {
    return this.#parts.appStateHand.setPushName(name)
  }

  /** The human changes settings of the account. */
  changeSettings(settings: SettingsChange): Promise<void> {
    return this.#parts.appStateHand.changeSettings(settings)
  }

  /**
   * Makes another key, which later changes are written with.
   *
   * @param options - `share`: whether linked devices get it at once; held back, they have to ask for it
   */
  rotateAppStateKey(options: { readonly share: boolean }): Promise<void> {
    return this.#parts.appStateHand.rotateKey(options)
  }

  /** The ticks on an own message. */
  receiptsFor(messageId: string): MessageTicks {
    return this.#parts.mailbox.ticksOf(messageId)
  }

  /** Calls `listener` for every message shown from now on; returns the function that stops it. */
  onMessage(listener: (message: PhoneMessage) => void): () => void {
    return this.#parts.mailbox.onMessage(listener)
  }

  /**
   * Resolves with the first message that satisfies the predicate, at once when it was shown already.
   *
   * @param options - `timeoutMs` by the phone's clock @default 10,000
   * @throws {TimeoutError} `WATON_PHONE_WAIT` @throws {ClosedError} `WATON_PHONE_CLOSED`
   */
  waitForMessage(
    predicate: (message: PhoneMessage) => boolean,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<PhoneMessage> {
    return this.#parts.mailbox.waitForMessage(predicate, options)
  }

  /** Resolves when nothing runs in the background (repeating messages, serving new devices). */
  idle(): Promise<void> {
    return this.#parts.reception.idle()
  }

  /**
   * Hands out a token of trust: with it somebody may write to this account who has not been written to.
   *
   * @param options - `atSeconds`: the time that the token carries @default now
   */
  giveToken(jid: string, options: { readonly atSeconds?: number } = {}): Promise<void> {
    checkArgument('the jid in phone.giveToken(jid)', jid, PERSON)
    checkOptions('phone.giveToken(jid, options)', options, { atSeconds: wholeNumber(1) })
    return this.#parts.giveToken(jid, options.atSeconds)
  }

  /** Tells the linked devices the salt of the account's tokens, with a piece of history. */
  shareSalt(salt: Uint8Array): Promise<void> {
    checkArgument('the salt in phone.shareSalt(salt)', salt, SALT)
    return this.#parts.shareSalt(salt)
  }

  /**
   * The phone forgets its sessions, as after a damaged backup: what comes in them cannot be read until their other end
   * starts new ones. Its identity stays.
   *
   * @param chat - only those with the devices of this person; left out, all of them
   * @returns how many were forgotten
   */
  loseSessions(chat?: string): number {
    const count = this.#parts.sessions.lose(chat)
    const whose = chat === undefined ? '' : ` with ${chat}`
    this.#parts.noteFault(`the phone loses ${String(count)} sessions${whose}`)
    return count
  }

  /** The phone forgets its one-time pre-keys, which the server goes on handing out. @returns how many were forgotten */
  losePreKeys(): number {
    const count = this.#parts.keys.losePreKeys()
    this.#parts.noteFault(`the phone loses ${String(count)} one-time pre-keys`)
    return count
  }

  /** The phone loses its network until {@link goOnline}. What is sent meanwhile goes out then. */
  goOffline(): void {
    this.#parts.connection.goOffline()
  }

  /** Connects again; what waited comes now. */
  goOnline(): void {
    this.#parts.connection.goOnline()
  }

  /** Switches the phone off for good. What still waits fails with `WATON_PHONE_CLOSED`. */
  close(): void {
    this.#parts.linked.close()
    this.#parts.connection.close()
    this.#parts.mailbox.close()
  }
}
