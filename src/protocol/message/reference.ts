/**
 * Which message something is about. On the wire a key is written from its writer's point of view: `fromMe` means the
 * writer, and the chat is what they call it. This file turns keys round to the reader's point of view.
 *
 * @source Baileys 7.0.0-rc14 `Utils/process-message.js` cleanMessage
 */
import {
  SERVER_BROADCAST,
  SERVER_GROUP,
  SERVER_NEWSLETTER,
  isLid,
  isPn,
  sameUser,
  tryParseJid,
  userJid,
} from '../jid.ts'
import type { MessageKey, MessageProperties } from '../proto/message.ts'

/** A person as a message names them. */
export interface PersonRef {
  /** The address, without a device. */
  readonly jid: string
  /** The phone-number address, when that is what was named. */
  readonly pn?: string
  /** The LID address, when that is what was named. */
  readonly lid?: string
}

/** Points at a message. */
export interface MessageRef {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** The chat that it is in. */
  readonly chat: string
  /** Who wrote it, when that is said. */
  readonly sender?: PersonRef
  /** Whether this account wrote it. */
  readonly fromMe: boolean
}

/** Names a message to send something about: the payload of an event, a {@link MessageRef}, or the handle of a send. */
export interface MessageTarget {
  /** The message id. */
  readonly id: string
  /** The chat that it is in. */
  readonly chat: string
  /** Who wrote it; without it, both sides of a chat of two are looked at. */
  readonly sender?: PersonRef
  /** Whether this account wrote it. */
  readonly fromMe?: boolean
}

/** A message that something is about, as it stands in the store. */
export interface FoundMessage {
  /** The message id. */
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  /** Who wrote it, by every address that is known. */
  readonly sender: PersonRef
  /** Whether this account wrote it. */
  readonly fromMe: boolean
  /** Whether it is in the chat that is written to. */
  readonly isInChat: boolean
  /** When it was sent. */
  readonly sentAtMs: number
  /** Whether it was taken back or refused before anybody got it. */
  readonly neverLeft: boolean
  /** What was sent; without content when it could not be read. */
  readonly message: MessageProperties
}

/** One text for targets that name the same message. */
export function targetSlot({ chat, id, sender, fromMe }: MessageTarget): string {
  return [chat, id, sender?.jid ?? '', fromMe === true ? 'me' : ''].join('\n')
}

/** Who reads what whom wrote where. */
export interface Perspective {
  /** The chat of the message that is read. */
  readonly chat: string
  /** Who wrote the message that is read. */
  readonly writer: string
  /** Whether that is this account. */
  readonly fromMe: boolean
  /** The addresses of this account. */
  readonly me: readonly string[]
}

/** The one chat that a message elsewhere may point into. */
const STATUS_CHAT = 'status@broadcast'

const SHARED_SERVERS: ReadonlySet<string> = new Set([SERVER_GROUP, SERVER_BROADCAST, SERVER_NEWSLETTER])

/**
 * What a key points at; `undefined` when it has no id. Without a perspective it is as its writer sees it. A key cannot
 * point into another chat than its own, except to a status update.
 */
export function refOf(
  key: MessageKey.$Properties | null | undefined,
  perspective: Perspective | undefined,
): MessageRef | undefined {
  const id = key?.id
  if (!id) return undefined
  const sender = personRef(key.participant)
  const author = sender === undefined ? {} : { sender }
  if (perspective === undefined)
    return { id, chat: key.remoteJid ?? '', ...author, fromMe: key.fromMe === true }
  const chat = key.remoteJid === STATUS_CHAT ? STATUS_CHAT : perspective.chat
  if (key.fromMe === true) return { id, chat, ...writer(perspective.writer), fromMe: perspective.fromMe }
  if (sender !== undefined) return { id, chat, sender, fromMe: isMe(sender.jid, perspective) }
  if (isShared(perspective.chat)) return { id, chat, fromMe: false }
  // two people: whoever did not write this one wrote that one
  return perspective.fromMe
    ? { id, chat, ...writer(perspective.chat), fromMe: false }
    : { id, chat, fromMe: true }
}

function isMe(jid: string, { me }: Perspective): boolean {
  return me.some((own) => sameUser(own, jid))
}

function isShared(chat: string): boolean {
  return SHARED_SERVERS.has(tryParseJid(chat)?.server ?? '')
}

function writer(jid: string): { readonly sender?: PersonRef } {
  const sender = personRef(jid)
  return sender === undefined ? {} : { sender }
}

/** A person by their address, without device; `undefined` for what is no address. */
export function personRef(jid: string | null | undefined): PersonRef | undefined {
  if (!jid || tryParseJid(jid) === undefined) return undefined
  const plain = userJid(jid)
  if (isPn(plain)) return { jid: plain, pn: plain }
  return isLid(plain) ? { jid: plain, lid: plain } : { jid: plain }
}
