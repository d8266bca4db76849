/** Calls, receipts, presence and chat states: what the server sends, what listeners get, and what the server gets for it. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { ClientEvents } from 'waton'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, DEVICE, World, linkedClient, log, settle } from './support.ts'

const [CAROL, CAROL_LID] = ['15550000003@s.whatsapp.net', '100000000003@lid']
const GROUP = '120363000000000001@g.us'
const CREATOR = '100000000003:2@lid'

const call = (id: string, child: BinaryNode): BinaryNode =>
  node('call', { id, from: CAROL_LID, t: '1700000000', notify: 'Carol' }, [child])
const about = (attrs: Record<string, string> = {}): Record<string, string> => ({
  'call-id': 'CALL1',
  'call-creator': CREATOR,
  ...attrs,
})

describe('a call', () => {
  test('is told step by step, each step once, and each is acknowledged', async () => {
    const world = new World('call')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const offer = call('C1', node('offer', about({ caller_pn: CAROL }), [node('audio'), node('video')]))
    world.inject(offer)
    world.inject(offer)
    world.inject(call('C2', node('mute_v2', about())))
    world.inject(call('C3', node('terminate', about({ reason: 'timeout' }))))
    world.inject(node('call', { id: 'C4', from: CAROL_LID }))
    await until('the last ack', () => world.answersTo('C4').length > 0)
    await settle()
    const events = (await log(client)).filter(({ type }) => type === 'call')
    const from = { jid: CAROL_LID, pn: CAROL, lid: CAROL_LID }
    expect(events.map(({ payload }) => payload)).toMatchObject([
      { id: 'CALL1', status: 'offer', from, creator: CREATOR, isVideo: true, isGroup: false, offline: false },
      { id: 'CALL1', status: 'missed', from, isVideo: true, atMs: 1_700_000_000_000 },
    ])
    const ack = (id: string): BinaryNode => node('ack', { id, to: CAROL_LID, class: 'call' })
    expect(['C1', 'C2', 'C3', 'C4'].flatMap((id) => world.answersTo(id))).toEqual(
      ['C1', 'C1', 'C2', 'C3', 'C4'].map(ack),
    )
  })

  test('can be declined', async () => {
    const world = new World('decline')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    await client.rejectCall({ id: 'CALL1', creator: CREATOR })
    const [sent] = world.sent({ tag: 'call' })
    expect(sent).toMatchObject({
      attrs: { from: DEVICE, to: CREATOR },
      content: [node('reject', { 'call-id': 'CALL1', 'call-creator': CREATOR, count: 0 })],
    })
    expect(world.violations).toEqual([])
  })
})

describe('a receipt', () => {
  test('of an own device that has read what others sent is told; other types are only acknowledged', async () => {
    const world = new World('seen')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const types = ['sender', 'peer_msg', 'hist_sync', 'server-error', 'retry', 'novelty']
    for (const type of types)
      world.inject(node('receipt', { id: `R-${type}`, from: ALICE, type, t: '1700000000' }))
    world.inject(
      node('receipt', { id: 'R1', from: ALICE, recipient: CAROL, type: 'read-self', t: '1700000000' }),
    )
    await until('the last ack', () => world.answersTo('R1').length > 0)
    await settle()
    const events = (await log(client)).filter(
      ({ type }) => type === 'message.seen' || type === 'message.receipt',
    )
    expect(events.map(({ type, payload }) => [type, payload])).toEqual([
      ['message.seen', { ids: ['R1'], chat: CAROL, status: 'read', atMs: 1_700_000_000_000 }],
    ])
    for (const type of types)
      expect(world.answersTo(`R-${type}`)).toEqual([
        node('ack', { id: `R-${type}`, to: ALICE, class: 'receipt', type }),
      ])
  })

  test('never takes a sent message back, and a group says for each member what and when', async () => {
    const world = new World('members')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const sent = await client.send(BOB, { text: 'hi' })
    await bob.waitForMessage(({ text }) => text === 'hi')
    bob.markRead([sent.id])
    await sent.read
    world.inject(node('receipt', { id: sent.id, from: BOB, t: '1700000009' }))
    const user = (jid: string, t: string): BinaryNode => node('user', { jid, t })
    world.inject(
      node('receipt', { id: 'G1', from: GROUP, type: 'read' }, [
        node('participants', { key: 'G1' }, [user(CAROL, '1700000001'), user(BOB, '1700000002')]),
      ]),
    )
    await until('the ack', () => world.answersTo('G1').length > 0)
    await settle()
    // a receipt that comes late says less than what is known
    expect((await store.readOutbox('default', sent.id))?.state).toBe('read')
    const members = (await log(client)).flatMap(({ type, payload }) =>
      type === 'message.receipt' && 'ids' in payload && payload.ids[0] === 'G1' ? [payload] : [],
    )
    expect(members).toMatchObject([
      { chat: GROUP, from: { pn: CAROL }, status: 'read', atMs: 1_700_000_001_000 },
      { chat: GROUP, from: { pn: BOB }, status: 'read', atMs: 1_700_000_002_000 },
    ])
  })
})

describe('presence and chat states', () => {
  test('are told as they happen, never stored, and never answered', async () => {
    const world = new World('moments')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const seen: (ClientEvents['presence'] | ClientEvents['chat.state'])[] = []
    client.on('presence', (event) => void seen.push(event))
    client.on('chat.state', (event) => void seen.push(event))
    const before = (await log(client)).length
    world.inject(node('presence', { from: CAROL, type: 'unavailable', last: '1700000000' }))
    world.inject(node('presence', { from: CAROL, last: 'deny' }))
    world.inject(node('presence', { from: CAROL, last: 'sometime' }))
    world.inject(node('chatstate', { from: CAROL }, [node('composing', { media: 'audio' })]))
    world.inject(node('chatstate', { from: CAROL }, [node('novelty')]))
    world.inject(node('chatstate', { from: GROUP, participant: CAROL }, [node('paused')]))
    await until('the last one', () => seen.length === 4)
    const from = { jid: CAROL, pn: CAROL }
    expect(seen).toEqual([
      { from, isAvailable: false, isLastSeenHidden: false, lastSeenAtMs: 1_700_000_000_000 },
      { from, isAvailable: true, isLastSeenHidden: true },
      { chat: CAROL, from, state: 'recording' },
      { chat: GROUP, from, state: 'paused' },
    ])
    expect(await log(client)).toHaveLength(before)
    expect(world.sent({ tag: 'ack' }).filter(({ attrs }) => attrs.class === 'presence')).toEqual([])
  })
})
