/**
 * What stands beside the content of a message whatever its kind: what it quotes, whom it mentions, where it came from, how
 * long it stays. Read from the `ContextInfo` of the content, from `MessageContextInfo` and from the wrappers.
 */
import type { ContextInfo, MessageContextInfo } from '../proto/message.ts'
import type { JsonObject } from './plain-json.ts'
import { plainJson } from './plain-json.ts'
import { type MessageRef, type PersonRef, personRef, refOf } from './reference.ts'
import { type ReadScope, compact, named, someOf } from './kinds/reader.ts'
import type { NestedContent } from './content.ts'
import type { ContentFlags } from './wrappers.ts'

/** The message that another one quotes. */
export interface QuotedMessage {
  /** Its id. */
  readonly id: string
  /** The chat that it is in, when that is another one. */
  readonly chat?: string
  /** Who wrote it. */
  readonly sender?: PersonRef
  /** What it says, as far as the quoting message repeats it. */
  readonly content?: NestedContent
}

/** A group that a message mentions. */
export interface MentionedGroup {
  /** The group. */
  readonly jid: string
  /** What it is called. */
  readonly name?: string
}

/** Where a forwarded message came from. */
export interface Forwarded {
  /** How often it was forwarded; from 4 on WhatsApp says "many times". */
  readonly score: number
  /** The channel that it came from. */
  readonly newsletter?: {
    /** The channel. */
    readonly jid: string
    /** What it is called. */
    readonly name?: string
    /** The number of the message in the channel. */
    readonly serverId?: number
  }
}

/** The message that this one belongs to. */
export interface ParentMessage {
  /** The message. */
  readonly target: MessageRef
  /** In which way, e.g. `album`. */
  readonly as: AssociationName
  /** Its place among its siblings, from 0. */
  readonly index?: number
}

/** How a message can belong to another one. */
export type AssociationName =
  | 'album'
  | 'bot-plugin'
  | 'event-cover'
  | 'status-poll'
  | 'hd-video'
  | 'status-external-reshare'
  | 'poll-media'
  | 'status-add-yours'
  | 'status-notification'
  | 'hd-image'
  | 'sticker-annotation'
  | 'motion-photo'
  | 'status-link-action'
  | 'view-all-replies'
  | 'status-add-yours-ai'
  | 'status-question'
  | 'status-add-yours-diwali'
  | 'status-reaction'
  | 'hevc-video'
  | 'poll-option'
  | 'unknown'

/** The thread that a message is part of. */
export interface ThreadRef {
  /** The message that the thread began with. */
  readonly target: MessageRef
  /** Replies below a message, or a conversation with an AI. */
  readonly type?: 'replies' | 'ai' | 'unknown'
}

/** What stands beside the content; only what is said is there. */
export interface ContentOptions extends ContentFlags {
  /** The message that this one quotes. */
  readonly quoted?: QuotedMessage
  /** The people that it mentions, by address. */
  readonly mentions?: readonly string[]
  /** The groups that it mentions. */
  readonly groupMentions?: readonly MentionedGroup[]
  /** It mentions everybody in the group. */
  readonly mentionsAll?: true
  /** It was forwarded. */
  readonly forwarded?: Forwarded
  /** After how long it disappears. */
  readonly expiresInSeconds?: number
  /** The advertisement that it comes with, fields as the schema names them. */
  readonly externalAd?: JsonObject
  /** The message that it belongs to, e.g. the head of its album. */
  readonly parent?: ParentMessage
  /** The threads that it is part of. */
  readonly threads?: readonly ThreadRef[]
}

/** Addresses, threads and groups that are read of one message. */
const MAX_LISTED = 2048

const ASSOCIATIONS: Readonly<Record<number, AssociationName>> = {
  1: 'album',
  2: 'bot-plugin',
  3: 'event-cover',
  4: 'status-poll',
  5: 'hd-video',
  6: 'status-external-reshare',
  7: 'poll-media',
  8: 'status-add-yours',
  9: 'status-notification',
  10: 'hd-image',
  11: 'sticker-annotation',
  12: 'motion-photo',
  13: 'status-link-action',
  14: 'view-all-replies',
  15: 'status-add-yours-ai',
  16: 'status-question',
  17: 'status-add-yours-diwali',
  18: 'status-reaction',
  19: 'hevc-video',
  20: 'poll-option',
}

const THREADS = { 1: 'replies', 2: 'ai' } as const

/** `ContextInfo.nonJidMentions`: the bit for everybody. */
const MENTIONS_ALL = 1

type Context = ContextInfo.$Properties

/** What a content's own context says. */
export function contextOptions(context: Context, scope: ReadScope): ContentOptions {
  return compact<ContentOptionsOfContext>({
    quoted: quotedOf(context, scope),
    mentions: someOf(context.mentionedJid?.slice(0, MAX_LISTED)),
    groupMentions: someOf(
      context.groupMentions
        ?.slice(0, MAX_LISTED)
        .map(({ groupJid, groupSubject }) =>
          compact<MentionedGroup>({ jid: groupJid ?? '', name: groupSubject }),
        ),
    ),
    mentionsAll: context.nonJidMentions && context.nonJidMentions & MENTIONS_ALL ? true : undefined,
    forwarded: forwardedOf(context),
    expiresInSeconds: context.expiration ? context.expiration : undefined,
    externalAd: context.externalAdReply ? plainJson(context.externalAdReply) : undefined,
    question: context.isQuestion === true ? true : undefined,
    groupStatus: context.isGroupStatus === true ? true : undefined,
    spoiler: context.isSpoiler === true ? true : undefined,
  })
}

type ContentOptionsOfContext = Pick<
  ContentOptions,
  | 'quoted'
  | 'mentions'
  | 'groupMentions'
  | 'mentionsAll'
  | 'forwarded'
  | 'expiresInSeconds'
  | 'externalAd'
  | 'question'
  | 'groupStatus'
  | 'spoiler'
>

function quotedOf(context: Context, scope: ReadScope): QuotedMessage | undefined {
  if (!context.stanzaId) return undefined
  return compact<QuotedMessage>({
    id: context.stanzaId,
    chat: context.remoteJid,
    sender: personRef(context.participant),
    content: context.quotedMessage ? scope.nested(context.quotedMessage) : undefined,
  })
}

function forwardedOf(context: Context): Forwarded | undefined {
  const from = context.forwardedNewsletterMessageInfo
  if (context.isForwarded !== true && !context.forwardingScore && !from) return undefined
  const newsletter = from?.newsletterJid
    ? compact<NonNullable<Forwarded['newsletter']>>({
        jid: from.newsletterJid,
        name: from.newsletterName,
        serverId: from.serverMessageId,
      })
    : undefined
  return compact<Forwarded>({ score: context.forwardingScore ?? 0, newsletter })
}

/** What the message as a whole says. Its secret is nobody's business. */
export function messageOptions(info: MessageContextInfo.$Properties, scope: ReadScope): ContentOptions {
  const { messageAssociation: association, threadId } = info
  const parent = refOf(association?.parentMessageKey, scope.perspective)
  const threads = threadId?.slice(0, MAX_LISTED).flatMap(({ threadKey, threadType }) => {
    const target = refOf(threadKey, scope.perspective)
    return target ? [compact<ThreadRef>({ target, type: named(THREADS, threadType) })] : []
  })
  return compact<Pick<ContentOptions, 'parent' | 'threads'>>({
    parent:
      parent &&
      compact<ParentMessage>({
        target: parent,
        as: named(ASSOCIATIONS, association?.associationType) ?? 'unknown',
        index: association?.messageIndex,
      }),
    threads: someOf(threads),
  })
}
