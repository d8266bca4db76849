/**
 * The setting that has the messages of a chat disappear, to be sent. It is read with the other settings of a chat.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` prepareDisappearingMessageSettingContent
 */
import type { Expectation } from '../../../base/check.ts'
import { Message } from '../../proto/message.ts'
import { checkParts } from './check.ts'
import { type Kind, defineKind } from './kind.ts'

/** How long messages of a chat can stay: for ever, a day, a week or 90 days, in seconds. */
export type DisappearingSeconds = 0 | 86_400 | 604_800 | 7_776_000

/** Has the messages of this chat disappear from now on, or stay. */
export interface OutgoingDisappearing {
  /** The new setting. */
  readonly disappearing: {
    /** How long messages are kept; 0 when they stay. */
    readonly expiresInSeconds: DisappearingSeconds
  }
}

/** What WhatsApp's apps offer. @source whatsmeow `send.go` DisappearingTimer constants */
const TIMERS: readonly DisappearingSeconds[] = [0, 86_400, 604_800, 7_776_000]

const TIMER: Expectation = {
  expected: `${TIMERS.join(', ')} seconds: off, a day, a week or 90 days`,
  accepts: (value) => TIMERS.some((seconds) => seconds === value),
}

/** See the file comment. */
export const disappearing: Kind<'disappearing', OutgoingDisappearing> = defineKind({
  name: 'disappearing',
  takesOptions: false,
  build: (content) => {
    checkParts('disappearing', content.disappearing, { expiresInSeconds: TIMER })
    const { expiresInSeconds } = content.disappearing
    const type = Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    const protocolMessage = { type, ephemeralExpiration: expiresInSeconds }
    return { message: { ephemeralMessage: { message: { protocolMessage } } } }
  },
})
