/**
 * A part of a piece of history: what goes into one event and one commit. It is collected outside of any unit of work and
 * recorded in one go: rows, event, what the client needs itself, and the mark that says how far the piece is.
 */
import type { HistoryChat as ReadChat } from '../../protocol/history/index.ts'
import type { HistoryChat, HistoryChunkPayload, HistoryContact, MessagePayload } from '../events.ts'
import { wasRecorded } from '../identity/former-address.ts'
import { messageRow, payloadOf } from '../message-record.ts'
import { toldUnreadable } from '../receive/unreadable.ts'
import type { Unit } from '../state/unit.ts'
import { noteEdit } from '../stored-target.ts'
import { keepChatFacts } from './chat.ts'
import { isStillAddressed } from './message.ts'
import type { FoundMessage } from './message.ts'

/** What one part may hold: so much is recorded in a few milliseconds. */
const MAX_MESSAGES = 100
const MAX_MESSAGE_BYTES = 512 * 1024
const MAX_CHATS = 100
const MAX_CONTACTS = 500

/** See the file comment. */
export class HistoryPart {
  readonly messages: FoundMessage[] = []
  readonly chats: HistoryChat[] = []
  /** What the client keeps of chats, whether they are told or not. */
  readonly facts: ReadChat[] = []
  readonly contacts: HistoryContact[] = []
  #sizeBytes = 0

  add(message: FoundMessage): void {
    this.messages.push(message)
    this.#sizeBytes += message.sizeBytes
  }

  /** Whether the next item belongs into another part. */
  get isFull(): boolean {
    return (
      this.messages.length >= MAX_MESSAGES ||
      this.#sizeBytes >= MAX_MESSAGE_BYTES ||
      Math.max(this.chats.length, this.facts.length) >= MAX_CHATS ||
      this.contacts.length >= MAX_CONTACTS
    )
  }

  /** Whether the addresses that its messages were found under are still theirs. */
  async isCurrent(unit: Unit): Promise<boolean> {
    const checked = new Map<string, boolean>()
    for (const message of this.messages) if (!(await isStillAddressed(unit, message, checked))) return false
    return true
  }

  /** Records the messages that are new, and gives what their event tells. */
  async recordMessages(unit: Unit): Promise<readonly MessagePayload[]> {
    const told: MessagePayload[] = []
    for (const { key, record, content, edited } of this.messages) {
      if (await wasRecorded(unit, key)) continue
      const replaces = await toldUnreadable(unit, key)
      const whole = replaces === undefined ? record : { ...record, replaces }
      unit.putMessage(messageRow(whole, unit.nowMs))
      if (edited !== undefined)
        await noteEdit(unit, edited.target, { message: edited.message, atMs: record.sentAtMs })
      told.push(payloadOf(whole, content))
    }
    return told
  }

  /** Takes over what the client needs to know of its chats. */
  async recordChats(unit: Unit): Promise<void> {
    for (const chat of this.facts) await keepChatFacts(unit, chat)
  }

  /** Its event, unless it tells nothing. */
  payload(
    about: Omit<HistoryChunkPayload, 'chats' | 'contacts' | 'messages'>,
    messages: readonly MessagePayload[],
  ): HistoryChunkPayload | undefined {
    const { chats, contacts } = this
    const isEmpty = messages.length + chats.length + contacts.length === 0
    // an end is news where there was a beginning
    if (isEmpty && !(about.isLastPart && about.part > 1)) return undefined
    return { ...about, chats, contacts, messages }
  }
}
