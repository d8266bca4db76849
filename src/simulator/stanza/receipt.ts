/**
 * `<receipt>` and `<ack>`: the shapes clients must keep, what the other side gets, and the server's own acks.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-send.js` sendReceipt, `messages-recv.js` sendRetryRequest
 */
import { childOf, childrenOf, contentBytes, node, requireAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isGroup, tryParseJid } from '../../protocol/jid.ts'
import type { ChildShape, Shape } from './shape.ts'
import { KEY_SHAPE, SKEY_SHAPE } from './keys.ts'

/** Message ids in one receipt besides the one in its attribute. */
const MAX_ITEMS = 255
const GCM_TAG_BYTES = 16
const GCM_IV_BYTES = 12
const LEAF: ChildShape = { min: 1, content: 'bytes' }

/** The `type` attributes of receipts; a delivery has none. */
export const RECEIPT_TYPES: readonly string[] = [
  'read',
  'read-self',
  'played',
  'played-self',
  'sender',
  'inactive',
  'peer_msg',
  'hist_sync',
  'retry',
  'server-error',
]

/** What a client may send. */
export const RECEIPT_SHAPE: Shape = {
  required: ['id', 'to'],
  optional: ['type', 'participant', 'recipient', 't', 'category'],
  content: {
    children: {
      list: { content: { children: { item: { min: 1, max: MAX_ITEMS, required: ['id'] } } } },
      retry: { required: ['count', 'id', 't', 'v'], optional: ['error'] },
      registration: { content: 'bytes' },
      keys: {
        content: {
          children: {
            type: LEAF,
            identity: LEAF,
            key: KEY_SHAPE,
            skey: SKEY_SHAPE,
            'device-identity': { content: 'bytes' },
          },
        },
      },
      meta: { optional: ['mode'] },
      encrypt: { content: { children: { enc_p: LEAF, enc_iv: LEAF } } },
      rmr: { required: ['jid', 'from_me'], optional: ['participant'] },
    },
  },
}

/** What a client may send. */
export const ACK_SHAPE: Shape = {
  required: ['id', 'class', 'to'],
  optional: ['type', 'participant', 'recipient', 'from', 'error', 't'],
}

/** All message ids of a receipt. */
export function receiptIds(receipt: BinaryNode): readonly string[] {
  const list = childOf(receipt, 'list')
  const items = list === undefined ? [] : childrenOf(list, 'item')
  return [requireAttribute(receipt, 'id'), ...items.map((item) => requireAttribute(item, 'id'))]
}

/**
 * What is wrong with a request to upload a file again, beyond its shape; `undefined` when nothing is.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/messages-media.js` encryptMediaRetryRequest; whatsapp-rust
 *   `wacore/src/media_retry.rs` (the one for a piece of history is of category `peer` and has no `<rmr>`)
 */
export function findMediaRetryProblem(receipt: BinaryNode): string | undefined {
  const rmr = childOf(receipt, 'rmr')
  const isHistory = receipt.attrs['category'] === 'peer'
  const problem =
    findSealingProblem(childOf(receipt, 'encrypt')) ??
    (isHistory ? rmr && 'names a message, which one of category "peer" does not' : findTargetProblem(rmr))
  return problem === undefined ? undefined : `<receipt type="server-error"> ${problem}`
}

function findSealingProblem(encrypt: BinaryNode | undefined): string | undefined {
  if (encrypt === undefined) return 'lacks its <encrypt>'
  const sealed = bytesOf(encrypt, 'enc_p')
  if (sealed === undefined || sealed.length <= GCM_TAG_BYTES) return 'has no sealed request in <enc_p>'
  return bytesOf(encrypt, 'enc_iv')?.length === GCM_IV_BYTES ? undefined : 'has no 12 bytes in <enc_iv>'
}

function findTargetProblem(rmr: BinaryNode | undefined): string | undefined {
  if (rmr === undefined) return 'lacks its <rmr>'
  const { jid = '', from_me: fromMe = '', participant } = rmr.attrs
  if (fromMe !== 'true' && fromMe !== 'false') return `has the from_me "${fromMe}"`
  if (tryParseJid(jid) === undefined) return 'names no chat'
  const isOfMany = isGroup(jid) || jid.endsWith('@broadcast')
  return participant === undefined || isOfMany ? undefined : 'has a participant outside a group'
}

function bytesOf(owner: BinaryNode, tag: string): Uint8Array | undefined {
  const child = childOf(owner, tag)
  return child === undefined ? undefined : contentBytes(child)
}

/** What somebody else's device, or another device of the same person, gets of a receipt. */
export function forwardedReceipt(
  receipt: BinaryNode,
  facts: { from: string; recipient: string | undefined; nowSeconds: number },
): BinaryNode {
  const { id, type, t } = receipt.attrs
  const attributes = { from: facts.from, recipient: facts.recipient, id, type, t: t ?? facts.nowSeconds }
  const { content } = receipt
  return node('receipt', attributes, content === undefined || content.length === 0 ? undefined : content)
}

/** `<ack class="receipt">` for the device that sent the receipt. */
export function receiptAck(receipt: BinaryNode, nowSeconds: number): BinaryNode {
  const { id, to, type, participant, recipient } = receipt.attrs
  return node('ack', { class: 'receipt', id, from: to, type, participant, recipient, t: nowSeconds })
}
