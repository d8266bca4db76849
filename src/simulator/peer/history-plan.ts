/**
 * Which messages go into which piece of history: a first screen of every chat, then what is recent, chat by chat and
 * newest first, then, for a device that wants all, what is older. What is left is given on demand.
 *
 * @source reference Baileys 7.0.0-rc14 `lib/Utils/history.js`, `lib/Utils/validate-connection.js` (what a device says of
 *   history when it registers); WhatsApp Web WAWebHandleHistorySyncNotification (order and progress of the pieces)
 */
import { decodeProto } from '../../protocol/proto/codec.ts'
import { DeviceProps } from '../../protocol/proto/connection.ts'
import type { HistoryKind } from '../link.ts'
import type { HistoryChat, HistoryMessage, HistoryPiece } from './history-payload.ts'

/** How a phone cuts its history. */
export interface HistoryHabits {
  /** Up to so many compressed bytes the first piece travels inside of its message. @default 65,536 */
  readonly inlineMaxBytes: number
  /** Newest messages of each chat in the first piece. @default 10 */
  readonly firstMessages: number
  /** Messages in each of the pieces after it. @default 1,000 */
  readonly chunkMessages: number
  /** What counts as recent, unless the device says otherwise. @default 90 */
  readonly recentDays: number
  /** How old the rest may be for a device that wants all, unless it says otherwise. @default 365 */
  readonly fullDays: number
  /** By which address people and their messages are named. @default 'pn' */
  readonly addressing: 'pn' | 'lid'
}

/** What a phone does unless it is told otherwise. */
export const USUAL_HABITS: HistoryHabits = {
  inlineMaxBytes: 65_536,
  firstMessages: 10,
  chunkMessages: 1_000,
  recentDays: 90,
  fullDays: 365,
  addressing: 'pn',
}

/** What a device has said of history when it registered. */
export interface HistoryWishes {
  readonly wantsAll: boolean
  readonly takesInline: boolean
  /** 0: as the phone likes. */
  readonly recentDays: number
  /** 0: as the phone likes. */
  readonly fullDays: number
}

/** Everything that a phone could tell. */
export interface WholeHistory {
  /** The one with the newest message first, each with all of its messages, newest first. */
  readonly chats: readonly HistoryChat[]
  readonly statuses: readonly HistoryMessage[]
  readonly pushNames: readonly { readonly jid: string; readonly name: string }[]
  /** Of everybody. */
  readonly mappings: readonly { readonly pn: string; readonly lid: string }[]
  readonly own: HistoryPiece['own']
  /** Whether the phone has a past that was filled: without one it tells only what a first piece can hold. */
  readonly isFilled: boolean
}

const DAY_MS = 86_400_000
const MAX_FIRST_CHATS = 2_000
const DONE = 100

/** What a device wishes, from its serialised `DeviceProps`; a device that says nothing takes what there is. */
export function readWishes(deviceProps: Uint8Array | undefined): HistoryWishes {
  const props = deviceProps === undefined ? undefined : decodeProto(DeviceProps, deviceProps, 'DeviceProps')
  const config = props?.historySyncConfig
  return {
    wantsAll: props?.requireFullSync === true,
    takesInline: props === undefined || config?.inlineInitialPayloadInE2EeMsg === true,
    recentDays: config?.recentSyncDaysLimit ?? 0,
    fullDays: config?.fullSyncDaysLimit ?? 0,
  }
}

/** The pieces for a device that was just linked, in order. */
export function planHistory(
  whole: WholeHistory,
  wishes: HistoryWishes,
  habits: HistoryHabits,
  nowMs: number,
): readonly HistoryPiece[] {
  const { own, isFilled, pushNames, mappings, statuses } = whole
  const recentFromMs = nowMs - (wishes.recentDays || habits.recentDays) * DAY_MS
  const fullFromMs = nowMs - (wishes.fullDays || habits.fullDays) * DAY_MS
  const chats = whole.chats.slice(0, MAX_FIRST_CHATS)
  const reachMs = wishes.wantsAll ? Math.min(recentFromMs, fullFromMs) : recentFromMs
  const cuts = chats.map((chat) =>
    cutChat(chat, { firstMessages: habits.firstMessages, recentFromMs, reachMs }),
  )
  const alone = { own, chunkOrder: 1, progress: DONE }
  const first = cuts.map(({ first: part }) => part)
  const bootstrap: HistoryPiece = {
    ...{ ...alone, kind: 'INITIAL_BOOTSTRAP', chats: first, mappings: mappingsOf(first) },
    ...(isFilled ? {} : { pushNames }),
  }
  const recent = chunked(
    'RECENT',
    cuts.flatMap((cut) => cut.recent ?? []),
    whole,
    habits,
  )
  const full = chunked(
    'FULL',
    cuts.flatMap((cut) => cut.full ?? []),
    whole,
    habits,
  )
  if (!isFilled) return [bootstrap, ...recent, ...full]
  return [
    bootstrap,
    { ...alone, kind: 'INITIAL_STATUS_V3', statuses },
    { ...alone, kind: 'PUSH_NAME', pushNames },
    // a phone with little to tell says that this is all
    ...(recent.length > 0 ? recent : [{ ...alone, kind: 'RECENT' as const, chats: [] }]),
    ...full,
    { ...alone, kind: 'NON_BLOCKING_DATA', mappings },
  ]
}

/** A piece for a device that has asked: what is older in one chat, or that nothing is. */
export function planOnDemand(chat: HistoryChat, count: number, own: HistoryPiece['own']): HistoryPiece {
  const messages = chat.messages.slice(0, count)
  const end = messages.length < chat.messages.length ? 'moreOnDemand' : 'nothingMore'
  const chats = [{ ...chat, messages, end } as const]
  return { kind: 'ON_DEMAND', chunkOrder: 1, progress: DONE, own, chats, mappings: mappingsOf(chats) }
}

/** The pieces for a device that has asked for everything since a moment. */
export function planAll(whole: WholeHistory, habits: HistoryHabits, fromMs: number): readonly HistoryPiece[] {
  const reach = { firstMessages: 0, recentFromMs: Number.MAX_SAFE_INTEGER, reachMs: fromMs }
  const full = whole.chats.flatMap((chat) => cutChat(chat, reach).full ?? [])
  return chunked('FULL', full, whole, habits)
}

interface Cut {
  readonly first: HistoryChat
  readonly recent?: HistoryChat
  readonly full?: HistoryChat
}

function cutChat(
  chat: HistoryChat,
  { firstMessages, recentFromMs, reachMs }: { firstMessages: number; recentFromMs: number; reachMs: number },
): Cut {
  const first = chat.messages.slice(0, firstMessages)
  const rest = chat.messages.slice(firstMessages)
  const recent = rest.filter(({ shown }) => shown.sentAtMs >= recentFromMs)
  const full = rest.filter(({ shown: { sentAtMs } }) => sentAtMs < recentFromMs && sentAtMs >= reachMs)
  const isAll = first.length + recent.length + full.length === chat.messages.length
  const end = isAll ? 'nothingMore' : 'moreOnPhone'
  return {
    first: { ...chat, messages: first, ...(recent.length + full.length === 0 ? { end } : {}) },
    ...(recent.length === 0
      ? {}
      : { recent: { ...chat, messages: recent, ...(full.length === 0 ? { end } : {}) } }),
    ...(full.length === 0 ? {} : { full: { ...chat, messages: full, end } }),
  }
}

/** The chats in pieces of about the same size; a long chat goes on in the next. */
function chunked(
  kind: HistoryKind,
  chats: readonly HistoryChat[],
  { own }: WholeHistory,
  { chunkMessages }: HistoryHabits,
): readonly HistoryPiece[] {
  const chunks: HistoryChat[][] = []
  let room = 0
  for (const { end, ...chat } of chats) {
    for (let from = 0; from < chat.messages.length;) {
      if (room === 0) {
        chunks.push([])
        room = chunkMessages
      }
      const messages = chat.messages.slice(from, from + room)
      from += messages.length
      room -= messages.length
      const isLast = from >= chat.messages.length && end !== undefined
      chunks.at(-1)?.push({ ...chat, messages, ...(isLast ? { end } : {}) })
    }
  }
  return chunks.map((part, index) => ({
    ...{ kind, own, chats: part, mappings: mappingsOf(part) },
    chunkOrder: index + 1,
    progress: Math.floor((DONE * (index + 1)) / chunks.length),
  }))
}

function mappingsOf(chats: readonly HistoryChat[]): readonly { readonly pn: string; readonly lid: string }[] {
  return chats.flatMap(({ jid, otherJid }) => {
    if (otherJid === undefined) return []
    return jid.endsWith('@lid') ? [{ pn: otherJid, lid: jid }] : [{ pn: jid, lid: otherJid }]
  })
}
