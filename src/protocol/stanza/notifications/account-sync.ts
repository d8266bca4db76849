/**
 * Something of our own account changed on another device or at the server (`type="account_sync"`).
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` processNotification; whatsmeow `notification.go`
 *   handleAccountSyncNotification
 */
import { childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'
import { devicesIn, type NotifiedDevices } from './devices.ts'

/** One part of the account. */
export type AccountChange =
  /** Our own devices, all of them. */
  | ({ readonly type: 'devices' } & NotifiedDevices)
  /** Who was blocked or is not blocked any more; without changes the whole list is to be asked for. */
  | { readonly type: 'blocklist'; readonly changes: readonly BlockChange[] }
  /** New chats begin with messages that vanish after so many seconds; 0: they stay. */
  | { readonly type: 'disappearing-mode'; readonly seconds: number; readonly setAtSeconds?: number }
  /** Our own picture is another one. */
  | { readonly type: 'picture' }
  /** Who may see what. */
  | { readonly type: 'privacy'; readonly settings: Readonly<Record<string, string>> }
  | { readonly type: 'unknown'; readonly tag: string }

/** One person of the blocklist. */
export interface BlockChange {
  /** Whom, as on the wire. */
  readonly jid: string
  /** Whether they are blocked now. */
  readonly isBlocked: boolean
}

/**
 * ```xml
 * <notification from="15550000001@s.whatsapp.net" id="..." t="..." type="account_sync">
 *   <devices dhash="2:..."><device jid="15550000001:3@s.whatsapp.net" key-index="2"/>
 *     <key-index-list ts="...">ADVSignedKeyIndexList</key-index-list></devices>
 *   <blocklist dhash="..." prev_dhash="..."><item jid="15550000002@s.whatsapp.net" action="block"/></blocklist>
 *   <disappearing_mode duration="86400" t="..."/>
 *   <privacy><category name="last" value="contacts"/></privacy>
 *   <picture/></notification>
 * ```
 */
export function parseAccountSync(stanza: BinaryNode): readonly AccountChange[] {
  return childrenOf(stanza).map(readChange)
}

function readChange(child: BinaryNode): AccountChange {
  switch (child.tag) {
    case 'devices':
      return { type: 'devices', ...devicesIn(child) }
    case 'blocklist':
      return { type: 'blocklist', changes: childrenOf(child, 'item').map(blockChange) }
    case 'disappearing_mode': {
      const setAtSeconds = numberAttribute(child, 't')
      const seconds = numberAttribute(child, 'duration') ?? 0
      return { type: 'disappearing-mode', seconds, ...(setAtSeconds === undefined ? {} : { setAtSeconds }) }
    }
    case 'picture':
      return { type: 'picture' }
    case 'privacy':
      return { type: 'privacy', settings: privacySettings(child) }
    default:
      return { type: 'unknown', tag: child.tag }
  }
}

function blockChange(item: BinaryNode): BlockChange {
  return { jid: requireAttribute(item, 'jid'), isBlocked: item.attrs.action === 'block' }
}

function privacySettings(privacy: BinaryNode): Readonly<Record<string, string>> {
  const named = childrenOf(privacy, 'category').map(({ attrs: { name = '', value = '' } }) => [name, value])
  return Object.fromEntries(named) as Record<string, string>
}
