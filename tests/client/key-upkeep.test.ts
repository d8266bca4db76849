/**
 * The keys that the server has of a device: kept in stock, renewed, and put right when the server's directory is not
 * ours. The server is the strict one of the simulator, and every restart is a new client on the same store.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, ClientOptions } from 'waton'
import { VirtualClock } from 'waton/testing'
import { REFUSED_PAUSE_MS, RETENTION_MS, ROTATION_MS } from '../../src/client/keys/signed-pre-key.ts'
import { toHex, uintFromBytes } from '../../src/base/bytes.ts'
import { childrenOf, node, requireBytes, requireChild } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { until } from '../helpers/until.ts'
import { ALICE, DEVICE, World, linkedClient, newClient, settle, untilLogged } from './support.ts'

/** Nothing but what a test waits for happens while weeks pass. */
const CALM = { keepAliveMs: 1e11, leaseMs: 1e11 }

interface Scene {
  readonly world: World
  readonly clock: VirtualClock
  readonly store: MemoryStore
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  /** The client that runs now. */
  client: Client
}

async function openScene(seed: string): Promise<Scene> {
  const clock = new VirtualClock()
  const world = new World(seed, clock)
  const { alice, bob } = await world.addPair()
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, clock, timing: CALM })
  await until('the first keys', () => world.device().directory.count > 0)
  await settle()
  return { world, clock, store, alice, bob, client }
}

/** Stops the client, lets time pass, and starts it again on the same store. */
async function restart(scene: Scene, passMs = 0, options: Partial<ClientOptions> = {}): Promise<void> {
  const { world, clock, store } = scene
  await scene.client.close()
  clock.advance(passMs)
  scene.client = newClient(world, { store, clock, timing: CALM, ...options })
  await scene.client.connect()
  await settle()
}

const named = (stanzas: readonly BinaryNode[], child: string): readonly BinaryNode[] =>
  stanzas.filter((stanza) => childrenOf(stanza, child).length > 0)
const keyQueries = ({ world }: Scene, child: string): readonly BinaryNode[] =>
  named(world.sent({ tag: 'iq', xmlns: 'encrypt' }), child)

/** The signed pre-keys that the client asked the server to take, as `id public-key`. */
function rotations(scene: Scene): string[] {
  return keyQueries(scene, 'rotate').map((query) => {
    const skey = requireChild(requireChild(query, 'rotate'), 'skey')
    const id = uintFromBytes(requireBytes(requireChild(skey, 'id'), 3))
    return `${String(id)} ${toHex(requireBytes(requireChild(skey, 'value'), 32))}`
  })
}

/** The one-time pre-keys of each upload, as `id public-key`. */
function uploads(scene: Scene): string[][] {
  return keyQueries(scene, 'registration').map((query) =>
    childrenOf(requireChild(query, 'list'), 'key').map((key) => {
      const id = uintFromBytes(requireBytes(requireChild(key, 'id'), 3))
      return `${String(id)} ${toHex(requireBytes(requireChild(key, 'value'), 32))}`
    }),
  )
}

const idsOf = (upload: readonly string[] = []): number[] => upload.map((key) => Number(key.split(' ')[0]))
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** Does something at the moment at which the client's next query of this sort has reached the server. */
function atNext({ world }: Scene, child: string, act: () => void): void {
  const stop = world.server.trace.subscribe((entry) => {
    if (!('node' in entry) || entry.direction !== 'client-to-server' || entry.device !== DEVICE) return
    if (named([entry.node], child).length === 0) return
    stop()
    act()
  })
}

const publishedId = ({ world }: Scene): number | undefined => world.device().directory.keys?.signedPreKey.id

function faults({ world }: Scene): string[] {
  return world.server.trace.notes.filter(({ kind }) => kind === 'fault').map(({ text }) => text)
}

/** A text that is encrypted for keys that the device has replaced by the time it reads it. */
async function lostFirstText({ world, bob, client }: Scene): Promise<void> {
  await client.close()
  await bob.send(ALICE, { text: 'lost' })
  await until('the text to wait', () =>
    world
      .device()
      .mailbox.after(0)
      .some(({ stanza }) => stanza.tag === 'message'),
  )
  // Bob keeps his session; the message that would have told the device of it never arrives
  world.device().mailbox.clear()
}

describe('the signed pre-key', () => {
  test('is left alone while it is young', async () => {
    const scene = await openScene('young')
    await restart(scene, ROTATION_MS - 60_000)
    expect(rotations(scene)).toEqual([])
    expect(publishedId(scene)).toBe(1)
  })

  test('stays the current one when the server cannot take another, and the same is tried a day later', async () => {
    const scene = await openScene('refused for now')
    scene.world.server.faults.refuseKeys(DEVICE, 'rotate', 503)
    await restart(scene, ROTATION_MS)
    expect(scene.client.state).toBe('open')
    expect(faults(scene)).toContain('the rotate query about keys is refused with 503')
    await restart(scene, REFUSED_PAUSE_MS - 1)
    expect(rotations(scene)).toHaveLength(1)
    expect(publishedId(scene)).toBe(1)
    await restart(scene, 1)
    const [first, second] = rotations(scene)
    expect(second).toBe(first)
    expect(publishedId(scene)).toBe(2)
  })

  test('gets another id after the server refused the first for good', async () => {
    const scene = await openScene('refused for good')
    scene.world.server.faults.refuseKeys(DEVICE, 'rotate', 409)
    await restart(scene, ROTATION_MS)
    await restart(scene, REFUSED_PAUSE_MS)
    expect(rotations(scene).map((key) => key.split(' ')[0])).toEqual(['2', '3'])
    expect(publishedId(scene)).toBe(3)
  })

  test('that is refused day after day stops at eight keys that are still readable, and forgets none early', async () => {
    const scene = await openScene('refused for ever')
    scene.world.server.faults.refuseKeys(DEVICE, 'rotate', 409, 20)
    await restart(scene, ROTATION_MS)
    for (let day = 0; day < 11; day += 1) await restart(scene, REFUSED_PAUSE_MS)
    expect(rotations(scene)).toHaveLength(8)
    const kept = await scene.store.listRecords('default', 'signed-pre-key', undefined, 100)
    expect(kept.map(({ key }) => Number(key)).sort((a, b) => a - b)).toEqual(range(1, 9))
    await restart(scene, RETENTION_MS)
    expect(rotations(scene)).toHaveLength(9)
  })

  test('is sent again as it was when the connection broke before the server had it', async () => {
    const scene = await openScene('cut before')
    atNext(scene, 'rotate', () => scene.world.server.faults.disconnect(DEVICE))
    await restart(scene, ROTATION_MS)
    await until('the cut', () => rotations(scene).length === 1)
    expect(publishedId(scene)).toBe(1)
    await restart(scene)
    const [first, second] = rotations(scene)
    expect(rotations(scene)).toHaveLength(2)
    expect(second).toBe(first)
    expect(publishedId(scene)).toBe(2)
  })

  test('is not sent again when the server had it and only the answer was lost', async () => {
    const scene = await openScene('cut after')
    atNext(scene, 'rotate', () => {
      scene.world.server.faults.dropAfter(DEVICE, 0)
    })
    await restart(scene, ROTATION_MS)
    await until('the cut', () =>
      faults(scene).some((text) => text.startsWith('the connection is cut before')),
    )
    await restart(scene)
    expect(rotations(scene)).toHaveLength(1)
    expect(publishedId(scene)).toBe(2)
    // and it is the current one from now on: what is uploaded next carries it
    scene.world.server.faults.loseKeys(DEVICE)
    await restart(scene)
    expect(publishedId(scene)).toBe(2)
  })

  test('is renewed without a restart, on the day that it is due', async () => {
    const scene = await openScene('while open')
    await scene.clock.advanceAndSettle(ROTATION_MS - 1)
    expect(rotations(scene)).toHaveLength(0)
    await scene.clock.advanceAndSettle(1)
    await until('the rotation', () => publishedId(scene) === 2)
    await settle()
    await scene.clock.advanceAndSettle(ROTATION_MS)
    await until('the next rotation', () => publishedId(scene) === 3)
    expect(scene.world.sockets).toBe(2)
  })

  test('that was replaced still reads what was written for it', async () => {
    const scene = await openScene('old bundle')
    await lostFirstText(scene)
    await restart(scene, ROTATION_MS)
    expect(publishedId(scene)).toBe(2)
    await restart(scene, ROTATION_MS)
    expect(publishedId(scene)).toBe(3)
    const { id } = await scene.bob.send(ALICE, { text: 'by the old bundle' })
    await untilLogged(scene.client, id)
    expect(scene.world.sent({ tag: 'receipt', type: 'retry' })).toEqual([])
  })

  test('that is gone from the store is replaced, the server is told, and first messages are read again', async () => {
    const scene = await openScene('lost')
    const { world, clock, store, bob } = scene
    await scene.client.close()
    const [row, ...more] = await store.listRecords('default', 'signed-pre-key', undefined, 10)
    expect(more).toEqual([])
    const claim = await store.claim('default', { owner: 'a disk', nowMs: clock.nowMs(), leaseMs: 60_000 })
    await store.commit(claim, [{ op: 'delete-record', kind: 'signed-pre-key', key: row?.key ?? '' }])
    await claim.release()
    const before = publishedId(scene)
    await restart(scene)
    await until('the server to be told', () => publishedId(scene) !== before)
    const after = publishedId(scene)
    const { id } = await bob.send(ALICE, { text: 'first' })
    await untilLogged(scene.client, id)
    // once
    await restart(scene)
    expect(publishedId(scene)).toBe(after)
    expect(uploads(scene)).toHaveLength(2)
    expect(world.violations).toEqual([])
  })

  test('that was replaced long ago is forgotten: its writer is asked to write again, and does', async () => {
    const scene = await openScene('forgotten')
    await lostFirstText(scene)
    await restart(scene, ROTATION_MS)
    await restart(scene, RETENTION_MS + 1)
    const { id } = await scene.bob.send(ALICE, { text: 'by a very old bundle' })
    await untilLogged(scene.client, id)
    expect(scene.world.sent({ tag: 'receipt', type: 'retry' })).toHaveLength(1)
  })
})

describe('a directory', () => {
  test('that is ours is asked for and left alone', async () => {
    const scene = await openScene('ours')
    await restart(scene)
    expect(keyQueries(scene, 'digest')).toHaveLength(2)
    expect(uploads(scene)).toHaveLength(1)
  })

  test.each([
    [
      'lost',
      (scene: Scene) => {
        scene.world.server.faults.loseKeys(DEVICE)
      },
    ],
    [
      'refused with 406',
      (scene: Scene) => {
        scene.world.server.faults.refuseKeys(DEVICE, 'digest', 406)
      },
    ],
  ])('that is %s is filled with keys that were never there', async (_name, lose) => {
    const scene = await openScene('lost')
    lose(scene)
    await restart(scene)
    await until('the upload', () => uploads(scene).length > 1)
    await settle()
    expect(new Set(idsOf(uploads(scene).flat())).size).toBe(uploads(scene).flat().length)
    expect(scene.world.device().directory.count).toBeGreaterThanOrEqual(50)
    await restart(scene)
    const before = uploads(scene).length
    await restart(scene)
    expect(uploads(scene)).toHaveLength(before)
    const { id } = await scene.bob.send(ALICE, { text: 'found you' })
    await untilLogged(scene.client, id)
  })

  test('with another signed pre-key gets ours back', async () => {
    const scene = await openScene('another signed pre-key')
    const before = scene.world.device().directory.keys
    expect(scene.world.server.faults.corruptKeys(DEVICE, 'signed-pre-key')).toBe(true)
    await restart(scene)
    expect(scene.world.device().directory.keys).toEqual(before)
    expect(keyQueries(scene, 'digest')).toHaveLength(3)
    expect(uploads(scene).map(idsOf)[1]).toEqual(range(813, 1624))
  })

  test('with a one-time key that is not ours is filled again once, not at every login', async () => {
    const scene = await openScene('another pre-key')
    expect(scene.world.server.faults.corruptKeys(DEVICE, 'pre-key')).toBe(true)
    await restart(scene)
    expect(uploads(scene)).toHaveLength(2)
    await restart(scene)
    await restart(scene)
    expect(uploads(scene)).toHaveLength(2)
    // the bad key is handed out first: its taker is asked to write again, and does
    const { id } = await scene.bob.send(ALICE, { text: 'through a bad key' })
    await untilLogged(scene.client, id)
    // the directory is ours again, so that the next loss is mended at once
    await restart(scene)
    scene.world.server.faults.corruptKeys(DEVICE, 'pre-key')
    await restart(scene)
    expect(uploads(scene)).toHaveLength(3)
  })

  test('that knows ids of ours that we have forgotten is filled with later ones', async () => {
    const scene = await openScene('older backup')
    const { directory } = scene.world.device()
    const { keys } = directory
    if (keys === undefined) throw new Error('no keys')
    const preKeys = range(813, 900).map((id) => ({ id, publicKey: new Uint8Array(32).fill(id % 250) }))
    directory.upload({ ...keys, preKeys }, false)
    await restart(scene)
    expect(idsOf(uploads(scene)[1])).toEqual(range(901, 1712))
    expect(scene.world.server.trace.notes.filter(({ kind }) => kind === 'refusal')).toEqual([])
  })
})

/** Leaves this many one-time keys with the server; nobody is told. */
function leave({ world }: Scene, count: number): void {
  const { directory } = world.device()
  while (directory.count > count) directory.take()
}

describe('the stock of one-time pre-keys', () => {
  test('that the server refuses does not hold up the opening, and the same keys are tried after a pause', async () => {
    const scene = await openScene('upload refused')
    leave(scene, 0)
    scene.world.server.faults.refuseKeys(DEVICE, 'upload', 503)
    await restart(scene)
    expect(scene.client.state).toBe('open')
    expect(faults(scene)).toEqual(['the upload query about keys is refused with 503'])
    await scene.clock.advanceAndSettle(59_999)
    expect(uploads(scene)).toHaveLength(2)
    await scene.clock.advanceAndSettle(1)
    await until('the stock', () => scene.world.device().directory.count === 50)
    expect(uploads(scene)[2]).toEqual(uploads(scene)[1])
  })

  test('that the server refuses for good is tried with other keys, after longer and longer pauses', async () => {
    const scene = await openScene('upload refused for good')
    leave(scene, 0)
    scene.world.server.faults.refuseKeys(DEVICE, 'upload', 406, 3)
    await restart(scene)
    for (const pauseMs of [60_000, 120_000, 240_000]) {
      const before = uploads(scene).length
      await scene.clock.advanceAndSettle(pauseMs - 1)
      expect(uploads(scene)).toHaveLength(before)
      await scene.clock.advanceAndSettle(1)
      await until('the next attempt', () => uploads(scene).length === before + 1)
      await settle()
    }
    expect(
      uploads(scene)
        .slice(1)
        .map((upload) => idsOf(upload)[0]),
    ).toEqual([813, 863, 913, 963])
    expect(scene.world.device().directory.count).toBe(50)
  })

  test('is uploaded again with the same keys when the answer was lost', async () => {
    const scene = await openScene('answer lost')
    leave(scene, 0)
    atNext(scene, 'registration', () => {
      scene.world.server.faults.dropAfter(DEVICE, 0)
    })
    const { world } = scene
    await scene.client.close()
    scene.client = newClient(world, { store: scene.store, clock: scene.clock, timing: CALM })
    scene.client.connect().catch(() => undefined)
    await until('the cut', () =>
      faults(scene).some((text) => text.startsWith('the connection is cut before')),
    )
    expect(world.device().directory.count).toBe(50)
    // one of them is used before the device comes back
    const { id } = await scene.bob.send(ALICE, { text: 'with one of them' })
    await restart(scene)
    await untilLogged(scene.client, id)
    await settle()
    const [, first, second] = uploads(scene)
    expect(second).toEqual(first)
    expect(world.device().directory.count).toBe(49)
    await restart(scene)
    expect(uploads(scene)).toHaveLength(3)
  })

  test('is filled up when it runs low by what the device has seen used, before the server says so', async () => {
    const scene = await openScene('local count')
    leave(scene, 6)
    await restart(scene)
    expect(uploads(scene)).toHaveLength(1)
    const { id } = await scene.bob.send(ALICE, { text: 'the sixth' })
    await untilLogged(scene.client, id)
    await until('the upload', () => scene.world.device().directory.count === 55)
    expect(scene.world.received({ tag: 'notification', type: 'encrypt' })).toEqual([])
  })

  test('is filled up once however many notices come at once', async () => {
    const scene = await openScene('single flight')
    leave(scene, 2)
    for (const id of ['1', '2', '3'])
      scene.world.inject(
        node('notification', { id: `LOW-${id}`, from: '@s.whatsapp.net', type: 'encrypt', t: '1' }, [
          node('count', { value: '2' }),
        ]),
      )
    await until('the answers', () => scene.world.sent({ tag: 'ack' }).length >= 3)
    await until('the upload', () => scene.world.device().directory.count === 52)
    await settle()
    expect(uploads(scene)).toHaveLength(2)
  })
})
