import { describe, expect, it } from 'vitest'
import {
  USyncQuery,
  USyncUser,
  extractDeviceJids,
  type BinaryNode as BaileysNode,
} from '@whiskeysockets/baileys'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { usyncDevices } from './usync.ts'

const request = { users: ['15550000001@s.whatsapp.net', '15550000002@s.whatsapp.net'], sid: 'S1' }

function device(id: number, keyIndex?: number, isHosted?: boolean): BinaryNode {
  return node('device', { id, 'key-index': keyIndex, is_hosted: isHosted === true ? 'true' : undefined })
}

function devices(...list: BinaryNode[]): BinaryNode {
  const keyIndex = node(
    'key-index-list',
    { ts: '1700000000', expected_ts: '1700000001' },
    Uint8Array.of(1, 2),
  )
  return node('devices', {}, [node('device-list', {}, list), keyIndex])
}

function answer(users: readonly BinaryNode[], result?: BinaryNode): BinaryNode {
  const children = [...(result === undefined ? [] : [result]), node('list', {}, users)]
  return node('iq', { type: 'result' }, [node('usync', {}, children)])
}

/** A copy that Baileys' types accept. */
function copy({ tag, attrs, content }: BinaryNode): BaileysNode {
  if (content === undefined || typeof content === 'string') return { tag, attrs: { ...attrs } }
  return { tag, attrs: { ...attrs }, content: content instanceof Uint8Array ? content : content.map(copy) }
}

describe('asking for devices', () => {
  it('builds what Baileys asks before it sends a message', () => {
    const query = new USyncQuery().withContext('message').withDeviceProtocol().withLIDProtocol()
    for (const jid of request.users) query.withUser(new USyncUser().withId(jid))
    const list = query.users.map((user) => ({
      tag: 'user',
      attrs: { jid: user.id },
      content: query.protocols
        .map((protocol) => protocol.getUserElement(user))
        .filter((element) => element !== null),
    }))
    const attrs = { context: query.context, mode: query.mode, sid: 'S1', last: 'true', index: '0' }
    const queryNode = {
      tag: 'query',
      attrs: {},
      content: query.protocols.map((protocol) => protocol.getQueryElement()),
    }
    expect(usyncDevices.build(request)).toEqual({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' },
      content: [{ tag: 'usync', attrs, content: [queryNode, { tag: 'list', attrs: {}, content: list }] }],
    })
  })

  it.each([
    node('iq', { type: 'result' }),
    answer([node('user')]),
    answer([node('user', { jid: 'a@lid' }, [devices(node('device'))])]),
    answer([node('user', { jid: 'a@lid' }, [node('lid', { val: 'no address' })])]),
  ])('refuses a malformed answer', (stanza) => {
    expect(() => usyncDevices.parse(stanza, request)).toThrow(ProtocolError)
  })

  it('fails as a whole when the server refuses to list devices', () => {
    const error = node('error', { code: '429', text: 'rate-overlimit', backoff: '3600' })
    const result = node('result', {}, [node('devices', {}, [error])])
    expect(() => usyncDevices.parse(answer([], result), request)).toThrow(
      expect.objectContaining({
        code: 'WATON_USYNC_REFUSED',
        details: { serverCode: 429, serverText: 'rate-overlimit', backoffSeconds: 3600 },
      }),
    )
  })

  it('keeps an error about one user or one part to itself', () => {
    const refused = node('devices', {}, [node('error', { code: '401', text: 'not-authorized' })])
    const users = [
      node('user', { jid: 'a@s.whatsapp.net' }, [refused, node('lid', { val: '1@lid' })]),
      node('user', { jid: 'b@s.whatsapp.net' }, [node('error', { code: '404' })]),
      node('user', { jid: 'c@s.whatsapp.net' }, [devices(device(0))]),
    ]
    expect(usyncDevices.parse(answer(users), request)).toMatchObject([
      { jid: 'a@s.whatsapp.net', lid: '1@lid', errors: { devices: { code: 401, text: 'not-authorized' } } },
      { jid: 'b@s.whatsapp.net', errors: { user: { code: 404 } } },
      { jid: 'c@s.whatsapp.net', deviceIds: [0] },
    ])
  })

  it('reads the same devices as Baileys, and says which of them can be sent to', () => {
    const list = [device(0), device(3, 2), device(4), device(99, 5, true), device(7, 1)]
    const users = [
      node('user', { jid: '15550000002@s.whatsapp.net' }, [
        devices(...list),
        node('lid', { val: '100000000002@lid' }),
      ]),
    ]
    const stanza = answer(users)
    const [parsed] = usyncDevices.parse(stanza, request)
    const query = new USyncQuery().withDeviceProtocol().withLIDProtocol()
    const theirs = query.parseUSyncQueryResult(copy(stanza))?.list ?? []
    expect(theirs).toMatchObject([{ id: parsed?.jid, lid: parsed?.lid }])
    const sendable = extractDeviceJids(theirs, '15550000001:3@s.whatsapp.net', '100000000001:3@lid', false)
    expect(parsed?.devices?.map(({ id }) => id)).toEqual([0, 3, 4, 99, 7])
    // Baileys takes device 7 for hosted as well, because it stands behind a hosted one.
    expect(sendable.map(({ device: id }) => id)).toEqual([0, 3, 99, 7])
    expect(parsed?.deviceIds).toEqual([0, 3, 7])
    expect(parsed?.devices?.[3]).toEqual({ id: 99, keyIndex: 5, isHosted: true })
    expect(parsed?.keyIndex).toEqual({
      timestampSeconds: 1_700_000_000,
      signedList: Uint8Array.of(1, 2),
      expectedTimestampSeconds: 1_700_000_001,
    })
  })

  it('tells a user without devices from one whose list is missing', () => {
    const users = [node('user', { jid: 'a@lid' }, [devices()]), node('user', { jid: 'b@lid' })]
    const [empty, missing] = usyncDevices.parse(answer(users), request)
    expect(empty).toMatchObject({ devices: [], deviceIds: [] })
    expect(missing).toEqual({ jid: 'b@lid' })
  })
})
