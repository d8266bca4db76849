/** How others are asked for what could not be read: with what, how often, and what the server is answered meanwhile. */
import { describe, expect, test } from 'vitest'
import { childOf, contentBytes, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { ALICE, BOB, DEVICE, World, linkedClient, log, settle, untilLogged } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { Party, requestsFor } from './support.ts'

/** A message of Bob's phone in a session that there is, whose ciphertext nobody can read. */
function damaged(id: string): BinaryNode {
  const body = Uint8Array.of(0x33, ...seededRandom(id).bytes(90))
  const t = String(Math.floor(Date.now() / 1000))
  return node('message', { from: BOB, id, t, type: 'text', notify: 'Bob' }, [
    node('enc', { v: '2', type: 'msg' }, body),
  ])
}

async function withSession(seed: string): Promise<{ world: World; alice: Party }> {
  const world = new World(seed)
  const phones = await world.addPair()
  const alice = await Party.link(world.endpoint, phones.alice)
  await phones.bob.send(ALICE, { text: 'first' })
  await alice.untilTexts('first')
  return { world, alice }
}

function hasKeys(request: BinaryNode): boolean {
  return childOf(request, 'keys') !== undefined
}

describe('a request', () => {
  test('carries keys from the second time on where there is a session, is made four times, and says why', async () => {
    const { world, alice } = await withSession('four times')
    for (let count = 0; count < 6; count += 1) world.inject(damaged('D1'))
    await until('six acks', () => world.answersTo('D1').filter(({ tag }) => tag === 'ack').length === 6)
    // the request leaves before the server is told that it may forget the message
    const answers = world.answersTo('D1').map(({ tag }) => tag)
    expect(answers).toEqual([
      ...['receipt', 'ack', 'receipt', 'ack', 'receipt', 'ack'],
      'receipt',
      ...['ack', 'ack', 'ack'],
    ])
    const requests = requestsFor(world.server.trace, DEVICE, 'D1').map(({ node: request }) => request)
    expect(requests.map(hasKeys)).toEqual([false, true, true, true])
    const asked = requests.map((request) => childOf(request, 'retry')?.attrs)
    expect(asked.map((attrs) => [attrs?.count, attrs?.error])).toEqual(
      ['1', '2', '3', '4'].map((count) => [count, '4']),
    )
    const { registrationId = 0 } = world.device().directory.keys ?? {}
    const registrations = requests.map((request) => contentBytes(childOf(request, 'registration') ?? request))
    expect(registrations).toEqual(requests.map(() => uint32Bytes(registrationId)))
    expect(registrationId).toBeGreaterThan(0)
    expect(await alice.unreadable()).toEqual(['D1'])
    await alice.restart()
    world.inject(damaged('D1'))
    await until(
      'the seventh ack',
      () => world.answersTo('D1').filter(({ tag }) => tag === 'ack').length === 7,
    )
    expect(requestsFor(world.server.trace, DEVICE, 'D1')).toHaveLength(4)
    expect(world.violations).toEqual([])
  })

  test('goes on from the count of the message, which knows how often it was sent, and ends with it', async () => {
    const { world } = await withSession('count of the sender')
    const again = (id: string, count: number): BinaryNode => {
      const message = damaged(id)
      const enc = childOf(message, 'enc')
      return { ...message, content: enc ? [{ ...enc, attrs: { ...enc.attrs, count: String(count) } }] : [] }
    }
    world.inject(again('D1', 2))
    world.inject(again('D2', 4))
    await until('both acks', () =>
      ['D1', 'D2'].every((id) => world.answersTo(id).some(({ tag }) => tag === 'ack')),
    )
    const [request, ...more] = requestsFor(world.server.trace, DEVICE, 'D1').map((one) => one.node)
    expect(more).toEqual([])
    expect(request && childOf(request, 'retry')?.attrs.count).toBe('3')
    expect(request && hasKeys(request)).toBe(true)
    expect(requestsFor(world.server.trace, DEVICE, 'D2')).toEqual([])
  })

  test('is made for twenty messages of a device at once; more are not answered, so that the server keeps them', async () => {
    const { world, alice } = await withSession('storm')
    const ids = Array.from({ length: 25 }, (_, index) => `D${String(index)}`)
    for (const id of ids) world.inject(damaged(id))
    await until('all events', async () => (await alice.unreadable()).length === ids.length)
    await settle()
    const asked = ids.filter((id) => requestsFor(world.server.trace, DEVICE, id).length > 0)
    // one more in six seconds
    expect(asked.length).toBeGreaterThanOrEqual(20)
    expect(asked.length).toBeLessThan(25)
    expect(asked).toEqual(ids.slice(0, asked.length))
    expect(ids.filter((id) => world.answersTo(id).length > 0)).toEqual(asked)
    // it comes again with another connection, or another process, which asks for it
    await alice.restart()
    world.inject(damaged('D24'))
    await until('the request', () => requestsFor(world.server.trace, DEVICE, 'D24').length === 1)
    expect(await alice.unreadable()).toHaveLength(25)
    expect(world.violations).toEqual([])
  })

  test('has keys without a one-time pre-key while an upload of those is unfinished', async () => {
    const world = new World('upload')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    await until('the upload', () => world.device().directory.count > 0)
    world.server.faults.refuseKeys(DEVICE, 'upload', 500, 10)
    while (world.device().directory.take() !== undefined);
    world.inject(
      node('notification', { id: 'N1', from: 's.whatsapp.net', type: 'encrypt', t: '1700000000' }, [
        node('count', { value: '0' }),
      ]),
    )
    await until('an upload that is refused', () =>
      world.server.trace.notes.some(({ text }) => text.startsWith('the upload query about keys is refused')),
    )
    world.inject(damaged('D1'))
    const [request] = await until('the request', () => {
      const requests = requestsFor(world.server.trace, DEVICE, 'D1')
      return requests.length > 0 && requests
    })
    const keys = request && childOf(request.node, 'keys')
    expect(keys && childOf(keys, 'skey')).toBeDefined()
    expect(keys && childOf(keys, 'key')).toBeUndefined()
    expect(client.state).toBe('open')
    expect(world.violations).toEqual([])
  })
})

describe('another copy of a message that was read', () => {
  test('is answered like the first when it cannot be read, and nothing is missing', async () => {
    const { world, alice } = await withSession('another copy')
    const [first] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.category === undefined)
    const id = first?.attrs.id ?? ''
    world.inject(damaged(id))
    await until('two answers', () => world.answersTo(id).length === 2)
    expect(world.answersTo(id).map(({ tag }) => tag)).toEqual(['receipt', 'receipt'])
    expect(requestsFor(world.server.trace, DEVICE, id)).toEqual([])
    expect(await alice.unreadable()).toEqual([])
  })
})

describe('a key of the session that comes twice', () => {
  test('with a message that is recorded is a repetition, and answered like the first', async () => {
    const { world, alice } = await withSession('repetition')
    const [first] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.category === undefined)
    if (first === undefined) throw new Error('no message')
    world.inject({ ...first, attrs: { ...first.attrs, t: '1700000001' } })
    await until('two answers', () => world.answersTo(first.attrs.id ?? '').length === 2)
    expect(requestsFor(world.server.trace, DEVICE, first.attrs.id ?? '')).toEqual([])
    expect(await alice.unreadable()).toEqual([])
  })

  test('with a message that is not is asked for again: its sender has used the key for two', async () => {
    const world = new World('key used twice')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const { id } = await bob.send(ALICE, { text: 'first' })
    await untilLogged(client, id)
    const [first] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
    const enc = first && childOf(first, 'enc')
    if (first === undefined || !(enc?.content instanceof Uint8Array)) throw new Error('no message')
    // what was changed is behind the counter: the message key is known to be spent before anything is verified
    const content = enc.content.slice()
    content[content.length - 1] = (content[content.length - 1] ?? 0) ^ 1
    world.inject({ ...first, attrs: { ...first.attrs, id: 'OTHER' }, content: [{ ...enc, content }] })
    await until('the request', () => requestsFor(world.server.trace, DEVICE, 'OTHER').length === 1)
    const [request] = requestsFor(world.server.trace, DEVICE, 'OTHER')
    expect(request && childOf(request.node, 'retry')?.attrs).toMatchObject({ error: '9' })
    const events = (await log(client)).filter(({ type }) => type === 'message.undecryptable')
    expect(events).toMatchObject([{ payload: { id: 'OTHER', reason: 'WATON_SIGNAL_OLD_COUNTER' } }])
  })
})
