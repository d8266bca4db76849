/**
 * A business has changed what it shows (`type="business"`), or is none any more.
 *
 * @source whatsapp-rust `wacore/src/stanza/business.rs` (after WA Web `WAWebHandleBusinessNotification`)
 */
import { childOf, childrenOf, contentText, type BinaryNode } from '../../binary/node.ts'

/** One change. */
export type BusinessChange =
  | { readonly type: 'removed'; readonly jid?: string }
  /** It has a name that WhatsApp has verified. */
  | { readonly type: 'verified-name'; readonly jid?: string; readonly name?: string }
  | { readonly type: 'profile'; readonly jid?: string }
  /** What it sells. */
  | {
      readonly type: 'catalog'
      readonly products: readonly string[]
      readonly collections: readonly string[]
    }
  | { readonly type: 'subscriptions' }
  | { readonly type: 'unknown'; readonly tag: string }

/**
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="business">
 *   <verified_name jid="15550000002@s.whatsapp.net" name="Bob's Bikes" serial="..." issuer="..."/></notification>
 * <notification ... type="business"><profile hash="..."/></notification>
 * <notification ... type="business"><remove jid="..."/></notification>
 * <notification ... type="business"><product_catalog><product><id>1</id></product><collection id="2"/></product_catalog></notification>
 * ```
 */
export function parseBusiness(stanza: BinaryNode): readonly BusinessChange[] {
  return childrenOf(stanza).map(readChange)
}

function readChange(child: BinaryNode): BusinessChange {
  const { jid } = child.attrs
  const whom = jid === undefined ? {} : { jid }
  switch (child.tag) {
    case 'remove':
      return { type: 'removed', ...whom }
    case 'verified_name': {
      const named = childOf(child, 'name')
      const name = child.attrs.name ?? (named === undefined ? undefined : contentText(named))
      return { type: 'verified-name', ...whom, ...(name === undefined ? {} : { name }) }
    }
    case 'profile':
      return { type: 'profile', ...whom }
    case 'product_catalog':
      return {
        type: 'catalog',
        products: childrenOf(child, 'product').flatMap(productId),
        collections: childrenOf(child, 'collection').flatMap(({ attrs: { id } }) => id ?? []),
      }
    case 'subscriptions':
      return { type: 'subscriptions' }
    default:
      return { type: 'unknown', tag: child.tag }
  }
}

function productId(product: BinaryNode): readonly string[] {
  const id = childOf(product, 'id')
  const text = id === undefined ? undefined : contentText(id)
  return text === undefined ? [] : [text]
}
