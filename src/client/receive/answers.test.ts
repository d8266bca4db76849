import { describe, expect, it } from 'vitest'
import { childOf, childrenOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { parseReceipt } from '../../protocol/stanza/receipt.ts'
import type { ReceiptTarget } from '../../protocol/stanza/receipt.ts'
import { combineAnswers } from './answers.ts'
import type { Answer } from './answers.ts'

const BOB: ReceiptTarget = { to: '15550000002@s.whatsapp.net', type: 'inactive' }
const GROUP = '120363000000000001@g.us'
const PARTICIPANT = '15550000002@s.whatsapp.net'

const receipt = (id: string, target: ReceiptTarget = BOB): Answer => ({ kind: 'receipt', id, target })

/** The ids that a receipt speaks of. */
function idsOf(stanza: BinaryNode): readonly string[] {
  const list = childOf(stanza, 'list')
  const more = list === undefined ? [] : childrenOf(list, 'item').map(({ attrs }) => attrs.id ?? '')
  return [stanza.attrs.id ?? '', ...more]
}

describe('answers of one commit', () => {
  it('are receipts of 256 messages at most, in order', () => {
    const ids = Array.from({ length: 600 }, (_, number) => `M${String(number)}`)
    const stanzas = combineAnswers(ids.map((id) => receipt(id)))
    expect(stanzas.map((stanza) => idsOf(stanza).length)).toEqual([256, 256, 88])
    expect(stanzas.flatMap(idsOf)).toEqual(ids)
  })

  it('never speak for two devices, chats or kinds in one receipt', () => {
    const targets: readonly ReceiptTarget[] = [
      BOB,
      { to: BOB.to },
      { to: '15550000003@s.whatsapp.net', type: 'inactive' },
      { to: GROUP, participant: PARTICIPANT, type: 'inactive' },
      { to: GROUP, participant: '15550000003@s.whatsapp.net', type: 'inactive' },
      { to: GROUP, participant: PARTICIPANT, recipient: '15550000004@s.whatsapp.net', type: 'inactive' },
    ]
    const twice = [...targets, ...targets]
    const stanzas = combineAnswers(twice.map((target, index) => receipt(`M${String(index)}`, target)))
    expect(stanzas).toHaveLength(targets.length)
    for (const [index, target] of targets.entries()) {
      const stanza = stanzas[index]
      const { to, participant, recipient, type } = stanza?.attrs ?? {}
      expect({ to, participant, recipient, type }).toEqual({
        to: target.to,
        participant: target.participant,
        recipient: target.recipient,
        type: target.type,
      })
      expect(stanza && idsOf(stanza)).toEqual([`M${String(index)}`, `M${String(index + targets.length)}`])
    }
  })

  it('name a message that was delivered twice once, and keep what is no receipt in its place', () => {
    const ack: Answer = { kind: 'stanza', stanza: { tag: 'ack', attrs: { id: 'N1' } } }
    const stanzas = combineAnswers([receipt('M1'), ack, receipt('M1'), receipt('M2'), ack])
    expect(stanzas.map(({ tag }) => tag)).toEqual(['receipt', 'ack', 'ack'])
    expect(stanzas[0] && idsOf(stanzas[0])).toEqual(['M1', 'M2'])
  })

  it('are read as they were meant', () => {
    const [stanza] = combineAnswers([receipt('M1'), receipt('M2')])
    if (stanza === undefined) throw new RangeError('no receipt')
    const { to = '', ...attrs } = stanza.attrs
    expect(parseReceipt({ ...stanza, attrs: { ...attrs, from: to } })).toMatchObject({ ids: ['M1', 'M2'] })
  })

  it('of nothing are none', () => {
    expect(combineAnswers([])).toEqual([])
  })
})
