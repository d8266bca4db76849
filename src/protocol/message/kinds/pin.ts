/**
 * Pins and kept messages to be sent; `about.ts` reads them.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent (pin), `Socket/messages-send.js` sendMessage;
 *   whatsmeow `send.go` getEditAttribute (keep)
 */
import { oneOf } from '../../../base/check.ts'
import type { Expectation } from '../../../base/check.ts'
import { KeepType, Message } from '../../proto/message.ts'
import { type AboutMessage, checkAddition, keyOf, targetsOf } from './added-target.ts'
import { optional } from './check.ts'
import { type Kind, defineKind } from './kind.ts'

/** Pins a message for everyone in the chat, or takes the pin off. */
export interface OutgoingPin {
  /** The pin. */
  readonly pin: AboutMessage & {
    /** What to do. @default 'pin' */
    readonly action?: 'pin' | 'unpin'
    /** How long the pin stays: a day, a week or 30 days, in seconds. @default 604800, a week */
    readonly durationSeconds?: PinSeconds
  }
}

/** How long a pin can stay: a day, a week or 30 days. */
export type PinSeconds = 86_400 | 604_800 | 2_592_000

/** Keeps a message in a chat whose messages disappear, or undoes that. */
export interface OutgoingKeep {
  /** What to keep. */
  readonly keep: AboutMessage & {
    /** What to do. @default 'keep' */
    readonly action?: 'keep' | 'undo'
  }
}

/** What WhatsApp's apps offer. @source Baileys 7.0.0-rc14 `Types/Message.d.ts` (pin, time) */
const PIN_SECONDS: readonly PinSeconds[] = [86_400, 604_800, 2_592_000]
const WEEK_SECONDS = 604_800

const PIN_DURATION: Expectation = {
  expected: `${PIN_SECONDS.join(', ')} seconds: a day, a week or 30 days`,
  accepts: (value) => PIN_SECONDS.some((seconds) => seconds === value),
}

/** `EditAttribute` values. @source whatsmeow `types/message.go` */
const PIN_IN_CHAT = '2'
const BY_AUTHOR = '7'

/** See the file comment. */
export const pinning: Kind<'pin', OutgoingPin> = defineKind({
  name: 'pin',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('pin', content.pin),
  build: (content, context) => {
    const parts = { action: optional(oneOf('pin', 'unpin')), durationSeconds: optional(PIN_DURATION) }
    const given = checkAddition('pin', content.pin, parts)
    const { target, action = 'pin', durationSeconds = WEEK_SECONDS } = given
    const { PIN_FOR_ALL, UNPIN_FOR_ALL } = Message.PinInChatMessage.Type
    const isPinned = action === 'pin'
    const type = isPinned ? PIN_FOR_ALL : UNPIN_FOR_ALL
    const key = keyOf(target, context)
    return {
      message: {
        pinInChatMessage: { key, type, senderTimestampMs: context.nowMs },
        messageContextInfo: { messageAddOnDurationInSecs: isPinned ? durationSeconds : 0 },
      },
      stanza: { edit: PIN_IN_CHAT, hidesFailure: true },
    }
  },
})

/** See the file comment. */
export const keeping: Kind<'keep', OutgoingKeep> = defineKind({
  name: 'keep',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('keep', content.keep),
  build: (content, context) => {
    const parts = { action: optional(oneOf('keep', 'undo')) }
    const { target, action = 'keep' } = checkAddition('keep', content.keep, parts)
    const key = keyOf(target, context)
    const isKept = action === 'keep'
    const keepType = isKept ? KeepType.KEEP_FOR_ALL : KeepType.UNDO_KEEP_FOR_ALL
    return {
      message: { keepInChatMessage: { key, keepType, timestampMs: context.nowMs } },
      stanza: { hidesFailure: true, ...(!isKept && key.fromMe === true ? { edit: BY_AUTHOR } : {}) },
    }
  },
})
