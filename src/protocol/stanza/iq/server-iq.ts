/** The frame that all queries to the server share. */
import { node, type BinaryNode } from '../../binary/node.ts'
import { SERVER_JID } from '../../jid.ts'

/**
 * `<iq to="@s.whatsapp.net" type="get|set" xmlns="...">` around the given children; the client adds the id.
 */
export function serverIq(type: 'get' | 'set', xmlns: string, children?: readonly BinaryNode[]): BinaryNode {
  return node('iq', { to: SERVER_JID, type, xmlns }, children)
}
