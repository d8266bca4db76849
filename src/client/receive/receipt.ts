/**
 * Receipts: somebody's device has, or has read, what this account sent; or another own device has read what others sent.
 * Each is acknowledged, whatever its type.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { userJid } from '../../protocol/jid.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { addressPairsWithin } from '../../protocol/stanza/address-pairs.ts'
import { parseReceipt } from '../../protocol/stanza/receipt.ts'
import type { ParsedReceipt } from '../../protocol/stanza/receipt.ts'
import type { ReceiptStatus } from '../events.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'

/** What each receipt type says about a message. */
const STATUS: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['delivery', 'delivered'],
  ['inactive', 'delivered'],
  ['read', 'read'],
  ['read-self', 'read'],
  ['played', 'played'],
  ['played-self', 'played'],
])

/** Types between own devices, and of errors: they say nothing about what anybody has of a message. */
const SILENT: ReadonlySet<string> = new Set(['sender', 'peer_msg', 'hist_sync', 'server-error'])

/** See the file comment. */
export const receiveReceipt: StanzaHandler = async (unit, stanza, context) => {
  for (const { pn, lid } of addressPairsWithin(stanza)) await learnMapping(unit, pn, lid)
  const receipt = parseReceipt(stanza)
  const status = STATUS.get(receipt.type)
  if (status !== undefined) for (const part of partsOf(receipt)) await record(unit, part, status, context)
  else if (receipt.type === 'retry') await context.resends.order(unit, stanza)
  else if (!SILENT.has(receipt.type)) context.unknowns.count('stanza', `receipt/${receipt.type}`)
  return [{ kind: 'stanza', stanza: buildAck(stanza) }]
}

/** What one device says: the whole receipt, or what each member of a group says in it. */
function partsOf(receipt: ParsedReceipt): readonly ParsedReceipt[] {
  if (receipt.members.length === 0) return [receipt]
  return receipt.members.map(({ id, jid, atSeconds = receipt.atSeconds }) => ({
    ...receipt,
    ids: [id],
    participant: jid,
    ...(atSeconds === undefined ? {} : { atSeconds }),
    members: [],
  }))
}

async function record(
  unit: Unit,
  receipt: ParsedReceipt,
  status: ReceiptStatus,
  { self, outbox, unknowns }: ReceiveContext,
): Promise<void> {
  const author = receipt.participant ?? receipt.from
  const hash = receiptHash(receipt)
  if (await unit.isRecognised(hash)) return
  unit.recognise(hash)
  const atMs = receipt.atSeconds === undefined ? unit.nowMs : receipt.atSeconds * 1000
  if (self.isOwn(author)) {
    // our own other devices confirm copies of what we sent, which says nothing; or they have read what others sent
    if (status !== 'delivered') await seen(unit, receipt, { status, atMs })
    return
  }
  const chat = await canonicalJid(unit, userJid(receipt.from))
  const ids = await outbox.applyReceipt(unit, { ids: receipt.ids, chat, status })
  if (ids.length < receipt.ids.length) unknowns.count('stanza', 'receipt for a message of another chat')
  if (ids.length === 0) return
  const from = await personOf(unit, author)
  unit.event('message.receipt', { ids, chat, from, status, atMs }, chat)
}

/** Without a chat it is about what this account sent to itself. */
async function seen(
  unit: Unit,
  { ids, from, participant, recipient }: ParsedReceipt,
  { status, atMs }: { status: 'read' | 'played'; atMs: number },
): Promise<void> {
  const inGroup = participant !== undefined
  const named = inGroup ? from : recipient
  if (named === undefined) return
  const chat = await canonicalJid(unit, userJid(named))
  const sender = inGroup && recipient !== undefined ? await personOf(unit, recipient) : undefined
  const payload = { ids, chat, ...(sender === undefined ? {} : { sender }), status, atMs }
  unit.event('message.seen', payload, chat)
}

/** What a receipt is recognised by when the server delivers it again, because it has not seen our ack. */
function receiptHash({ ids, from, participant = '', type, atSeconds = 0 }: ParsedReceipt): Uint8Array {
  return sha256(utf8Bytes(['receipt', from, participant, type, String(atSeconds), ...ids].join('\u0000')))
}
