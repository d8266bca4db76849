/** Which messages a caller means who says that they were read or played: payloads of events, or their keys. */
import { UsageError } from '../../base/errors.ts'
import { isBroadcast, isGroup, isLid, isPn, tryParseJid, userJid } from '../../protocol/jid.ts'
import type { Person } from '../events.ts'

/** A message that came; the payload of a `message` event is one. */
export interface ReceivedMessageKey {
  /** Its id, as the event gave it. */
  readonly id: string
  /** The chat, as the event gave it. */
  readonly chat: string
  /** Who wrote it; needed in groups and broadcasts. */
  readonly sender?: Person | string
  /** Messages of this account are passed over: nobody is told that they were read. */
  readonly fromMe?: boolean
}

/** Messages whose receipts go to the same place. */
export interface KeyGroup {
  readonly to: string
  /** Who wrote them, where the chat does not say. */
  readonly participant?: string
  readonly ids: readonly string[]
}

/** By chat and author, in the order of their first message. @throws {UsageError} `WATON_READ_KEY` */
export function groupKeys(keys: readonly ReceivedMessageKey[]): readonly KeyGroup[] {
  const groups = new Map<string, { to: string; participant?: string; ids: string[] }>()
  for (const key of keys) {
    if (key.fromMe === true) continue
    const { to, participant } = addressOf(key)
    const name = `${to} ${participant ?? ''}`
    const group = groups.get(name) ?? { to, ...(participant === undefined ? {} : { participant }), ids: [] }
    groups.set(name, group)
    if (!group.ids.includes(key.id)) group.ids.push(key.id)
  }
  return [...groups.values()]
}

function addressOf({ chat, sender }: ReceivedMessageKey): { to: string; participant?: string } {
  if (tryParseJid(chat) === undefined) throw wrongKey('its chat is no address')
  const to = userJid(chat)
  if (isPn(to) || isLid(to)) return { to }
  if (!isGroup(to) && !isBroadcast(to)) throw wrongKey('its chat is no person, group or broadcast')
  const participant = typeof sender === 'string' ? sender : sender?.jid
  if (participant === undefined || tryParseJid(participant) === undefined)
    throw wrongKey('in a group its sender is needed')
  return { to, participant: userJid(participant) }
}

function wrongKey(why: string): UsageError {
  return new UsageError(
    'WATON_READ_KEY',
    `a message cannot be marked as read or played: ${why}; pass the payload of its event`,
  )
}
