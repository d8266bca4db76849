/**
 * The server will refuse this version soon.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { numberAttribute, type BinaryNode } from '../../binary/node.ts'

/**
 * From when on, in seconds since the epoch; `undefined` when the server does not say.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><client_expiration t="1700000000"/></ib>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_NUMBER` when the time is no number
 */
export function parseClientExpiration(bulletin: BinaryNode): number | undefined {
  return numberAttribute(bulletin, 't')
}
