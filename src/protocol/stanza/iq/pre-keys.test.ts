import { describe, expect, it } from 'vitest'
import { getNextPreKeysNode, initAuthCreds, xmppSignedPreKey } from '@whiskeysockets/baileys'
import type { KeyPair, SignalKeyStore } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import {
  INVALID_BUNDLE,
  countPreKeys,
  fetchPreKeyDigest,
  fetchPreKeys,
  rotateSignedPreKey,
  uploadPreKeys,
} from './pre-keys.ts'

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const signature = new Uint8Array(64).fill(4)

/** A user of the server's answer with everything in it, or without one of its parts. */
function user(jid: string, without?: string): BinaryNode {
  const parts = [
    node('registration', {}, Uint8Array.of(0, 0, 1, 0)),
    node('type', {}, Uint8Array.of(5)),
    node('identity', {}, key(1)),
    node('skey', {}, [
      node('id', {}, Uint8Array.of(0, 0, 9)),
      node('value', {}, key(2)),
      node('signature', {}, signature),
    ]),
    node('key', {}, [node('id', {}, Uint8Array.of(0, 1, 0)), node('value', {}, key(3))]),
  ]
  return node(
    'user',
    { jid },
    parts.filter(({ tag }) => tag !== without),
  )
}

function answer(...users: BinaryNode[]): BinaryNode {
  return node('iq', { type: 'result' }, [node('list', {}, users)])
}

describe('fetching keys', () => {
  const request = { devices: ['15550000002:3@s.whatsapp.net'] }

  it('refuses an answer without a list', () => {
    expect(() => fetchPreKeys.parse(node('iq', { type: 'result' }), request)).toThrow(ProtocolError)
    expect(() => fetchPreKeys.parse(answer(node('user')), request)).toThrow(ProtocolError)
  })

  it('isolates devices that the server refuses or that published incomplete keys', () => {
    const refused = node('user', { jid: 'a@lid' }, [node('error', { code: '406', text: 'not-acceptable' })])
    const short = node('user', { jid: 'd@lid' }, [node('registration', {}, Uint8Array.of(1))])
    const parsed = fetchPreKeys.parse(answer(refused, user('b@lid', 'skey'), user('c@lid'), short), request)
    expect(parsed).toMatchObject([
      { jid: 'a@lid', errorCode: 406, errorText: 'not-acceptable' },
      { jid: 'b@lid', errorCode: INVALID_BUNDLE },
      { jid: 'c@lid', bundle: { registrationId: 256 } },
      { jid: 'd@lid', errorCode: INVALID_BUNDLE },
    ])
  })

  it('reads a complete bundle, with or without a one-time key', () => {
    const bundle = {
      registrationId: 256,
      identityKey: key(1),
      signedPreKey: { id: 9, publicKey: key(2), signature },
    }
    expect(fetchPreKeys.parse(answer(user('a@lid'), user('b@lid', 'key')), request)).toEqual([
      { jid: 'a@lid', bundle: { ...bundle, preKey: { id: 256, publicKey: key(3) } } },
      { jid: 'b@lid', bundle },
    ])
  })

  it('asks as Baileys asks, with a reason only when an identity changed', () => {
    const frame = { to: '@s.whatsapp.net', type: 'get', xmlns: 'encrypt' }
    const users = (reason: Record<string, string>): unknown => [
      { tag: 'key', attrs: {}, content: [{ tag: 'user', attrs: { jid: request.devices[0], ...reason } }] },
    ]
    expect(fetchPreKeys.build(request)).toEqual({ tag: 'iq', attrs: frame, content: users({}) })
    const changed = fetchPreKeys.build({ ...request, identityChanged: true })
    expect(changed).toEqual({ tag: 'iq', attrs: frame, content: users({ reason: 'identity' }) })
  })
})

describe('uploading keys', () => {
  it('builds the stanza that Baileys builds from the same keys', async () => {
    const creds = initAuthCreds()
    const stored: Record<string, KeyPair> = {}
    const keys: SignalKeyStore = {
      get: (_, ids) => Promise.resolve(Object.fromEntries(ids.map((id) => [id, stored[id]])) as never),
      set: (data) => {
        Object.assign(stored, data['pre-key'])
      },
    }
    const { node: expected } = await getNextPreKeysNode({ creds, keys }, 5)
    const { signedPreKey } = creds
    const built = uploadPreKeys.build({
      registrationId: creds.registrationId,
      identityKey: creds.signedIdentityKey.public,
      preKeys: Object.entries(stored).map(([id, pair]) => ({ id: Number(id), publicKey: pair.public })),
      signedPreKey: {
        id: signedPreKey.keyId,
        publicKey: signedPreKey.keyPair.public,
        signature: signedPreKey.signature,
      },
    })
    expect(Object.keys(stored)).toHaveLength(5)
    expect(plain(built)).toEqual(plain(expected))
  })
})

describe('replacing the signed pre-key', () => {
  it('builds the stanza with the key as Baileys writes it', () => {
    const { keyPair, signature: signed, keyId } = initAuthCreds().signedPreKey
    const built = rotateSignedPreKey.build({ id: keyId, publicKey: keyPair.public, signature: signed })
    const expected = {
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'encrypt' },
      content: [
        { tag: 'rotate', attrs: {}, content: [xmppSignedPreKey({ keyPair, signature: signed, keyId })] },
      ],
    }
    expect(plain(built)).toEqual(plain(expected))
  })
})

describe('counting keys', () => {
  it('refuses an answer without a number', () => {
    expect(() => countPreKeys.parse(node('iq'), undefined)).toThrow(ProtocolError)
    expect(() => countPreKeys.parse(node('iq', {}, [node('count')]), undefined)).toThrow(ProtocolError)
    expect(() => countPreKeys.parse(node('iq', {}, [node('count', { value: 'x' })]), undefined)).toThrow(
      ProtocolError,
    )
  })

  it('reads the number', () => {
    expect(countPreKeys.parse(node('iq', {}, [node('count', { value: '812' })]), undefined)).toBe(812)
    expect(countPreKeys.build()).toEqual({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'encrypt' },
      content: [{ tag: 'count', attrs: {} }],
    })
  })
})

describe('the digest', () => {
  it('is refused when it is torn', () => {
    const torn = node('iq', {}, [node('digest', {}, [node('registration', {}, Uint8Array.of(1))])])
    expect(() => fetchPreKeyDigest.parse(torn, undefined)).toThrow(ProtocolError)
  })

  it('is absent when the server holds nothing of us', () => {
    expect(fetchPreKeyDigest.parse(node('iq'), undefined)).toBeUndefined()
    expect(fetchPreKeyDigest.parse(node('iq', {}, [node('digest')]), undefined)).toBeUndefined()
  })

  it('names the keys that the server holds', () => {
    const whole = user('x@lid', 'key').content as readonly BinaryNode[]
    const list = node('list', {}, [
      node('id', {}, Uint8Array.of(0, 0, 1)),
      node('id', {}, Uint8Array.of(0, 0, 2)),
    ])
    const digest = node('digest', {}, [...whole, list, node('hash', {}, new Uint8Array(20))])
    expect(fetchPreKeyDigest.parse(node('iq', {}, [digest]), undefined)).toEqual({
      registrationId: 256,
      identityKey: key(1),
      signedPreKey: { id: 9, publicKey: key(2), signature },
      preKeyIds: [1, 2],
      hash: new Uint8Array(20),
    })
  })
})

/** A stanza with plain byte arrays in place of buffers. */
function plain(stanza: unknown): unknown {
  if (stanza instanceof Uint8Array) return new Uint8Array(stanza)
  if (Array.isArray(stanza)) return stanza.map(plain)
  if (typeof stanza !== 'object' || stanza === null) return stanza
  return Object.fromEntries(Object.entries(stanza).map(([name, value]) => [name, plain(value)]))
}
