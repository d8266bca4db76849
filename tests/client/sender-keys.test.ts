/**
 * Messages of groups whose content this version cannot read: visible, asked for once, and nothing that came with them is
 * lost. The keys that devices hand out for their groups are on disk with the answer.
 */
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { describe, expect, test } from 'vitest'
import { MAX_SHARES } from '../../src/client/receive/sender-key-shares.ts'
import { SENDER_KEY_SHARES } from '../../src/client/state/records.ts'
import { childrenOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { World, keepingLogger, linkedClient, log } from './support.ts'
import type { Line } from './support.ts'

const PN = '15550000007@s.whatsapp.net'
const LID = '700000000000007@lid'
const GROUP = '120363000000000001@g.us'
const STATUS = 'status@broadcast'
const IN_GROUP = { from: GROUP, participant: PN }

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly stranger: Stranger
  readonly lines: Line[]
  readonly deliver: (stanza: BinaryNode) => Promise<readonly BinaryNode[]>
  /** What is on disk, by key. */
  readonly kept: () => Promise<Readonly<Record<string, readonly Uint8Array[]>>>
}

async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const lines: Line[] = []
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, logger: keepingLogger(lines) })
  const deliver: SetUp['deliver'] = (stanza) => {
    const after = world.server.trace.nextIndex - 1
    world.inject(stanza)
    return until('the answer', () => {
      const answers = world.answersTo(stanza.attrs.id ?? '', after)
      return answers.some(({ tag, attrs }) => tag === 'ack' || attrs.type !== 'retry') && answers
    })
  }
  const kept: SetUp['kept'] = async () => {
    const rows = await store.listRecords('default', SENDER_KEY_SHARES.kind, undefined, 100)
    return Object.fromEntries(rows.map(({ key, value }) => [key, SENDER_KEY_SHARES.decode(value).shares]))
  }
  return { world, client, stranger: new Stranger(world, seed), lines, deliver, kept }
}

const share = (byte: number, bytes = 90): Uint8Array => new Uint8Array(bytes).fill(byte)

function handing(axolotlSenderKeyDistributionMessage: Uint8Array, groupId = GROUP): MessageProperties {
  return { senderKeyDistributionMessage: { groupId, axolotlSenderKeyDistributionMessage } }
}

/** The message of a group behind the key that it takes to read it. */
function withGroupMessage(stanza: BinaryNode): BinaryNode {
  const sealed = node('enc', { v: '2', type: 'skmsg' }, new Uint8Array(80).fill(0x33))
  return { ...stanza, content: [...(stanza.content as readonly BinaryNode[]), sealed] }
}

describe('a message of a group that cannot be read', () => {
  test('is told once, asked for once, and acknowledged; the key in front of it is kept', async () => {
    const { client, stranger, deliver, kept } = await setUp('group')
    const stanza = withGroupMessage(stranger.message({ ...IN_GROUP, id: 'G1' }, handing(share(1))))
    const answers = await deliver(stanza)
    expect(answers).toMatchObject([
      { tag: 'receipt', attrs: { id: 'G1', type: 'retry', to: GROUP, participant: PN } },
      { tag: 'ack', attrs: { id: 'G1', class: 'message', to: GROUP, participant: PN } },
    ])
    // there is a session by now: the sender has all it takes
    expect(childrenOf(answers[0] ?? node('none'), 'keys')).toEqual([])
    expect((await log(client)).map(({ type }) => type)).toEqual(['message.undecryptable'])
    expect(await kept()).toEqual({ '15550000007.0\u0000120363000000000001@g.us': [share(1)] })
  })

  test('becomes a message when its sender encrypts it again for this device alone', async () => {
    const { client, stranger, deliver, kept } = await setUp('again')
    await deliver(withGroupMessage(stranger.message({ ...IN_GROUP, id: 'G1' }, handing(share(1)))))
    const again = stranger.message(
      { ...IN_GROUP, id: 'G1' },
      { conversation: 'for you', ...handing(share(2)) },
    )
    expect(await deliver(again)).toMatchObject([{ tag: 'receipt', attrs: { id: 'G1', to: GROUP } }])
    const events = await log(client)
    expect(events.map(({ type }) => type)).toEqual(['message.undecryptable', 'message'])
    expect(events.at(-1)?.payload).toMatchObject({ id: 'G1', chat: GROUP, content: { text: 'for you' } })
    expect(Object.values(await kept())).toEqual([[share(1), share(2)]])
  })

  test('says why its first part could not be read', async () => {
    const { client, deliver } = await setUp('first part')
    const garbage = (type: string): BinaryNode => node('enc', { v: '2', type }, Uint8Array.of(0x33, 1))
    const attrs = { ...IN_GROUP, id: 'G1', t: '1700000000', type: 'text' }
    await deliver(node('message', attrs, [garbage('pkmsg'), garbage('skmsg')]))
    expect(await log(client)).toMatchObject([{ payload: { reason: 'WATON_SIGNAL_MALFORMED' } }])
  })
})

describe('the key of a device for a group', () => {
  test('is not kept for another chat than the stanza is in, nor from a chat of two, nor a huge one', async () => {
    const { lines, stranger, deliver, kept } = await setUp('other groups')
    await deliver(stranger.message({ ...IN_GROUP, id: 'G1' }, handing(share(1), '120363000000000002@g.us')))
    await deliver(stranger.message({ from: PN, id: 'G2' }, handing(share(2))))
    await deliver(stranger.message({ ...IN_GROUP, id: 'G3' }, handing(share(3, 1025))))
    await deliver(stranger.message({ ...IN_GROUP, id: 'G4' }, handing(share(4, 0))))
    expect(await kept()).toEqual({})
    const dropped = lines.filter(({ fields }) => fields.drop === 'sender-key-of-another-chat')
    expect(dropped.map(({ fields }) => fields.total)).toEqual([1, 2, 3])
  })

  test('is kept once however often it comes, and the newest five of one device are', async () => {
    const { stranger, deliver, kept } = await setUp('many')
    for (const [index, byte] of [1, 2, 3, 3, 4, 5, 6, 4].entries())
      await deliver(stranger.message({ ...IN_GROUP, id: `G${String(index)}` }, handing(share(byte))))
    const [shares = []] = Object.values(await kept())
    expect(shares).toHaveLength(MAX_SHARES)
    expect(shares.map((one) => one[0])).toEqual([2, 3, 5, 6, 4])
  })

  test('for statuses is kept, also beside content and in what an own device reports', async () => {
    const { world, client, stranger, deliver, kept } = await setUp('statuses')
    const status = { conversation: 'Hello all', ...handing(share(1), STATUS) }
    await deliver(stranger.message({ from: STATUS, participant: PN, id: 'S1' }, status))
    const companion = new Stranger(world, 'own device')
    const mine = { deviceSentMessage: { destinationJid: GROUP, message: { conversation: 'mine' } } }
    const attrs = { from: GROUP, participant: '15550000001:3@s.whatsapp.net', id: 'O1' }
    await deliver(companion.message(attrs, { ...mine, ...handing(share(2)) }))
    const texts = (await log(client)).map(({ payload }) => 'content' in payload && payload.content)
    expect(texts).toMatchObject([{ text: 'Hello all' }, { text: 'mine' }])
    const shares = await kept()
    expect(Object.keys(shares)).toHaveLength(2)
    expect(Object.values(shares)).toEqual(expect.arrayContaining([[share(1)], [share(2)]]))
  })

  test('moves with the session when the LID of its device becomes known', async () => {
    const { stranger, deliver, kept } = await setUp('moves')
    await deliver(stranger.message({ ...IN_GROUP, id: 'G1' }, handing(share(1))))
    await deliver(
      stranger.message({ from: GROUP, participant: LID, participant_pn: PN, id: 'G2' }, handing(share(2))),
    )
    expect(await kept()).toEqual({ '700000000000007_1.0\u0000120363000000000001@g.us': [share(1), share(2)] })
  })
})
