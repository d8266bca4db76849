/**
 * Deletions for everyone to be sent. A received one is read by the client, which knows who may.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent (delete)
 */
import { Message } from '../../proto/message.ts'
import { type AboutMessage, checkAddition, ownKeyOf, targetsOf } from './added-target.ts'
import { type Kind, defineKind } from './kind.ts'

/** Deletes a message of this account for everyone. */
export interface OutgoingDelete {
  /** The deletion. */
  readonly delete: AboutMessage
}

/** Two days and twelve hours: how long WhatsApp's apps offer it and take it. */
const DELETE_WINDOW_MS = 60 * 60 * 60_000

/** `EditAttribute` of a deletion by the author. @source whatsmeow `types/message.go` EditAttributeSenderRevoke */
const BY_AUTHOR = '7'

/** See the file comment. The stanza never hides its failure: the server drops deletions that do. */
export const deletion: Kind<'delete', OutgoingDelete> = defineKind({
  name: 'delete',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('delete', content.delete),
  build: (content, context) => {
    const { target } = checkAddition('delete', content.delete)
    const key = ownKeyOf(target, context, {
      done: 'deleted for everyone',
      windowMs: DELETE_WINDOW_MS,
    })
    return {
      message: { protocolMessage: { key, type: Message.ProtocolMessage.Type.REVOKE } },
      stanza: { edit: BY_AUTHOR },
    }
  },
})
