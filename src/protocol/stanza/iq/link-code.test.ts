/** The shapes are compared with what Baileys 7.0.0-rc14 writes in `requestPairingCode` and `link_code_companion_reg`. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBinaryNode } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../../base/errors.ts'
import { decodeNode } from '../../binary/decode.ts'
import { encodeNode } from '../../binary/encode.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { isLinkCodeNotification, parseLinkCodeNotification } from '../link-code-notification.ts'
import { linkCodeFinish, linkCodeHello } from './link-code.ts'

const PHONE = '15550000001@s.whatsapp.net'
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)

/** The same stanza, by Baileys' writer. */
function baileysBytes(
  stage: string,
  attrs: Record<string, string>,
  content: [string, string | Uint8Array][],
) {
  const children = content.map(([tag, value]) => ({ tag, attrs: {}, content: value }))
  return new Uint8Array(
    encodeBinaryNode({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'md' },
      content: [
        { tag: 'link_code_companion_reg', attrs: { jid: PHONE, stage, ...attrs }, content: children },
      ],
    }),
  )
}

describe('the queries', () => {
  it('refuse an answer without a reference', () => {
    const input = {} as never
    expect(() => linkCodeHello.parse(node('iq', { type: 'result' }), input)).toThrow(ProtocolError)
    const empty = node('iq', { type: 'result' }, [node('link_code_companion_reg')])
    expect(() => linkCodeHello.parse(empty, input)).toThrow(ProtocolError)
  })

  it('say hello byte for byte as Baileys does', () => {
    const hello = linkCodeHello.build({
      phoneJid: PHONE,
      wrappedEphemeral: bytes(80, 1),
      noisePublicKey: bytes(32, 2),
      clientType: 1,
      displayName: 'Chrome (Ubuntu)',
    })
    const expected = baileysBytes('companion_hello', { should_show_push_notification: 'true' }, [
      ['link_code_pairing_wrapped_companion_ephemeral_pub', bytes(80, 1)],
      ['companion_server_auth_key_pub', bytes(32, 2)],
      ['companion_platform_id', '1'],
      ['companion_platform_display', 'Chrome (Ubuntu)'],
      ['link_code_pairing_nonce', '0'],
    ])
    expect(decodeNode(encodeNode(hello))).toEqual(decodeNode(expected))
  })

  it('finish as Baileys does', () => {
    const finish = linkCodeFinish.build({
      phoneJid: PHONE,
      wrappedKeyBundle: bytes(156, 3),
      identityPublicKey: bytes(32, 4),
      ref: bytes(20, 5),
    })
    const expected = baileysBytes('companion_finish', {}, [
      ['link_code_pairing_wrapped_key_bundle', bytes(156, 3)],
      ['companion_identity_public', bytes(32, 4)],
      ['link_code_pairing_ref', bytes(20, 5)],
    ])
    expect(decodeNode(encodeNode(finish))).toEqual(decodeNode(expected))
  })
})

describe('the notification', () => {
  const parts: readonly BinaryNode[] = [
    node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, bytes(80, 6)),
    node('primary_identity_pub', {}, bytes(32, 7)),
    node('link_code_pairing_ref', {}, bytes(20, 8)),
  ]
  const notification = (content: readonly BinaryNode[]): BinaryNode =>
    node('notification', { type: 'link_code_companion_reg', id: '1', from: '@s.whatsapp.net' }, [
      node('link_code_companion_reg', { stage: 'primary_hello' }, content),
    ])

  it.each([1, 2])('is refused without its child %i', (index) => {
    const rest = parts.filter((_, at) => at !== index)
    expect(() => parseLinkCodeNotification(notification(rest))).toThrow(ProtocolError)
  })

  it('is refused when the identity key has another length', () => {
    const [wrapped, , ref] = parts
    const content = [wrapped, node('primary_identity_pub', {}, bytes(33, 7)), ref].filter(
      (one) => one != null,
    )
    expect(() => parseLinkCodeNotification(notification(content))).toThrow(ProtocolError)
  })

  it('makes nothing but protocol errors of arbitrary children', () => {
    const child = fc.record({
      tag: fc.constantFrom(...parts.map(({ tag }) => tag)),
      attrs: fc.constant({}),
      content: fc.uint8Array({ maxLength: 100 }),
    })
    fc.assert(
      fc.property(fc.array(child, { maxLength: 5 }), (content) => {
        try {
          parseLinkCodeNotification(notification(content))
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 7, numRuns: 200 },
    )
  })

  it('without the key of the phone is the passkey step, not an error', () => {
    expect(parseLinkCodeNotification(notification([]))).toEqual({ type: 'passkey' })
    expect(parseLinkCodeNotification(notification(parts.slice(1)))).toEqual({ type: 'passkey' })
  })

  it('gives what the phone answered', () => {
    expect(isLinkCodeNotification(notification(parts))).toBe(true)
    expect(isLinkCodeNotification(node('notification', { type: 'encrypt' }))).toBe(false)
    expect(parseLinkCodeNotification(notification(parts))).toEqual({
      type: 'primary-hello',
      ref: bytes(20, 8),
      primaryIdentity: bytes(32, 7),
      wrappedPrimaryEphemeral: bytes(80, 6),
    })
  })
})
