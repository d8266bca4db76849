/** The setting of a chat that limits what its members can share out of it. It is read with the other settings of a chat. */
import { BOOLEAN } from '../../../base/check.ts'
import { LimitSharing, Message } from '../../proto/message.ts'
import { checkParts } from './check.ts'
import { type Kind, defineKind } from './kind.ts'

/** Limits sharing out of a chat, or allows it again. */
export interface OutgoingLimitSharing {
  /** The setting. */
  readonly limitSharing: {
    /** Whether sharing is limited from now on. */
    readonly limited: boolean
  }
}

/** @see OutgoingLimitSharing */
export const limitSharingKind: Kind<'limitSharing', OutgoingLimitSharing> = defineKind({
  name: 'limitSharing',
  takesOptions: false,
  build: ({ limitSharing }, { nowMs }) => {
    checkParts('limitSharing', limitSharing, { limited: BOOLEAN })
    return {
      message: {
        protocolMessage: {
          type: Message.ProtocolMessage.Type.LIMIT_SHARING,
          limitSharing: {
            sharingLimited: limitSharing.limited,
            trigger: LimitSharing.TriggerType.CHAT_SETTING,
            limitSharingSettingTimestamp: nowMs,
            initiatedByMe: true,
          },
        },
      },
    }
  },
})
