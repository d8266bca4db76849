import { describe, expect, it } from 'vitest'
import { getErrorCodeFromStreamError } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { parseStreamFailure, parseSuccess } from './stream.ts'

function streamError(attrs: Record<string, string>, ...children: BinaryNode[]): BinaryNode {
  return node('stream:error', attrs, children)
}

describe('the end of a stream', () => {
  it('is refused with a code that is no number', () => {
    expect(() => parseStreamFailure(streamError({ code: 'x' }))).toThrow(ProtocolError)
    expect(() => parseStreamFailure(node('failure', { reason: '' }))).toThrow(ProtocolError)
  })

  it('is not what other stanzas say', () => {
    expect(parseStreamFailure(node('ib'))).toBeUndefined()
  })

  const errors: readonly (readonly [string, BinaryNode])[] = [
    ['restart-required', streamError({ code: '515' })],
    ['replaced', streamError({}, node('conflict', { type: 'replaced' }))],
    ['logged-out', streamError({ code: '401' }, node('conflict', { type: 'device_removed' }))],
    ['service-unavailable', streamError({ code: '503' })],
    ['not-well-formed', streamError({}, node('xml-not-well-formed'))],
    ['ack-missing', streamError({}, node('ack', { id: 'A1', class: 'receipt' }))],
    ['rate-limited', streamError({ code: '429' })],
    ['unknown', streamError({ code: '777' })],
    ['unknown', streamError({})],
  ]

  it.each(errors)('is %s, with the number that Baileys gives it', (reason, stanza) => {
    const failure = parseStreamFailure(stanza)
    const content = [...(stanza.content as readonly BinaryNode[])].map(({ tag, attrs }) => ({
      tag,
      attrs: { ...attrs },
    }))
    const expected = getErrorCodeFromStreamError({ tag: stanza.tag, attrs: { ...stanza.attrs }, content })
    expect(failure).toMatchObject({ source: 'stream-error', reason, serverCode: expected.statusCode })
    expect(failure?.raw).toBe(stanza)
  })

  it('counts a bare 409 and a removal without a code by what they mean', () => {
    expect(parseStreamFailure(streamError({ code: '409' }))).toMatchObject({
      reason: 'replaced',
      serverCode: 440,
    })
    const removed = streamError({}, node('conflict', { type: 'device_removed' }))
    expect(parseStreamFailure(removed)).toMatchObject({ reason: 'logged-out', serverCode: 401 })
  })

  it.each([
    ['401', 'logged-out'],
    ['403', 'account-locked'],
    ['405', 'version-outdated'],
    ['406', 'banned'],
    ['409', 'bad-user-agent'],
    ['500', 'server-error'],
    ['999', 'unknown'],
  ])('with failure %s is %s', (code, reason) => {
    const failure = parseStreamFailure(node('failure', { reason: code, location: 'odn' }))
    expect(failure).toMatchObject({ source: 'failure', reason, serverCode: Number(code) })
  })

  it('tells why and how long an account is banned', () => {
    const failure = parseStreamFailure(node('failure', { reason: '402', code: '101', expire: '3600' }))
    expect(failure).toMatchObject({
      reason: 'temporarily-banned',
      ban: { code: 101, expiresInSeconds: 3600 },
    })
  })

  it('may come without a word', () => {
    expect(parseStreamFailure(node('xmlstreamend'))).toMatchObject({ source: 'stream-end', serverCode: 428 })
  })
})

describe('the success of a login', () => {
  it('is refused with a time that is no number', () => {
    expect(() => parseSuccess(node('success', { t: 'soon' }))).toThrow(ProtocolError)
  })

  it('names the LID and the time of the server', () => {
    const stanza = node('success', {
      lid: '100000000001:3@lid',
      t: '1700000000',
      display_name: 'Alice',
      location: 'odn',
    })
    expect(parseSuccess(stanza)).toEqual({
      lid: '100000000001:3@lid',
      serverTimeSeconds: 1_700_000_000,
      displayName: 'Alice',
    })
  })
})
