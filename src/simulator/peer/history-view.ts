/**
 * What a phone could tell as history, as it is now: its messages by chats with what it knows of both, by the address that
 * history is to use. Nothing is kept here.
 */
import { isBroadcast, isGroup, isPn } from '../../protocol/jid.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import { STATUS_CHAT } from './history-past.ts'
import type { Past } from './history-past.ts'
import type { HistoryChat, HistoryMessage } from './history-payload.ts'
import type { HistoryHabits, WholeHistory } from './history-plan.ts'
import type { Mailbox, PhoneChat, PhoneMessage } from './mailbox.ts'

/** What {@link HistoryView} looks at. */
export interface HistoryViewOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly mailbox: Mailbox
  readonly past: Past
}

/** Before which message of a chat, as a linked device names it. */
export interface OlderThan {
  readonly chatJid?: string | null
  readonly oldestMsgId?: string | null
  readonly oldestMsgFromMe?: boolean | null
  /** Milliseconds since the epoch. */
  readonly oldestMsgTimestampMs?: number | null
}

type Addressing = HistoryHabits['addressing']

/** See the file comment. */
export class HistoryView {
  readonly #options: HistoryViewOptions

  constructor(options: HistoryViewOptions) {
    this.#options = options
  }

  /** Everything. */
  whole(addressing: Addressing): WholeHistory {
    const { account, mailbox, past } = this.#options
    const byChat = new Map<string, PhoneMessage[]>()
    for (const message of mailbox.messages) {
      const known = byChat.get(message.chat)
      if (known === undefined) byChat.set(message.chat, [message])
      else known.push(message)
    }
    const chats = mailbox.chats.filter(({ jid }) => !isBroadcast(jid))
    const people = this.#people(chats)
    return {
      own: { pn: account.pn, lid: account.lid },
      isFilled: past.isFilled,
      chats: chats.map((chat) => this.#chat(chat, byChat.get(chat.jid) ?? [], addressing)),
      statuses: this.#messages(byChat.get(STATUS_CHAT) ?? [], addressing),
      pushNames: people.flatMap((jid) => {
        const name = mailbox.nameOf(jid)
        return name === undefined ? [] : [{ jid: this.#address(jid, addressing), name }]
      }),
      mappings: people.flatMap((jid) => this.#options.addresses.pairOf(jid) ?? []),
    }
  }

  /** What is older in a chat than a message: all of it, newest first. */
  olderThan(request: OlderThan, addressing: Addressing): HistoryChat {
    const { addresses, mailbox } = this.#options
    const jid = addresses.humanJid(request.chatJid ?? '')
    const messages = mailbox.messages.filter(({ chat }) => chat === jid)
    const known = mailbox.chats.find((chat) => chat.jid === jid)
    const empty = { jid, name: undefined, unreadCount: 0, lastMessageAtMs: 0 }
    const chat = this.#chat(known ?? empty, messages, addressing)
    const { oldestMsgId: id, oldestMsgTimestampMs: atMs } = request
    const place = chat.messages.findIndex(({ shown }) => shown.id === id)
    const older = chat.messages.filter(({ shown }, index) =>
      place >= 0 ? index > place : atMs == null || shown.sentAtMs < atMs,
    )
    return { ...chat, messages: older }
  }

  #chat(
    { jid, name, unreadCount, lastMessageAtMs }: PhoneChat,
    messages: readonly PhoneMessage[],
    addressing: Addressing,
  ): HistoryChat {
    const { past } = this.#options
    // a phone whose past was not filled has saved nobody under a name
    const fallback = past.isFilled || name === undefined ? {} : { name }
    const pair = this.#options.addresses.pairOf(jid)
    const address = this.#address(jid, addressing)
    return {
      jid: address,
      otherJid: pair === undefined ? undefined : address === pair.pn ? pair.lid : pair.pn,
      facts: { ...fallback, ...past.chatFacts(jid), unreadCount },
      lastMessageAtMs,
      messages: this.#messages(messages, addressing),
    }
  }

  /** Newest first. @param messages - in the order in which the phone has them, which is that of their arrival */
  #messages(messages: readonly PhoneMessage[], addressing: Addressing): readonly HistoryMessage[] {
    const { mailbox, past } = this.#options
    return messages
      .toSorted((a, b) => a.sentAtMs - b.sentAtMs)
      .map((shown, index) => {
        const pushName = shown.fromMe ? undefined : mailbox.nameOf(shown.sender)
        const facts = past.messageFacts(shown.id)
        return {
          shown,
          facts: pushName === undefined ? facts : { pushName, ...facts },
          author: this.#address(shown.sender, addressing),
          order: index + 1,
        }
      })
      .toReversed()
  }

  /** Everybody in a chat or with a message, once. */
  #people(chats: readonly PhoneChat[]): readonly string[] {
    const writers = this.#options.mailbox.messages.filter(({ fromMe }) => !fromMe).map(({ sender }) => sender)
    const partners = chats.map(({ jid }) => jid).filter((jid) => !isGroup(jid))
    return [...new Set([...partners, ...writers])]
  }

  #address(jid: string, addressing: Addressing): string {
    const lid = addressing === 'lid' && isPn(jid) ? this.#options.addresses.lidOf(jid) : undefined
    return lid ?? jid
  }
}
