/**
 * Answers to the server: each delivered stanza gets exactly one, after its commit, on the connection that delivered it.
 * Receipts of one batch that differ only in their id become one stanza.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { buildReceipt } from '../../protocol/stanza/receipt.ts'
import type { ReceiptTarget } from '../../protocol/stanza/receipt.ts'

/** Ids in one aggregated receipt at most. @source reference: whatsapp-rust receipts, 256 ids a stanza */
export const MAX_RECEIPT_IDS = 256

/** One answer: a receipt that may be aggregated, or a finished stanza. */
export type Answer =
  | { readonly kind: 'receipt'; readonly id: string; readonly target: ReceiptTarget }
  | { readonly kind: 'stanza'; readonly stanza: BinaryNode }

/** Turns answers into stanzas, in order of the first id of each. */
export function combineAnswers(answers: readonly Answer[]): BinaryNode[] {
  const slots: (BinaryNode | { target: ReceiptTarget; ids: string[] })[] = []
  const open = new Map<string, { target: ReceiptTarget; ids: string[] }>()
  for (const answer of answers) {
    if (answer.kind === 'stanza') {
      slots.push(answer.stanza)
      continue
    }
    const { to, participant, recipient, type } = answer.target
    const key = [to, participant, recipient, type].join('\u0000')
    const group = open.get(key)
    if (group !== undefined && group.ids.length < MAX_RECEIPT_IDS) {
      if (!group.ids.includes(answer.id)) group.ids.push(answer.id)
      continue
    }
    const fresh = { target: answer.target, ids: [answer.id] }
    open.set(key, fresh)
    slots.push(fresh)
  }
  return slots.map((slot) => ('ids' in slot ? buildReceipt({ ...slot.target, ids: slot.ids }) : slot))
}
