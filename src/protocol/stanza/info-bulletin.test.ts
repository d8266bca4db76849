import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { utf8Bytes } from '../../base/bytes.ts'
import { node } from '../binary/node.ts'
import { buildOfflineBatch, buildUnifiedSession, parseInfoBulletin } from './info-bulletin.ts'

describe('information bulletins', () => {
  it.each([
    node('offline', { count: 'many' }),
    node('dirty', { timestamp: '1' }),
    node('dirty', { type: 'groups', timestamp: 'x' }),
  ])('refuse %o', (child) => {
    expect(() => parseInfoBulletin(node('ib', {}, [child]))).toThrow(ProtocolError)
  })

  it('are all read, in order, and unknown ones kept', () => {
    const metadata = node('thread_metadata', {}, [node('item')])
    const stanza = node('ib', { from: '@s.whatsapp.net' }, [
      node('offline_preview', { count: '12', message: '8', receipt: '3', notification: '1' }),
      node('offline', { count: '12' }),
      node('edge_routing', {}, [
        node('routing_info', {}, Uint8Array.of(1, 2)),
        node('dns_domain', {}, utf8Bytes('fb')),
      ]),
      node('dirty', { type: 'account_sync', timestamp: '1700000000' }),
      node('downgrade_webclient'),
      node('client_expiration', { t: '1700000000' }),
      metadata,
      node('edge_routing'),
    ])
    expect(parseInfoBulletin(stanza)).toEqual([
      { type: 'offline-preview', total: 12, messages: 8, receipts: 3, notifications: 1, appData: 0 },
      { type: 'offline-end', total: 12 },
      { type: 'edge-routing', routingInfo: Uint8Array.of(1, 2), domain: 'fb' },
      { type: 'dirty', what: 'account_sync', timestampSeconds: 1_700_000_000 },
      { type: 'downgrade' },
      { type: 'client-expiration', expiresAtSeconds: 1_700_000_000 },
      { type: 'unknown', tag: 'thread_metadata', raw: metadata },
      { type: 'unknown', tag: 'edge_routing', raw: { tag: 'edge_routing', attrs: {} } },
    ])
    expect(parseInfoBulletin(node('ib'))).toEqual([])
  })

  it('that we send ask for the offline queue and name the session by the position in a shifted week', () => {
    expect(buildOfflineBatch(100)).toEqual({
      tag: 'ib',
      attrs: {},
      content: [{ tag: 'offline_batch', attrs: { count: '100' } }],
    })
    // 1970-01-01 is a Thursday: four days later the shifted week begins anew.
    const fourDaysMs = 4 * 24 * 60 * 60 * 1000
    expect(buildUnifiedSession(fourDaysMs + 5)).toEqual({
      tag: 'ib',
      attrs: {},
      content: [{ tag: 'unified_session', attrs: { id: '5' } }],
    })
  })
})
