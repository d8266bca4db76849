/**
 * Messages within messages: disappearing, view-once, edited and the like are an outer message around the real one. This
 * file takes them apart; `device-sent.ts` has the one envelope that is about routing instead of content.
 */
import type { MessageProperties } from '../proto/message.ts'

/** The fields of `Message` that only wrap another one. */
export type WrapperName =
  | 'ephemeralMessage'
  | 'viewOnceMessage'
  | 'viewOnceMessageV2'
  | 'viewOnceMessageV2Extension'
  | 'documentWithCaptionMessage'
  | 'editedMessage'
  | 'groupMentionedMessage'
  | 'botInvokeMessage'
  | 'associatedChildMessage'
  | 'groupStatusMessage'
  | 'groupStatusMessageV2'
  | 'spoilerMessage'

/** @source Baileys 7.0.0-rc14 `Utils/messages.js` normalizeMessageContent */
const WRAPPERS: readonly WrapperName[] = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'associatedChildMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'spoilerMessage',
]

/** Wrappers within wrappers that are followed; real messages have one or two. */
const MAX_WRAPPERS = 8

/** A message without its wrappers. */
export interface Unwrapped {
  readonly message: MessageProperties
  /** From the outside in, e.g. `['ephemeralMessage', 'viewOnceMessageV2']`. */
  readonly wrappers: readonly WrapperName[]
}

/** Takes all wrappers off. */
export function unwrapMessage(outer: MessageProperties): Unwrapped {
  const wrappers: WrapperName[] = []
  let message = outer
  while (wrappers.length < MAX_WRAPPERS) {
    const current = message
    const wrapper = WRAPPERS.find((name) => current[name]?.message)
    const inner = wrapper === undefined ? undefined : current[wrapper]?.message
    if (wrapper === undefined || !inner) break
    wrappers.push(wrapper)
    message = inner
  }
  return { message, wrappers }
}
