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
    notification({ type: 'server_sync' }, node('collection')),
    notification({ type: 'encrypt' }, node('count', { value: 'few' })),
    notification({ type: 'devices' }, node('add', {}, [node('device')])),
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
      content: { type: 'other' },
      raw: stanza,
    })
  })

  it.each([
    [notification({ type: 'encrypt' }, node('count', { value: '3' })), { type: 'pre-keys-low', count: 3 }],
    [notification({ type: 'encrypt' }, node('identity')), { type: 'identity-changed' }],
    [notification({ type: 'encrypt' }, node('digest')), { type: 'other' }],
    [notification({ type: 'devices' }), { type: 'other' }],
  ])('about keys and devices says what changed: %o', (stanza, content) => {
    expect(parseNotification(stanza).content).toEqual(content)
  })

  it('of app state lists all collections, not only the first', () => {
    const stanza = notification(
      { type: 'server_sync' },
      node('collection', { name: 'regular', version: '4' }),
      node('collection', { name: 'critical_block' }),
    )
    expect(parseNotification(stanza).content).toEqual({
      type: 'server-sync',
      collections: [{ name: 'regular', version: 4 }, { name: 'critical_block' }],
    })
  })

  it('of devices lists them and teaches which LID belongs to whom', () => {
    const device = node('device', {
      jid: '15550000002:3@s.whatsapp.net',
      'key-index': '2',
      lid: '100000000002:3@lid',
    })
    const stanza = notification(
      { type: 'devices', from: '15550000002@s.whatsapp.net', lid: '100000000002@lid' },
      node('add', { device_hash: '2:x' }, [device, node('key-index-list', { ts: '1' })]),
    )
    expect(parseNotification(stanza)).toMatchObject({
      content: {
        type: 'devices',
        action: 'add',
        devices: [{ jid: '15550000002:3@s.whatsapp.net', keyIndex: 2 }],
        deviceHash: '2:x',
      },
      addresses: [{ pn: '15550000002@s.whatsapp.net', lid: '100000000002@lid' }],
    })
  })

  it('of our own account names what changed', () => {
    const devices = node('devices', { dhash: '2:x' }, [
      node('device', { jid: '15550000001:3@s.whatsapp.net' }),
    ])
    const stanza = notification({ type: 'account_sync' }, devices, node('privacy'))
    expect(parseNotification(stanza).content).toEqual({
      type: 'account-sync',
      parts: ['devices', 'privacy'],
      devices: [{ jid: '15550000001:3@s.whatsapp.net' }],
    })
  })
})
