/**
 * Edits to be sent: what a message of ours says from now on. A received one is read by the client, which knows who may.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent (edit); whatsmeow `send.go` BuildEdit, EditWindow
 */
import { OBJECT } from '../../../base/check.ts'
import { Message } from '../../proto/message.ts'
import type { MessageTarget } from '../reference.ts'
import { unwrapMessage } from '../wrappers.ts'
import {
  type AboutMessage,
  type AddedText,
  addedText,
  checkAddition,
  ownKeyOf,
  targetsOf,
  wrongTarget,
} from './added-target.ts'
import { type BuildContext, type Kind, defineKind } from './kind.ts'

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

/** @throws {UsageError} `WATON_CONTENT_TARGET_KIND` */
function requireText(target: MessageTarget, context: BuildContext): void {
  const found = context.find(target)
  if (found === undefined) return
  const { conversation, extendedTextMessage } = unwrapMessage(found.message).message
  if (typeof conversation === 'string' || extendedTextMessage) return
  throw wrongTarget(target, 'is no text: pass the text as it was first sent, and send anything else anew')
}

/** See the file comment. */
export const edit: Kind<'edit', OutgoingEdit> = defineKind({
  name: 'edit',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('edit', content.edit),
  build: (given, context) => {
    const { target, content } = checkAddition('edit', given.edit, { content: OBJECT })
    const key = ownKeyOf(target, context, { done: 'edited', windowMs: EDIT_WINDOW_MS })
    requireText(target, context)
    const editedMessage = addedText('edit.content', content, context)
    const type = Message.ProtocolMessage.Type.MESSAGE_EDIT
    return {
      message: { protocolMessage: { key, type, editedMessage, timestampMs: context.nowMs } },
      stanza: { edit: '1', hidesFailure: true },
    }
  },
})
