/**
 * From decrypted bytes to what is recorded: unpad, decode, unwrap what an own device reports about its own sends,
 * and either a message with its event or, for protocol messages, what they ask for.
 */
import { contentOf } from '../../protocol/message/content.ts'
import { unwrapDeviceSent } from '../../protocol/message/device-sent.ts'
import { unpadMessage } from '../../protocol/message/padding.ts'
import { decodeMessage, encodeMessage } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import type { Origin } from '../events.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import { kindOf, messageRow, payloadOf, perspectiveOf } from '../message-record.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext } from './context.ts'
import { receiveProtocolMessage } from './protocol-message.ts'

/** How a message came here. */
export function originOf({ isFromMe, isOffline }: ParsedMessage): Origin {
  if (isFromMe) return 'own'
  return isOffline ? 'offline' : 'live'
}

/** Records one decrypted message. @throws {ProtocolError} when the plaintext is not a message */
export async function recordContent(
  unit: Unit,
  { parsed, padded }: { parsed: ParsedMessage; padded: Uint8Array },
  context: ReceiveContext,
): Promise<void> {
  const plaintext = unpadMessage(padded)
  const outer = decodeMessage(plaintext)
  // only our own devices may say that a message belongs to another chat
  const sent = parsed.isFromMe ? unwrapDeviceSent(outer) : undefined
  const message = sent?.message ?? outer
  const chat = await canonicalJid(unit, sent?.destinationJid ?? parsed.chat)
  const sender = await personOf(unit, parsed.author)
  const me = [context.self.pn, context.self.me?.lid].filter((jid) => jid !== undefined)
  const content = contentOf(message, perspectiveOf({ chat, sender, fromMe: parsed.isFromMe, me }))
  if (content.kind === 'protocol') {
    await receiveProtocolMessage(unit, { parsed, message }, context)
    return
  }
  const key = { chat, sender: sender.jid, id: parsed.id }
  // the same id with another ciphertext: the session has moved on, and only the event is dropped
  if (await unit.hasMessage(key)) return
  const record = {
    ...key,
    sender,
    fromMe: parsed.isFromMe,
    origin: originOf(parsed),
    sentAtMs: parsed.sentAtSeconds * 1000,
    kind: kindOf(content),
    me,
    message: sent === undefined ? plaintext : encodeMessage(message),
    ...(parsed.pushName === undefined ? {} : { pushName: parsed.pushName }),
  }
  unit.putMessage(messageRow(record, unit.nowMs))
  unit.event('message', payloadOf(record, content), chat, key)
}
