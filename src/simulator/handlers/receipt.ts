/**
 * Answers from devices: a receipt clears what it answers from the device's mailbox and goes to whoever is concerned;
 * an ack only clears.
 *
 * Who is concerned: the sender's devices learn of deliveries and reads; the reader's other devices learn of reads;
 * a retry goes to the one device that can repeat the message; the rest stays between the devices of one person.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { requireAttribute } from '../../protocol/binary/node.ts'
import {
  ACK_SHAPE,
  findMediaRetryProblem,
  forwardedReceipt,
  RECEIPT_SHAPE,
  RECEIPT_TYPES,
  receiptAck,
  receiptIds,
} from '../stanza/receipt.ts'
import type { Device } from '../world/device.ts'
import type { Resolved } from '../world/world.ts'
import type { HandlerContext, Sender, StanzaHandler } from './handler.ts'

/** Types that say that the device has the message. */
const CLEARING: readonly (string | undefined)[] = [undefined, 'inactive', 'sender', 'peer_msg', 'hist_sync']

/** `<receipt>` from a client. */
export const RECEIPT_HANDLER: StanzaHandler = { tag: 'receipt', shape: RECEIPT_SHAPE, handle: handleReceipt }

/** `<ack>` from a client. */
export const ACK_HANDLER: StanzaHandler = { tag: 'ack', shape: ACK_SHAPE, handle: handleAck }

function handleReceipt(receipt: BinaryNode, context: HandlerContext): void {
  const { world, sender } = context
  const { type, recipient } = receipt.attrs
  const to = requireAttribute(receipt, 'to')
  const found = world.resolve(to)
  const violation = findReceiptViolation(receipt, found, sender)
  if (violation !== undefined) {
    sender.violation(violation)
    return
  }
  if (CLEARING.includes(type)) {
    const parties = recipient === undefined ? [to] : [to, recipient]
    sender.device.mailbox.clearByReceipt({ ids: receiptIds(receipt), type, parties })
  }
  if (found === undefined) sender.note('unknown', `a receipt to ${to} goes nowhere: nobody there`)
  else forward(receipt, found, context)
  sender.send(receiptAck(receipt, world.nowSeconds()))
}

/** A request to upload a file again goes from a linked device to its own phone, names a message, and is sealed. */
function findReceiptViolation(
  receipt: BinaryNode,
  to: Resolved | undefined,
  sender: Sender,
): string | undefined {
  const { type } = receipt.attrs
  if (type !== undefined && !RECEIPT_TYPES.includes(type)) return `<receipt> has the unknown type "${type}"`
  if (type !== 'server-error') return undefined
  const isToOwnPhone = to?.account === sender.account && to.deviceId === 0
  if (!isToOwnPhone || sender.device.id === 0)
    return '<receipt type="server-error"> goes from a linked device to its own phone'
  return findMediaRetryProblem(receipt)
}

function forward(receipt: BinaryNode, found: Resolved, context: HandlerContext): void {
  const { sender } = context
  const { type, recipient } = receipt.attrs
  if (found.account === sender.account) {
    // A person's own devices: about a copy (sender, retry), or about what the phone sent (peer_msg, hist_sync).
    const device = found.account.devices.get(found.deviceId)
    if (device !== undefined && device !== sender.device)
      post(receipt, found, [device], { ...context, recipient })
    return
  }
  if (type === 'retry') {
    const device = found.account.devices.get(found.deviceId)
    if (device === undefined)
      sender.note('warning', `a retry receipt to ${requireAttribute(receipt, 'to')} is dropped: not linked`)
    else post(receipt, found, [device], { ...context, recipient: undefined })
    return
  }
  const isPrivate = type === 'read-self' || type === 'played-self'
  if (!isPrivate) post(receipt, found, found.account.devicesExcept(-1), { ...context, recipient: undefined })
  if (isPrivate || type === 'read' || type === 'played') {
    const chat = found.account.jid(found.addressing)
    post(receipt, found, sender.account.devicesExcept(sender.device.id), { ...context, recipient: chat })
  }
}

function post(
  receipt: BinaryNode,
  found: Resolved,
  devices: readonly Device[],
  { world, sender, recipient }: HandlerContext & { recipient: string | undefined },
): void {
  const from = sender.account.jid(found.addressing, sender.device.id)
  const forwarded = forwardedReceipt(receipt, { from, recipient, nowSeconds: world.nowSeconds() })
  for (const device of devices) world.post(device, forwarded, 'ack')
}

function handleAck(ack: BinaryNode, { sender, world }: HandlerContext): void {
  const { error, type } = ack.attrs
  const answer = {
    class: requireAttribute(ack, 'class'),
    id: requireAttribute(ack, 'id'),
    to: requireAttribute(ack, 'to'),
    type,
  }
  const name = `<${answer.class}> ${answer.id}`
  if (error !== undefined && world.offline.keepsRefused && sender.device.mailbox.refuse(answer)) {
    sender.note('fault', `${name} was refused with error ${error} and stays, with everything behind it`)
    return
  }
  const outcome = sender.device.mailbox.clearByAck(answer)
  if (error !== undefined) sender.note('warning', `the client refused ${name} with error ${error}`)
  if (outcome === 'ignored') {
    sender.note('warning', `an ack cannot clear ${name}, an own copy: only <receipt type="sender"> does`)
  } else if (outcome === 'mismatch') {
    sender.note(
      'warning',
      `an ack for ${name} to ${answer.to} names another sender or type than the stanza had`,
    )
  }
}
