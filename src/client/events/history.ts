/**
 * Events about the past that the phone hands over when it links this device, and when it is asked: chats, contacts and
 * messages. It comes in pieces of any size; one event tells of a bounded part of a piece, so that nobody has to hold a piece.
 */
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod, ZodSchema } from './definition.ts'
import { MESSAGE } from './message.ts'
import type { MessagePayload } from './message.ts'
import { timeSchema } from './shared.ts'
import type { Person } from './shared.ts'

const SYNC_TYPES = [
  'initial-bootstrap',
  'initial-status',
  'recent',
  'full',
  'on-demand',
  'push-name',
  'non-blocking-data',
  'unknown',
] as const

/**
 * Why the phone sent it. `initial-bootstrap`: the newest messages of the newest chats, right after linking; `recent` and
 * `full`: the rest; `on-demand`: what it was asked for; `initial-status`: what people have posted as status; `push-name`:
 * names that people gave themselves; `non-blocking-data`: what is none of these.
 */
export type HistorySyncType = (typeof SYNC_TYPES)[number]

/** What the phone says of a chat. What it does not say is left out. */
export interface HistoryChat {
  /** The chat, as other events name it. */
  readonly chat: string
  /** What the phone calls it: the subject of a group, the name in the address book. */
  readonly name?: string
  /** When something last happened in it, in milliseconds since the epoch. */
  readonly lastActivityMs?: number
  /** Messages of others that nobody has read. */
  readonly unreadCount?: number
  /** Whether it is marked as unread, which says nothing of its messages. */
  readonly isUnread?: boolean
  /** Whether it is out of sight, among the archived chats. */
  readonly isArchived?: boolean
  /** Whether it stands above the others. */
  readonly isPinned?: boolean
  /** With `isPinned`: since when, in milliseconds since the epoch; of several, the last one comes first. */
  readonly pinnedAtMs?: number
  /** Whether its messages make no sound. */
  readonly isMuted?: boolean
  /** With `isMuted`: until when, in milliseconds since the epoch; absent when it is for good. */
  readonly mutedUntilMs?: number
  /** Whether it is hidden behind the chat lock. */
  readonly isLocked?: boolean
  /** Whether this account may not write in it. */
  readonly isReadOnly?: boolean
  /** After how many seconds its messages disappear; absent when they stay. */
  readonly expiresInSeconds?: number
  /** Whether the phone has older messages that it did not send. */
  readonly hasMore?: boolean
}

/** Somebody whom the phone names. */
export interface HistoryContact extends Person {
  /** The name that they gave themselves. */
  readonly pushName?: string
  /** The name in the address book. */
  readonly name?: string
}

/**
 * A part of the history. A message that is in the log already, because it came live or in another piece, is not told again.
 */
export interface HistoryChunkPayload {
  /** Why the phone sent it. */
  readonly syncType: HistorySyncType
  /** Names the piece: the parts of one piece have the same. */
  readonly piece: string
  /** The place of the piece among those of its type, as the phone counts. */
  readonly chunkOrder?: number
  /** How much of its type has been sent with this piece, in percent. */
  readonly progress?: number
  /** Which part of the piece this is, from 1. */
  readonly part: number
  /** Whether it is the last part of the piece. */
  readonly isLastPart: boolean
  /** With `on-demand`: the id of the request. */
  readonly requestId?: string
  /** Chats whose messages were in this part, or began in one before. */
  readonly chats: readonly HistoryChat[]
  /** People. */
  readonly contacts: readonly HistoryContact[]
  /** Messages, 100 at most, their `origin` is `history`; in the order of the phone, which is the newest of a chat first. */
  readonly messages: readonly MessagePayload[]
  /** When it was recorded, in milliseconds since the epoch. */
  readonly atMs: number
}

/** How the import of a piece of history goes on; the pieces come one after the other. */
export interface HistoryProgress {
  /** Why the phone sent it. */
  readonly syncType: HistorySyncType
  /** Names the piece, as `history.chunk` does. */
  readonly piece: string
  /** How much of its type has been sent with this piece, in percent. */
  readonly progress?: number
  /** Whether all of the piece is recorded. */
  readonly isComplete: boolean
  /** Messages of the piece that were recorded so far, without those that were here before. */
  readonly messages: number
  /** Why the piece could not be taken in. It is kept. */
  readonly failure?: {
    /** A stable code, e.g. `WATON_MEDIA_GONE`, `WATON_HISTORY_MALFORMED`. */
    readonly code: string
    /** What happened and what is done about it, for people. */
    readonly message: string
    /** Whether it is tried again by itself. */
    readonly isRetried: boolean
  }
}

function chatSchema(z: Zod): ZodSchema<HistoryChat> {
  const count = z.int().nonnegative().exactOptional()
  const time = timeSchema(z).exactOptional()
  const flag = z.boolean().exactOptional()
  return z.object({
    chat: z.string(),
    name: z.string().exactOptional(),
    lastActivityMs: time,
    unreadCount: count,
    isUnread: flag,
    isArchived: flag,
    isPinned: flag,
    pinnedAtMs: time,
    isMuted: flag,
    mutedUntilMs: time,
    isLocked: flag,
    isReadOnly: flag,
    expiresInSeconds: count,
    hasMore: flag,
  })
}

/** A part of the history. */
export const HISTORY_CHUNK: EventDefinition<'history.chunk', HistoryChunkPayload> = defineEvent({
  type: 'history.chunk',
  version: 1,
  schema: (z) => {
    const count = z.int().nonnegative()
    const person = { jid: z.string(), pn: z.string().exactOptional(), lid: z.string().exactOptional() }
    return z.object({
      syncType: z.enum(SYNC_TYPES),
      piece: z.string(),
      chunkOrder: count.exactOptional(),
      progress: count.exactOptional(),
      part: z.int().min(1),
      isLastPart: z.boolean(),
      requestId: z.string().exactOptional(),
      chats: z.array(chatSchema(z)),
      contacts: z.array(
        z.object({ ...person, pushName: z.string().exactOptional(), name: z.string().exactOptional() }),
      ),
      messages: z.array(MESSAGE.schema(z)),
      atMs: timeSchema(z),
    })
  },
})
