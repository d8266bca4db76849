/**
 * The server's side of queries: answers, refusals and the queries that the server itself asks. The library's own
 * builders are never used here: two implementations that agree prove something, one that agrees with itself does not.
 */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode, NodeContent } from '../../protocol/binary/node.ts'
import { SERVER_JID } from '../../protocol/jid.ts'

/** The JID that the server speaks as: on the wire a JID without a user, not the text of the domain. */
export const SERVER: string = SERVER_JID

/** A refusal of a query: an HTTP-like code and its text. */
export interface IqRefusal {
  readonly code: number
  readonly text: string
  /** How long the server wants to be left alone. */
  readonly backoffSeconds?: number
}

/** Refusals with the texts that WhatsApp uses. */
export const REFUSAL: {
  readonly badRequest: IqRefusal
  readonly notAllowed: IqRefusal
  readonly notFound: IqRefusal
  readonly notAcceptable: IqRefusal
  readonly conflict: IqRefusal
  readonly notImplemented: IqRefusal
  readonly unavailable: IqRefusal
} = {
  badRequest: { code: 400, text: 'bad-request' },
  notAllowed: { code: 405, text: 'not-allowed' },
  notFound: { code: 404, text: 'item-not-found' },
  notAcceptable: { code: 406, text: 'not-acceptable' },
  conflict: { code: 409, text: 'conflict' },
  notImplemented: { code: 501, text: 'feature-not-implemented' },
  unavailable: { code: 503, text: 'service-unavailable' },
}

/** `<error code text/>`, inside an answer or a part of one. */
export function errorChild(refusal: IqRefusal): BinaryNode {
  const { code, text, backoffSeconds } = refusal
  return node('error', { code, text, backoff: backoffSeconds })
}

/** The answer to a query that was done. */
export function iqResult(query: BinaryNode, content?: NodeContent): BinaryNode {
  return node('iq', { from: SERVER, type: 'result', id: query.attrs['id'] }, content)
}

/** The answer to a query that was refused. */
export function iqError(query: BinaryNode, refusal: IqRefusal): BinaryNode {
  return node('iq', { from: SERVER, type: 'error', id: query.attrs['id'] }, [errorChild(refusal)])
}

/**
 * The server asks whether the client is alive.
 *
 * @source whatsapp-rust answers `<iq from="s.whatsapp.net" type="get" xmlns="urn:xmpp:ping"/>`; Baileys leaves it unanswered
 */
export function serverPing(id: string, nowSeconds: number): BinaryNode {
  return node('iq', { from: SERVER, type: 'get', xmlns: 'urn:xmpp:ping', id, t: nowSeconds })
}
