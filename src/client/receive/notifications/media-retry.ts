/** The phone's answer to a request to upload media again: recorded as it came, and told to the download that asked. */
import { toBase64 } from '../../../base/bytes.ts'
import { parseMediaRetry } from '../../../protocol/stanza/notifications/media-retry.ts'
import { userJid } from '../../../protocol/jid.ts'
import { canonicalJid, personOf } from '../../identity/addresses.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const MEDIA_RETRY: NotificationKind = notificationKind({
  type: 'mediaretry',
  parse: parseMediaRetry,
  async apply(unit, retry, { atMs }, { effects }) {
    const { messageId, chat: about, isFromMe, participant, sealed, errorCode } = retry
    const chat = await canonicalJid(unit, userJid(about))
    const sender = participant === undefined ? {} : { sender: await personOf(unit, participant) }
    unit.event(
      'media.retry',
      {
        message: { id: messageId, chat, fromMe: isFromMe, ...sender },
        ...(sealed === undefined
          ? {}
          : { sealed: { ciphertext: toBase64(sealed.ciphertext), iv: toBase64(sealed.iv) } }),
        ...(errorCode === undefined ? {} : { errorCode }),
        atMs,
      },
      chat,
    )
    unit.onCommit(() => {
      effects.mediaAnswered(retry)
    })
  },
})
