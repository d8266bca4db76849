import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { fetchBlocklist } from './blocklist.ts'
import { removeCompanionDevice } from './devices.ts'
import { cleanDirty } from './dirty.ts'
import { becomeActive } from './passive.ts'
import { buildPong, isServerPing, ping } from './ping.ts'
import { fetchPrivacy } from './privacy.ts'
import { fetchProps } from './props.ts'

const to = '@s.whatsapp.net'
const result = (...children: BinaryNode[]): BinaryNode => node('iq', { type: 'result' }, children)

/** What each question looks like in Baileys 7.0.0-rc14, from the named function. */
const questions: readonly (readonly [string, BinaryNode, BinaryNode])[] = [
  ['startKeepAliveRequest', ping.build(), node('iq', { to, type: 'get', xmlns: 'w:p' }, [node('ping')])],
  [
    'sendPassiveIq',
    becomeActive.build(),
    node('iq', { to, type: 'set', xmlns: 'passive' }, [node('active')]),
  ],
  ['fetchBlocklist', fetchBlocklist.build(), node('iq', { to, type: 'get', xmlns: 'blocklist' })],
  [
    'fetchPrivacySettings',
    fetchPrivacy.build(),
    node('iq', { to, type: 'get', xmlns: 'privacy' }, [node('privacy')]),
  ],
  [
    'fetchProps',
    fetchProps.build({}),
    node('iq', { to, type: 'get', xmlns: 'abt' }, [node('props', { protocol: '1' })]),
  ],
  [
    'fetchProps with a hash',
    fetchProps.build({ hash: 'h' }),
    node('iq', { to, type: 'get', xmlns: 'abt' }, [node('props', { protocol: '1', hash: 'h' })]),
  ],
  [
    'cleanDirtyBits',
    cleanDirty.build({ type: 'account_sync', timestampSeconds: 5 }),
    node('iq', { to, type: 'set', xmlns: 'urn:xmpp:whatsapp:dirty' }, [
      node('clean', { type: 'account_sync', timestamp: '5' }),
    ]),
  ],
  [
    'logout',
    removeCompanionDevice.build({ jid: '15550000001:3@s.whatsapp.net' }),
    node('iq', { to, type: 'set', xmlns: 'md' }, [
      node('remove-companion-device', { jid: '15550000001:3@s.whatsapp.net', reason: 'user_initiated' }),
    ]),
  ],
]

describe('the questions of a login', () => {
  it.each(questions)('are those of Baileys: %s', (_, ours, theirs) => {
    expect(ours).toEqual(theirs)
  })
})

describe('their answers', () => {
  it('are refused when a part is missing', () => {
    expect(() => fetchProps.parse(result(), {})).toThrow(ProtocolError)
    expect(() => fetchPrivacy.parse(result(), undefined)).toThrow(ProtocolError)
    const nameless = node('privacy', {}, [node('category', { value: 'all' })])
    expect(() => fetchPrivacy.parse(result(nameless), undefined)).toThrow(ProtocolError)
    expect(() => fetchBlocklist.parse(result(node('list', {}, [node('item')])), undefined)).toThrow(
      ProtocolError,
    )
  })

  it('list the blocked, also when there are none', () => {
    const list = node('list', {}, [
      node('item', { jid: '100000000002@lid' }),
      node('item', { jid: '100000000003@lid' }),
    ])
    expect(fetchBlocklist.parse(result(list), undefined)).toEqual(['100000000002@lid', '100000000003@lid'])
    expect(fetchBlocklist.parse(result(), undefined)).toEqual([])
  })

  it('give the privacy settings by category', () => {
    const privacy = node('privacy', {}, [
      node('category', { name: 'readreceipts', value: 'all' }),
      node('category', { name: 'last', value: 'contacts' }),
    ])
    expect(fetchPrivacy.parse(result(privacy), undefined)).toEqual(
      new Map([
        ['readreceipts', 'all'],
        ['last', 'contacts'],
      ]),
    )
  })

  it('give the switches by name or number', () => {
    const props = node('props', { hash: 'h2', refresh: '86400', delta_update: 'true' }, [
      node('prop', { config_code: '10518', config_value: 'true' }),
      node('prop', { name: 'web_x', value: '3' }),
      node('prop', { config_code: '1' }),
    ])
    expect(fetchProps.parse(result(props), {})).toEqual({
      hash: 'h2',
      refreshSeconds: 86_400,
      isDelta: true,
      values: new Map([
        ['10518', 'true'],
        ['web_x', '3'],
      ]),
    })
  })
})

describe("the server's ping", () => {
  const question = node('iq', { from: to, id: 'P1', type: 'get', xmlns: 'urn:xmpp:ping' })

  it.each([
    node('iq', { from: to, id: 'P1', type: 'result', xmlns: 'urn:xmpp:ping' }),
    node('iq', { from: to, id: 'P1', type: 'set', xmlns: 'md' }, [node('pair-device')]),
    node('iq', { from: to, type: 'get', xmlns: 'urn:xmpp:ping' }),
    node('message', { id: 'P1', xmlns: 'urn:xmpp:ping' }),
  ])('is told from other stanzas: %o', (stanza) => {
    expect(isServerPing(stanza)).toBe(false)
  })

  it('is recognised with and without a type, and answered with its id', () => {
    expect(isServerPing(question)).toBe(true)
    expect(isServerPing(node('iq', { from: to, id: 'P1' }, [node('ping')]))).toBe(true)
    expect(buildPong(question)).toEqual({ tag: 'iq', attrs: { to, type: 'result', id: 'P1' } })
  })
})
