/**
 * Receipts: how a device confirms messages to the server and, through it, to their sender. This file builds the ones that
 * we send and reads the ones that come; asking for a repetition (`retry`) is read here and built elsewhere.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` sendReceipt, `Socket/messages-recv.js` handleMessage, handleReceipt;
 *   whatsapp-rust receipts
 */
import { UsageError } from '../../base/errors.ts'
import {
  childOf,
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
} from '../binary/node.ts'
import { userJid } from '../jid.ts'
import type { ParsedMessage } from './message.ts'

/**
 * What a receipt confirms, besides delivery (no type): `sender` a message that another device of ours sent; `inactive`
 * delivery while nobody looks; `peer_msg` a message between own devices; `hist_sync` that history was taken in; `read` and
 * `played` to the sender; `read-self` and `played-self` to our own devices only.
 */
export type OutgoingReceiptType =
  'sender' | 'inactive' | 'peer_msg' | 'hist_sync' | 'read' | 'read-self' | 'played' | 'played-self'

/** Where a receipt goes and what it says; receipts with the same target can be one stanza. */
export interface ReceiptTarget {
  /** As on the wire. */
  readonly to: string
  /** In groups and broadcasts: the device that wrote, as on the wire. */
  readonly participant?: string
  /** The chat, for copies of what another own device sent. */
  readonly recipient?: string
  /** Absent: delivered. */
  readonly type?: OutgoingReceiptType
}

/** A receipt for one or more messages. */
export interface OutgoingReceipt extends ReceiptTarget {
  /** At least one; the server takes up to 256. */
  readonly ids: readonly string[]
  /** When it was read or played; only those types carry it. */
  readonly atSeconds?: number
}

/** A receipt that came. */
export interface ParsedReceipt {
  /** Ids of the confirmed messages, without duplicates; the first is the stanza's own id. */
  readonly ids: readonly string[]
  /** The chat or device that confirms, as on the wire. */
  readonly from: string
  /** In a group or broadcast: the device that confirms. */
  readonly participant?: string
  /** On receipts between own devices: the chat. */
  readonly recipient?: string
  /** `delivery` stands for an absent type; unknown types come through as they are. */
  readonly type: string
  /** When, in seconds since the epoch. */
  readonly atSeconds?: number
  /** Whether it waited in the server's offline queue. */
  readonly isOffline: boolean
  /** What several members of a group say, in one stanza: each about one message. */
  readonly members: readonly MemberReceipt[]
}

/** One member's part of a receipt of a group. */
export interface MemberReceipt {
  /** The message. */
  readonly id: string
  /** Who confirms. */
  readonly jid: string
  /** When, in seconds since the epoch. */
  readonly atSeconds?: number
}

/**
 * Builds one receipt; further ids go into a list.
 *
 * ```xml
 * <receipt id="A1" to="123@g.us" participant="15550000002:3@s.whatsapp.net" type="read" t="1700000000">
 *   <list><item id="A2"/></list>
 * </receipt>
 * ```
 *
 * @throws {UsageError} `WATON_RECEIPT_EMPTY` without ids
 */
export function buildReceipt(receipt: OutgoingReceipt): BinaryNode {
  const { ids, to, participant, recipient, type, atSeconds } = receipt
  const [first, ...rest] = ids
  if (first === undefined)
    throw new UsageError('WATON_RECEIPT_EMPTY', 'a receipt confirms at least one message id')
  const attributes = { id: first, to, participant, recipient, type, t: atSeconds }
  if (rest.length === 0) return node('receipt', attributes)
  const items = rest.map((id) => node('item', { id }))
  return node('receipt', attributes, [node('list', {}, items)])
}

/**
 * The receipt that a received message is owed once it is stored. What another device of ours sent must be confirmed as
 * `sender`, else the server delivers it again and again.
 *
 * @param isActive - whether somebody looks at this device right now (available presence); else delivery is `inactive`
 */
export function receiptTargetFor(message: ParsedMessage, isActive: boolean): ReceiptTarget {
  const { from, participant } = message
  const inGroup = participant === undefined ? {} : { participant }
  if (message.category === 'peer') return { to: from, ...inGroup, type: 'peer_msg' }
  if (message.isFromMe) {
    return participant === undefined && message.recipient !== undefined
      ? { to: from, recipient: message.recipient, type: 'sender' }
      : { to: from, ...inGroup, type: 'sender' }
  }
  return { to: from, ...inGroup, ...(isActive ? {} : { type: 'inactive' as const }) }
}

/** The additional receipt that a history notification is owed once it is imported. */
export function historyReceiptTarget(message: ParsedMessage): ReceiptTarget {
  return { to: userJid(message.from), type: 'hist_sync' }
}

/**
 * ```xml
 * <receipt from="15550000002:3@s.whatsapp.net" id="A1" t="1700000000" type="read" offline="0">
 *   <list><item id="A2"/></list>
 * </receipt>
 * <receipt from="123@g.us" id="A1" type="read"><participants key="A1"><user jid="100000000002@lid" t="1700000000"/></participants></receipt>
 * ```
 *
 * @source whatsmeow `receipt.go` handleGroupedReceipt for `participants`
 */
export function parseReceipt(stanza: BinaryNode): ParsedReceipt {
  const list = childOf(stanza, 'list')
  const items = list === undefined ? [] : childrenOf(list, 'item')
  const { participant, recipient, type, offline } = stanza.attrs
  const atSeconds = numberAttribute(stanza, 't')
  return {
    ids: [...new Set([requireAttribute(stanza, 'id'), ...items.map((item) => requireAttribute(item, 'id'))])],
    from: requireAttribute(stanza, 'from'),
    ...(participant === undefined ? {} : { participant }),
    ...(recipient === undefined ? {} : { recipient }),
    type: type ?? 'delivery',
    ...(atSeconds === undefined ? {} : { atSeconds }),
    isOffline: offline !== undefined,
    members: childrenOf(stanza, 'participants').flatMap(membersOf),
  }
}

function membersOf(participants: BinaryNode): readonly MemberReceipt[] {
  const id = requireAttribute(participants, 'key')
  return childrenOf(participants, 'user').map((user) => {
    const atSeconds = numberAttribute(user, 't')
    return { id, jid: requireAttribute(user, 'jid'), ...(atSeconds === undefined ? {} : { atSeconds }) }
  })
}
