/**
 * What changed about keys (`type="encrypt"`): the server is short of ours, wants them compared, or somebody has new ones.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleEncryptNotification; whatsapp-rust `handlers/notification.rs`
 *   for `digest`
 */
import { childOf, childrenOf, numberAttribute, type BinaryNode } from '../../binary/node.ts'

/** See the file comment. */
export type EncryptNotification =
  /** The server is short of our one-time pre-keys. */
  | { readonly type: 'pre-keys-low'; readonly count: number }
  /** The server asks whether it has the keys that we have. */
  | { readonly type: 'digest' }
  /** Somebody registered anew: their sessions are void. */
  | { readonly type: 'identity-changed' }
  | { readonly type: 'unknown'; readonly tags: readonly string[] }

/**
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="encrypt"><count value="3"/></notification>
 * <notification from="@s.whatsapp.net" id="..." t="..." type="encrypt"><digest/></notification>
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="encrypt"><identity/></notification>
 * ```
 */
export function parseEncrypt(stanza: BinaryNode): EncryptNotification {
  const count = childOf(stanza, 'count')
  if (count !== undefined) return { type: 'pre-keys-low', count: numberAttribute(count, 'value') ?? 0 }
  if (childOf(stanza, 'identity') !== undefined) return { type: 'identity-changed' }
  if (childOf(stanza, 'digest') !== undefined) return { type: 'digest' }
  return { type: 'unknown', tags: childrenOf(stanza).map(({ tag }) => tag) }
}
