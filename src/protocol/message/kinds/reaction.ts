/** Reactions to be sent; `about.ts` reads them. @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent */
import type { Expectation } from '../../../base/check.ts'
import { type AboutMessage, checkAddition, keyOf, targetsOf } from './added-target.ts'
import { type Kind, defineKind } from './kind.ts'

/** A reaction to a message. It replaces the earlier one of this account. */
export interface OutgoingReaction {
  /** The reaction. */
  readonly reaction: AboutMessage & {
    /** The emoji; empty to take the reaction back. */
    readonly text: string
  }
}

/** UTF-16 units of the longest emoji, a family with skin tones, with room to spare. */
const MAX_UNITS = 64

const EMOJI: Expectation = {
  expected: "an emoji, or '' to take the reaction back",
  accepts: (value) =>
    typeof value === 'string' && value.length <= MAX_UNITS && !/\p{Surrogate}|\s|[a-z]/iu.test(value),
}

/** See the file comment. */
export const reaction: Kind<'reaction', OutgoingReaction> = defineKind({
  name: 'reaction',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('reaction', content.reaction),
  build: (content, context) => {
    const { target, text } = checkAddition('reaction', content.reaction, { text: EMOJI })
    const key = keyOf(target, context)
    return {
      message: { reactionMessage: { key, text, senderTimestampMs: context.nowMs } },
      stanza: { hidesFailure: true },
      hasSecret: false,
    }
  },
})
