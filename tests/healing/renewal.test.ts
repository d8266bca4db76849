/**
 * When a request to send again has a session begun anew, and when it does not: keys are fetched for a session in doubt once
 * in an hour, again when the answer in the new one did not help, and keys whose signature is wrong are as good as none.
 */
import { describe, expect, test } from 'vitest'
import { childOf, childrenOf, contentBytes, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { generateSignedPreKey, readPreKeySignal } from '../../src/protocol/signal/index.ts'
import { DEVICE_LIST } from '../../src/client/state/records.ts'
import { RESEND_ORDER } from '../../src/client/retry/records.ts'
import type { DevicePublicKeys } from '../../src/simulator/stanza/keys.ts'
import { BOB, DEVICE, World, keepingLogger, log } from '../client/support.ts'
import type { Line } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BOB_DEVICE, Party, repeatsOf } from './support.ts'

interface Stage {
  readonly world: World
  readonly alice: Party
  readonly bob: Party
  readonly lines: readonly Line[]
  /** Two messages of Alice that Bob's devices have read. */
  readonly ids: readonly [string, string]
}

async function stage(seed: string): Promise<Stage> {
  const world = new World(seed)
  const phones = await world.addPair()
  const lines: Line[] = []
  const alice = await Party.link(world.endpoint, phones.alice, { logger: keepingLogger(lines) })
  const bob = await Party.link(world.endpoint, phones.bob)
  const first = await alice.client.send(BOB, { text: 'first' })
  const second = await alice.client.send(BOB, { text: 'second' })
  await bob.untilTexts('first', 'second')
  return { world, alice, bob, lines, ids: [first.id, second.id] }
}

function registered({ world }: Stage): DevicePublicKeys {
  const keys = world.server.world.deviceOf(BOB_DEVICE)?.directory.keys
  if (keys === undefined) throw new Error('Bob has no keys')
  return keys
}

let requests = 0

interface Asked {
  readonly count: number
  readonly keys?: readonly BinaryNode[]
  /** @default Bob's linked device */
  readonly from?: string
}

/** Bob's device asks for a message, as the server passes it on. */
function inject(here: Stage, id: string, { count, keys = [], from = BOB_DEVICE }: Asked): void {
  requests += 1
  here.world.inject(
    node('receipt', { id, from, type: 'retry', t: String(1_700_000_000 + requests) }, [
      node('retry', { count, id, t: '1700000000', v: '1', error: '0' }),
      node('registration', {}, uint32Bytes(registered(here).registrationId)),
      ...keys,
    ]),
  )
}

/** Asks, and waits for the answer. @returns the kind of the answer */
async function answerTo(here: Stage, id: string, { count, keys = [] }: Asked): Promise<string | undefined> {
  const before = repeatsOf(here.world.server.trace, DEVICE, id).length
  inject(here, id, { count, keys })
  const answer = await until(`an answer to request ${String(count)}`, () =>
    repeatsOf(here.world.server.trace, DEVICE, id).at(before),
  )
  return childOf(answer.node, 'enc')?.attrs.type
}

/** The keys of Bob's device as it sends them along, for which its account vouches. */
function keysOf(here: Stage, signature: Uint8Array): BinaryNode {
  const { identityKey, signedPreKey } = registered(here)
  const deviceIdentity = here.world.server.world.deviceOf(BOB_DEVICE)?.facts.deviceIdentity
  return node('keys', {}, [
    node('type', {}, Uint8Array.of(5)),
    node('identity', {}, identityKey),
    node('skey', {}, [
      node('id', {}, uint32Bytes(signedPreKey.id).subarray(1)),
      node('value', {}, signedPreKey.publicKey),
      node('signature', {}, signature),
    ]),
    node('device-identity', {}, deviceIdentity ?? new Uint8Array(0)),
  ])
}

/** Questions for the keys of a device whose session is in doubt. */
function renewals(world: World): number {
  return world
    .sent({ tag: 'iq', xmlns: 'encrypt', type: 'get' })
    .flatMap((query) => childrenOf(query, 'key'))
    .flatMap((key) => childrenOf(key, 'user'))
    .filter(({ attrs }) => attrs.reason === 'identity').length
}

describe('a session', () => {
  test('is kept at the first request, begun anew at the second, and not again for another message', async () => {
    const here = await stage('renewal')
    const { world, alice, bob, ids } = here
    const [first, second] = ids
    await answerTo(here, first, { count: 1 })
    expect(renewals(world)).toBe(0)
    expect(await answerTo(here, first, { count: 2 })).toBe('pkmsg')
    expect(renewals(world)).toBe(1)
    // the hour of the renewal counts for the device, not for the message
    await answerTo(here, second, { count: 2 })
    expect(renewals(world)).toBe(1)
    // also for the next process
    await alice.restart()
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    await answerTo(here, second, { count: 2 })
    expect(renewals(world)).toBe(1)
    expect(await bob.unreadable()).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('in which the second answer went out and did not help is begun anew at the third, within the hour', async () => {
    const here = await stage('base key')
    const { world, alice, bob, ids } = here
    const [first] = ids
    await answerTo(here, first, { count: 1 })
    await answerTo(here, first, { count: 2 })
    await alice.restart()
    expect(await answerTo(here, first, { count: 3 })).toBe('pkmsg')
    expect(renewals(world)).toBe(2)
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(await bob.unreadable()).toEqual([])
  })
})

describe('keys in a request', () => {
  test('whose signature is wrong are not used, and those of the server are in their place', async () => {
    const here = await stage('signature')
    const { world, alice, bob, lines, ids } = here
    const { signature } = registered(here).signedPreKey
    const keys = keysOf(here, Uint8Array.of(...signature.subarray(0, 63), (signature[63] ?? 0) ^ 1))
    expect(await answerTo(here, ids[0], { count: 2, keys: [keys] })).toBe('pkmsg')
    expect(lines.flatMap(({ fields }) => fields.drop ?? [])).toEqual(['bad-keys'])
    expect(renewals(world)).toBe(1)
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(await bob.unreadable()).toEqual([])
  })

  test('that come faster than signatures are verified count as none', async () => {
    const here = await stage('verifying')
    const { world, alice, bob } = here
    const keys = keysOf(here, registered(here).signedPreKey.signature)
    const ids: string[] = []
    for (let number = 0; number < 30; number += 1)
      ids.push((await alice.client.send(BOB, { text: `text ${String(number)}` })).id)
    await bob.untilTexts('text 29')
    for (const id of ids) inject(here, id, { count: 1, keys: [keys] })
    const waiting = await until('the others to wait', async () => {
      const rows = await alice.store.listRecords('default', RESEND_ORDER.kind, undefined, 100)
      const orders = rows.map(({ value }) => RESEND_ORDER.decode(value))
      const last = orders.filter(({ stanza }) => stanza === undefined)
      return last.some(({ id }) => id === ids.at(-1)) && last.every(({ id }) => ids.indexOf(id) > 15) && last
    })
    // twenty at once, and one more in six seconds
    const verified = waiting.filter(({ bundle }) => bundle !== undefined)
    expect(verified.length).toBeLessThan(waiting.length)
    expect(waiting.at(-1)?.bundle).toBeUndefined()
    expect(world.violations).toEqual([])
  })

  test('of a phone that has registered anew are told once, and its list of devices is in doubt', async () => {
    const here = await stage('phone anew')
    const { world, alice, bob, ids } = here
    bob.phone.goOffline()
    const random = seededRandom('another identity of the phone')
    const identity = generateKeyPair(random)
    const { id, publicKey, signature } = generateSignedPreKey(identity, 7, random)
    const keys = node('keys', {}, [
      node('type', {}, Uint8Array.of(5)),
      node('identity', {}, identity.publicKey),
      node('skey', {}, [
        node('id', {}, uint32Bytes(id).subarray(1)),
        node('value', {}, publicKey),
        node('signature', {}, signature),
      ]),
    ])
    for (const message of ids) inject(here, message, { count: 2, keys: [keys], from: BOB })
    await until('the answers', () =>
      ids.every((message) => repeatsOf(world.server.trace, DEVICE, message).length === 1),
    )
    const changes = (await log(alice.client)).filter(({ type }) => type === 'identity.changed')
    expect(changes).toMatchObject([{ payload: { contact: { pn: BOB } } }])
    const lists = await alice.store.listRecords('default', DEVICE_LIST.kind, undefined, 100)
    const list = lists.find(({ key }) => key === bob.phone.lid)
    expect(list && DEVICE_LIST.decode(list.value)).toMatchObject({ isStale: true })
  })

  test('begin one session, however many messages are asked for with them', async () => {
    const here = await stage('one session')
    const { world, ids } = here
    const preKey = world.server.world.deviceOf(BOB_DEVICE)?.directory.take()
    if (preKey === undefined) throw new Error('Bob has no one-time pre-keys')
    const { content, ...keys } = keysOf(here, registered(here).signedPreKey.signature)
    const oneTime = node('key', {}, [
      node('id', {}, uint32Bytes(preKey.id).subarray(1)),
      node('value', {}, preKey.publicKey),
    ])
    const [first, second] = ids
    inject(here, first, {
      count: 1,
      keys: [
        { ...keys, content: [...(content as readonly BinaryNode[]), oneTime] },
        node('list', {}, [node('item', { id: second })]),
      ],
    })
    const answers = await until('both answers', () => {
      const all = ids.flatMap((id) => repeatsOf(world.server.trace, DEVICE, id))
      return all.length === 2 && all
    })
    const begun = answers.map((answer) => {
      const enc = childOf(answer.node, 'enc')
      const { baseKey, preKeyId } = readPreKeySignal((enc && contentBytes(enc)) ?? new Uint8Array(0))
      return { baseKey, preKeyId }
    })
    expect(begun[0]?.preKeyId).toBe(preKey.id)
    expect(begun[1]).toEqual(begun[0])
  })
})
