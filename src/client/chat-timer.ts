/**
 * After how long the messages of a chat disappear, as its members have set it, and what is sent into the chat says so. The
 * newest setting counts; messages repeat it, so that a device that missed it learns it from the next one.
 *
 * @source whatsmeow and Baileys 7.0.0-rc14 leave this to their users; the fields are `ProtocolMessage.ephemeralExpiration`
 *   and `ContextInfo.expiration`, each with the time of the setting in seconds
 */
import { withContext } from '../protocol/message/outgoing-options.ts'
import { contextInfoOf } from '../protocol/message/content.ts'
import { unwrapMessage } from '../protocol/message/wrappers.ts'
import { decodeMessage, encodeMessage, Message } from '../protocol/proto/message.ts'
import type { MessageProperties } from '../protocol/proto/message.ts'
import { phoneJid } from './identity/addresses.ts'
import { CHAT_TIMER } from './state/chat-records.ts'
import type { ChatTimer } from './state/chat-records.ts'
import type { Unit } from './state/unit.ts'

/** A message that may say something about the timer of its chat. */
export interface Setting {
  /** Canonical. */
  readonly chat: string
  readonly message: MessageProperties
  /** When it was sent: settings of older clients carry no time of their own. */
  readonly sentAtMs: number
}

/** The setting of a chat; `undefined` when its messages stay. */
export async function timerOf(unit: Unit, chat: string): Promise<ChatTimer | undefined> {
  const timer = (await unit.read(CHAT_TIMER, chat)) ?? (await earlierTimer(unit, chat))
  return timer === undefined || timer.seconds === 0 ? undefined : timer
}

/** A setting from before the LID of the person was known. */
async function earlierTimer(unit: Unit, chat: string): Promise<ChatTimer | undefined> {
  const phone = await phoneJid(unit, chat)
  return phone === undefined || phone === chat ? undefined : unit.read(CHAT_TIMER, phone)
}

/** Takes over what a message says about the chat, unless something newer is known. */
export async function noteTimer(unit: Unit, { chat, message, sentAtMs }: Setting): Promise<void> {
  const said = settingIn(message, sentAtMs)
  if (said !== undefined) await noteSetting(unit, chat, said)
}

/** The same for a setting that somebody has told as such. */
export async function noteSetting(unit: Unit, chat: string, said: ChatTimer): Promise<void> {
  const known = await unit.read(CHAT_TIMER, chat)
  // times are of whole seconds: of two settings of the same one, the one that came later counts
  if (known === undefined || known.setAtMs <= said.setAtMs) unit.put(CHAT_TIMER, chat, said)
}

/** Takes over a setting of this account that is on its way, and remembers what it replaces. */
export async function beginTimer(unit: Unit, setting: Setting): Promise<void> {
  const { chat } = setting
  const known = await unit.read(CHAT_TIMER, chat)
  await noteTimer(unit, setting)
  const next = await unit.read(CHAT_TIMER, chat)
  if (known === undefined || next === undefined || next === known) return
  unit.put(CHAT_TIMER, chat, { ...next, before: { seconds: known.seconds, setAtMs: known.setAtMs } })
}

/** What a message set that will never leave is not set, unless something newer is known by now. */
export async function withdrawTimer(unit: Unit, { chat, message, sentAtMs }: Setting): Promise<void> {
  const { protocolMessage: protocol } = unwrapMessage(message).message
  if (protocol?.type !== Message.ProtocolMessage.Type.EPHEMERAL_SETTING) return
  const said = settingIn(message, sentAtMs)
  const known = await unit.read(CHAT_TIMER, chat)
  if (known === undefined || known.setAtMs !== said?.setAtMs || known.seconds !== said.seconds) return
  if (known.before === undefined) unit.delete(CHAT_TIMER, chat)
  else unit.put(CHAT_TIMER, chat, known.before)
}

/** A clock that is ahead must not outweigh all later settings: a time counts up to when it was said. */
function settingIn(outer: MessageProperties, sentAtMs: number): ChatTimer | undefined {
  const { protocolMessage: protocol } = unwrapMessage(outer).message
  if (protocol?.type === Message.ProtocolMessage.Type.EPHEMERAL_SETTING) {
    const setAtMs = timeOf(protocol.ephemeralSettingTimestamp) ?? sentAtMs
    return { seconds: protocol.ephemeralExpiration ?? 0, setAtMs: Math.min(setAtMs, sentAtMs) }
  }
  const context = protocol ? undefined : contextInfoOf(outer)
  const setAtMs = timeOf(context?.ephemeralSettingTimestamp)
  // an expiry alone may be this one message's
  if (!context?.expiration || setAtMs === undefined) return undefined
  return { seconds: context.expiration, setAtMs: Math.min(setAtMs, sentAtMs) }
}

function timeOf(seconds: number | null | undefined): number | undefined {
  return seconds && Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : undefined
}

/** A serialised message that says after how long it disappears. */
export function withTimer(message: Uint8Array, { seconds, setAtMs }: ChatTimer): Uint8Array {
  const setting = { expiration: seconds, ephemeralSettingTimestamp: Math.floor(setAtMs / 1000) }
  return encodeMessage(withContext(decodeMessage(message), setting))
}
