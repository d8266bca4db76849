/**
 * Messages without content, and what the own phone does about them: visible at once, asked for once, and recorded under
 * their own id when the phone has answered (requirement R78).
 */
import { proto } from '@whiskeysockets/baileys'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { describe, expect, test } from 'vitest'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { PLACEHOLDER } from '../../src/client/state/records.ts'
import type { Placeholder } from '../../src/client/state/records.ts'
import { MAX_PLACEHOLDERS } from '../../src/client/receive/placeholder-requests.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import {
  ALICE,
  BOB,
  FastClock,
  World,
  keepingLogger,
  linkedClient,
  log,
  newClient,
  settle,
} from './support.ts'
import type { Line } from './support.ts'

const { Type } = Message.ProtocolMessage
const GROUP = '120363000000000001@g.us'

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly phone: Stranger
  readonly lines: Line[]
  readonly store: MemoryStore
}

/** The client's clock runs 50 times as fast: two seconds are 40 ms. */
async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const lines: Line[] = []
  const store = new MemoryStore()
  const clock = new FastClock(50)
  const client = await linkedClient(world, alice, { store, clock, logger: keepingLogger(lines) })
  await until(
    'the keys of the phone',
    async () => (await store.listRecords('default', 'app-state-key', undefined, 10)).length > 0,
  )
  return { world, client, phone: new Stranger(world, `phone ${seed}`), lines, store }
}

const nowSeconds = (): string => String(Math.floor(Date.now() / 1000))

function empty(id: string, attrs: Record<string, string> = {}, children: BinaryNode[] = []): BinaryNode {
  return node('message', { from: BOB, id, t: nowSeconds(), type: 'text', notify: 'Bob', ...attrs }, children)
}

function requests(world: World): readonly BinaryNode[] {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.category === 'peer')
}

function resent(info: proto.IWebMessageInfo): MessageProperties {
  const webMessageInfoBytes = new Uint8Array(proto.WebMessageInfo.encode(info).finish())
  return {
    protocolMessage: {
      type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
      peerDataOperationRequestResponseMessage: {
        peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes } }],
      },
    },
  }
}

const info = (id: string): proto.IWebMessageInfo => ({
  key: { remoteJid: BOB, fromMe: false, id },
  message: { conversation: 'here it is' },
  messageTimestamp: 1_700_000_000,
  pushName: 'Somebody else',
})

async function eventsOf(client: Client, id: string): Promise<{ type: string; payload: object }[]> {
  return (await log(client)).flatMap(({ type, payload }) =>
    'id' in payload && payload.id === id ? [{ type, payload }] : [],
  )
}

/** The place in the log of what tells that a message could not be read. */
async function seqOf(client: Client, id: string): Promise<number | undefined> {
  return (await log(client)).find(
    ({ type, payload }) => type === 'message.undecryptable' && 'id' in payload && payload.id === id,
  )?.seq
}

describe('what the phone is not asked for', () => {
  test('content that is withheld from companions, old messages, and channels', async () => {
    const { world, client } = await setUp('withheld')
    for (const type of [
      'view_once_unavailable_fanout',
      'bot_unavailable_fanout',
      'hosted_unavailable_fanout',
    ])
      world.inject(empty(type, {}, [node('unavailable', { type })]))
    world.inject(empty('OLD', { t: '1700000000' }))
    world.inject(empty('CHANNEL', { from: '120363000000000009@newsletter' }))
    world.inject(empty('NEW'))
    await until('the one request', () => requests(world).length === 1)
    await settle()
    expect(requests(world)).toHaveLength(1)
    for (const id of ['view_once_unavailable_fanout', 'OLD', 'NEW'])
      expect((await eventsOf(client, id)).map(({ type }) => type)).toEqual(['message.undecryptable'])
    expect(world.violations).toEqual([])
  })

  test('a message whose content comes in the meantime', async () => {
    const { world, client, store } = await setUp('meantime')
    world.inject(empty('P1', { from: '15550000007@s.whatsapp.net' }))
    const stranger = new Stranger(world, 'meantime')
    world.inject(stranger.message({ from: '15550000007@s.whatsapp.net', id: 'P1' }, { conversation: 'late' }))
    await until('the content', async () => (await eventsOf(client, 'P1')).length === 2)
    await until('the mark to be closed', async () => {
      const [row] = await store.listRecords('default', 'placeholder', undefined, 10)
      return row !== undefined && Buffer.from(row.value).includes('closed')
    })
    expect(requests(world)).toEqual([])
  })
})

describe('a message that could not be read', () => {
  const NUMBER = '15550000007@s.whatsapp.net'
  const LID = '100000000077@lid'

  test('is told once, however often and under whichever address it comes', async () => {
    const { world, client } = await setUp('told once')
    world.inject(empty('P1', { from: NUMBER }))
    world.inject(empty('P1', { from: NUMBER }))
    world.inject(empty('P1', { from: LID, sender_pn: NUMBER, offline: '0' }))
    world.inject(empty('P1', { from: NUMBER, sender_lid: LID }))
    await until('four answers', () => world.answersTo('P1').length === 4)
    expect((await eventsOf(client, 'P1')).map(({ type }) => type)).toEqual(['message.undecryptable'])
  })

  test('is replaced by what comes under another address, and by nothing with the same id of another chat', async () => {
    const { world, client } = await setUp('replaced')
    world.inject(empty('P1', { from: NUMBER }))
    const other = new Stranger(world, 'another chat')
    world.inject(other.message({ from: '15550000008@s.whatsapp.net', id: 'P1' }, { conversation: 'same id' }))
    const stranger = new Stranger(world, 'replaced')
    world.inject(
      stranger.message({ from: LID, sender_pn: NUMBER, id: 'P1' }, { conversation: 'now it can be read' }),
    )
    world.inject(stranger.message({ from: LID, id: 'P2' }, { conversation: 'could be read at once' }))
    await until('all three', async () => (await eventsOf(client, 'P2')).length === 1)
    const events = [...(await eventsOf(client, 'P1')), ...(await eventsOf(client, 'P2'))]
    expect(events.map(({ type, payload }) => [type, 'replaces' in payload && payload.replaces])).toEqual([
      ['message.undecryptable', false],
      ['message', false],
      ['message', await seqOf(client, 'P1')],
      ['message', false],
    ])
  })
})

describe('a request', () => {
  test('is made once for a message, however often it comes, also after a reconnect', async () => {
    const { world, client } = await setUp('once')
    world.inject(empty('P1'))
    world.inject(empty('P1', { offline: '0' }))
    await until('the request', () => requests(world).length > 0)
    world.server.faults.disconnect('15550000001:1@s.whatsapp.net')
    await until('the next connection', () => world.sockets === 3 && client.state === 'open')
    world.inject(empty('P1'))
    await until('three answers', () => world.answersTo('P1').length === 3)
    await settle()
    expect(requests(world)).toHaveLength(1)
  })

  test('has the attributes and children of the ones that whatsmeow and Baileys make', async () => {
    const { world } = await setUp('shape')
    world.inject(empty('P1'))
    const [request] = await until('the request', () => requests(world).length > 0 && requests(world))
    expect(request?.attrs).toEqual({
      id: expect.stringMatching(/^3EB0/) as string,
      to: ALICE,
      type: 'text',
      category: 'peer',
      push_priority: 'high_force',
    })
    expect(request && childOf(request, 'enc')?.attrs).toMatchObject({ v: '2' })
    expect(request && childOf(request, 'meta')?.attrs).toEqual({ appdata: 'default' })
    expect(world.violations).toEqual([])
  })
})

describe('the answer of the phone', () => {
  test('counts only from the phone, and only for what it was asked', async () => {
    const { world, client, phone, lines } = await setUp('answer')
    world.inject(empty('P1'))
    await until('the request', () => requests(world).length > 0)
    const stranger = new Stranger(world, 'answer')
    world.inject(stranger.message({ from: BOB, id: 'X1', category: 'peer' }, resent(info('P1'))))
    const companion = new Stranger(world, 'companion')
    const other = '15550000001:5@s.whatsapp.net'
    world.inject(companion.message({ from: other, id: 'X2', category: 'peer' }, resent(info('P1'))))
    world.inject(phone.message({ from: ALICE, id: 'X3', category: 'peer' }, resent(info('P2'))))
    await until('the answers', () => ['X1', 'X2', 'X3'].every((id) => world.answersTo(id).length > 0))
    expect(lines.filter(({ fields }) => fields.drop === 'not-from-own-phone')).toHaveLength(2)
    expect((await eventsOf(client, 'P1')).map(({ type }) => type)).toEqual(['message.undecryptable'])
    expect(await eventsOf(client, 'P2')).toEqual([])
  })

  test('becomes the message with its own id, sender and time; a second answer changes nothing', async () => {
    const { world, client, phone } = await setUp('resent')
    const t = nowSeconds()
    world.inject(empty('P1', { t }))
    await until('the request', () => requests(world).length > 0)
    for (const id of ['X1', 'X2'])
      world.inject(phone.message({ from: ALICE, id, category: 'peer' }, resent(info('P1'))))
    await until('both answers', () => ['X1', 'X2'].every((id) => world.answersTo(id).length > 0))
    const events = await eventsOf(client, 'P1')
    expect(events.map(({ type }) => type)).toEqual(['message.undecryptable', 'message'])
    expect(events[1]?.payload).toMatchObject({
      id: 'P1',
      sender: { pn: BOB },
      fromMe: false,
      origin: 'live',
      sentAtMs: Number(t) * 1000,
      pushName: 'Bob',
      content: { text: 'here it is' },
      replaces: await seqOf(client, 'P1'),
    })
    expect(world.answersTo('X1')).toMatchObject([{ tag: 'receipt', attrs: { type: 'peer_msg' } }])
  })

  test('that is damaged, or carries instructions, does nothing', async () => {
    const { world, client, phone, store } = await setUp('damaged')
    world.inject(empty('P1', { from: GROUP, participant: BOB }))
    await until('the request', () => requests(world).length > 0)
    const before = await store.listRecords('default', 'app-state-key', undefined, 100)
    const bad = resent(info('P1'))
    const results = bad.protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult
    if (results?.[0])
      results[0] = { placeholderMessageResendResponse: { webMessageInfoBytes: Uint8Array.of(0xff) } }
    world.inject(phone.message({ from: ALICE, id: 'X1', category: 'peer' }, bad))
    const keys = [{ keyId: { keyId: Uint8Array.of(9) }, keyData: { keyData: new Uint8Array(32) } }]
    const message = {
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE,
        appStateSyncKeyShare: { keys },
      },
    }
    world.inject(
      phone.message({ from: ALICE, id: 'X2', category: 'peer' }, resent({ ...info('P1'), message })),
    )
    await until('both answers', () => ['X1', 'X2'].every((id) => world.answersTo(id).length > 0))
    expect(await store.listRecords('default', 'app-state-key', undefined, 100)).toEqual(before)
    expect((await eventsOf(client, 'P1')).map(({ type }) => type)).toEqual(['message.undecryptable'])
  })
})

describe('the marks of messages to ask for', () => {
  test('are bounded in number, and the oldest go first', async () => {
    const { store, client, world } = await setUp('many')
    await client.close()
    const nowMs = Date.now()
    const mark = (number: number): Placeholder => ({
      state: number % 2 === 0 ? 'waiting' : 'asked',
      dueAtMs: nowMs - 1_000_000 + number,
      id: `M${String(number)}`,
      ...{ chat: BOB, kind: 'direct', author: BOB, isFromMe: false, isOffline: false },
      sentAtSeconds: Math.floor(nowMs / 1000),
    })
    const claim = await store.claim('default', { owner: 'test', nowMs, leaseMs: 1_000 })
    const ignore = { onEvents: () => undefined, onFailure: () => undefined }
    const state = await AccountState.open({
      ...{ store, claim, clock: systemClock, logger: silentLogger },
      ...ignore,
    })
    const numbers = Array.from({ length: MAX_PLACEHOLDERS + 60 }, (_, index) => index)
    await state.commit((unit) => {
      // in an order of their own: a store lists by key
      for (const number of numbers)
        unit.put(PLACEHOLDER, [mark(number).id, BOB, BOB].join('\u0000'), mark(number))
      return Promise.resolve()
    })
    await state.close()
    await claim.release()

    const again = newClient(world, { store, clock: new FastClock(50) })
    await again.connect()
    const kept = await until('the bound', async () => {
      const rows = await store.listRecords('default', PLACEHOLDER.kind, undefined, 10_000)
      return rows.length <= MAX_PLACEHOLDERS && rows.map(({ key }) => key.split('\u0000')[0])
    })
    expect(kept.sort()).toEqual(
      numbers
        .slice(60)
        .map((number) => `M${String(number)}`)
        .sort(),
    )
  })
})
