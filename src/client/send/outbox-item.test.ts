import { describe, expect, test } from 'vitest'
import { outboxItem, outboxRow, salvagedItem, withoutStanza } from './outbox-item.ts'
import type { OutboxBody, OutboxItem } from './outbox-item.ts'

const BODY: OutboxBody = {
  to: '15550000002@s.whatsapp.net',
  message: Uint8Array.of(10, 5, 104, 101, 108, 108, 111),
  stanzaType: 'text',
}

function item(body: Partial<OutboxBody> = {}): OutboxItem {
  return { id: 'A', chat: '1@lid', position: 7, state: 'queued', at: 9, body: { ...BODY, ...body } }
}

/** Through bytes: what is at hand is not decoded again. */
function again(value: OutboxItem): OutboxItem {
  const row = outboxRow(value)
  return outboxItem({ ...row, value: Uint8Array.from(row.value) })
}

describe('the row of a message', () => {
  test.each([
    ['a length beyond its end', Uint8Array.of(2, 0, 0, 1, 0, 1)],
    ['no length', Uint8Array.of(2, 0, 0)],
    ['no message', Uint8Array.of(2, 0, 0, 0, 2, 123, 125, 0, 0, 0, 0)],
    ['nothing', new Uint8Array(0)],
  ])('with %s is refused', (_what, value) => {
    expect(() => outboxItem({ ...outboxRow(item()), value })).toThrow(
      expect.objectContaining({ code: 'WATON_STORE_RECORD' }),
    )
  })

  test('of a newer version is refused with what to do', () => {
    const value = Uint8Array.of(3, 1)
    expect(() => outboxItem({ ...outboxRow(item()), value })).toThrow(
      expect.objectContaining({ code: 'WATON_STORE_RECORD_NEWER' }),
    )
  })

  // written by the version before, byte for byte as JSON
  test('of the first version is read', () => {
    const text =
      '{"to":"15550000002@s.whatsapp.net","message":{"base64":"CgVoZWxsbw=="},"stanzaType":"text","stanza":{"base64":"AAEC"},"failure":{"code":"X","serverCode":479}}'
    const value = Uint8Array.of(1, ...new TextEncoder().encode(text))
    expect(outboxItem({ ...outboxRow(item()), value }).body).toEqual({
      ...BODY,
      stanza: Uint8Array.of(0, 1, 2),
      failure: { code: 'X', serverCode: 479 },
    })
  })

  test('is read as it was written', () => {
    const trouble = {
      attempts: 2,
      sinceMs: 5,
      code: 'Y',
      serverCode: 463,
      repaired: [463],
      isRepairDue: true,
    }
    for (const one of [
      item(),
      item({ stanza: Uint8Array.of(1, 2, 3) }),
      item({ trouble, failure: { code: 'X' }, message: new Uint8Array(70_000).fill(7) }),
    ])
      expect(again(one)).toEqual(one)
  })

  test('is little more than what it holds', () => {
    const message = new Uint8Array(10_000)
    expect(outboxRow(item({ message, stanza: message })).value.length).toBeLessThan(20_100)
  })
})

test('an item loses its stanza and nothing else', () => {
  expect(withoutStanza(item({ stanza: Uint8Array.of(1) }), 'acknowledged')).toEqual({
    ...item(),
    state: 'acknowledged',
  })
})

test.each([
  ['queued', 'failed'],
  ['encrypted', 'failed'],
  ['nonsense', 'failed'],
  ['failed', 'failed'],
  ['acknowledged', 'acknowledged'],
  ['cancelled', 'cancelled'],
])('a row that is %s and cannot be read is %s', (state, left) => {
  expect(salvagedItem({ ...outboxRow(item()), state }, 'CODE').state).toBe(left)
})
