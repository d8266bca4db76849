/**
 * When a request to send again has a session begun anew, and when it does not: keys are fetched for a session in doubt once
 * in an hour, again when the answer in the new one did not help, and keys whose signature is wrong are as good as none.
 */
import { describe, expect, test } from 'vitest'
import { childOf, childrenOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import type { DevicePublicKeys } from '../../src/simulator/stanza/keys.ts'
import { BOB, DEVICE, World, keepingLogger } from '../client/support.ts'
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

/** Bob's device asks for a message, as the server passes it on, and is answered. @returns the kind of the answer */
async function answerTo(
  here: Stage,
  id: string,
  { count, keys = [] }: { count: number; keys?: readonly BinaryNode[] },
): Promise<string | undefined> {
  requests += 1
  const before = repeatsOf(here.world.server.trace, DEVICE, id).length
  here.world.inject(
    node('receipt', { id, from: BOB_DEVICE, type: 'retry', t: String(1_700_000_000 + requests) }, [
      node('retry', { count, id, t: '1700000000', v: '1', error: '0' }),
      node('registration', {}, uint32Bytes(registered(here).registrationId)),
      ...keys,
    ]),
  )
  const answer = await until(`an answer to request ${String(count)}`, () =>
    repeatsOf(here.world.server.trace, DEVICE, id).at(before),
  )
  return childOf(answer.node, 'enc')?.attrs.type
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
    const { identityKey, signedPreKey } = registered(here)
    const deviceIdentity = world.server.world.deviceOf(BOB_DEVICE)?.facts.deviceIdentity
    const signature = signedPreKey.signature.slice()
    signature[7] = (signature[7] ?? 0) ^ 1
    const keys = node('keys', {}, [
      node('type', {}, Uint8Array.of(5)),
      node('identity', {}, identityKey),
      node('skey', {}, [
        node('id', {}, uint32Bytes(signedPreKey.id).subarray(1)),
        node('value', {}, signedPreKey.publicKey),
        node('signature', {}, signature),
      ]),
      node('device-identity', {}, deviceIdentity ?? new Uint8Array(0)),
    ])
    expect(await answerTo(here, ids[0], { count: 2, keys: [keys] })).toBe('pkmsg')
    expect(lines.flatMap(({ fields }) => fields.drop ?? [])).toEqual(['bad-keys'])
    expect(renewals(world)).toBe(1)
    await alice.client.send(BOB, { text: 'goes on' })
    await bob.untilTexts('goes on')
    expect(await bob.unreadable()).toEqual([])
  })
})
