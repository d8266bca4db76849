/**
 * Settings of a chat to be sent. Received ones are read by the client with the other protocol messages.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` prepareDisappearingMessageSettingContent, generateWAMessageContent
 *   (limitSharing, sharePhoneNumber)
 */
import { BOOLEAN, checkArgument, OBJECT } from '../../../base/check.ts'
import type { Expectation } from '../../../base/check.ts'
import { LimitSharing, Message } from '../../proto/message.ts'
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

/** Limits sharing out of this chat from now on, or not any more. */
export interface OutgoingLimitSharing {
  /** The new setting. */
  readonly limitSharing: {
    /** Whether it is limited. */
    readonly limited: boolean
  }
}

/** Shows the other side the phone number of this account. */
export interface OutgoingPhoneNumberShared {
  /** Always `true`. */
  readonly phoneNumberShared: true
}

/** What WhatsApp's apps offer. @source whatsmeow `send.go` DisappearingTimer constants */
const TIMERS: readonly DisappearingSeconds[] = [0, 86_400, 604_800, 7_776_000]

const TIMER: Expectation = {
  expected: `${TIMERS.join(', ')} seconds: off, a day, a week or 90 days`,
  accepts: (value) => TIMERS.some((seconds) => seconds === value),
}

const TRUE: Expectation = { expected: 'true', accepts: (value) => value === true }

/** See the file comment. */
export const disappearing: Kind<'disappearing', OutgoingDisappearing> = defineKind({
  name: 'disappearing',
  takesOptions: false,
  build: (content) => {
    checkArgument('content.disappearing', content.disappearing, OBJECT)
    const { expiresInSeconds } = content.disappearing
    checkArgument('expiresInSeconds of content.disappearing', expiresInSeconds, TIMER)
    const type = Message.ProtocolMessage.Type.EPHEMERAL_SETTING
    const protocolMessage = { type, ephemeralExpiration: expiresInSeconds }
    return { message: { ephemeralMessage: { message: { protocolMessage } } } }
  },
})

/** See the file comment. */
export const limitSharing: Kind<'limitSharing', OutgoingLimitSharing> = defineKind({
  name: 'limitSharing',
  takesOptions: false,
  build: (content, { nowMs }) => {
    checkArgument('content.limitSharing', content.limitSharing, OBJECT)
    const { limited } = content.limitSharing
    checkArgument('limited of content.limitSharing', limited, BOOLEAN)
    return {
      message: {
        protocolMessage: {
          type: Message.ProtocolMessage.Type.LIMIT_SHARING,
          limitSharing: {
            sharingLimited: limited,
            trigger: LimitSharing.TriggerType.CHAT_SETTING,
            limitSharingSettingTimestamp: nowMs,
            initiatedByMe: true,
          },
        },
      },
    }
  },
})

/** See the file comment. */
export const phoneNumberShared: Kind<'phoneNumberShared', OutgoingPhoneNumberShared> = defineKind({
  name: 'phoneNumberShared',
  takesOptions: false,
  build: (content) => {
    checkArgument('content.phoneNumberShared', content.phoneNumberShared, TRUE)
    return { message: { protocolMessage: { type: Message.ProtocolMessage.Type.SHARE_PHONE_NUMBER } } }
  },
})
