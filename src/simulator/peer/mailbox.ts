/**
 * What the human holding the phone sees: messages in order, chats, ticks; and, for tests, what went wrong on the way
 * (duplicates, messages that could not be decrypted). It holds and shows; who puts things in is the inbox and outbox.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock } from '../../base/clock.ts'
import { ClosedError, TimeoutError } from '../../base/errors.ts'
import { deferred } from '../../base/deferred.ts'
import { isBroadcast } from '../../protocol/jid.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { messageText } from './content.ts'

/** A message as the human sees it. */
export interface PhoneMessage {
  /** As the sender chose it. */
  readonly id: string
  /** The chat: phone-number JID when known. */
  readonly chat: string
  /** Who wrote it: phone-number JID without device when known. */
  readonly sender: string
  /** Written on this phone or on one of its linked devices. */
  readonly fromMe: boolean
  /** The words, when the content has any. */
  readonly text: string | undefined
  /** The decoded `Message`. */
  readonly content: MessageProperties
  /** Milliseconds since the epoch. */
  readonly sentAtMs: number
  /** The JID of the device that wrote it, as it came. */
  readonly device: string
  /** The `from` that receipts for it go to. */
  readonly replyTo: string
}

/** A chat in the list of chats. */
export interface PhoneChat {
  readonly jid: string
  readonly name: string | undefined
  readonly unreadCount: number
  readonly lastMessageAtMs: number
}

/** A message id that came again after it was shown. */
export interface DuplicateMessage {
  readonly id: string
  readonly chat: string
  readonly sender: string
  /** `same-ciphertext`: the server delivered again; `new-ciphertext`: the sender encrypted it twice. */
  readonly kind: 'same-ciphertext' | 'new-ciphertext'
}

/** A message that could not be decrypted. */
export interface UndecryptableMessage {
  readonly id: string
  readonly chat: string
  readonly sender: string
  /** Error code of the last attempt. */
  code: string
  /** Retry receipts sent for it. */
  retries: number
  /** Whether a later copy could be read. */
  recovered: boolean
}

/** The ticks on an own message; the lists hold phone-number JIDs. */
export interface MessageTicks {
  /** One tick: the server has it. */
  readonly server: boolean
  /** Two ticks: it arrived. */
  readonly delivered: readonly string[]
  /** Blue ticks: it was read. */
  readonly read: readonly string[]
  /** Code of the error that ended the sending, when it failed. */
  readonly failed: string | undefined
}

interface Ticks {
  server: boolean
  failed: string | undefined
  readonly delivered: Set<string>
  readonly read: Set<string>
}

interface Waiter {
  readonly predicate: (message: PhoneMessage) => boolean
  readonly finish: (message: PhoneMessage) => void
  readonly fail: (error: unknown) => void
}

const MAX_MESSAGES = 50_000
const MAX_CHATS = 5_000
const MAX_INCIDENTS = 5_000
const MAX_WAITERS = 1_000
const DEFAULT_WAIT_MS = 10_000

/** See the file comment. */
export class Mailbox {
  readonly messages: PhoneMessage[] = []
  readonly duplicates: DuplicateMessage[] = []
  readonly undecryptable: UndecryptableMessage[] = []
  readonly #clock: Clock
  readonly #onListenerError: (error: unknown) => void
  readonly #byKey = new BoundedMap<string, PhoneMessage>(MAX_MESSAGES)
  readonly #chats = new BoundedMap<string, PhoneChat>(MAX_CHATS)
  readonly #chatOrder = new Set<string>()
  readonly #names = new BoundedMap<string, string>(MAX_CHATS)
  readonly #ticks = new BoundedMap<string, Ticks>(MAX_MESSAGES)
  readonly #waiters = new Set<Waiter>()
  readonly #listeners = new Set<(message: PhoneMessage) => void>()

  constructor(clock: Clock, onListenerError: (error: unknown) => void) {
    this.#clock = clock
    this.#onListenerError = onListenerError
  }

  /** The chats, the one with the newest message first. */
  get chats(): readonly PhoneChat[] {
    const all = [...this.#chatOrder].flatMap((jid) => this.#chats.get(jid) ?? [])
    return all.sort((a, b) => b.lastMessageAtMs - a.lastMessageAtMs)
  }

  /** The name that a person gave themselves, when one of their messages said it. */
  nameOf(jid: string): string | undefined {
    return this.#names.get(jid)
  }

  learnName(jid: string, name: string | undefined): void {
    if (name !== undefined && name !== '') this.#names.set(jid, name)
  }

  /** Moves what was shown under a LID to the phone number that it turned out to belong to. */
  unify(lid: string, pn: string): void {
    if (!this.#chats.has(lid)) return
    const rename = (jid: string): string => (jid === lid ? pn : jid)
    for (const [index, message] of this.messages.entries()) {
      if (message.chat !== lid && message.sender !== lid) continue
      const renamed = { ...message, chat: rename(message.chat), sender: rename(message.sender) }
      this.messages[index] = renamed
      this.#byKey.set(keyOf(renamed), renamed)
    }
    this.#unifyChats(lid, pn)
  }

  /** Whether the message was shown before. */
  has(message: Pick<PhoneMessage, 'chat' | 'sender' | 'id'>): boolean {
    return this.#byKey.has(keyOf(message))
  }

  /** The message with this id, the newest first when several senders used it. */
  find(id: string): PhoneMessage | undefined {
    return this.messages.findLast((message) => message.id === id)
  }

  /** Shows a message, or counts it as a duplicate when it was shown before. */
  show(message: Omit<PhoneMessage, 'text'>): void {
    const shown: PhoneMessage = { ...message, text: messageText(message.content) }
    if (this.has(shown)) {
      this.countDuplicate(shown, 'new-ciphertext')
      return
    }
    this.#byKey.set(keyOf(shown), shown)
    this.messages.push(shown)
    if (this.messages.length > MAX_MESSAGES) this.messages.shift()
    this.#touchChat(shown)
    this.#markRecovered(shown)
    this.#announce(shown)
  }

  /** Puts a message of the past where it belongs in time: it was seen long ago, so nobody is told of it. */
  remember(message: Omit<PhoneMessage, 'text'>): PhoneMessage {
    const shown: PhoneMessage = { ...message, text: messageText(message.content) }
    this.#byKey.set(keyOf(shown), shown)
    const behind = this.messages.findLastIndex(({ sentAtMs }) => sentAtMs <= shown.sentAtMs)
    this.messages.splice(behind + 1, 0, shown)
    if (this.messages.length > MAX_MESSAGES) this.messages.shift()
    // a message of one's own makes nothing unread
    if (!isBroadcast(shown.chat)) this.#touchChat({ ...shown, fromMe: true })
    return shown
  }

  countDuplicate(
    message: Pick<PhoneMessage, 'chat' | 'sender' | 'id'>,
    kind: DuplicateMessage['kind'],
  ): void {
    const { id, chat, sender } = message
    push(this.duplicates, { id, chat, sender, kind })
  }

  /** Counts a failed attempt and returns the entry of the message. */
  countUndecryptable(
    message: Pick<PhoneMessage, 'chat' | 'sender' | 'id'>,
    code: string,
  ): UndecryptableMessage {
    const { id, chat, sender } = message
    const known = this.undecryptable.find(
      (entry) => entry.id === id && entry.chat === chat && entry.sender === sender,
    )
    if (known !== undefined) {
      known.code = code
      return known
    }
    const entry = { id, chat, sender, code, retries: 0, recovered: false }
    push(this.undecryptable, entry)
    return entry
  }

  /** Marks the messages as read by the human and returns those that were unread. */
  markRead(ids: readonly string[]): readonly PhoneMessage[] {
    const wanted = new Set(ids)
    const found = this.messages.filter((message) => wanted.has(message.id) && !message.fromMe)
    for (const { chat } of found) {
      const known = this.#chats.get(chat)
      if (known !== undefined && known.unreadCount > 0)
        this.#chats.set(chat, { ...known, unreadCount: known.unreadCount - 1 })
    }
    return found
  }

  /** Everything in the chat was read on another device of the human. */
  clearUnread(chat: string): void {
    const known = this.#chats.get(chat)
    if (known !== undefined) this.#chats.set(chat, { ...known, unreadCount: 0 })
  }

  /** The chat is there, also without a message. @param unreadCount - so many were not read; as it was when left out */
  openChat(chat: string, unreadCount?: number): void {
    const known = this.#chats.get(chat) ?? { unreadCount: 0, lastMessageAtMs: 0 }
    const unread = unreadCount ?? known.unreadCount
    this.#chats.set(chat, { ...known, jid: chat, name: this.nameOf(chat), unreadCount: unread })
    this.#chatOrder.add(chat)
  }

  ticksOf(id: string): MessageTicks {
    const { server, failed, delivered, read } = this.#ticks.get(id) ?? newTicks()
    return { server, failed, delivered: [...delivered], read: [...read] }
  }

  /** Changes the ticks of an own message. `read` implies `delivered`. */
  tick(
    id: string,
    change: {
      readonly server?: true
      readonly failed?: string
      readonly delivered?: string
      readonly read?: string
    },
  ): void {
    const ticks = this.#ticks.get(id) ?? newTicks()
    this.#ticks.set(id, ticks)
    if (change.server === true) ticks.server = true
    if (change.failed !== undefined) ticks.failed = change.failed
    const arrived = change.delivered ?? change.read
    if (arrived !== undefined) {
      ticks.server = true
      ticks.delivered.add(arrived)
    }
    if (change.read !== undefined) ticks.read.add(change.read)
  }

  /** Calls `listener` for every message shown from now on; returns the function that stops it. */
  onMessage(listener: (message: PhoneMessage) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /**
   * Resolves with the first message that satisfies the predicate, at once when it is there already.
   *
   * @param options - `timeoutMs` by the phone's clock @default 10,000
   * @throws {TimeoutError} `WATON_PHONE_WAIT` @throws {ClosedError} `WATON_PHONE_CLOSED`, `WATON_PHONE_OVERRUN`
   */
  waitForMessage(
    predicate: (message: PhoneMessage) => boolean,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<PhoneMessage> {
    const present = this.messages.find(predicate)
    if (present !== undefined) return Promise.resolve(present)
    if (this.#waiters.size >= MAX_WAITERS) {
      return Promise.reject(
        new ClosedError('WATON_PHONE_OVERRUN', 'too many calls wait for a message of this phone already', {
          action: 'wait',
        }),
      )
    }
    const result = deferred<PhoneMessage>()
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS
    const timer = this.#clock.schedule(timeoutMs, () => {
      this.#waiters.delete(waiter)
      const text = `no message for the human came within ${String(timeoutMs)} ms (${String(this.messages.length)} were shown)`
      result.reject(
        new TimeoutError('WATON_PHONE_WAIT', text, { details: { timeoutMs, shown: this.messages.length } }),
      )
    })
    const waiter: Waiter = {
      predicate,
      finish: (message) => {
        timer.cancel()
        result.resolve(message)
      },
      fail: (error) => {
        timer.cancel()
        result.reject(error)
      },
    }
    this.#waiters.add(waiter)
    return result.promise
  }

  /** Ends all waiting. */
  close(): void {
    for (const waiter of this.#waiters)
      waiter.fail(new ClosedError('WATON_PHONE_CLOSED', 'the simulated phone was closed'))
    this.#waiters.clear()
    this.#listeners.clear()
  }

  #unifyChats(lid: string, pn: string): void {
    const both = [lid, pn].flatMap((jid) => this.#chats.get(jid) ?? [])
    const unreadCount = both.reduce((sum, chat) => sum + chat.unreadCount, 0)
    const lastMessageAtMs = Math.max(...both.map((chat) => chat.lastMessageAtMs))
    this.#chats.delete(lid)
    this.#chatOrder.delete(lid)
    this.#chats.set(pn, { jid: pn, name: this.nameOf(pn) ?? this.nameOf(lid), unreadCount, lastMessageAtMs })
    this.#chatOrder.add(pn)
  }

  #touchChat({ chat, fromMe, sentAtMs }: PhoneMessage): void {
    const known = this.#chats.get(chat)
    const unreadCount = (known?.unreadCount ?? 0) + (fromMe ? 0 : 1)
    const lastMessageAtMs = Math.max(known?.lastMessageAtMs ?? 0, sentAtMs)
    this.#chats.set(chat, { jid: chat, name: this.nameOf(chat), unreadCount, lastMessageAtMs })
    this.#chatOrder.add(chat)
    for (const jid of this.#chatOrder) {
      if (this.#chatOrder.size <= MAX_CHATS) break
      this.#chatOrder.delete(jid)
    }
  }

  #markRecovered({ id, chat, sender }: PhoneMessage): void {
    for (const entry of this.undecryptable) {
      if (entry.id === id && entry.chat === chat && entry.sender === sender) entry.recovered = true
    }
  }

  #announce(message: PhoneMessage): void {
    for (const waiter of [...this.#waiters]) {
      this.#guard(() => {
        if (!waiter.predicate(message)) return
        this.#waiters.delete(waiter)
        waiter.finish(message)
      }, waiter)
    }
    for (const listener of [...this.#listeners])
      this.#guard(() => {
        listener(message)
      })
  }

  #guard(call: () => void, waiter?: Waiter): void {
    try {
      call()
    } catch (error) {
      if (waiter !== undefined) {
        this.#waiters.delete(waiter)
        waiter.fail(error)
      } else this.#onListenerError(error)
    }
  }
}

function keyOf({ chat, sender, id }: Pick<PhoneMessage, 'chat' | 'sender' | 'id'>): string {
  return `${chat} ${sender} ${id}`
}

function newTicks(): Ticks {
  return { server: false, failed: undefined, delivered: new Set(), read: new Set() }
}

function push<T>(list: T[], entry: T): void {
  list.push(entry)
  if (list.length > MAX_INCIDENTS) list.shift()
}
