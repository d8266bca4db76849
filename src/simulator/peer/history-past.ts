/**
 * What a phone remembers from before: chats and messages that are simply there, as after years of use. Nobody is told of
 * them, and nothing travels; a device that is linked afterwards gets them as history. Beside the messages, which the
 * mailbox has, this keeps what only history tells: reactions, stars, who was pinned or archived.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex } from '../../base/bytes.ts'
import {
  BOOLEAN,
  checkArgument,
  checkOptions,
  MILLISECONDS,
  OBJECT,
  oneOf,
  TEXT,
  wholeNumber,
} from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import { UsageError } from '../../base/errors.ts'
import { isGroup, isLid, isPn, userJid } from '../../protocol/jid.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import type { Album } from './album.ts'
import { TICKS } from './history-payload.ts'
import type { ChatFacts, MessageFacts } from './history-payload.ts'
import type { Mailbox, PhoneMessage } from './mailbox.ts'
import { outgoingFile } from './media-content.ts'
import type { PhoneContent } from './media-content.ts'

/** Where the updates of contacts are; they are no chat. */
export const STATUS_CHAT = 'status@broadcast'

/** What a message of the past has beside its content. */
export interface PastDetails extends Omit<MessageFacts, 'stubType' | 'stubParameters' | 'pushName'> {
  /** The owner of the phone wrote it. @default false */
  readonly fromMe?: boolean
  /** Milliseconds since the epoch. @default now */
  readonly sentAtMs?: number
  /** @default a fresh one */
  readonly id?: string
  /** Who wrote it, in a group or a status: a person's JID. */
  readonly sender?: string
  /** The id of a message of the same chat that this one answers; of words only. */
  readonly quotes?: string
}

/** What a human sends, anything that the schema has, or an event without content, e.g. 1: deleted for everyone. */
export type PastContent =
  | PhoneContent
  | { readonly message: MessageProperties }
  | { readonly stubType: number; readonly stubParameters?: readonly string[] }

/** A message of the past. */
export type PastMessage = PastDetails & PastContent

/** What {@link Past} is built from. */
export interface PastOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly album: Album
  readonly mailbox: Mailbox
}

const MAX_FACTS = 100_000
const MAX_CHATS = 2_000
const ID_BYTES = 16

const CHAT: Expectation = {
  expected: `the address of a person or a group, or ${STATUS_CHAT}`,
  accepts: (value) => typeof value === 'string' && isChat(value),
}

const LIST: Expectation = { expected: 'a list', accepts: (value) => Array.isArray(value) }

const DETAILS: Readonly<Record<string, Expectation>> = {
  fromMe: BOOLEAN,
  sentAtMs: MILLISECONDS,
  id: TEXT,
  sender: TEXT,
  quotes: TEXT,
  isStarred: BOOLEAN,
  ticks: oneOf(...Object.keys(TICKS)),
  reactions: LIST,
  messageSecret: { expected: 'bytes', accepts: (value) => value instanceof Uint8Array },
}

const CHAT_FACTS: Readonly<Record<keyof ChatFacts, Expectation>> = {
  name: TEXT,
  unreadCount: wholeNumber(0),
  isMarkedUnread: BOOLEAN,
  isArchived: BOOLEAN,
  isLocked: BOOLEAN,
  pinnedAtMs: MILLISECONDS,
  mutedUntilMs: {
    expected: 'milliseconds since the epoch, or -1',
    accepts: (value) => value === -1 || MILLISECONDS.accepts(value),
  },
  disappearingSeconds: wholeNumber(0),
  token: { expected: 'a token', accepts: (value) => typeof value === 'object' },
}

/** See the file comment. */
export class Past {
  readonly #options: PastOptions
  readonly #messages = new BoundedMap<string, MessageFacts>(MAX_FACTS)
  readonly #chats = new Map<string, ChatFacts>()
  #isFilled = false

  constructor(options: PastOptions) {
    this.#options = options
  }

  /** Whether anything was ever put here. */
  get isFilled(): boolean {
    return this.#isFilled
  }

  /** What is known of a chat beside its messages. */
  chatFacts(jid: string): ChatFacts {
    return this.#chats.get(jid) ?? {}
  }

  /** What is known of a message beside its content. */
  messageFacts(id: string): MessageFacts {
    return this.#messages.get(id) ?? {}
  }

  /** Says what a chat is like; what is left out stays as it was. @throws {UsageError} `WATON_ARGUMENT`, `WATON_PHONE_PAST` */
  addChat(chat: string, facts: ChatFacts & { readonly lid?: string; readonly pushName?: string }): void {
    checkArgument('the chat in phone.addPastChat(chat, facts)', chat, CHAT)
    const { lid, pushName, ...known } = facts
    checkOptions('phone.addPastChat(chat, facts)', facts, { ...CHAT_FACTS, lid: TEXT, pushName: TEXT })
    const { addresses, mailbox } = this.#options
    addresses.learn(chat, lid)
    const jid = addresses.humanJid(chat)
    mailbox.learnName(jid, pushName)
    if (!this.#chats.has(jid) && this.#chats.size >= MAX_CHATS)
      throw wrong(`it has ${String(MAX_CHATS)} chats already`, { chat })
    this.#chats.set(jid, { ...this.#chats.get(jid), ...known })
    mailbox.openChat(jid, known.unreadCount)
    this.#isFilled = true
  }

  /**
   * Puts a message where it belongs in time.
   *
   * @throws {UsageError} `WATON_ARGUMENT`; `WATON_PHONE_PAST` when the chat has a message with this id, when what it
   *   quotes is not there, or when nobody is named who wrote it
   */
  addMessage(chat: string, given: PastMessage): { readonly id: string } {
    const { account, addresses, album, mailbox } = this.#options
    checkArgument('the chat in phone.addPastMessage(chat, message)', chat, CHAT)
    const { details, content } = separated(given)
    checkOptions('phone.addPastMessage(chat, message)', details, DETAILS)
    const { fromMe = false, sentAtMs = account.clock.nowMs(), sender: writer } = details
    const id = details.id ?? toHex(account.random.bytes(ID_BYTES)).toUpperCase()
    const jid = addresses.humanJid(chat)
    const sender = fromMe ? account.pn : addresses.humanJid(writer ?? chat)
    if (!isPerson(sender)) throw wrong('a message in a group or a status names its sender', { chat })
    const message = {
      ...{ id, chat: jid, sender, fromMe, sentAtMs },
      content: this.#contentOf(content, details.quotes, jid),
      device: sender,
      replyTo: jid,
    }
    if (mailbox.has(message)) throw wrong('the chat has a message with this id already', { chat, id })
    const shown = mailbox.remember(message)
    album.keep(shown)
    this.#messages.set(id, factsOf(details, content, shown))
    this.#isFilled = true
    return { id }
  }

  #contentOf(content: PastContent, quotes: string | undefined, chat: string): MessageProperties {
    const call = 'phone.addPastMessage(chat, message)'
    if ('stubType' in content) {
      checkOptions(call, content, { stubType: wholeNumber(0), stubParameters: LIST })
      return {}
    }
    if ('message' in content) {
      checkOptions(call, content, { message: OBJECT })
      return content.message
    }
    const file = outgoingFile(content)
    if (file !== undefined) return this.#options.album.compose(file).content
    const { text } = content as { readonly text?: unknown }
    checkOptions(call, content, { text: TEXT })
    checkArgument('text in phone.addPastMessage(chat, { text })', text, TEXT)
    if (quotes === undefined) return { conversation: String(text) }
    const quoted = this.#options.mailbox.messages.findLast((one) => one.id === quotes && one.chat === chat)
    if (quoted === undefined) throw wrong('what the message quotes is not in its chat', { chat, id: quotes })
    const contextInfo = { stanzaId: quotes, participant: quoted.sender, quotedMessage: quoted.content }
    return { extendedTextMessage: { text: String(text), contextInfo } }
  }
}

function separated(given: PastMessage): { readonly details: PastDetails; readonly content: PastContent } {
  const { fromMe, sentAtMs, id, sender, quotes, reactions, isStarred, ticks, messageSecret, ...content } =
    given
  const details = { fromMe, sentAtMs, id, sender, quotes, reactions, isStarred, ticks, messageSecret }
  const present = Object.entries(details).filter(([, value]) => value !== undefined)
  return { details: Object.fromEntries(present), content: content }
}

function factsOf(details: PastDetails, content: PastContent, { fromMe }: PhoneMessage): MessageFacts {
  const { reactions, isStarred, messageSecret, ticks } = details
  const stub = 'stubType' in content ? content : {}
  return {
    ...stub,
    ...(reactions === undefined ? {} : { reactions }),
    ...(isStarred === undefined ? {} : { isStarred }),
    ...(messageSecret === undefined ? {} : { messageSecret }),
    ...(fromMe ? { ticks: ticks ?? 'read' } : {}),
  }
}

function isChat(jid: string): boolean {
  return jid === STATUS_CHAT || ((isPerson(jid) || isGroup(jid)) && userJid(jid) === jid)
}

function isPerson(jid: string): boolean {
  return isPn(jid) || isLid(jid)
}

function wrong(what: string, details: Readonly<Record<string, string>>): UsageError {
  return new UsageError('WATON_PHONE_PAST', `this cannot be in the past of the phone: ${what}`, { details })
}
