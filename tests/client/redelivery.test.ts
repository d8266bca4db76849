/**
 * What the server delivers again because it has not seen an answer, to a client that was started anew in between: each is
 * told once and answered (promises G1 and G2). So is a ciphertext that the session has left behind, and a message that
 * comes under its id with another ciphertext.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import type { Change, Claim, CommitResult } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { childrenOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { deliverStanza } from '../../src/simulator/deliver.ts'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  World,
  linkedClient,
  log,
  messageIds,
  newClient,
  settle,
  untilLogged,
} from './support.ts'

const GROUP = '120363000000000001@g.us'
const CALLER = '100000000003@lid'
const T = '1700000000'

/** Loses the connection at the moment in which something is recorded, before its answer can leave. */
class CutStore extends StoreWrapper {
  cut: (() => void) | undefined

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const result = await super.commit(claim, changes)
    if (changes.some(({ op }) => op === 'append-event')) this.cut?.()
    return result
  }
}

/** A store that has forgotten which ciphertexts came before, as every store does after two weeks. */
class ForgetfulStore extends StoreWrapper {
  override readRecognised(_account: string, hashes: readonly Uint8Array[]): Promise<boolean[]> {
    return Promise.resolve(hashes.map(() => false))
  }
}

const STANZAS: Readonly<Record<string, BinaryNode>> = {
  'group.changed': node('notification', { id: 'N1', type: 'w:gp2', from: GROUP, t: T }, [
    node('subject', { subject: 'Hiking' }),
  ]),
  'message.receipt': node('receipt', { id: 'R1', from: BOB, type: 'read', t: T }),
  call: node('call', { id: 'C1', from: CALLER, t: T }, [
    node('offer', { 'call-id': 'CALL1', 'call-creator': CALLER }, [node('audio')]),
  ]),
  'message.undecryptable': node('message', { id: 'M1', from: BOB, type: 'text', t: T }, [
    node('enc', { v: '2', type: 'msg' }, Uint8Array.of(0x33, 1, 2, 3)),
  ]),
}

/** What the server still keeps for the device. */
function unanswered(world: World): readonly BinaryNode[] {
  return world
    .device()
    .mailbox.after(0)
    .map(({ stanza }) => stanza)
}

async function typesOf(client: Client): Promise<string[]> {
  return (await log(client)).map(({ type }) => type)
}

/** A client that records what `deliver` sends it, loses its connection at once, and ends. */
async function endedBeforeTheAnswer(world: World, deliver: () => Promise<unknown>): Promise<MemoryStore> {
  const [alice] = world.phones
  if (alice === undefined) throw new Error('nobody is there')
  const memory = new MemoryStore()
  const store = new CutStore(memory)
  const client = await linkedClient(world, alice, { store })
  await until('everything to be answered', () => unanswered(world).length === 0)
  let cuts = 0
  store.cut = () => {
    cuts += 1
    world.server.faults.disconnect(DEVICE)
  }
  await deliver()
  await until('the cut', () => cuts === 1)
  await client.close()
  expect(unanswered(world)).toHaveLength(1)
  return memory
}

describe('what was recorded and not answered when the client ended', () => {
  test.each(Object.entries(STANZAS))(
    'is answered by the next client and told once: %s',
    async (type, stanza) => {
      const world = new World(`restart ${type}`)
      await world.addPair()
      const store = await endedBeforeTheAnswer(world, () =>
        Promise.resolve(deliverStanza(world.server.world, DEVICE, stanza)),
      )
      const id = stanza.attrs.id ?? ''
      expect(world.answersTo(id)).toEqual([])
      const client = newClient(world, { store })
      await client.connect()
      await until('the answer', () => unanswered(world).length === 0)
      expect(world.answersTo(id).length).toBeGreaterThan(0)
      expect(await typesOf(client)).toEqual([type])
      expect(world.violations).toEqual([])
    },
  )

  test('is answered by the next client and told once: a message, and the next one is read', async () => {
    const world = new World('restart message')
    const { bob } = await world.addPair()
    let id = ''
    const store = await endedBeforeTheAnswer(world, async () => {
      ;({ id } = await bob.send(ALICE, { text: 'recorded, not answered' }))
    })
    expect(world.answersTo(id)).toEqual([])
    const client = newClient(world, { store })
    await client.connect()
    await until('the answer', () => unanswered(world).length === 0)
    const later = await bob.send(ALICE, { text: 'after' })
    await untilLogged(client, later.id)
    expect(await messageIds(client)).toEqual([id, later.id])
    expect(world.answersTo(id).map(({ tag, attrs }) => [tag, attrs.type])).toEqual([['receipt', 'inactive']])
    expect(world.violations).toEqual([])
  })
})

describe('a ciphertext that the session has left behind', () => {
  test('of a message that is recorded is answered, and neither shown nor asked for again', async () => {
    const world = new World('old counters')
    const { alice, bob } = await world.addPair()
    const memory = new MemoryStore()
    const first = await linkedClient(world, alice, { store: memory })
    const ids: string[] = []
    // an answer in between, so that the last ones come in a session that both know
    for (const text of ['one', 'two']) ids.push((await bob.send(ALICE, { text })).id)
    await untilLogged(first, ids[1] ?? '')
    await (
      await first.send(BOB, { text: 'answer' })
    ).acked
    await bob.waitForMessage(({ text }) => text === 'answer')
    for (const text of ['three', 'four']) ids.push((await bob.send(ALICE, { text })).id)
    await untilLogged(first, ids[3] ?? '')
    const delivered = world.received({ tag: 'message' }).filter(({ attrs: { id = '' } }) => ids.includes(id))
    expect(delivered).toHaveLength(4)
    await first.close()

    const client = newClient(world, { store: new ForgetfulStore(memory) })
    await client.connect()
    const before = await typesOf(client)
    const after = world.server.trace.nextIndex - 1
    for (const stanza of delivered) world.inject(stanza)
    await until('all answers', () => ids.every((id) => world.answersTo(id, after).length > 0))
    await settle()
    for (const id of ids)
      expect(world.answersTo(id, after).map(({ tag, attrs }) => [tag, attrs.type])).toEqual([
        ['receipt', 'inactive'],
      ])
    expect(await typesOf(client)).toEqual(before)
    const { id: last } = await bob.send(ALICE, { text: 'and on' })
    await untilLogged(client, last)
    expect(await messageIds(client)).toEqual([...ids, last])
    expect(world.violations).toEqual([])
  })
})

describe('a message under its id with another ciphertext', () => {
  test('is answered and not shown a second time, also by a client that was started in between', async () => {
    const world = new World('same id again')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const first = await linkedClient(world, alice, { store })
    const { id } = await bob.send(ALICE, { text: 'once' })
    await untilLogged(first, id)
    await until('the answer', () => world.answersTo(id).length > 0)
    await first.close()
    const client = newClient(world, { store })
    await client.connect()
    const after = world.server.trace.nextIndex - 1
    // the phone encrypts again under the same id when it is asked to
    const retry = node('receipt', { id, from: DEVICE, type: 'retry', t: T }, [
      node('retry', { count: '1', id, t: T, v: '1' }),
      node('registration', {}, Uint8Array.of(0, 0, 0, 1)),
    ])
    world.server.world.post(world.device(BOB), retry, 'ack')
    await until('the second answer', () => world.answersTo(id, after).length > 0)
    const copies = world.received({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
    const ciphertexts = copies.map((copy) => childrenOf(copy, 'enc').map(({ content }) => content))
    expect(ciphertexts).toHaveLength(2)
    expect(ciphertexts[0]).not.toEqual(ciphertexts[1])
    const { id: later } = await bob.send(ALICE, { text: 'after' })
    await untilLogged(client, later)
    expect(await messageIds(client)).toEqual([id, later])
    expect(await typesOf(client)).not.toContain('message.undecryptable')
    expect(world.answersTo(id, after).map(({ tag, attrs }) => [tag, attrs.type])).toEqual([
      ['receipt', 'inactive'],
    ])
  })
})
