import { describe, expect, it } from 'vitest'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { Mailbox, MAX_MAILBOX } from './mailbox.ts'

const BOB = '15550000002:3@s.whatsapp.net'
const message = (id: string, from: string = BOB): BinaryNode => node('message', { id, from, type: 'text' })
const receipt = (id: string, from: string, type?: string): BinaryNode => node('receipt', { id, from, type })
const delivered = (id: string, to: string = BOB) => ({ ids: [id], type: undefined, parties: [to] })
const ack = (stanza: BinaryNode) => ({
  class: stanza.tag,
  id: stanza.attrs['id'] ?? '',
  to: stanza.attrs['from'] ?? '',
  type: stanza.attrs['type'],
})

describe('mailbox', () => {
  it('keeps a message whose receipt names somebody else', () => {
    const mailbox = new Mailbox()
    mailbox.add(message('A'), 'receipt')
    expect(mailbox.clearByReceipt(delivered('A', '15550000009@s.whatsapp.net'))).toBe(0)
    expect(mailbox.size).toBe(1)
  })

  it('keeps an own copy until a sender receipt comes: neither an ack nor a delivery receipt clears it', () => {
    const mailbox = new Mailbox()
    mailbox.add(message('A'), 'sender-receipt')
    expect(mailbox.clearByAck(ack(message('A')))).toBe('ignored')
    expect(mailbox.clearByReceipt(delivered('A'))).toBe(0)
    expect(mailbox.clearByReceipt({ ...delivered('A'), type: 'sender' })).toBe(1)
  })

  it('keeps a receipt whose ack names another device or another type', () => {
    const mailbox = new Mailbox()
    mailbox.add(receipt('A', BOB, 'read'), 'ack')
    const bare = { ...ack(receipt('A', BOB, 'read')), to: '15550000002@s.whatsapp.net' }
    expect(mailbox.clearByAck(bare)).toBe('mismatch')
    expect(mailbox.clearByAck({ ...ack(receipt('A', BOB)), type: 'inactive' })).toBe('mismatch')
    expect(mailbox.clearByAck({ ...ack(receipt('B', BOB)) })).toBe('nothing')
    expect(mailbox.size).toBe(1)
  })

  it('clears one stanza per ack: two receipts about one message need two', () => {
    const mailbox = new Mailbox()
    mailbox.add(receipt('A', BOB), 'ack')
    mailbox.add(receipt('A', BOB, 'read'), 'ack')
    expect(mailbox.clearByAck(ack(receipt('A', BOB, 'read')))).toBe('cleared')
    expect(mailbox.after(0).map((entry) => entry.stanza)).toEqual([receipt('A', BOB)])
  })

  it('drops the oldest beyond its bound', () => {
    const mailbox = new Mailbox()
    for (let index = 0; index < MAX_MAILBOX; index += 1) mailbox.add(message(String(index)), 'receipt')
    expect(mailbox.add(message('last'), 'receipt').dropped?.stanza.attrs['id']).toBe('0')
    expect(mailbox.size).toBe(MAX_MAILBOX)
  })

  it('clears a message by its receipt, by an aggregated one, or by an ack', () => {
    const mailbox = new Mailbox()
    for (const id of ['A', 'B', 'C', 'D']) mailbox.add(message(id), 'receipt')
    expect(mailbox.clearByReceipt(delivered('A'))).toBe(1)
    expect(mailbox.clearByReceipt({ ids: ['B', 'C'], type: 'inactive', parties: [BOB] })).toBe(2)
    expect(mailbox.clearByAck(ack(message('D')))).toBe('cleared')
    expect(mailbox.size).toBe(0)
  })

  it('gives what waits in order, from any point on', () => {
    const mailbox = new Mailbox()
    const { entry } = mailbox.add(message('A'), 'receipt')
    mailbox.add(message('B'), 'receipt')
    mailbox.add(message('C'), 'receipt')
    expect(mailbox.after(entry.sequence).map(({ stanza }) => stanza.attrs['id'])).toEqual(['B', 'C'])
  })
})
