/** The server's answer to something we sent: for messages, the moment at which they are safe. */
import { parseAck } from '../../protocol/stanza/ack.ts'
import type { StanzaHandler } from './context.ts'

/** What else of ours the server acknowledges; nothing waits for it here. */
const OTHER_CLASSES: ReadonlySet<string> = new Set(['call', 'notification', 'presence', 'chatstate', 'ib'])

/** See the file comment. */
export const receiveAck: StanzaHandler = async (unit, stanza, context) => {
  const { outbox, resends, receipts, history, logger, unknowns } = context
  const ack = parseAck(stanza)
  if (ack.errorCode !== undefined)
    logger.warn(
      { id: ack.id, class: ack.class, serverCode: ack.errorCode },
      'the server refused something that was sent',
    )
  if (ack.class === 'message') {
    const isOfResend = await resends.applyAck(unit, ack)
    if (!isOfResend) await outbox.applyAck(unit, ack)
  } else if (ack.class === 'receipt' && ack.type === 'hist_sync') await history.applyAck(unit, ack)
  else if (ack.class === 'receipt') await receipts.applyAck(unit, ack)
  else if (!OTHER_CLASSES.has(ack.class)) unknowns.count('stanza', `ack/${ack.class}`)
  return []
}
