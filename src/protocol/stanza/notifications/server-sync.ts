/**
 * Collections of app state have new versions (`type="server_sync"`).
 *
 * @source whatsmeow `notification.go` handleAppStateNotification (all collections; Baileys reads only the first)
 */
import { childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'

/** One collection; a version of 0 or none says only that there is something. */
export interface SyncedCollection {
  /** E.g. `regular`, `critical_block`. */
  readonly name: string
  /** The newest that the server has. */
  readonly version?: number
}

/**
 * ```xml
 * <notification from="15550000001@s.whatsapp.net" id="..." t="..." type="server_sync">
 *   <collection name="regular" version="4"/><collection name="critical_block"/></notification>
 * ```
 */
export function parseServerSync(stanza: BinaryNode): readonly SyncedCollection[] {
  return childrenOf(stanza, 'collection').map((collection) => {
    const version = numberAttribute(collection, 'version')
    return { name: requireAttribute(collection, 'name'), ...(version === undefined ? {} : { version }) }
  })
}
