import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { parseNotification } from './notification.ts'

function notification(attrs: Record<string, string>, ...children: BinaryNode[]): BinaryNode {
  return node('notification', { id: 'N1', from: '@s.whatsapp.net', t: '1700000000', ...attrs }, children)
}

describe('a notification', () => {
  it.each([
    notification({}),
    node('notification', { id: 'N1', type: 'encrypt' }),
    node('notification', { from: '@s.whatsapp.net', type: 'encrypt' }),
  ])('is refused when it is incomplete: %o', (stanza) => {
    expect(() => parseNotification(stanza)).toThrow(ProtocolError)
  })

  it('has its common attributes read whatever its kind, and its children kept', () => {
    const stanza = notification(
      { type: 'w:gp2', participant: '2@lid', notify: 'Bob', offline: '2' },
      node('subject'),
    )
    expect(parseNotification(stanza)).toEqual({
      id: 'N1',
      from: '@s.whatsapp.net',
      kind: 'w:gp2',
      participant: '2@lid',
      pushName: 'Bob',
      atSeconds: 1_700_000_000,
      isOffline: true,
      addresses: [],
      raw: stanza,
    })
  })
})
