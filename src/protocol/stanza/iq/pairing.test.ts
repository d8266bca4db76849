import { describe, expect, it } from 'vitest'
import { utf8Bytes } from '../../../base/bytes.ts'
import { ProtocolError } from '../../../base/errors.ts'
import { node } from '../../binary/node.ts'
import {
  buildPairDeviceResult,
  buildPairDeviceSign,
  buildPairError,
  isLinkingRequest,
  isPairing,
  parsePairDevice,
  parsePairSuccess,
} from './pairing.ts'

const from = '@s.whatsapp.net'
const pairDevice = node('iq', { from, id: 'I1', type: 'set', xmlns: 'md' }, [
  node('pair-device', {}, [node('ref', {}, utf8Bytes('2@first')), node('ref', {}, '2@second'), node('ref')]),
])
const success = [
  node('device-identity', {}, Uint8Array.of(1)),
  node('biz', { name: 'Shop' }),
  node('device', { jid: '15550000001:3@s.whatsapp.net', lid: '100000000001:3@lid' }),
  node('platform', { name: 'android' }),
]

describe('pairing stanzas', () => {
  it('are recognised', () => {
    expect(isPairing(pairDevice)).toBe('pair-device')
    expect(isPairing(node('iq', {}, [node('pair-success')]))).toBe('pair-success')
    expect(isPairing(node('iq', {}, [node('ping')]))).toBeUndefined()
    expect(isPairing(node('message', {}, [node('pair-success')]))).toBeUndefined()
  })

  it('are requests that must be answered, like any other of their namespace', () => {
    expect(isLinkingRequest(pairDevice)).toBe(true)
    expect(isLinkingRequest(node('iq', { id: '1', type: 'get', xmlns: 'md' }))).toBe(true)
    expect(isLinkingRequest(node('iq', { id: '1', type: 'result', xmlns: 'md' }))).toBe(false)
    expect(isLinkingRequest(node('iq', { type: 'get', xmlns: 'md' }))).toBe(false)
    expect(isLinkingRequest(node('iq', { id: '1', type: 'get', xmlns: 'urn:xmpp:ping' }))).toBe(false)
  })

  it('offer no more refs than a screen needs', () => {
    const refs = Array.from({ length: 40 }, (_, index) => node('ref', {}, `2@${String(index)}`))
    expect(parsePairDevice(node('iq', { id: 'I1' }, [node('pair-device', {}, refs)])).refs).toHaveLength(32)
  })

  it('offer refs, which are answered by id', () => {
    expect(() => parsePairDevice(node('iq', { id: 'I1' }))).toThrow(ProtocolError)
    const empty = node('iq', { id: 'I1' }, [node('pair-device', {}, [node('ref')])])
    expect(() => parsePairDevice(empty)).toThrow(ProtocolError)
    expect(parsePairDevice(pairDevice)).toEqual({ id: 'I1', refs: ['2@first', '2@second'] })
    expect(buildPairDeviceResult('I1')).toEqual({ tag: 'iq', attrs: { to: from, type: 'result', id: 'I1' } })
  })

  it.each(['device-identity', 'device'])('are refused without %s', (tag) => {
    const torn = node('iq', { id: 'I2' }, [
      node(
        'pair-success',
        {},
        success.filter((child) => child.tag !== tag),
      ),
    ])
    expect(() => parsePairSuccess(torn)).toThrow(ProtocolError)
  })

  it('say who the device has become', () => {
    const stanza = node('iq', { from, id: 'I2', t: '1700000000', type: 'set' }, [
      node('pair-success', {}, success),
    ])
    expect(parsePairSuccess(stanza)).toEqual({
      id: 'I2',
      deviceIdentity: Uint8Array.of(1),
      jid: '15550000001:3@s.whatsapp.net',
      lid: '100000000001:3@lid',
      platform: 'android',
      businessName: 'Shop',
      sentAtSeconds: 1_700_000_000,
    })
  })

  it('are answered with the signed identity, or with the reason for refusing it', () => {
    expect(buildPairDeviceSign('I2', { reply: Uint8Array.of(2), keyIndex: 3 })).toEqual({
      tag: 'iq',
      attrs: { to: from, type: 'result', id: 'I2' },
      content: [
        {
          tag: 'pair-device-sign',
          attrs: {},
          content: [{ tag: 'device-identity', attrs: { 'key-index': '3' }, content: Uint8Array.of(2) }],
        },
      ],
    })
    expect(buildPairError('I2', { code: 401, text: 'hmac-mismatch' })).toEqual({
      tag: 'iq',
      attrs: { to: from, type: 'error', id: 'I2' },
      content: [{ tag: 'error', attrs: { code: '401', text: 'hmac-mismatch' } }],
    })
  })
})
