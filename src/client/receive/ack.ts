/** The server's answer to something we sent: for messages, the moment at which they are safe. */
import { parseAck } from '../../protocol/stanza/ack.ts'
import type { StanzaHandler } from './context.ts'

/** See the file comment. */
export const receiveAck: StanzaHandler = async (unit, stanza, { outbox, logger }) => {
  const ack = parseAck(stanza)
  if (ack.class !== 'message') return []
  if (ack.errorCode !== undefined)
    logger.warn({ id: ack.id, serverCode: ack.errorCode }, 'the server refused a message')
  await outbox.applyAck(unit, ack.id, ack.errorCode)
  return []
}
