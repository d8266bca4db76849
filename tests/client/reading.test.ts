/**
 * Read and played receipts: durable before the call resolves, sent until the server has acknowledged them, and told to the
 * author only as the account's privacy settings allow. The author is a simulated phone and an unmodified Baileys.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, MessagePayload } from 'waton'
import { childrenOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient as linkedOverWebSocket, startWorld } from '../helpers/world.ts'
import { ALICE, FastClock, World, linkedClient, log, newClient, settle } from './support.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'

const READING = ['read', 'read-self', 'played', 'played-self']

function receipts(world: World): readonly BinaryNode[] {
  return world.sent({ tag: 'receipt' }).filter(({ attrs }) => READING.includes(attrs.type ?? ''))
}

function idsOf(receipt: BinaryNode): readonly string[] {
  const items = childrenOf(receipt, 'list').flatMap((list) => childrenOf(list, 'item'))
  return [receipt.attrs.id ?? '', ...items.map(({ attrs }) => attrs.id ?? '')]
}

async function payloads(client: Client): Promise<MessagePayload[]> {
  return (await log(client)).flatMap((event) => (event.type === 'message' ? [event.payload] : []))
}

/** Texts of somebody, as the client tells of them. */
async function hear(
  client: Client,
  from: SimulatedPhone,
  texts: readonly string[],
): Promise<MessagePayload[]> {
  for (const text of texts) await from.send(ALICE, { text })
  return until('the texts', async () => {
    const all = (await payloads(client)).filter(
      ({ content }) => 'text' in content && texts.includes(content.text),
    )
    return all.length === texts.length ? all : undefined
  })
}

async function waiting(store: MemoryStore): Promise<number> {
  return (await store.listRecords('default', 'pending-receipt', undefined, 1)).length
}

/** Spoils the first questions for the privacy settings. @returns all of them, with the receipts that were sent before each */
function spoilPrivacy(world: World, as: string, times: number): () => readonly { receipts: number }[] {
  const questions: { receipts: number }[] = []
  const asked = {
    direction: 'client-to-server',
    tags: ['iq'],
    attributes: { xmlns: 'privacy', type: 'get' },
  } as const
  if (as === 'not answered')
    world.server.faults.plan({
      seed: 9,
      faults: [{ fault: 'lose', at: { ...asked, stanza: 1 }, count: times }],
    })
  world.server.trace.subscribe((entry) => {
    if (!('node' in entry) || entry.direction !== asked.direction || entry.node.tag !== 'iq') return
    const { id = '', xmlns, type } = entry.node.attrs
    if (xmlns !== asked.attributes.xmlns || type !== asked.attributes.type) return
    const count = questions.push({ receipts: receipts(world).length })
    if (as !== 'refused' || count > times) return
    const error = node('error', { code: '503', text: 'service-unavailable' })
    world.inject(node('iq', { id, type: 'error', from: 's.whatsapp.net' }, [error]))
  })
  return () => questions
}

describe('what was read', () => {
  test('is refused when nobody could tell what it is', async () => {
    const world = new World('reading 1')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    for (const key of [
      { id: 'A', chat: 'nowhere' },
      { id: 'A', chat: '1234@newsletter' },
      { id: 'A', chat: '1234@g.us' },
    ])
      await expect(client.readMessages([key])).rejects.toMatchObject({ code: 'WATON_READ_KEY' })
    expect(receipts(world)).toEqual([])
  })

  test('is told to its author, and to nobody when it is our own', async () => {
    const world = new World('reading 2')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const [first, second] = await hear(client, bob, ['one', 'two'])
    if (first === undefined || second === undefined) throw new TypeError('two texts')
    const own = await client.send(bob.pn, { text: 'own' })
    await client.readMessages([first, second, { id: own.id, chat: own.chat, fromMe: true }, first])
    await until('the ticks', () => bob.receiptsFor(second.id).read.length > 0)
    expect(bob.receiptsFor(first.id).read).toHaveLength(1)
    expect(receipts(world).map(idsOf)).toEqual([[first.id, second.id]])
    await until('the server to have them', async () => (await waiting(store)) === 0)
    expect(world.violations).toEqual([])
  })

  test('stays between own devices when the account hides it, also after a restart', async () => {
    const world = new World('reading 3')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    world.server.world.accountOf('15550000001')?.privacy.set('readreceipts', 'none')
    const [first] = await hear(client, bob, ['one'])
    if (first === undefined) throw new TypeError('a text')
    await client.close()
    // the setting is asked for at the login, before anything goes out
    const again = newClient(world, { store })
    await again.readMessages([first])
    await again.markPlayed([first])
    await again.connect()
    await until('both receipts', () => receipts(world).length === 2)
    expect(receipts(world).map(({ attrs }) => attrs.type)).toEqual(['played-self', 'read-self'])
    await until('the server to have them', async () => (await waiting(store)) === 0)
    expect(bob.receiptsFor(first.id).read).toEqual([])
  })

  test('goes out after the connection is back, and again until it is acknowledged', async () => {
    const world = new World('reading 4')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const [first, second] = await hear(client, bob, ['one', 'two'])
    if (first === undefined || second === undefined) throw new TypeError('two texts')
    // the server's acks of receipts get lost with the connection
    const stop = world.server.trace.subscribe((entry) => {
      if (!('node' in entry) || entry.direction !== 'client-to-server') return
      if (entry.node.tag === 'receipt' && entry.node.attrs.type === 'read') {
        stop()
        world.device().outlet?.cut()
      }
    })
    await client.readMessages([first])
    await until('the receipt of the next connection', () => receipts(world).length >= 2)
    expect(receipts(world).map(idsOf)).toEqual([[first.id], [first.id]])
    await until('the server to have it', async () => (await waiting(store)) === 0)
    await client.close()
    const offline = newClient(world, { store })
    await offline.readMessages([second])
    expect(await waiting(store)).toBe(1)
    await offline.connect()
    await until('the tick', () => bob.receiptsFor(second.id).read.length > 0)
    await until('the server to have it', async () => (await waiting(store)) === 0)
  })

  test('is told in receipts of 256 messages', async () => {
    const world = new World('reading 5')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const ids = Array.from({ length: 600 }, (_, index) => `READ-${String(index)}`)
    await client.readMessages(ids.map((id) => ({ id, chat: bob.pn, sender: bob.pn })))
    await until('the server to have them', async () => (await waiting(store)) === 0)
    expect(receipts(world).map((receipt) => idsOf(receipt).length)).toEqual([256, 256, 88])
    expect(receipts(world).flatMap(idsOf)).toEqual(ids)
  })

  test('is told of ten thousand chats at once', async () => {
    const world = new World('reading 7')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const keys = Array.from({ length: 10_000 }, (_, index) => ({
      id: `MANY-${String(index)}`,
      chat: `1666${String(index).padStart(7, '0')}@s.whatsapp.net`,
    }))
    await client.readMessages(keys)
    await until('the server to have them', async () => (await waiting(store)) === 0)
    expect(new Set(receipts(world).flatMap(idsOf)).size).toBe(keys.length)
    expect(receipts(world)).toHaveLength(keys.length)
  })

  test('is told of ten thousand messages of one chat, each once', async () => {
    const world = new World('reading 8')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const ids = Array.from({ length: 10_000 }, (_, index) => `ONE-${String(index)}`)
    for (let start = 0; start < ids.length; start += 2_000)
      await client.readMessages(ids.slice(start, start + 2_000).map((id) => ({ id, chat: bob.pn })))
    await until('the server to have them', async () => (await waiting(store)) === 0)
    expect(receipts(world).flatMap(idsOf)).toEqual(ids)
  })

  test.each(['refused', 'not answered'])(
    'waits while the question for the privacy settings is %s, and goes out when it is answered',
    async (as) => {
      const world = new World('reading 9')
      const { alice, bob } = await world.addPair()
      const store = new MemoryStore()
      const linked = await linkedClient(world, alice, { store })
      await linked.close()
      const questions = spoilPrivacy(world, as, 2)
      const client = newClient(world, { store, clock: new FastClock(200) })
      await client.connect()
      await client.readMessages([{ id: 'HELD', chat: bob.pn }])
      const sentBefore = await until('the third question', () => questions().at(2)?.receipts)
      expect(sentBefore).toBe(0)
      await until('the server to have it', async () => (await waiting(store)) === 0)
      expect(receipts(world).map(idsOf)).toEqual([['HELD']])
      expect(questions()).toHaveLength(3)
    },
  )

  test('goes to the author in a group', async () => {
    const world = new World('reading 6')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const group = '120363000000000001@g.us'
    await client.readMessages([
      { id: 'G1', chat: group, sender: { jid: bob.lid } },
      { id: 'G2', chat: group, sender: bob.lid },
      { id: 'G3', chat: group, sender: '99@lid' },
    ])
    await until('two receipts', () => receipts(world).length === 2)
    expect(receipts(world).map(({ attrs }) => [attrs.to, attrs.participant])).toEqual([
      [group, bob.lid],
      [group, '99@lid'],
    ])
    await settle()
    expect(world.violations).toEqual([])
  })
})

test('an unmodified Baileys sees what waton has read and played', async () => {
  const simulator = await startWorld(71)
  const alicePhone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bobPhone = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await linkedOverWebSocket(simulator, alicePhone)
  const baileys = await Baileys.link(simulator, bobPhone)
  const came: MessagePayload[] = []
  waton.on('message', ({ payload }) => {
    came.push(payload)
  })
  const sent = await baileys.send(ALICE, 'read me')
  const payload = await until('the text', () => came.find(({ id }) => id === sent.id))
  await waton.readMessages([payload])
  await until('Baileys to see it read', () => baileys.statusOf(sent.id) >= 4)
  await waton.markPlayed([payload])
  await until('Baileys to see it played', () => baileys.statusOf(sent.id) >= 5)
  // our own phone learns of it, too
  const told = simulator.trace
    .stanzas({ direction: 'server-to-client', tag: 'receipt', device: ALICE })
    .filter(({ node }) => node.attrs.id === sent.id)
    .map(({ node }) => node.attrs.type)
  expect(told).toEqual(['read', 'played'])
})
