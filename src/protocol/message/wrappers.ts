/**
 * Messages within messages: disappearing, view-once, edited and the like are an outer message around the real one. This
 * file takes them apart and says what each tells about the content; `device-sent.ts` has the one envelope that is about
 * routing instead of content.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` normalizeMessageContent; the schema's fields of type `FutureProofMessage`
 */
import type { MessageProperties } from '../proto/message.ts'

/** What the wrappers and fields of a message say about its content; only what is true is there. */
export interface ContentFlags {
  /** It can be looked at once. */
  readonly viewOnce?: true
  /** It disappears after a while; `expiresInSeconds` says after how long. */
  readonly ephemeral?: true
  /** It is the new version of a message. */
  readonly edited?: true
  /** It is hidden until one taps it. */
  readonly spoiler?: true
  /** A sticker that is a Lottie animation. */
  readonly lottie?: true
  /** It mentions a group. */
  readonly mentionsGroup?: true
  /** It is a status of a group. */
  readonly groupStatus?: true
  /** It tells somebody that a status mentions them. */
  readonly statusMention?: true
  /** It tells a group that a status mentions it. */
  readonly groupStatusMention?: true
  /** Others may add theirs to this status. */
  readonly addYours?: true
  /** It belongs to another message, e.g. to an album; `parent` says to which. */
  readonly associatedChild?: true
  /** It is the cover of a meeting. */
  readonly eventCover?: true
  /** It is the picture of a poll's answer. */
  readonly pollOptionImage?: true
  /** It asks a bot something. */
  readonly botInvoke?: true
  /** It is a task for a bot. */
  readonly botTask?: true
  /** It was forwarded from a bot. */
  readonly botForwarded?: true
  /** It tells that a bot was registered. */
  readonly botRegistered?: true
  /** It must not be shared further. */
  readonly sharingLimited?: true
  /** It is a question that can be answered. */
  readonly question?: true
  /** It is a public reply to an answer. */
  readonly questionReply?: true
  /** It carries the profile of a channel's admin. */
  readonly newsletterAdminProfile?: true
}

/** The name of a flag. */
export type ContentFlag = keyof ContentFlags

/** The fields of `Message` that only wrap another one, and what each says; some say nothing. */
const WRAPPERS = {
  ephemeralMessage: 'ephemeral',
  viewOnceMessage: 'viewOnce',
  viewOnceMessageV2: 'viewOnce',
  viewOnceMessageV2Extension: 'viewOnce',
  documentWithCaptionMessage: '',
  editedMessage: 'edited',
  groupMentionedMessage: 'mentionsGroup',
  botInvokeMessage: 'botInvoke',
  associatedChildMessage: 'associatedChild',
  groupStatusMessage: 'groupStatus',
  groupStatusMessageV2: 'groupStatus',
  spoilerMessage: 'spoiler',
  lottieStickerMessage: 'lottie',
  eventCoverImage: 'eventCover',
  statusMentionMessage: 'statusMention',
  groupStatusMentionMessage: 'groupStatusMention',
  pollCreationOptionImageMessage: 'pollOptionImage',
  pollCreationMessageV4: '',
  statusAddYours: 'addYours',
  limitSharingMessage: 'sharingLimited',
  botTaskMessage: 'botTask',
  botForwardedMessage: 'botForwarded',
  botPlatformRegistrationSuccessMessage: 'botRegistered',
  questionMessage: 'question',
  questionReplyMessage: 'questionReply',
  newsletterAdminProfileMessage: 'newsletterAdminProfile',
  newsletterAdminProfileStatusMessage: 'newsletterAdminProfile',
} as const

/** The fields of `Message` that only wrap another one. */
export type WrapperName = keyof typeof WRAPPERS

/** All of them. */
export const WRAPPER_NAMES: readonly WrapperName[] = Object.keys(WRAPPERS) as WrapperName[]

/** Wrappers within wrappers that are followed; real messages have one or two. */
const MAX_WRAPPERS = 8

/** A message without its wrappers. */
export interface Unwrapped {
  readonly message: MessageProperties
  /** From the outside in, e.g. `['ephemeralMessage', 'viewOnceMessageV2']`. */
  readonly wrappers: readonly WrapperName[]
}

/** Whether a field only wraps another message. */
export function isWrapper(field: string): field is WrapperName {
  return Object.hasOwn(WRAPPERS, field)
}

/** Takes all wrappers off. */
export function unwrapMessage(outer: MessageProperties): Unwrapped {
  const wrappers: WrapperName[] = []
  let message = outer
  while (wrappers.length < MAX_WRAPPERS) {
    const current = message
    const wrapper = Object.keys(current).find((field) => isWrapper(field) && current[field]?.message) as
      WrapperName | undefined
    const inner = wrapper === undefined ? undefined : current[wrapper]?.message
    if (wrapper === undefined || !inner) break
    wrappers.push(wrapper)
    message = inner
  }
  return { message, wrappers }
}

/** What wrappers say about the content in them. */
export function flagsOf(wrappers: readonly WrapperName[]): ContentFlags {
  const flags: Partial<Record<ContentFlag, true>> = {}
  for (const wrapper of wrappers) {
    const flag = WRAPPERS[wrapper]
    if (flag !== '') flags[flag] = true
  }
  return flags
}
