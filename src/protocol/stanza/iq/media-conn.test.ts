import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { fetchMediaConnection } from './media-conn.ts'

const answer = (attributes: Record<string, string>, hosts: readonly BinaryNode[] = []): BinaryNode =>
  node('iq', { type: 'result' }, [node('media_conn', attributes, hosts)])

const read = (stanza: BinaryNode): unknown => fetchMediaConnection.parse(stanza)

describe('the media servers', () => {
  it.each([
    ['no answer inside', node('iq', { type: 'result' })],
    ['no token', answer({ ttl: '300' })],
    ['a lifetime that is no number', answer({ auth: 'a', ttl: 'long' })],
    ['a host without a name', answer({ auth: 'a', ttl: '300' }, [node('host', { type: 'primary' })])],
  ])('are refused with %s', (_what, stanza) => {
    expect(() => read(stanza)).toThrow(ProtocolError)
  })

  it('are not more than a client can use', () => {
    const many = Array.from({ length: 100 }, (_, index) => node('host', { hostname: `h${String(index)}` }))
    expect(fetchMediaConnection.parse(answer({ auth: 'a', ttl: '300' }, many)).hosts).toHaveLength(16)
  })

  it('come with those for an emergency last, and without what is not understood', () => {
    const hosts = [
      node('host', { hostname: 'mmg-fallback.whatsapp.net', type: 'fallback' }),
      node('host', { hostname: 'media-1.cdn.whatsapp.net', type: 'primary', novelty: '1' }, [
        node('download'),
      ]),
      node('host', { hostname: 'mmg.whatsapp.net', maxContentLengthBytes: '100' }),
    ]
    expect(read(answer({ auth: 'token', ttl: '300', auth_ttl: '21600', max_buckets: '12' }, hosts))).toEqual({
      auth: 'token',
      ttlSeconds: 300,
      authTtlSeconds: 21_600,
      hosts: [
        { hostname: 'media-1.cdn.whatsapp.net', isFallback: false },
        { hostname: 'mmg.whatsapp.net', isFallback: false, maxContentLengthBytes: 100 },
        { hostname: 'mmg-fallback.whatsapp.net', isFallback: true },
      ],
    })
  })

  it('are good for as long as their token where only one time is told', () => {
    expect(read(answer({ auth: 'a', ttl: '60' }))).toMatchObject({ ttlSeconds: 60, authTtlSeconds: 60 })
    expect(read(answer({ auth: 'a' }))).toMatchObject({ ttlSeconds: 300, authTtlSeconds: 300 })
  })
})
