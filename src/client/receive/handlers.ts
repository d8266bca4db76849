/**
 * Every stanza that a server may send to an open client, by tag. A new kind is one handler file and one line here.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { printNode } from '../../protocol/binary/print.ts'
import { NACK, buildAck } from '../../protocol/stanza/ack.ts'
import { receiveAck } from './ack.ts'
import type { Answer } from './answers.ts'
import { receiveCall } from './call.ts'
import { receiveChatState } from './chat-state.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'
import { receiveInfo } from './info.ts'
import { receiveMessage } from './message.ts'
import { receiveNotification } from './notification.ts'
import { receivePresence } from './presence.ts'
import { receiveReceipt } from './receipt.ts'

/** Answers to our queries are taken before this; a late one, or a query that nobody knows, gets none. */
const receiveIq: StanzaHandler = (_unit, { attrs }, { unknowns }) => {
  if (attrs.type === 'get' || attrs.type === 'set') unknowns.count('stanza', `iq/${attrs.xmlns ?? '(none)'}`)
  return Promise.resolve([])
}

/** See the file comment. A map, because tags come from outside and an object has members of its own (`toString`). */
export const HANDLERS: ReadonlyMap<string, StanzaHandler> = new Map([
  ['message', receiveMessage],
  ['receipt', receiveReceipt],
  ['ack', receiveAck],
  ['notification', receiveNotification],
  ['ib', receiveInfo],
  ['call', receiveCall],
  ['presence', receivePresence],
  ['chatstate', receiveChatState],
  ['iq', receiveIq],
])

/** Tags whose stanzas the server keeps until they are answered. @source reference-others 1.3, unacked classes */
const ANSWERED_TAGS: ReadonlySet<string> = new Set(['message', 'receipt', 'notification', 'call', 'status'])

/** A stanza of a kind that nobody knows: told so, if it has an id to be answered by. */
export function answerUnknown(stanza: BinaryNode, { unknowns, logger }: ReceiveContext): readonly Answer[] {
  unknowns.count('stanza', stanza.tag)
  logger.warn({ stanza: printNode(stanza, { maxBytes: 0 }) }, 'a stanza of an unknown kind was refused')
  return refusal(stanza, NACK.UNRECOGNIZED_STANZA)
}

/** A stanza that breaks the rules of its kind. */
export function answerMalformed(stanza: BinaryNode): readonly Answer[] {
  return refusal(stanza, NACK.PARSING_ERROR)
}

function refusal(stanza: BinaryNode, errorCode: number): readonly Answer[] {
  const { tag, attrs } = stanza
  if (!ANSWERED_TAGS.has(tag) || attrs.id === undefined || attrs.from === undefined) return []
  return [{ kind: 'stanza', stanza: buildAck(stanza, { errorCode }) }]
}
