/**
 * Edits to be sent: what a message of ours says from now on. A received one is read by the client, which knows who may.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent (edit); whatsmeow `send.go` BuildEdit, EditWindow
 */
import { OBJECT } from '../../../base/check.ts'
import { Message } from '../../proto/message.ts'
import {
  type AboutMessage,
  type AddedText,
  addedText,
  checkAddition,
  ownKeyOf,
  targetsOf,
} from './added-target.ts'
import { type Kind, defineKind } from './kind.ts'

/** What a text of this account says from now on. */
export interface OutgoingEdit {
  /** The edit. */
  readonly edit: AboutMessage & {
    /** What it says now. */
    readonly content: AddedText
  }
}

/** How long after sending an edit is taken. @source whatsmeow `send.go` EditWindow */
const EDIT_WINDOW_MS = 20 * 60_000

/** See the file comment. */
export const edit: Kind<'edit', OutgoingEdit> = defineKind({
  name: 'edit',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('edit', content.edit),
  build: (given, context) => {
    const { target, content } = checkAddition('edit', given.edit, { content: OBJECT })
    const key = ownKeyOf(target, context, { done: 'edited', windowMs: EDIT_WINDOW_MS })
    const editedMessage = addedText('edit.content', content, context)
    const type = Message.ProtocolMessage.Type.MESSAGE_EDIT
    return {
      message: { protocolMessage: { key, type, editedMessage, timestampMs: context.nowMs } },
      stanza: { edit: '1', hidesFailure: true },
    }
  },
})
