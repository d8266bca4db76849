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

/**
 * Takes over what a message says about the chat, unless something newer is known.
 *
 * @param sentAtMs - when it was sent: settings of older clients carry no time of their own
 */
export async function noteTimer(
  unit: Unit,
  {
    chat,
    message,
    sentAtMs,
  }: { readonly chat: string; readonly message: MessageProperties; readonly sentAtMs: number },
): Promise<void> {
  const said = settingIn(message, sentAtMs)
  if (said === undefined) return
  const known = await unit.read(CHAT_TIMER, chat)
  // times are of whole seconds: of two settings of the same one, the one that came later counts
  if (known === undefined || known.setAtMs <= said.setAtMs) unit.put(CHAT_TIMER, chat, said)
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
