/** Everything the server understands, and the one function that finds the handler of a stanza. */
import { errorCode, ProtocolError } from '../../base/errors.ts'
import { childrenOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isServer } from '../../protocol/jid.ts'
import { iqError, iqResult, REFUSAL } from '../stanza/iq.ts'
import { findViolation } from '../stanza/shape.ts'
import { ACCOUNT_HANDLERS } from './account.ts'
import { APP_STATE_HANDLERS } from './app-state.ts'
import { CALL_HANDLER } from './call.ts'
import type { HandlerContext, IqHandler, IqOutcome, StanzaHandler } from './handler.ts'
import { MEDIA_HANDLERS } from './media.ts'
import { MESSAGE_HANDLER } from './message.ts'
import { PRE_KEY_HANDLERS } from './pre-keys.ts'
import { CHAT_STATE_HANDLER, PRESENCE_HANDLER } from './presence.ts'
import { ACK_HANDLER, RECEIPT_HANDLER } from './receipt.ts'
import { INFO_BULLETIN_HANDLER, SESSION_HANDLERS } from './session.ts'
import { TOKEN_HANDLERS } from './tokens.ts'
import { USYNC_HANDLERS } from './usync.ts'

/** Every query that is understood; a new file of queries adds its line here. */
export const IQ_HANDLERS: readonly IqHandler[] = [
  ...SESSION_HANDLERS,
  ...PRE_KEY_HANDLERS,
  ...USYNC_HANDLERS,
  ...ACCOUNT_HANDLERS,
  ...APP_STATE_HANDLERS,
  ...TOKEN_HANDLERS,
  ...MEDIA_HANDLERS,
]

const STANZA_HANDLERS: readonly StanzaHandler[] = [
  MESSAGE_HANDLER,
  RECEIPT_HANDLER,
  ACK_HANDLER,
  PRESENCE_HANDLER,
  CHAT_STATE_HANDLER,
  CALL_HANDLER,
  INFO_BULLETIN_HANDLER,
]

/** Handles one stanza of a logged-in device. */
export function handleStanza(stanza: BinaryNode, context: HandlerContext): void {
  const { sender } = context
  try {
    if (stanza.tag === 'iq') {
      handleIq(stanza, context)
      return
    }
    const handler = STANZA_HANDLERS.find((candidate) => candidate.tag === stanza.tag)
    const violation =
      handler === undefined
        ? `<${stanza.tag}> is not a stanza that a client sends`
        : findViolation(stanza, handler.shape)
    if (violation === undefined) handler?.handle(stanza, context)
    else sender.violation(violation)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    sender.violation(`<${stanza.tag}> is malformed: ${error.message}`)
  }
}

function handleIq(query: BinaryNode, context: HandlerContext): void {
  const { sender } = context
  const { type, xmlns, id, to } = query.attrs
  if (type === 'result' || type === 'error') {
    sender.answered(query)
    return
  }
  if (id === undefined || xmlns === undefined || (type !== 'get' && type !== 'set')) {
    sender.violation('<iq> lacks its "id" or "xmlns", or has no known "type"')
    return
  }
  const handler = findIqHandler(query)
  if (handler === undefined) {
    const tags = childrenOf(query).map((child) => child.tag)
    sender.note('unknown', `no handler for <iq type="${type}" xmlns="${xmlns}"> with [${tags.join(', ')}]`)
    sender.send(iqError(query, REFUSAL.notImplemented))
    return
  }
  const shape = {
    required: ['id', 'type', 'xmlns', 'to'],
    optional: handler.attributes ?? [],
    content: handler.content,
  }
  const violation = isServer(to)
    ? findViolation(query, shape)
    : `<iq> is addressed to "${to ?? ''}", not to the server`
  if (violation === undefined) answer(query, runHandler(handler, query, context), context)
  else sender.violation(violation)
}

function findIqHandler(query: BinaryNode): IqHandler | undefined {
  const tags = childrenOf(query).map((child) => child.tag)
  const { xmlns, type } = query.attrs
  const candidates = IQ_HANDLERS.filter((handler) => handler.xmlns === xmlns && handler.type === type)
  return candidates.find((handler) =>
    handler.child === '' ? tags.length === 0 : tags.includes(handler.child),
  )
}

function runHandler(handler: IqHandler, query: BinaryNode, context: HandlerContext): IqOutcome {
  try {
    return handler.handle(query, context)
  } catch (error) {
    if (errorCode(error) !== 'WATON_SIMULATOR_KEYS') throw error
    context.sender.note('refusal', error instanceof Error ? error.message : '')
    return { refusal: REFUSAL.notAcceptable }
  }
}

function answer(query: BinaryNode, outcome: IqOutcome, { sender }: HandlerContext): void {
  const { refusal, content, then } = outcome
  sender.send(refusal === undefined ? iqResult(query, content) : iqError(query, refusal))
  then?.()
}
