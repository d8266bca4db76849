/** The stanzas are written out as WhatsApp Web's parsers take them and travel through Baileys' writer; no other party reads them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBinaryNode } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { decodeNode } from '../binary/decode.ts'
import type { BinaryNode } from '../binary/node.ts'
import { isLinkingNotification, parseCompanionNotification } from './companion-notification.ts'
import { parseLinkCodeNotification } from './link-code-notification.ts'

interface Child {
  tag: string
  attrs: Record<string, string>
  content?: Uint8Array | Child[]
}

function fromBaileys(type: string, content: Child[] = []): BinaryNode {
  const attrs = { from: '@s.whatsapp.net', id: '1', t: '1700000000', type }
  return decodeNode(new Uint8Array(encodeBinaryNode({ tag: 'notification', attrs, content })))
}

const leaf = (tag: string, content?: Uint8Array): Child =>
  content === undefined ? { tag, attrs: {} } : { tag, attrs: {}, content }

describe('a notification for a device that is being linked', () => {
  it('asks for a new secret in one of two spellings, and in no third', () => {
    for (const tag of ['companion_reg_refresh', 'pair-device-rotate-qr'])
      expect(parseCompanionNotification(fromBaileys('companion_reg_refresh', [leaf(tag)]))).toEqual({
        type: 'refresh',
      })
    for (const content of [[], [leaf('refresh')]])
      expect(() => parseCompanionNotification(fromBaileys('companion_reg_refresh', content))).toThrow(
        ProtocolError,
      )
  })

  it('asks for a passkey in two steps', () => {
    const options = leaf('passkey_request_options', Uint8Array.of(123, 125))
    const request = fromBaileys('passkey_prologue_request', [options])
    expect(parseCompanionNotification(request)).toEqual({ type: 'passkey-request' })
    const continuation = fromBaileys('crsc_continuation', [
      leaf('primary_ephemeral_identity', new Uint8Array(64)),
    ])
    expect(parseCompanionNotification(continuation)).toEqual({ type: 'passkey-continuation' })
  })

  it('is told from every other one', () => {
    expect(isLinkingNotification(fromBaileys('link_code_companion_reg'))).toBe(true)
    expect(isLinkingNotification(fromBaileys('crsc_continuation'))).toBe(true)
    for (const type of ['devices', 'encrypt', 'toString']) {
      expect(isLinkingNotification(fromBaileys(type))).toBe(false)
      expect(parseCompanionNotification(fromBaileys(type))).toBeUndefined()
    }
    expect(isLinkingNotification({ tag: 'iq', attrs: { type: 'crsc_continuation' } })).toBe(false)
  })

  it('says that a code is over, and whether a person has to ask for the next', () => {
    const over = (attrs: Record<string, string>, content: Child[]): BinaryNode =>
      fromBaileys('link_code_companion_reg', [
        { tag: 'link_code_companion_reg', attrs: { stage: 'refresh_code', ...attrs }, content },
      ])
    const ref = leaf('link_code_pairing_ref', Uint8Array.of(1, 2, 3))
    const expected = { type: 'refresh', ref: Uint8Array.of(1, 2, 3), isManual: false }
    expect(parseLinkCodeNotification(over({}, [ref]))).toEqual(expected)
    expect(parseLinkCodeNotification(over({ force_manual_refresh: 'false' }, [ref]))).toEqual(expected)
    expect(parseLinkCodeNotification(over({ force_manual_refresh: 'true' }, [ref]))).toEqual({
      ...expected,
      isManual: true,
    })
    expect(() => parseLinkCodeNotification(over({}, []))).toThrow(ProtocolError)
  })

  it('makes nothing but protocol errors of arbitrary children', () => {
    const child = fc.record({ tag: fc.string(), attrs: fc.dictionary(fc.string(), fc.string()) })
    const types = fc.constantFrom(
      'companion_reg_refresh',
      'passkey_prologue_request',
      'crsc_continuation',
      'x',
    )
    fc.assert(
      fc.property(types, fc.array(child, { maxLength: 4 }), (type, content) => {
        try {
          parseCompanionNotification({ tag: 'notification', attrs: { type }, content })
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 7, numRuns: 200 },
    )
  })
})
