/**
 * The offline queue has been delivered.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { numberAttribute, type BinaryNode } from '../../binary/node.ts'

/**
 * How many stanzas the server says it has delivered.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><offline count="12"/></ib>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_NUMBER` when the count is no number
 */
export function parseOfflineEnd(bulletin: BinaryNode): number {
  return numberAttribute(bulletin, 'count') ?? 0
}
