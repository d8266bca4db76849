/** Whom a client believes what: strangers, addresses of two kinds, and content that is none. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { childOf } from '../../src/protocol/binary/node.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, World, linkedClient, log, messageIds, settle, uncaught, untilLogged } from './support.ts'

const { Type } = Message.ProtocolMessage
const PN = '15550000007@s.whatsapp.net'
const LID = '700000000000007@lid'

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly store: MemoryStore
  readonly stranger: Stranger
}

async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store })
  await until(
    'the keys of the phone',
    async () => (await store.listRecords('default', 'app-state-key', undefined, 10)).length > 0,
  )
  await settle()
  return { world, client, store, stranger: new Stranger(world, seed) }
}

describe('a stranger', () => {
  test('cannot give the client keys or history, and is answered all the same', async () => {
    const { world, client, store, stranger } = await setUp('protocol message')
    const before = await store.listRecords('default', 'app-state-key', undefined, 100)
    const share = { keyId: { keyId: Uint8Array.of(1, 2, 3) }, keyData: { keyData: new Uint8Array(32) } }
    world.inject(
      stranger.message(
        { from: PN, id: 'P1' },
        { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys: [share] } } },
      ),
    )
    world.inject(
      stranger.message(
        { from: PN, id: 'P2', category: 'peer' },
        {
          protocolMessage: {
            type: Type.HISTORY_SYNC_NOTIFICATION,
            historySyncNotification: {
              syncType: Message.HistorySyncType.INITIAL_BOOTSTRAP,
              directPath: '/x',
            },
          },
        },
      ),
    )
    await until('the answers', () => world.answersTo('P2').length > 0)
    expect(world.answersTo('P1')).toMatchObject([{ tag: 'receipt' }])
    expect(await store.listRecords('default', 'app-state-key', undefined, 100)).toEqual(before)
    expect(await store.readRecord('default', 'history-notification', 'P2')).toBeUndefined()
    expect(await log(client)).toEqual([])
  })

  test('cannot write into another chat by claiming to be an own device', async () => {
    const { world, client, stranger } = await setUp('device sent')
    const inside = { destinationJid: '15550000002@s.whatsapp.net', message: { conversation: 'I owe you' } }
    world.inject(stranger.message({ from: PN, id: 'D1' }, { deviceSentMessage: inside }))
    await untilLogged(client, 'D1')
    expect(await log(client)).toMatchObject([
      { payload: { chat: PN, fromMe: false, sender: { jid: PN }, content: { unknown: {} } } },
    ])
  })

  test('who sends a plaintext that is no message is seen once, asked for nothing, and answered each time', async () => {
    const errors = uncaught()
    const { world, client, stranger } = await setUp('garbage')
    const garbage = stranger.message({ from: PN, id: 'G1' }, Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    world.inject(garbage)
    await until('the answer', () => world.answersTo('G1').length > 0)
    world.inject(garbage)
    await until('the second answer', () => world.answersTo('G1').length > 1)
    expect(world.answersTo('G1').map(({ attrs }) => attrs.type)).not.toContain('retry')
    expect(await log(client)).toMatchObject([
      { type: 'message.undecryptable', payload: { id: 'G1', chat: PN } },
    ])
    // the session has moved on with it
    world.inject(stranger.message({ from: PN, id: 'G2' }, { conversation: 'better' }))
    await untilLogged(client, 'G2')
    expect(errors).toEqual([])
  })

  test('who comes with a spent pre-key is asked again with fresh keys, and can use them', async () => {
    const { world, client, stranger } = await setUp('spent')
    const { preKey } = stranger.start()
    world.inject(stranger.message({ from: PN, id: 'S1' }, { conversation: 'one' }))
    await untilLogged(client, 'S1')
    const late = new Stranger(world, 'late')
    late.start(preKey)
    const other = '15550000008@s.whatsapp.net'
    const message = late.message({ from: other, id: 'S2' }, { conversation: 'two' })
    world.inject(message)
    world.inject(message)
    const requests = await until('two requests', () => {
      const found = world.answersTo('S2').filter(({ tag }) => tag === 'receipt')
      return found.length === 2 && found
    })
    expect(childOf(requests[0] ?? message, 'retry')?.attrs.error).toBe('3')
    expect(childOf(requests[1] ?? message, 'keys')).toBeDefined()
    const events = (await log(client)).filter(({ type }) => type === 'message.undecryptable')
    expect(events).toHaveLength(1)
  })
})

describe('the two addresses of a person', () => {
  test('are one person as soon as a stanza says so: the session moves, and the chat goes on', async () => {
    const { world, client, store, stranger } = await setUp('migration')
    world.inject(stranger.message({ from: PN, id: 'M1' }, { conversation: 'by number' }))
    await untilLogged(client, 'M1')
    expect(await store.readRecord('default', 'session', '15550000007.0')).toBeDefined()
    world.inject(stranger.message({ from: LID, sender_pn: PN, id: 'M2' }, { conversation: 'by lid' }))
    world.inject(stranger.message({ from: PN, id: 'M3' }, { conversation: 'by number again' }))
    await untilLogged(client, 'M3')
    const events = await log(client)
    expect(events.map(({ type }) => type)).toEqual(['message', 'message', 'message'])
    expect(events.map(({ payload }) => ('chat' in payload ? payload.chat : ''))).toEqual([PN, LID, LID])
    expect(events[2]).toMatchObject({ payload: { sender: { jid: LID, pn: PN, lid: LID } } })
    expect(await store.readRecord('default', 'session', '15550000007.0')).toBeUndefined()
    expect(await store.readRecord('default', 'session', '700000000000007_1.0')).toBeDefined()
  })

  test('are one person for redeliveries, too', async () => {
    const { world, client, stranger } = await setUp('migration and redelivery')
    const first = stranger.message({ from: PN, id: 'R1' }, { conversation: 'once' })
    world.inject(first)
    await untilLogged(client, 'R1')
    world.inject(stranger.message({ from: LID, sender_pn: PN, id: 'R2' }, { conversation: 'lid' }))
    await untilLogged(client, 'R2')
    world.inject(first)
    await until('the second receipt', () => world.answersTo('R1').length === 2)
    expect(await messageIds(client)).toEqual(['R1', 'R2'])
  })

  test('change hands with a number: whoever had it before has it no more', async () => {
    const { world, client, stranger } = await setUp('recycled')
    world.inject(stranger.message({ from: LID, sender_pn: PN, id: 'N1' }, { conversation: 'my number' }))
    const heir = new Stranger(world, 'heir')
    const heirLid = '800000000000008@lid'
    world.inject(heir.message({ from: heirLid, sender_pn: PN, id: 'N2' }, { conversation: 'mine now' }))
    world.inject(stranger.message({ from: LID, id: 'N3' }, { conversation: 'I have none' }))
    world.inject(
      stranger.message(
        { from: LID, sender_pn: '15550000008@s.whatsapp.net', id: 'N4' },
        { conversation: 'a new one' },
      ),
    )
    await untilLogged(client, 'N4')
    const senders = (await log(client)).map(({ payload }) => ('sender' in payload ? payload.sender.pn : ''))
    expect(senders).toEqual([PN, PN, undefined, '15550000008@s.whatsapp.net'])
  })

  test('stay apart for somebody who only looks alike', async () => {
    const { world, client, stranger } = await setUp('alike')
    const own = ALICE.replace('@s.whatsapp.net', '@lid')
    world.inject(stranger.message({ from: own, id: 'L1' }, { conversation: 'am I you?' }))
    await untilLogged(client, 'L1')
    expect(await log(client)).toMatchObject([{ payload: { fromMe: false, chat: own } }])
  })
})
