/**
 * What the phone says of a chat, as it is told, and what of it the client needs itself: how long messages stay, and tokens.
 *
 * @source schema `Conversation`; whatsmeow and Baileys 7.0.0-rc14 `Utils/history.js` for the units of times: `muteEndTime`,
 *   `pinned` and `tcTokenTimestamp` are seconds
 */
import type { HistoryChat as ReadChat } from '../../protocol/history/index.ts'
import { isLid, isPn, tryParseJid, userJid } from '../../protocol/jid.ts'
import { Conversation } from '../../protocol/proto/history.ts'
import { noteSetting } from '../chat-timer.ts'
import type { HistoryChat } from '../events.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { MappingReader } from '../identity/addresses.ts'
import type { Unit } from '../state/unit.ts'
import { keepToldTokens } from '../tokens/tokens.ts'

/** Times of seconds are of this century; what is larger is of milliseconds, or stands for ever. */
const MAX_SECONDS = 1e11
const MAX_MS = 1e14

/** What is told of a chat; `undefined` for one whose name is no address. */
export async function toldChat(reader: MappingReader, item: ReadChat): Promise<HistoryChat | undefined> {
  if (tryParseJid(item.chat) === undefined) return undefined
  const { conversation: said } = item
  const name = said.name ?? said.displayName
  const lastActivityMs = msOf(said.conversationTimestamp ?? said.lastMsgTimestamp)
  return {
    chat: await canonicalJid(reader, userJid(item.chat)),
    ...(name ? { name } : {}),
    ...(lastActivityMs === undefined ? {} : { lastActivityMs }),
    ...(isCount(said.unreadCount) ? { unreadCount: said.unreadCount } : {}),
    ...flag('isUnread', said.markedAsUnread),
    ...flag('isArchived', said.archived),
    ...pinOf(said.pinned),
    ...muteOf(said.muteEndTime),
    ...flag('isLocked', said.locked),
    ...flag('isReadOnly', said.readOnly),
    ...(isCount(said.ephemeralExpiration) && said.ephemeralExpiration > 0
      ? { expiresInSeconds: said.ephemeralExpiration }
      : {}),
    ...moreOf(said),
  }
}

function flag<Name extends string>(
  name: Name,
  value: boolean | null | undefined,
): { [Key in Name]?: boolean } {
  return (typeof value === 'boolean' ? { [name]: value } : {}) as { [Key in Name]?: boolean }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** `undefined` for no time, and for one that is so far away that it means something else. */
function msOf(time: number | null | undefined): number | undefined {
  if (!time || time < 0) return undefined
  const ms = time < MAX_SECONDS ? time * 1000 : time
  return ms < MAX_MS ? Math.floor(ms) : undefined
}

function pinOf(pinned: number | null | undefined): Pick<HistoryChat, 'isPinned' | 'pinnedAtMs'> {
  if (pinned === null || pinned === undefined) return {}
  const pinnedAtMs = msOf(pinned)
  return pinnedAtMs === undefined ? { isPinned: pinned > 0 } : { isPinned: true, pinnedAtMs }
}

function muteOf(until: number | null | undefined): Pick<HistoryChat, 'isMuted' | 'mutedUntilMs'> {
  if (until === null || until === undefined) return {}
  const mutedUntilMs = msOf(until)
  return mutedUntilMs === undefined ? { isMuted: until !== 0 } : { isMuted: true, mutedUntilMs }
}

function moreOf({ endOfHistoryTransferType: type }: Conversation.$Properties): Pick<HistoryChat, 'hasMore'> {
  const {
    COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY: HAS_MORE,
    COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY: HAS_MORE_ON_DEMAND,
  } = Conversation.EndOfHistoryTransferType
  return type === null || type === undefined
    ? {}
    : { hasMore: type === HAS_MORE || type === HAS_MORE_ON_DEMAND }
}

/** Takes over what the client needs to know of a chat. */
export async function keepChatFacts(
  unit: Unit,
  { chat: addressed, conversation: said }: ReadChat,
): Promise<void> {
  if (tryParseJid(addressed) === undefined) return
  const chat = await canonicalJid(unit, userJid(addressed))
  const setAtMs = msOf(said.ephemeralSettingTimestamp)
  if (isCount(said.ephemeralExpiration) && setAtMs !== undefined)
    await noteSetting(unit, chat, {
      seconds: said.ephemeralExpiration,
      setAtMs: Math.min(setAtMs, unit.nowMs),
    })
  if (!isPn(chat) && !isLid(chat)) return
  const { tcToken: token, tcTokenTimestamp: atSeconds, tcTokenSenderTimestamp: issuedAtSeconds } = said
  await keepToldTokens(unit, chat, {
    ...(token && token.length > 0 && isCount(atSeconds)
      ? { token: { token: token.slice(), atSeconds } }
      : {}),
    ...(isCount(issuedAtSeconds) && issuedAtSeconds > 0 ? { issuedAtSeconds } : {}),
  })
}

/** Whether keeping its facts would change anything. */
export function hasFacts({ conversation: said }: ReadChat): boolean {
  return (
    Boolean(said.ephemeralSettingTimestamp) ||
    Boolean(said.tcToken?.length) ||
    Boolean(said.tcTokenSenderTimestamp)
  )
}
