/** Keepalive in both directions: our question to the server, and our answer to its own. */
import { defineIq, type IqQuery } from '../iq.ts'
import { childOf, node, type BinaryNode } from '../../binary/node.ts'
import { SERVER_JID } from '../../jid.ts'
import { serverIq } from './server-iq.ts'

/**
 * Asks the server for a sign of life.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="w:p"><ping/></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` startKeepAliveRequest
 */
export const ping: IqQuery<void, void> = defineIq({
  name: 'ping',
  build: () => serverIq('get', 'w:p', [node('ping')]),
  parse: () => undefined,
})

/**
 * Whether the server asks us for a sign of life. Its stanza comes with a namespace or with a child, and sometimes without
 * a type.
 *
 * ```xml
 * <iq from="@s.whatsapp.net" id="..." t="..." type="get" xmlns="urn:xmpp:ping"/>
 * ```
 * @source whatsapp-rust `handlers/iq`; whatsmeow `keepalive.go`
 */
export function isServerPing(stanza: BinaryNode): boolean {
  const { tag, attrs } = stanza
  if (tag !== 'iq' || attrs.id === undefined || (attrs.type !== undefined && attrs.type !== 'get'))
    return false
  return attrs.xmlns === 'urn:xmpp:ping' || childOf(stanza, 'ping') !== undefined
}

/** The answer to {@link isServerPing}: `<iq to="@s.whatsapp.net" type="result" id="..."/>`. */
export function buildPong(stanza: BinaryNode): BinaryNode {
  return node('iq', { to: stanza.attrs.from ?? SERVER_JID, type: 'result', id: stanza.attrs.id })
}
