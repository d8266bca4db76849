/**
 * The receive pipeline against a server that sends what real ones send on bad days: redeliveries, repetitions, things
 * that cannot be read, things that nobody knows (promises G1 and G2).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { LID_BY_PN } from '../../src/client/state/records.ts'
import { utf8Text } from '../../src/base/bytes.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  FastClock,
  BOB,
  DEVICE,
  World,
  linkedClient,
  log,
  messageIds,
  settle,
  uncaught,
  untilLogged,
} from './support.ts'

const SECONDS = '1700000000'

function unreadable(id: string, enc: Record<string, string> = {}): BinaryNode {
  return node('message', { from: BOB, id, t: SECONDS, type: 'text', notify: 'Bob' }, [
    node('enc', { v: '2', type: 'msg', ...enc }, Uint8Array.of(0x33, 1, 2, 3)),
  ])
}

describe('a stanza that breaks the rules', () => {
  test('a message of somebody else that names another chat is refused, and nothing is recorded', async () => {
    const world = new World('recipient')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const { id } = await bob.send(ALICE, { text: 'hello' })
    await untilLogged(client, id)
    const [delivered] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
    if (delivered === undefined) throw new Error('no message')
    const forged: BinaryNode = {
      ...delivered,
      attrs: { ...delivered.attrs, id: 'FORGED', recipient: '15550000003@s.whatsapp.net' },
    }
    world.inject(forged)
    const [nack] = await until('the refusal', () => {
      const answers = world.answersTo('FORGED')
      return answers.length > 0 && answers
    })
    expect(nack).toMatchObject({
      tag: 'ack',
      attrs: { error: '487', class: 'message', to: forged.attrs.from },
    })
    expect(await messageIds(client)).toEqual([id])
  })

  test('a notification that is refused halfway leaves nothing behind, and is refused again', async () => {
    const world = new World('refused halfway')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    await linkedClient(world, alice, { store })
    const people = { participant: '100000000003@lid', participant_pn: '15550000003@s.whatsapp.net' }
    const attrs = { id: 'HALF', type: 'w:gp2', from: '120363000000000001@g.us', t: SECONDS, ...people }
    // who is added is read after the addresses were learned and the stanza was remembered
    const nobody = node('notification', attrs, [node('add', {}, [node('participant')])])
    for (const count of [1, 2]) {
      world.inject(nobody)
      await until(`refusal ${String(count)}`, () => world.answersTo('HALF').length === count)
    }
    expect(world.answersTo('HALF').map(({ attrs: { error } }) => error)).toEqual(['487', '487'])
    expect(await store.readRecord('default', LID_BY_PN.kind, '15550000003')).toBeUndefined()
  })

  test('a message without its sender is passed over and the next one is received', async () => {
    const world = new World('malformed')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.inject(node('message', { id: 'NOBODY', type: 'text' }))
    world.inject(node('message', { id: 'BAD', from: 'no address', t: 'soon' }))
    world.inject(node('receipt', { from: BOB }))
    world.inject(node('ack', {}))
    world.inject(node('ib', {}, [node('dirty', {})]))
    const { id } = await bob.send(ALICE, { text: 'still here?' })
    await untilLogged(client, id)
    expect(world.answersTo('BAD')).toMatchObject([{ tag: 'ack', attrs: { error: '487' } }])
    expect(world.sockets).toBe(2)
    expect(client.state).toBe('open')
  })

  test.each(['toString', 'constructor', '__proto__', 'valueOf', 'hasOwnProperty'])(
    'a stanza named <%s> does no harm',
    async (tag) => {
      const errors = uncaught()
      const world = new World('names')
      const { alice, bob } = await world.addPair()
      const client = await linkedClient(world, alice)
      world.inject(node(tag, { id: 'X1', from: BOB }))
      world.inject(node('notification', { id: 'X2', from: BOB, type: tag }))
      world.inject(node('receipt', { id: 'X3', from: BOB, type: tag }))
      const { id } = await bob.send(ALICE, { text: 'still here?' })
      await untilLogged(client, id)
      await settle()
      expect(errors).toEqual([])
      expect(client.state).toBe('open')
      expect(world.answersTo('X1')).toEqual([])
      expect(world.answersTo('X2')).toMatchObject([{ tag: 'ack', attrs: { class: 'notification' } }])
      expect((await log(client)).filter(({ type }) => type === 'message.receipt')).toEqual([])
    },
  )

  test('a stanza of a kind that nobody knows is refused where the server waits for an answer', async () => {
    const world = new World('unknown')
    const { alice } = await world.addPair()
    await linkedClient(world, alice)
    world.inject(node('status', { id: 'S1', from: BOB }))
    world.inject(node('something', { id: 'S2', from: BOB }))
    world.inject(node('call', { id: 'S3', from: BOB }))
    await until('the last answer', () => world.answersTo('S3').length > 0)
    expect(world.answersTo('S1')).toMatchObject([{ attrs: { class: 'status', error: '488' } }])
    expect(world.answersTo('S2')).toEqual([])
    expect(world.answersTo('S3')).toMatchObject([{ attrs: { class: 'call' } }])
  })
})

describe('the first message of somebody', () => {
  test('takes its one-time pre-key away for good, and later ones take none', async () => {
    const world = new World('one-time')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    await until('the upload', () => world.device().directory.count > 0)
    const rows = (kind: string): ReturnType<typeof store.listRecords> =>
      store.listRecords('default', kind, undefined, 2_000)
    const before = (await rows('pre-key')).map(({ key }) => key)
    for (const text of ['one', 'two']) await untilLogged(client, (await bob.send(ALICE, { text })).id)
    const users = [bob.lid, bob.pn].map((jid) => jid.split('@')[0] ?? '')
    const [spent, ...more] = (await rows('spent-pre-key')).filter(({ value }) =>
      users.some((user) => utf8Text(value).includes(user)),
    )
    expect(more).toEqual([])
    expect(before).toContain(spent?.key)
    expect((await rows('pre-key')).map(({ key }) => key)).not.toContain(spent?.key)
  })
})

describe('a redelivery', () => {
  test('of the same ciphertext is answered again and changes nothing', async () => {
    const world = new World('redelivery')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const { id } = await bob.send(ALICE, { text: 'once' })
    await untilLogged(client, id)
    await until('the receipt', () => world.answersTo(id).length === 1)
    const [delivered] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
    if (delivered === undefined) throw new Error('no message')
    world.inject(delivered)
    await until('a second receipt', () => world.answersTo(id).length === 2)
    world.inject({ ...delivered, attrs: { ...delivered.attrs, offline: '0' } })
    await until('a third receipt', () => world.answersTo(id).length === 3)
    await settle()
    const answers = world.answersTo(id).map(({ tag, attrs }) => [tag, attrs.type])
    expect(answers).toEqual([1, 2, 3].map(() => ['receipt', 'inactive']))
    expect(await messageIds(client)).toEqual([id])
    expect(world.violations).toEqual([])
  })

  test('of a receipt is acknowledged again and produces no second event', async () => {
    const world = new World('receipts')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const sent = await client.send(BOB, { text: 'hi' })
    await bob.waitForMessage(({ text }) => text === 'hi')
    await sent.delivered
    const [receipt] = world.received({ tag: 'receipt' }).filter(({ attrs }) => attrs.id === sent.id)
    if (receipt === undefined) throw new Error('no receipt')
    const after = world.server.trace.nextIndex - 1
    world.inject(receipt)
    await until('the second ack', () => world.answersTo(sent.id, after).length > 0)
    await settle()
    const receipts = (await log(client)).filter(({ type }) => type === 'message.receipt')
    expect(receipts).toHaveLength(1)
  })
})

describe('the same id with a new ciphertext', () => {
  test('produces no second event, but the session advances', async () => {
    const world = new World('same id')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const { id } = await bob.send(ALICE, { text: 'first' })
    await untilLogged(client, id)
    // the phone encrypts again under the same id when it is asked to
    const [delivered] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
    const from = delivered?.attrs.from ?? ''
    const bobDevice = world.device(BOB)
    world.server.world.post(
      bobDevice,
      node('receipt', { id, from: DEVICE, type: 'retry', t: SECONDS }, [
        node('retry', { count: '1', id, t: SECONDS, v: '1' }),
        node('registration', {}, Uint8Array.of(0, 0, 0, 1)),
      ]),
      'ack',
    )
    await until(
      'the repetition',
      () => world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id).length === 2,
    )
    const { id: later } = await bob.send(ALICE, { text: 'second' })
    await untilLogged(client, later)
    expect(await messageIds(client)).toEqual([id, later])
    expect(from).not.toBe('')
    expect((await log(client)).map(({ type }) => type)).not.toContain('message.undecryptable')
  })
})

describe('a message that cannot be read', () => {
  test('is one visible event; it is asked for again at most four times, with keys where there is no session, and acknowledged each time', async () => {
    const world = new World('unreadable')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    for (let count = 0; count < 7; count += 1)
      world.inject(unreadable('U1', count === 0 ? {} : { count: String(count) }))
    await until('seven acks', () => world.answersTo('U1').filter(({ tag }) => tag === 'ack').length === 7)
    const answers = world.answersTo('U1')
    const requests = answers.filter(({ tag }) => tag === 'receipt')
    expect(requests.map(({ attrs }) => attrs.type)).toEqual(['retry', 'retry', 'retry', 'retry'])
    const children = requests.map(({ content }) => (content as BinaryNode[]).map(({ tag }) => tag))
    expect(children.map((tags) => tags.includes('keys'))).toEqual([true, true, true, true])
    // each request comes before the ack that lets the server forget the message
    expect(answers.slice(0, 2).map(({ tag }) => tag)).toEqual(['receipt', 'ack'])
    const events = (await log(client)).filter(({ type }) => type === 'message.undecryptable')
    expect(events).toMatchObject([
      { payload: { id: 'U1', chat: expect.anything() as string, fromMe: false } },
    ])
    expect(world.violations).toEqual([])
  })

  test('is read when its sender sends it again with a new session', async () => {
    const world = new World('mended')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const first = await bob.send(ALICE, { text: 'one' })
    await untilLogged(client, first.id)
    const [delivered] = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === first.id)
    if (delivered === undefined) throw new Error('no message')
    // what Bob writes next arrives damaged: the copy is taken from the mailbox and replaced
    const { mailbox } = world.device()
    const { outlet } = world.device()
    world.device().outlet = undefined
    const second = await bob.send(ALICE, { text: 'two' })
    mailbox.clear()
    world.device().outlet = outlet
    world.inject({
      ...delivered,
      attrs: { ...delivered.attrs, id: second.id },
      content: [node('enc', { v: '2', type: 'msg' }, Uint8Array.of(0x33, 9, 9, 9, 9))],
    })
    await untilLogged(client, second.id)
    expect(await messageIds(client)).toEqual([first.id, second.id])
  })

  test('without any content is visible too', async () => {
    const world = new World('unavailable')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    const empty = node('message', { from: BOB, id: 'V1', t: SECONDS, type: 'text' }, [
      node('unavailable', { type: 'view_once' }),
    ])
    world.inject(empty)
    world.inject(empty)
    await until('its answers', () => world.answersTo('V1').length >= 1)
    await settle()
    const events = (await log(client)).filter(({ type }) => type === 'message.undecryptable')
    expect(events).toMatchObject([{ payload: { id: 'V1', reason: 'WATON_MESSAGE_UNAVAILABLE' } }])
  })
})

describe('the offline queue', () => {
  test('is taken in to its end, however long it is', { timeout: 60_000 }, async () => {
    const world = new World('offline')
    const { alice, bob } = await world.addPair()
    // the pauses that a server which is not available asks for
    const client = await linkedClient(world, alice, { clock: new FastClock(20) })
    const { store } = { store: client }
    expect(store).toBe(client)
    world.server.faults.refuseLogin(DEVICE, 503)
    world.server.faults.disconnect(DEVICE)
    const ids: string[] = []
    for (let number = 0; number < 230; number += 1)
      ids.push((await bob.send(ALICE, { text: String(number) })).id)
    await until('the last message', async () => (await messageIds(client)).length === ids.length, 15_000)
    expect(await messageIds(client)).toEqual(ids)
  })
})
