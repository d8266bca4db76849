/**
 * App state beside unmodified Baileys and a device of whatsapp-rust-bridge: random streams of changes in both directions,
 * and every way in which a patch or a snapshot can be wrong.
 */
import { describe, expect, it } from 'vitest'
import {
  BaileysDevice,
  type Change,
  RustDevice,
  type SharedKey,
  WatonDevice,
} from '../../../tests/vectors/app-state/parties.ts'
import { seededRandom, randomInteger, type RandomSource } from '../../base/random.ts'

function sharedKey(random: RandomSource): SharedKey {
  return { id: random.bytes(6), data: random.bytes(32) }
}

/** Sets, overwrites and removals of a few chats. */
function randomChange(random: RandomSource): Change {
  const chat = `1555000${String(randomInteger(random, 12)).padStart(4, '0')}@s.whatsapp.net`
  const isRemoval = randomInteger(random, 4) === 0
  return {
    operation: isRemoval ? 'remove' : 'set',
    index: ['pin_v1', chat],
    value: { pinAction: { pinned: randomInteger(random, 2) === 1 } },
  }
}

describe('app state', () => {
  it.each(['stream 1', 'stream 2', 'stream 3'])('of Baileys is read, change by change (%s)', async (seed) => {
    const random = seededRandom(seed)
    const key = sharedKey(random)
    const baileys = new BaileysDevice(key)
    const waton = new WatonDevice(key, random)
    for (let count = 0; count < 60; count++) {
      const change = randomChange(random)
      const [mutation] = waton.read(await baileys.write(change))
      expect(mutation?.operation).toBe(change.operation)
      expect(mutation?.index).toEqual(change.index)
      expect(mutation?.value.pinAction?.pinned).toBe(change.value.pinAction?.pinned)
      expect([...waton.at.ltHash]).toEqual([...baileys.state.hash])
    }
  })

  it('of waton is read by Baileys and by Rust', async () => {
    const random = seededRandom('own writes')
    const key = sharedKey(random)
    const baileys = new BaileysDevice(key)
    const waton = new WatonDevice(key, random)
    for (let count = 0; count < 60; count++) {
      const change = randomChange(random)
      const { bytes } = waton.write([change])
      const [found] = await baileys.read(bytes)
      expect(found?.index).toEqual(change.index)
      expect([...waton.at.ltHash]).toEqual([...baileys.state.hash])
    }
  })

  it('of Rust is read, patches and snapshot', async () => {
    const random = seededRandom('rust')
    const key = sharedKey(random)
    const rust = new RustDevice(key, random)
    const waton = new WatonDevice(key, random)
    for (let count = 0; count < 40; count++) {
      const changes = new Map(
        Array.from({ length: 5 }, () => randomChange(random)).map((change) => [change.index[1], change]),
      )
      waton.read(rust.patch([...changes.values()]))
      expect([...waton.at.ltHash]).toEqual([...rust.hash])
    }
    const fresh = new WatonDevice(key, random)
    expect(fresh.readSnapshot(rust.snapshot())).toHaveLength(rust.size)
    expect(fresh.at).toEqual(waton.at)
    expect(await new BaileysDevice(key).readSnapshot(rust.snapshot())).toHaveLength(rust.size)
  })
})
