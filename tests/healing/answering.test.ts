/**
 * Who is given a message once more and who is not, how often, and what becomes of an answer when the connection or the
 * process ends in the middle.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import { CiphertextRecord, assertNoKeyReuse } from 'waton/simulator'
import { faultyStore, writeFault } from 'waton/testing'
import { childOf, contentBytes, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { generateSignedPreKey } from '../../src/protocol/signal/index.ts'
import { ALICE, BOB, DEVICE, World, keepingLogger, linkedClient, settle } from '../client/support.ts'
import type { Line } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BOB_DEVICE, Party, repeatsOf, requestsFor } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'

interface Stage {
  readonly world: World
  readonly alice: Party
  readonly bob: Party
  readonly lines: Line[]
  /** A message of Alice that Bob's devices have read. */
  readonly id: string
}

async function stage(seed: string): Promise<Stage> {
  const world = new World(seed)
  const phones = await world.addPair()
  const lines: Line[] = []
  const alice = await Party.link(world.endpoint, phones.alice, { logger: keepingLogger(lines) })
  const bob = await Party.link(world.endpoint, phones.bob)
  const { id, delivered } = await alice.client.send(BOB, { text: 'hello' })
  await delivered
  await bob.untilTexts('hello')
  return { world, alice, bob, lines, id }
}

let requests = 0

/** A device asks Alice for a message, as the server passes it on. */
function ask(
  { world }: Pick<Stage, 'world'>,
  id: string,
  { from = BOB_DEVICE, count = 1, ...more }: { from?: string; count?: number; t?: string } = {},
): BinaryNode {
  requests += 1
  const t = more.t ?? String(1_700_000_000 + requests)
  const receipt = node('receipt', { id, from, type: 'retry', t }, [
    node('retry', { count, id, t: '1700000000', v: '1', error: '0' }),
    node('registration', {}, registrationOf(world, from)),
  ])
  world.inject(receipt)
  return receipt
}

function registrationOf(world: World, jid: string): Uint8Array {
  return uint32Bytes(world.server.world.deviceOf(jid)?.directory.keys?.registrationId ?? 1)
}

function acks(world: World): number {
  return world.sent({ tag: 'ack' }).filter(({ attrs }) => attrs.class === 'receipt' && attrs.type === 'retry')
    .length
}

function drops(lines: readonly Line[]): unknown[] {
  return lines.flatMap(({ fields }) => (fields.drop === undefined ? [] : [fields.drop]))
}

/** Keys as a request to send again carries them, without a word of the account. */
function unsignedKeys(seed: string): BinaryNode {
  const random = seededRandom(seed)
  const identity = generateKeyPair(random)
  const { id: keyId, publicKey, signature } = generateSignedPreKey(identity, 1, random)
  return node('keys', {}, [
    node('type', {}, Uint8Array.of(5)),
    node('identity', {}, identity.publicKey),
    node('skey', {}, [
      node('id', {}, uint32Bytes(keyId).subarray(1)),
      node('value', {}, publicKey),
      node('signature', {}, signature),
    ]),
  ])
}

describe('a request that is not granted', () => {
  test('is one of a stranger, of somebody else, for what is not known, or of a device that is not listed', async () => {
    const here = await stage('not granted')
    const { world, lines, id } = here
    const carol = await world.addPhone('15550000003', 'Carol')
    ask(here, id, { from: CAROL })
    ask(here, 'UNKNOWN')
    ask(here, id, { from: '15550000002:7@s.whatsapp.net' })
    ask(here, id, { from: DEVICE })
    await until('four acks', () => acks(world) === 4)
    await settle()
    expect(drops(lines)).toEqual(['not-theirs', 'not-found', 'unknown-device', 'not-theirs'])
    expect(repeatsOf(world.server.trace, DEVICE, id)).toEqual([])
    expect(carol.messages).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('is one of a device that is not listed, with keys that its account does not vouch for', async () => {
    const here = await stage('not vouched for')
    const { world, lines, id } = here
    const from = '15550000002:7@s.whatsapp.net'
    const keys = unsignedKeys('not vouched for')
    const receipt = ask(here, id, { from, t: '1690000000' })
    await until('an ack', () => acks(world) === 1)
    world.inject(
      node('receipt', { ...receipt.attrs, t: '1690000001' }, [
        node('retry', { count: 2, id, t: '1700000000', v: '1', error: '0' }),
        node('registration', {}, uint32Bytes(77)),
        keys,
      ]),
    )
    await until('two acks', () => acks(world) === 2)
    await settle()
    expect(drops(lines)).toEqual(['unknown-device', 'bad-keys', 'unknown-device'])
    expect(repeatsOf(world.server.trace, DEVICE, id)).toEqual([])
  })

  test('is granted without the keys in it when nothing was signed for them, also to a device that is known', async () => {
    const here = await stage('keys without a word')
    const { world, lines, id, alice, bob } = here
    await bob.client.send(ALICE, { text: 'hi' })
    await alice.untilTexts('hi')
    const { attrs } = ask(here, 'UNKNOWN')
    world.inject(
      node('receipt', { ...attrs, id, t: '1690000000' }, [
        node('retry', { count: 2, id, t: '1700000000', v: '1', error: '0' }),
        node('registration', {}, registrationOf(world, BOB_DEVICE)),
        unsignedKeys('keys without a word'),
      ]),
    )
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 1)
    expect(drops(lines)).toEqual(['not-found', 'bad-keys'])
    // with keys that the server gave instead: the device reads it
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(await bob.unreadable()).toEqual([])
  })

  test('comes too often: five answers for a device and a message, also after a restart', async () => {
    const here = await stage('too often')
    const { world, alice, id } = here
    for (let count = 1; count <= 4; count += 1) {
      ask(here, id, { count })
      await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === count)
    }
    await alice.restart()
    for (let count = 5; count <= 8; count += 1) ask(here, id, { count })
    await until('eight acks', () => acks(world) === 8)
    await until('the last answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 5)
    await settle()
    expect(repeatsOf(world.server.trace, DEVICE, id)).toHaveLength(5)
  })

  test('is part of a storm: twenty are answered, all are acknowledged, and the others wait in the store', async () => {
    const here = await stage('storm')
    const { world, alice, lines } = here
    const ids: string[] = []
    for (let number = 0; number < 60; number += 1)
      ids.push((await alice.client.send(BOB, { text: `text ${String(number)}` })).id)
    await here.bob.untilTexts('text 59')
    for (const id of ids) ask(here, id)
    await until('all acks', () => acks(world) === 60)
    await until(
      'twenty answers',
      () => ids.flatMap((id) => repeatsOf(world.server.trace, DEVICE, id)).length >= 20,
    )
    await settle()
    // one more in six seconds
    expect(ids.flatMap((id) => repeatsOf(world.server.trace, DEVICE, id)).length).toBeLessThan(26)
    expect(drops(lines)).toEqual([])
    const waiting = await alice.store.listRecords('default', 'resend-order', undefined, 100)
    expect(waiting.length).toBeGreaterThan(60 - 26)
  })

  test('with keys from the server that the account does not vouch for leaves the session as it is', async () => {
    const here = await stage('keys of the server')
    const { world, lines, id, alice, bob } = here
    await bob.client.send(ALICE, { text: 'hi' })
    await alice.untilTexts('hi')
    const identity = world.server.world.deviceOf(BOB_DEVICE)?.facts.deviceIdentity ?? new Uint8Array(0)
    const last = identity.length - 1
    identity[last] = (identity[last] ?? 0) ^ 1
    // another registration has the keys fetched
    const { attrs } = ask(here, 'UNKNOWN')
    world.inject(
      node('receipt', { ...attrs, id, t: '1690000000' }, [
        node('retry', { count: 1, id, t: '1700000000', v: '1', error: '0' }),
        node('registration', {}, uint32Bytes(77)),
      ]),
    )
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 1)
    expect(drops(lines)).toEqual(['not-found', 'bad-keys'])
    const [answer] = repeatsOf(world.server.trace, DEVICE, id)
    expect(answer && childOf(answer.node, 'enc')?.attrs.type).toBe('msg')
  })

  test('is delivered twice: it is acknowledged twice and answered once', async () => {
    const here = await stage('twice')
    const { world, id } = here
    ask(here, id, { t: '1700000001' })
    ask(here, id, { t: '1700000001' })
    await until('two acks', () => acks(world) === 2)
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 1)
    await settle()
    expect(repeatsOf(world.server.trace, DEVICE, id)).toHaveLength(1)
  })

  test('is nonsense, and does no harm', async () => {
    const here = await stage('nonsense')
    const { world, alice, bob, id } = here
    const keys = node('keys', {}, [node('identity', {}, Uint8Array.of(1)), node('skey', {}, 'x')])
    for (const content of [
      [],
      [keys],
      [node('retry', { count: 'x' })],
      [node('retry', { count: '-1' }), keys],
    ])
      world.inject(node('receipt', { id, from: BOB_DEVICE, type: 'retry' }, content))
    world.inject(node('receipt', { id, from: 'x', type: 'retry' }, [keys]))
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(alice.client.state).toBe('open')
  })
})

describe('an answer', () => {
  test('goes to the device that asks alone, in the session that there is, in a stanza of its own', async () => {
    const here = await stage('shape')
    const { world, alice, id } = here
    const before = await alice.sessions()
    ask(here, id, { count: 1 })
    const [repeat] = await until('the answer', () => {
      const repeats = repeatsOf(world.server.trace, DEVICE, id)
      return repeats.length > 0 && repeats
    })
    expect(repeat?.node.attrs).toEqual({ id, to: BOB_DEVICE, type: 'text', device_fanout: 'false' })
    expect(repeat && childOf(repeat.node, 'participants')).toBeUndefined()
    expect(repeat && childOf(repeat.node, 'enc')?.attrs).toMatchObject({ v: '2', count: '1' })
    // keys were not asked for, and nobody else's session has moved
    expect(
      world
        .sent({ tag: 'iq' })
        .filter(({ attrs }) => attrs.xmlns === 'encrypt' && attrs.type === 'get')
        .map((iq) => JSON.stringify(iq.content))
        .filter((text) => text.includes('identity')),
    ).toEqual([])
    // the own phone writes when it likes
    const own = world.server.world.accountOf('15550000001')?.facts.lidUser ?? '-'
    const changed = [...(await alice.sessions())].filter(
      ([address, value]) => !address.startsWith(own) && before.get(address) !== value,
    )
    expect(changed).toHaveLength(1)
    expect(world.violations).toEqual([])
  })

  test('is repeated unchanged by the next process when the server had not acknowledged it', async () => {
    const here = await stage('crash')
    const { world, alice, id } = here
    // the connection ends where the server would acknowledge the answer
    const stop = world.server.trace.subscribe((entry) => {
      if (!('node' in entry) || entry.node.tag !== 'message' || childOf(entry.node, 'enc') === undefined)
        return
      stop()
      world.server.faults.dropAfter(DEVICE, 0)
    })
    onTestFinished(stop)
    ask(here, id)
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 1)
    await alice.restart()
    await until('its repetition', () => repeatsOf(world.server.trace, DEVICE, id).length === 2)
    const [one, two] = repeatsOf(world.server.trace, DEVICE, id).map(({ node: repeat }) => {
      const enc = childOf(repeat, 'enc')
      return enc === undefined ? undefined : Buffer.from(contentBytes(enc) ?? []).toString('hex')
    })
    expect(two).toBe(one)
    await until('no order to be left', async () => {
      const orders = await alice.store.listRecords('default', 'resend-order', undefined, 10)
      return orders.length === 0
    })
  })

  test('whose commits fail is given once they succeed, with every key used once', async () => {
    const world = new World('failing commits')
    const phones = await world.addPair()
    const failures = { taking: 0, sealing: 0 }
    const store = faultyStore(new MemoryStore(), {
      commit: ({ changes }) => {
        const has = (kind: string): boolean =>
          changes.some((change) => change.op === 'put-record' && change.row.kind === kind)
        if (!has('resend-order')) return undefined
        // the order itself, and then what was encrypted for it, with the chain that has moved
        const step = has('session') ? 'sealing' : 'taking'
        if (failures[step] >= 2) return undefined
        failures[step] += 1
        return { error: writeFault() }
      },
    })
    const record = new CiphertextRecord(world.server.trace)
    const alice = await Party.link(world.endpoint, phones.alice, { store })
    const bob = await Party.link(world.endpoint, phones.bob)
    const { id, delivered } = await alice.client.send(BOB, { text: 'hello' })
    await delivered
    await bob.untilTexts('hello')
    ask({ world }, id)
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length > 0)
    expect(failures).toEqual({ taking: 2, sealing: 2 })
    await until('no order to be left', async () => {
      const orders = await store.listRecords('default', 'resend-order', undefined, 10)
      return orders.length === 0
    })
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(await bob.unreadable()).toEqual([])
    expect(repeatsOf(world.server.trace, DEVICE, id)).toHaveLength(1)
    expect([...record].some((one) => one.sender === DEVICE && one.recipient === BOB_DEVICE)).toBe(true)
    assertNoKeyReuse(record)
    expect(world.violations).toEqual([])
  })

  test('to another own device names the chat', async () => {
    const world = new World('own device')
    const { alice: phone } = await world.addPair()
    const alice = await Party.link(world.endpoint, phone)
    const second = await linkedClient(world, phone)
    const { id } = await alice.client.send(BOB, { text: 'from the first' })
    await until('the copy', async () => {
      for await (const { type, payload } of second.events.read())
        if (type === 'message' && payload.id === id) return true
      return false
    })
    const from = '15550000001:2@s.whatsapp.net'
    world.inject(
      node('receipt', { id, from, recipient: BOB, type: 'retry', t: '1700000000' }, [
        node('retry', { count: 1, id, t: '1700000000', v: '1' }),
        node('registration', {}, registrationOf(world, from)),
      ]),
    )
    const [repeat] = await until('the answer', () => {
      const repeats = repeatsOf(world.server.trace, DEVICE, id)
      return repeats.length > 0 && repeats
    })
    expect(repeat?.node.attrs).toEqual({ id, to: from, type: 'text', device_fanout: 'false', recipient: BOB })
    expect(world.violations).toEqual([])
  })

  test('reaches a phone that asks, which shows the message once', async () => {
    const here = await stage('phone')
    const { world, alice, id } = here
    const [bob] = world.phones.filter(({ pn }) => pn === BOB)
    ask(here, id, { from: BOB })
    await until('the answer', () => repeatsOf(world.server.trace, DEVICE, id).length === 1)
    await until('the phone to see it', () => bob?.duplicates.some((duplicate) => duplicate.id === id))
    expect(bob?.messages.filter((message) => message.id === id)).toHaveLength(1)
    await alice.client.send(BOB, { text: 'still' })
    await bob?.waitForMessage(({ text }) => text === 'still')
    expect(requestsFor(world.server.trace, BOB, id)).toEqual([])
    expect(world.server.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
  })
})
