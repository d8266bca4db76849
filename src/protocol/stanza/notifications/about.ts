/**
 * Somebody has written something else about themselves (`type="status"`; nothing to do with status messages).
 *
 * @source whatsmeow `notification.go` handleStatusNotification
 */
import { childOf, contentText, type BinaryNode } from '../../binary/node.ts'

/**
 * The new text, empty when it was taken away; `undefined` when the stanza says nothing of it.
 *
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="status" notify="Bob"><set>at work</set></notification>
 * ```
 */
export function parseAbout(stanza: BinaryNode): string | undefined {
  const set = childOf(stanza, 'set')
  return set === undefined ? undefined : (contentText(set) ?? '')
}
