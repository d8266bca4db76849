/**
 * What waits in the offline queue: announced behind each login, and asked for with `buildOfflineBatch`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { numberAttribute, type BinaryNode } from '../../binary/node.ts'

/** How much waits, by class of stanza. */
export interface OfflinePreview {
  /** Stanzas of every class. */
  readonly total: number
  /** Messages among them. */
  readonly messages: number
  /** Receipts among them. */
  readonly receipts: number
  /** Notifications among them. */
  readonly notifications: number
  /** Changes of the account's settings and chats among them. */
  readonly appData: number
}

/**
 * How much waits; what the server does not name is 0.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><offline_preview count="12" message="8" receipt="3" notification="1" appdata="0"/></ib>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_NUMBER` when a count is no number
 */
export function parseOfflinePreview(bulletin: BinaryNode): OfflinePreview {
  const count = (name: string): number => numberAttribute(bulletin, name) ?? 0
  return {
    total: count('count'),
    messages: count('message'),
    receipts: count('receipt'),
    notifications: count('notification'),
    appData: count('appdata'),
  }
}
