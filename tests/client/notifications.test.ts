/**
 * Every kind of stanza that the server may send beside messages: what it becomes, and what the server gets for it. The
 * shapes are those of the parsers' sources; what Baileys makes of the same stanzas is in `tests/wire/answers.test.ts`.
 */
import { describe, expect, test } from 'vitest'
import type { DurableEvent } from 'waton'
import { NOTIFICATIONS } from '../../src/client/receive/notifications/registry.ts'
import { utf8Bytes } from '../../src/base/bytes.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, World, linkedClient, log, settle } from './support.ts'

const GROUP = '120363000000000001@g.us'
const NEWS = '120363000000000002@newsletter'
const SERVER = '@s.whatsapp.net'
const AT = 1_700_000_000
const [CAROL, CAROL_LID] = ['15550000003@s.whatsapp.net', '100000000003@lid']

interface Case {
  readonly type: string
  readonly from?: string
  readonly attrs?: Readonly<Record<string, string>>
  readonly children: readonly BinaryNode[]
  /** The events, by type and a part of their payload; none when the kind is only acknowledged or kept. */
  readonly events?: readonly (readonly [string, object])[]
}

const json = (operation: string, data: object): BinaryNode =>
  node('update', { op_name: operation }, JSON.stringify({ data }))

/** At least one for each kind: {@link NOTIFICATIONS} is walked below. */
const CASES: readonly Case[] = [
  {
    type: 'w:gp2',
    from: GROUP,
    attrs: { participant: CAROL_LID, participant_pn: CAROL, addressing_mode: 'lid' },
    children: [
      node('add', {}, [
        node('participant', { jid: '100000000007@lid', phone_number: '15550000007@s.whatsapp.net' }),
      ]),
      node('subject', { subject: 'Hiking' }),
      node('novelty'),
    ],
    events: [
      [
        'group.participants',
        {
          chat: GROUP,
          action: 'add',
          author: { jid: CAROL_LID, pn: CAROL, lid: CAROL_LID },
          participants: [
            { jid: '100000000007@lid', pn: '15550000007@s.whatsapp.net', lid: '100000000007@lid' },
          ],
          atMs: AT * 1000,
        },
      ],
      ['group.changed', { chat: GROUP, settings: { subject: 'Hiking' } }],
    ],
  },
  { type: 'encrypt', children: [node('count', { value: '500' })] },
  {
    type: 'encrypt',
    from: BOB,
    children: [node('identity')],
    events: [['identity.changed', { contact: { pn: BOB } }]],
  },
  {
    type: 'devices',
    from: CAROL,
    attrs: { lid: CAROL_LID },
    children: [
      node('remove', { device_hash: '2:x' }, [node('device', { jid: '15550000003:4@s.whatsapp.net' })]),
    ],
    events: [['devices.changed', { contact: { lid: CAROL_LID }, action: 'remove', devices: [4] }]],
  },
  {
    type: 'account_sync',
    from: ALICE,
    children: [
      node('blocklist', { dhash: '1' }, [node('item', { jid: CAROL, action: 'block' })]),
      node('disappearing_mode', { duration: '86400', t: String(AT) }),
    ],
    events: [
      ['blocklist.changed', { changes: [{ contact: { jid: CAROL, pn: CAROL }, isBlocked: true }] }],
      ['account.changed', { disappearingSeconds: 86_400, atMs: AT * 1000 }],
    ],
  },
  { type: 'server_sync', from: ALICE, children: [node('collection', { name: 'regular', version: '4' })] },
  {
    type: 'picture',
    from: CAROL,
    children: [node('set', { jid: CAROL, id: '77', author: CAROL })],
    events: [['contact.picture', { contact: { jid: CAROL }, isRemoved: false, pictureId: '77' }]],
  },
  {
    type: 'status',
    from: CAROL,
    children: [node('set', {}, 'at work')],
    events: [['contact.about', { contact: { jid: CAROL }, about: 'at work' }]],
  },
  {
    type: 'contacts',
    children: [node('modify', { old: CAROL, new: '15550000009@s.whatsapp.net' })],
    events: [
      [
        'contact.changed',
        { what: 'number', contact: { pn: '15550000009@s.whatsapp.net' }, before: { pn: CAROL } },
      ],
    ],
  },
  {
    type: 'business',
    from: CAROL,
    children: [node('verified_name', { jid: CAROL, name: 'Bikes' })],
    events: [['contact.changed', { what: 'business', details: 'verified-name', name: 'Bikes' }]],
  },
  {
    type: 'disappearing_mode',
    from: CAROL,
    children: [node('disappearing_mode', { duration: '60', t: String(AT) })],
    events: [['contact.disappearing', { contact: { jid: CAROL }, seconds: 60, atMs: AT * 1000 }]],
  },
  {
    type: 'mediaretry',
    from: ALICE,
    children: [
      node('encrypt', {}, [node('enc_p', {}, Uint8Array.of(1, 2)), node('enc_iv', {}, new Uint8Array(12))]),
      node('rmr', { jid: CAROL, from_me: 'true' }),
    ],
    events: [['media.retry', { message: { chat: CAROL, fromMe: true }, sealed: { ciphertext: 'AQI=' } }]],
  },
  {
    type: 'newsletter',
    from: NEWS,
    children: [
      node('view', { message_id: '101' }, '42'),
      node('live_updates', {}, [
        node('messages', {}, [
          node('message', { server_id: '101' }, [
            node('reactions', {}, [node('reaction', { code: '👍', count: '7' })]),
          ]),
        ]),
      ]),
    ],
    events: [
      ['newsletter.views', { chat: NEWS, serverId: '101', count: 42 }],
      ['newsletter.reactions', { chat: NEWS, serverId: '101', reactions: [{ code: '👍', count: 7 }] }],
    ],
  },
  {
    type: 'mex',
    children: [
      json('NotificationUserReachoutTimelockUpdate', {
        xwa2_notify_account_reachout_timelock: { is_active: true, time_enforcement_ends: String(AT) },
      }),
    ],
    events: [
      ['account.restricted', { restriction: 'reachout-timelock', isActive: true, endsAtMs: AT * 1000 }],
    ],
  },
  {
    type: 'privacy_token',
    from: CAROL,
    children: [
      node('tokens', {}, [
        node('token', { jid: ALICE, t: String(AT), type: 'trusted_contact' }, Uint8Array.of(1, 2, 3)),
      ]),
    ],
  },
  ...[
    'link_code_companion_reg',
    'companion_reg_refresh',
    'passkey_prologue_request',
    'crsc_continuation',
    'registration',
    'psa',
    'pay',
    'hosted',
    'waffle',
    'w:growth',
  ].map((type) => ({ type, children: [] })),
]

function stanzaOf({ type, from = SERVER, attrs = {}, children }: Case, id: string): BinaryNode {
  return node('notification', { id, from, t: String(AT), type, ...attrs }, children)
}

/** The events of a client beside those about messages. */
function told(world: readonly DurableEvent[]): Promise<readonly DurableEvent[]> {
  return Promise.resolve(world.filter(({ type }) => !type.startsWith('message')))
}

describe('a notification', () => {
  test('of every kind in the registry has a case here, and none stands here that is not', () => {
    expect([...new Set(CASES.map(({ type }) => type))].sort()).toEqual([...NOTIFICATIONS.keys()].sort())
  })

  test('of a type that nobody knows is acknowledged, and tells nothing', async () => {
    const world = new World('unknown notification')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.inject(node('notification', { id: 'U1', from: BOB, type: 'novelty', novelty: '1' }, [node('x')]))
    await until('the ack', () => world.answersTo('U1').length > 0)
    expect(world.answersTo('U1')).toEqual([
      node('ack', { id: 'U1', to: BOB, class: 'notification', type: 'novelty' }),
    ])
    expect(await told(await log(client))).toEqual([])
  })

  test('of a newsletter may carry a message, told with the number that reactions and views name it by', async () => {
    const world = new World('message in a notification')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const text = node('plaintext', {}, Uint8Array.of(0x0a, 4, ...utf8Bytes('news')))
    const message = node('message', { message_id: 'NM1', server_id: '101', t: String(AT) }, [text])
    world.inject(node('notification', { id: 'N1', from: NEWS, t: String(AT), type: 'newsletter' }, [message]))
    await until('the ack', () => world.answersTo('N1').length > 0)
    const [event] = (await log(client)).filter(({ type }) => type === 'message')
    expect(event?.payload).toMatchObject({
      id: 'NM1',
      chat: NEWS,
      serverId: '101',
      content: { text: 'news' },
    })
  })

  test.each(CASES)('of the type $type is acknowledged and told once, however often it comes', async (one) => {
    const world = new World(one.type)
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const stanza = stanzaOf(one, 'N1')
    world.inject(stanza)
    world.inject({ ...stanza, attrs: { ...stanza.attrs, offline: '1' } })
    await until('both acks', () => world.answersTo('N1').length === 2)
    const { participant } = one.attrs ?? {}
    const ack = { id: 'N1', to: one.from ?? SERVER, class: 'notification', participant, type: one.type }
    expect(world.answersTo('N1')).toEqual([node('ack', ack), node('ack', ack)])
    await settle()
    const events = await told(await log(client))
    expect(events.map(({ type }) => type)).toEqual((one.events ?? []).map(([type]) => type))
    for (const [index, [, payload]] of (one.events ?? []).entries())
      expect(events[index]?.payload).toMatchObject(payload)
    expect(world.violations).toEqual([])
  })
})
