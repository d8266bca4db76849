import { describe, expect, it } from 'vitest'
import { ProtocolError, UsageError } from '../../base/errors.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { parseMessage, type ParsedMessage } from './message.ts'
import { buildReceipt, historyReceiptTarget, parseReceipt, receiptTargetFor } from './receipt.ts'

const own = { pn: '15550000001:3@s.whatsapp.net', lid: '100000000001:3@lid' }

function received(attrs: Record<string, string>): ParsedMessage {
  return parseMessage(node('message', { id: 'A1', t: '1', ...attrs }), own)
}

describe('building a receipt', () => {
  it('is refused without ids', () => {
    expect(() => buildReceipt({ to: '1@s.whatsapp.net', ids: [] })).toThrow(UsageError)
  })

  it('of one message has no list, and no type when it says delivered', () => {
    expect(buildReceipt({ to: '15550000002:4@s.whatsapp.net', ids: ['A1'] })).toEqual({
      tag: 'receipt',
      attrs: { id: 'A1', to: '15550000002:4@s.whatsapp.net' },
    })
  })

  it('of several messages lists all but the first', () => {
    const receipt = {
      to: '1@g.us',
      participant: '2@lid',
      type: 'read' as const,
      ids: ['A1', 'A2', 'A3'],
      atSeconds: 1_700_000_000,
    }
    expect(buildReceipt(receipt)).toEqual({
      tag: 'receipt',
      attrs: { id: 'A1', to: '1@g.us', participant: '2@lid', type: 'read', t: '1700000000' },
      content: [
        {
          tag: 'list',
          attrs: {},
          content: [
            { tag: 'item', attrs: { id: 'A2' } },
            { tag: 'item', attrs: { id: 'A3' } },
          ],
        },
      ],
    })
  })
})

describe('the receipt that a message is owed', () => {
  it('goes to the device that wrote it, as inactive while nobody looks', () => {
    const message = received({ from: '15550000002:4@s.whatsapp.net' })
    expect(receiptTargetFor(message, true)).toEqual({ to: '15550000002:4@s.whatsapp.net' })
    expect(receiptTargetFor(message, false)).toEqual({ to: '15550000002:4@s.whatsapp.net', type: 'inactive' })
  })

  it('names the participant in a group', () => {
    const message = received({ from: '123@g.us', participant: '100000000002:4@lid' })
    expect(receiptTargetFor(message, true)).toEqual({ to: '123@g.us', participant: '100000000002:4@lid' })
  })

  it('of our own message to somebody goes to our device and names the chat, else the server repeats it', () => {
    const message = received({ from: '15550000001@s.whatsapp.net', recipient: '15550000002@s.whatsapp.net' })
    const expected = {
      to: '15550000001@s.whatsapp.net',
      recipient: '15550000002@s.whatsapp.net',
      type: 'sender',
    }
    expect(receiptTargetFor(message, false)).toEqual(expected)
  })

  it('of our own message in a group names our device as participant', () => {
    const message = received({ from: '123@g.us', participant: '15550000001@s.whatsapp.net' })
    expect(receiptTargetFor(message, false)).toEqual({
      to: '123@g.us',
      participant: '15550000001@s.whatsapp.net',
      type: 'sender',
    })
  })

  it('between own devices is a peer receipt, and a second one tells of imported history', () => {
    const message = received({ from: '15550000001:0@s.whatsapp.net', category: 'peer' })
    expect(receiptTargetFor(message, false)).toEqual({ to: '15550000001:0@s.whatsapp.net', type: 'peer_msg' })
    expect(historyReceiptTarget(message)).toEqual({ to: '15550000001@s.whatsapp.net', type: 'hist_sync' })
  })
})

describe('reading a receipt', () => {
  it.each<[string, Record<string, string>]>([
    ['no id', { from: '1@s.whatsapp.net' }],
    ['no sender', { id: 'A1' }],
    ['an odd time', { id: 'A1', from: '1@s.whatsapp.net', t: '1.5' }],
  ])('is refused with %s', (_, attrs) => {
    expect(() => parseReceipt(node('receipt', attrs))).toThrow(ProtocolError)
  })

  it('takes an absent type for delivery', () => {
    const parsed = parseReceipt(
      node('receipt', { id: 'A1', from: '15550000002:4@s.whatsapp.net', t: '1700000000' }),
    )
    expect(parsed).toEqual({
      ids: ['A1'],
      from: '15550000002:4@s.whatsapp.net',
      type: 'delivery',
      atSeconds: 1_700_000_000,
      isOffline: false,
      members: [],
    })
  })

  it('collects listed ids once, and keeps types it does not know', () => {
    const list = node(
      'list',
      {},
      ['A2', 'A1', 'A3'].map((id) => node('item', { id })),
    )
    const stanza = node(
      'receipt',
      { id: 'A1', from: '1@g.us', participant: '2@lid', recipient: '3@lid', type: 'novel', offline: '1' },
      [list],
    )
    expect(parseReceipt(stanza)).toEqual({
      ids: ['A1', 'A2', 'A3'],
      from: '1@g.us',
      participant: '2@lid',
      recipient: '3@lid',
      type: 'novel',
      isOffline: true,
      members: [],
    })
  })

  it('of a group may say for each member what and when', () => {
    const user = (jid: string, t: string): BinaryNode => node('user', { jid, t })
    const stanza = node('receipt', { id: 'A1', from: '1@g.us', type: 'read' }, [
      node('participants', { key: 'A1' }, [user('2@lid', '1700000001'), user('3@lid', '1700000002')]),
    ])
    expect(parseReceipt(stanza).members).toEqual([
      { id: 'A1', jid: '2@lid', atSeconds: 1_700_000_001 },
      { id: 'A1', jid: '3@lid', atSeconds: 1_700_000_002 },
    ])
  })
})
