/** Receipts: somebody's device has, or has read, what this account sent. */
import { buildAck } from '../../protocol/stanza/ack.ts'
import { parseReceipt } from '../../protocol/stanza/receipt.ts'
import type { ParsedReceipt } from '../../protocol/stanza/receipt.ts'
import { utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { userJid } from '../../protocol/jid.ts'
import type { ReceiptStatus } from '../events.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import { addressPairs } from '../../protocol/stanza/address-pairs.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'

/** What each receipt type says about a message. Types that are missing say nothing about what we sent. */
const STATUS: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['delivery', 'delivered'],
  ['inactive', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
])

/** See the file comment. */
export const receiveReceipt: StanzaHandler = async (unit, stanza, context) => {
  for (const { pn, lid } of addressPairs(stanza)) await learnMapping(unit, pn, lid)
  const receipt = parseReceipt(stanza)
  const status = STATUS.get(receipt.type)
  if (status !== undefined) await record(unit, receipt, status, context)
  else if (receipt.type === 'retry')
    context.logger.warn({ ids: receipt.ids, from: receipt.from }, 'a device could not read a message')
  return [{ kind: 'stanza', stanza: buildAck(stanza) }]
}

async function record(
  unit: Unit,
  receipt: ParsedReceipt,
  status: ReceiptStatus,
  { self, outbox }: ReceiveContext,
): Promise<void> {
  const author = receipt.participant ?? receipt.from
  // our own other devices confirm copies of what we sent; that says nothing about the other side
  if (self.isOwn(author)) return
  const hash = receiptHash(receipt)
  if (await unit.isRecognised(hash)) return
  unit.recognise(hash)
  await outbox.applyReceipt(unit, receipt.ids, status)
  const chat = await canonicalJid(unit, userJid(receipt.from))
  const from = await personOf(unit, author)
  const atMs = receipt.atSeconds === undefined ? unit.nowMs : receipt.atSeconds * 1000
  unit.event('message.receipt', { ids: receipt.ids, chat, from, status, atMs }, chat)
}

/** What a receipt is recognised by when the server delivers it again, because it has not seen our ack. */
function receiptHash({ ids, from, participant = '', type, atSeconds = 0 }: ParsedReceipt): Uint8Array {
  return sha256(utf8Bytes(['receipt', from, participant, type, String(atSeconds), ...ids].join('\u0000')))
}
