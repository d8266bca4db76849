/**
 * Somebody, or a group, has another picture or none (`type="picture"`).
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` processNotification; whatsmeow `notification.go`
 *   handlePictureNotification; whatsapp-rust `handlers/notification.rs` (bare stanza: removed; `hash` in place of `jid`)
 */
import { childrenOf, requireAttribute, type BinaryNode } from '../../binary/node.ts'

/** One change. */
export interface PictureChange {
  /** Whose picture: a person or a group. */
  readonly jid: string
  /** Whether there is none any more. */
  readonly isRemoved: boolean
  /** Names the new picture. */
  readonly pictureId?: string
  /** Who changed a group's. */
  readonly author?: string
}

const CHANGES: ReadonlySet<string> = new Set(['set', 'add', 'delete'])

/**
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="picture">
 *   <set jid="15550000002@s.whatsapp.net" id="1700000000" author="15550000002@s.whatsapp.net"/></notification>
 * <notification from="120363000000000001@g.us" id="..." t="..." type="picture"><delete jid="..." author="..."/></notification>
 * ```
 */
export function parsePicture(stanza: BinaryNode): readonly PictureChange[] {
  const from = requireAttribute(stanza, 'from')
  const children = childrenOf(stanza)
  if (children.length === 0) return [change(stanza.attrs, from, true)]
  return children
    .filter(({ tag }) => CHANGES.has(tag))
    .map(({ tag, attrs }) => change(attrs, from, tag === 'delete'))
}

function change(attrs: Readonly<Record<string, string>>, from: string, isRemoved: boolean): PictureChange {
  const { jid = from, id, author } = attrs
  return {
    jid,
    isRemoved,
    ...(id === undefined || isRemoved ? {} : { pictureId: id }),
    ...(author === undefined ? {} : { author }),
  }
}
