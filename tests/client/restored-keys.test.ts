/**
 * The keys of a restored copy whose original has gone on: one-time keys that the server has handed out, that the original
 * has made and used, and that only one of the two knows. The server is the strict one of the simulator; it refuses an
 * id that it has handed out when it comes with another key. Not covered: an original that has made more one-time keys
 * since than a copy passes over, and a signed pre-key of the copy that gets the id of one that the original had: what was
 * written for the latter is asked for again, as what was written for any key that is not there.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Client } from 'waton'
import { VirtualClock } from 'waton/testing'
import { ROTATION_MS } from '../../src/client/keys/signed-pre-key.ts'
import { toHex, uintFromBytes } from '../../src/base/bytes.ts'
import { childrenOf, requireBytes, requireChild } from '../../src/protocol/binary/node.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { CopyableStore } from '../helpers/copyable-store.ts'
import type { StoreCopy } from '../helpers/copyable-store.ts'
import { until } from '../helpers/until.ts'
import { ALICE, World, linkedClient, log, newClient, settle, untilLogged } from './support.ts'

/** Nothing but what a test waits for happens while weeks pass. */
const CALM = { keepAliveMs: 1e11, leaseMs: 1e11 }

interface Scene {
  readonly world: World
  readonly bob: SimulatedPhone
  /** The client that runs now. */
  client: Client
  store: CopyableStore
  /** Stops the client and starts it again, on a copy when there is one. */
  restart(copy?: StoreCopy, passMs?: number): Promise<void>
  backUp(): Promise<StoreCopy>
}

async function openScene(seed: string): Promise<Scene> {
  const clock = new VirtualClock()
  const world = new World(seed, clock)
  const { alice, bob } = await world.addPair()
  const copies: StoreCopy[] = []
  const makeStore = (): CopyableStore =>
    new CopyableStore((copy) => {
      copies.push(copy)
    })
  const store = makeStore()
  const scene: Scene = {
    world,
    bob,
    store,
    client: await linkedClient(world, alice, { store, clock, timing: CALM }),
    restart: async (copy, passMs = 0) => {
      await scene.client.close()
      clock.advance(passMs)
      if (copy !== undefined) {
        scene.store = makeStore()
        await scene.store.fill(copy)
      }
      scene.client = newClient(world, { store: scene.store, clock, timing: CALM })
      await scene.client.connect()
      await settle()
    },
    backUp: async () => {
      await scene.client.backup('copy')
      const copy = copies.at(-1)
      expect(copy).toBeDefined()
      return copy ?? { commits: [] }
    },
  }
  onTestFinished(() => scene.client.close())
  await until('the first keys', () => world.device().directory.count > 0)
  await settle()
  return scene
}

/** The ids of the one-time pre-keys of each upload. */
function uploads({ world }: Scene): number[][] {
  return world.sent({ tag: 'iq', xmlns: 'encrypt' }).flatMap((query) => {
    if (childrenOf(query, 'registration').length === 0) return []
    const keys = childrenOf(requireChild(query, 'list'), 'key')
    return [keys.map((key) => uintFromBytes(requireBytes(requireChild(key, 'id'), 3)))]
  })
}

/** The server hands out keys to people who never write, until so many are left. */
function leave({ world }: Scene, count: number): void {
  const { directory } = world.device()
  while (directory.count > count) directory.take()
}

const unreadable = async ({ client }: Scene): Promise<number> =>
  (await log(client)).filter(({ type }) => type === 'message.undecryptable').length

describe('a restored copy', () => {
  test('gives no id to a key that the original has given to another, when all of those were handed out', async () => {
    const scene = await openScene('handed out')
    const copy = await scene.backUp()
    leave(scene, 3)
    await scene.restart()
    leave(scene, 0)
    await scene.restart(copy)
    const [, byOriginal = [], byCopy = [], ...more] = uploads(scene)
    expect(byOriginal.length).toBeGreaterThan(0)
    expect(byCopy.length).toBeGreaterThan(0)
    expect(more).toEqual([])
    expect(byCopy.filter((id) => byOriginal.includes(id))).toEqual([])
    expect(scene.world.server.trace.notes.filter(({ kind }) => kind === 'refusal')).toEqual([])
    const { id } = await scene.bob.send(ALICE, { text: 'with a key of the copy' })
    await untilLogged(scene.client, id)
    expect(await unreadable(scene)).toBe(0)
  })

  test('begins its sessions anew once, and asks who has which devices; opened again it goes on as any other', async () => {
    const scene = await openScene('once')
    const { world } = scene
    const asked = (): { devices: number; keys: number } => ({
      devices: world.sent({ tag: 'iq', xmlns: 'usync' }).length,
      keys: world.sent({ tag: 'iq', xmlns: 'encrypt' }).filter((query) => childrenOf(query, 'key').length > 0)
        .length,
    })
    const say = async (text: string): Promise<void> => {
      const before = scene.bob.messages.length
      await (
        await scene.client.send(scene.bob.pn, { text })
      ).delivered
      expect(scene.bob.messages).toHaveLength(before + 1)
    }
    await say('by the original')
    const copy = await scene.backUp()
    const before = asked()
    await scene.restart(copy)
    await say('by the copy')
    const once = asked()
    expect(once.devices).toBeGreaterThan(before.devices)
    expect(once.keys).toBeGreaterThan(before.keys)
    await scene.restart()
    await say('by the copy, opened again')
    expect(asked()).toEqual(once)
  })

  test('reads what comes for a key that the original has used as well', async () => {
    const scene = await openScene('used twice')
    const copy = await scene.backUp()
    const first = await scene.bob.send(ALICE, { text: 'to the original' })
    await untilLogged(scene.client, first.id)
    await scene.client.close()
    // Bob has had no answer yet: this one names the same one-time key
    const second = await scene.bob.send(ALICE, { text: 'to the copy' })
    await scene.restart(copy)
    await untilLogged(scene.client, second.id)
    expect(await unreadable(scene)).toBe(0)
  })

  test('asks once for what was written for a key that only the original had', async () => {
    const scene = await openScene('never had')
    const copy = await scene.backUp()
    leave(scene, 3)
    await scene.restart()
    leave(scene, 50)
    await scene.client.close()
    const { id } = await scene.bob.send(ALICE, { text: 'for a key of the original' })
    await scene.restart(copy)
    await untilLogged(scene.client, id)
    expect(await unreadable(scene)).toBe(1)
    const next = await scene.bob.send(ALICE, { text: 'after that' })
    await untilLogged(scene.client, next.id)
    expect(await unreadable(scene)).toBe(1)
  })

  test('puts its signed pre-key in the place of one that the original has rotated, and reads on', async () => {
    const scene = await openScene('rotated')
    const published = (): string =>
      toHex(scene.world.device().directory.keys?.signedPreKey.publicKey ?? new Uint8Array())
    const before = published()
    const copy = await scene.backUp()
    await scene.restart(undefined, ROTATION_MS)
    await until('the rotation', () => published() !== before)
    const byOriginal = published()
    await scene.client.close()
    const { id } = await scene.bob.send(ALICE, { text: 'for a signed pre-key of the original' })
    await scene.restart(copy)
    await untilLogged(scene.client, id)
    expect(await unreadable(scene)).toBe(1)
    await until('the repair', () => published() !== byOriginal)
    scene.bob.loseSessions(ALICE)
    const next = await scene.bob.send(ALICE, { text: 'with the keys that the server has now' })
    await untilLogged(scene.client, next.id)
    expect(await unreadable(scene)).toBe(1)
  })
})
