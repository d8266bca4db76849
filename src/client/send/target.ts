/**
 * The stored messages that content to be sent is about, looked for under every address that chat and author are known by.
 * What is received is about something too: that is `receive/target.ts`.
 */
import { ProtocolError, UsageError } from '../../base/errors.ts'
import { tryParseJid } from '../../protocol/jid.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { targetSlot } from '../../protocol/message/reference.ts'
import type { FoundMessage, MessageTarget } from '../../protocol/message/reference.ts'
import { withdrawTimer } from '../chat-timer.ts'
import type { Person } from '../events.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { presentMessage, storedMessage } from '../message-record.ts'
import { findTarget, noteEdit } from '../stored-target.ts'
import type { Unit } from '../state/unit.ts'
import { outboxItem } from './outbox-item.ts'
import type { OutboxItem } from './outbox-item.ts'

/** What is looked for. */
export interface Search {
  readonly targets: readonly MessageTarget[]
  /** The chat that is written to. */
  readonly to: string
  readonly self: Self
}

/** The targets that are in the store, by {@link targetSlot}. */
export async function findMessages(
  unit: Unit,
  { targets, to, self }: Search,
): Promise<ReadonlyMap<string, FoundMessage>> {
  const found = new Map<string, FoundMessage>()
  for (const target of targets) {
    const message = await findMessage(unit, target, { to, self })
    if (message !== undefined) found.set(targetSlot(target), message)
  }
  return found
}

/** For content that is about messages of the chat it goes to. @throws {UsageError} `WATON_CONTENT_TARGET_CHAT` */
export async function requireSameChat(
  unit: Unit,
  to: string,
  targets: readonly MessageTarget[],
): Promise<void> {
  const canonical = await canonicalJid(unit, to)
  for (const { id, chat } of targets) {
    if (tryParseJid(chat) !== undefined && (await canonicalJid(unit, chat)) === canonical) continue
    throw new UsageError(
      'WATON_CONTENT_TARGET_CHAT',
      'the message that this is about is in another chat than the one that it is sent to: pass target.chat as the chat',
      { details: { id } },
    )
  }
}

/** Notes in the row of a message of ours what an edit or a deletion, which the server has, makes of it. */
export async function recordEdit(unit: Unit, { chat, at, body }: OutboxItem, sender: Person): Promise<void> {
  const { protocolMessage: protocol } = readMessage(body.message)
  const id = protocol?.key?.id
  if (!id) return
  await noteEdit(unit, { id, chat, sender }, { message: protocol.editedMessage ?? {}, atMs: at })
}

/** A timer for the chat that nobody is told of is none. */
export async function withdrawSetting(unit: Unit, { chat, at, body }: OutboxItem): Promise<void> {
  await withdrawTimer(unit, { chat, message: readMessage(body.message), sentAtMs: at })
}

/** The ack of a message that cannot be read any more is an ack all the same. */
function readMessage(message: Uint8Array): MessageProperties {
  try {
    return decodeMessage(message)
  } catch (error) {
    if (error instanceof ProtocolError) return {}
    throw error
  }
}

async function findMessage(
  unit: Unit,
  target: MessageTarget,
  { to, self }: Pick<Search, 'to' | 'self'>,
): Promise<FoundMessage | undefined> {
  const { id, chat } = target
  if (tryParseJid(chat) === undefined) return undefined
  for (const sender of await authorsOf(unit, target, self)) {
    const row = await findTarget(unit, { id, chat, sender })
    if (row === undefined) continue
    const { envelope } = storedMessage(row)
    return {
      id,
      chat: row.chat,
      // more addresses may be known by now than when it was recorded
      sender: await personOf(unit, envelope.sender.jid),
      fromMe: envelope.fromMe,
      isInChat: (await canonicalJid(unit, row.chat)) === (await canonicalJid(unit, to)),
      sentAtMs: envelope.sentAtMs,
      neverLeft: envelope.fromMe && (await hasNeverLeft(unit, row.id)),
      message: presentMessage(row),
    }
  }
  return undefined
}

/** Whether nobody has got, or will get, a message of ours. What waited when the device was unlinked may have left before. */
async function hasNeverLeft(unit: Unit, id: string): Promise<boolean> {
  const row = await unit.readOutbox(id)
  if (row?.state === 'cancelled') return true
  return row?.state === 'failed' && outboxItem(row).body.failure?.code !== 'WATON_SEND_UNLINKED'
}

/** Who may have written it: whoever is named, else both sides of a chat of two. */
async function authorsOf(
  unit: Unit,
  { chat, sender, fromMe }: MessageTarget,
  self: Self,
): Promise<readonly Person[]> {
  const jids = fromMe === true ? [self.pn] : sender === undefined ? [chat, self.pn] : [sender.jid]
  const known = jids.filter((jid) => tryParseJid(jid) !== undefined)
  return Promise.all(known.map((jid) => personOf(unit, jid)))
}
