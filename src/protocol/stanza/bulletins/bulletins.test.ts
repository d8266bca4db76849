import { describe, expect, it } from 'vitest'
import { utf8Bytes } from '../../../base/bytes.ts'
import { ProtocolError } from '../../../base/errors.ts'
import { node } from '../../binary/node.ts'
import {
  parseClientExpiration,
  parseDirty,
  parseEdgeRouting,
  parseOfflineEnd,
  parseOfflinePreview,
} from './index.ts'

describe('an information bulletin', () => {
  it.each([
    ['the end of the queue', parseOfflineEnd, { count: 'many' }],
    ['an announcement of the queue', parseOfflinePreview, { message: '1.5' }],
    ['a dirty bit without a name', parseDirty, { timestamp: '1' }],
    ['a dirty bit at no time', parseDirty, { type: 'groups', timestamp: 'x' }],
    ['an expiration at no time', parseClientExpiration, { t: 'soon' }],
  ] as const)('is refused: %s', (_name, parse, attrs) => {
    expect(() => parse(node('x', attrs))).toThrow(ProtocolError)
  })

  it('says how much waits, and counts what it does not name as nothing', () => {
    const attrs = { count: '12', message: '8', receipt: '3', notification: '1' }
    expect(parseOfflinePreview(node('offline_preview', attrs))).toEqual({
      total: 12,
      messages: 8,
      receipts: 3,
      notifications: 1,
      appData: 0,
    })
    expect(parseOfflineEnd(node('offline', { count: '12' }))).toBe(12)
    expect(parseOfflineEnd(node('offline'))).toBe(0)
  })

  it('says where to connect, or says nothing', () => {
    const info = node('routing_info', {}, Uint8Array.of(1, 2))
    expect(parseEdgeRouting(node('edge_routing', {}, [info]))).toEqual({ routingInfo: Uint8Array.of(1, 2) })
    expect(
      parseEdgeRouting(node('edge_routing', {}, [info, node('dns_domain', {}, utf8Bytes('fb'))])),
    ).toEqual({ routingInfo: Uint8Array.of(1, 2), domain: 'fb' })
    expect(parseEdgeRouting(node('edge_routing'))).toBeUndefined()
  })

  it('says what changed, and from when on a version is too old', () => {
    expect(parseDirty(node('dirty', { type: 'account_sync', timestamp: '1700000000' }))).toEqual({
      what: 'account_sync',
      timestampSeconds: 1_700_000_000,
    })
    expect(parseDirty(node('dirty', { type: 'groups' }))).toEqual({ what: 'groups' })
    expect(parseClientExpiration(node('client_expiration', { t: '1700000000' }))).toBe(1_700_000_000)
    expect(parseClientExpiration(node('client_expiration'))).toBeUndefined()
  })
})
