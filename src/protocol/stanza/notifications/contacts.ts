/**
 * Something about contacts (`type="contacts"`): one of them has another number, another profile, or the whole list is to be
 * looked at again.
 *
 * @source whatsapp-rust `handlers/notification.rs` handle_contacts_notification (after WA Web `WAWebHandleContactNotification`)
 */
import { childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'

/** One change. */
export type ContactChange =
  /** Their profile changed; without a JID the server names them by a hash that only a phone can resolve. */
  | { readonly type: 'profile'; readonly jid?: string }
  | {
      readonly type: 'number'
      readonly before: string
      readonly after: string
    }
  | { readonly type: 'added' | 'removed'; readonly jid?: string }
  /** The server wants the list of contacts to be compared. */
  | { readonly type: 'sync'; readonly afterSeconds?: number }
  | { readonly type: 'unknown'; readonly tag: string }

/**
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="contacts">
 *   <modify old="15550000002@s.whatsapp.net" new="15550000009@s.whatsapp.net" old_lid="..." new_lid="..."/></notification>
 * <notification ... type="contacts"><update jid="15550000002@s.whatsapp.net"/></notification>
 * <notification ... type="contacts"><sync after="1700000000"/></notification>
 * ```
 */
export function parseContacts(stanza: BinaryNode): readonly ContactChange[] {
  return childrenOf(stanza).map(readChange)
}

function readChange(child: BinaryNode): ContactChange {
  const { jid } = child.attrs
  const whom = jid === undefined ? {} : { jid }
  switch (child.tag) {
    case 'modify':
      return {
        type: 'number',
        before: requireAttribute(child, 'old'),
        after: requireAttribute(child, 'new'),
      }
    case 'update':
      return { type: 'profile', ...whom }
    case 'add':
      return { type: 'added', ...whom }
    case 'remove':
      return { type: 'removed', ...whom }
    case 'sync': {
      const afterSeconds = numberAttribute(child, 'after')
      return { type: 'sync', ...(afterSeconds === undefined ? {} : { afterSeconds }) }
    }
    default:
      return { type: 'unknown', tag: child.tag }
  }
}
