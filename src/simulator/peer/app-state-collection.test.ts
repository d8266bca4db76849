/**
 * The phone's patches against those of Baileys, which checks every MAC: random streams of changes in both directions, and
 * every bit of what the phone must not believe.
 */
import {
  decodePatches,
  decodeSyncdSnapshot,
  encodeSyncdPatch,
  newLTHashState,
  proto,
} from '@whiskeysockets/baileys'
import type { LTHashState, WAPatchCreate } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { concatBytes, toBase64 } from '../../base/bytes.ts'
import { errorCode } from '../../base/errors.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import { SyncdPatch } from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import { spoilSnapshot } from '../handlers/app-state-spoils.ts'
import { CollectionLog } from '../world/app-state-log.ts'
import { PhoneCollection } from './app-state-collection.ts'
import type { Change } from './app-state-collection.ts'
import type { AppStateKey } from './first-login.ts'

const NAME = 'regular_low'

function makeKey(random: RandomSource, counter: number): AppStateKey {
  return { id: Uint8Array.of(0, 0, 0, 0, 0, counter), data: random.bytes(32), atMs: 0 }
}

interface Scene {
  readonly random: RandomSource
  readonly keys: AppStateKey[]
  readonly phone: PhoneCollection
}

function scene(seed: string): Scene {
  const random = seededRandom(seed)
  const keys = [makeKey(random, 1)]
  const fetch = (): Uint8Array => new Uint8Array(0)
  return { random, keys, phone: new PhoneCollection(NAME, { random, keys: () => keys, fetch }) }
}

const pin = (chat: string, pinned: boolean): Change => ({
  operation: 'set',
  index: ['pin_v1', chat],
  value: { timestamp: 1_700_000_000_000, pinAction: { pinned } },
  actionVersion: 5,
})

/** What the server makes of a patch that it takes. */
function numbered(bytes: Uint8Array, version: number): Uint8Array {
  return concatBytes(encodeProto(SyncdPatch, { version: { version } }, 'SyncdPatch'), bytes)
}

/** Baileys as a linked device: it has the keys, and its state is where it says so. */
class BaileysCollection {
  state: LTHashState = newLTHashState()
  readonly #keys: readonly AppStateKey[]

  constructor(keys: readonly AppStateKey[]) {
    this.#keys = keys
  }

  readonly #keyOf = (id: string): Promise<proto.Message.IAppStateSyncKeyData> => {
    const found = this.#keys.find((key) => toBase64(key.id) === id)
    if (found === undefined) throw new Error('no such key')
    return Promise.resolve({ keyData: found.data })
  }

  async read(patch: Uint8Array): Promise<string[]> {
    const log: string[] = []
    const logger = {
      trace: ignore,
      debug: ignore,
      warn: (...said: unknown[]) => log.push(JSON.stringify(said)),
    }
    const result = await decodePatches(
      NAME,
      [proto.SyncdPatch.decode(patch)],
      this.state,
      this.#keyOf,
      {},
      undefined,
      logger as never,
      true,
    )
    expect(log).toEqual([])
    this.state = result.state
    return Object.keys(result.mutationMap)
  }

  async readSnapshot(bytes: Uint8Array): Promise<string[]> {
    const warn = (...said: unknown[]): void => {
      throw new Error(JSON.stringify(said))
    }
    const logger = { trace: ignore, debug: ignore, warn }
    const snapshot = proto.SyncdSnapshot.decode(bytes)
    const result = await decodeSyncdSnapshot(NAME, snapshot, this.#keyOf, undefined, true, logger as never)
    this.state = result.state
    return Object.keys(result.mutationMap)
  }

  async write(create: WAPatchCreate): Promise<Uint8Array> {
    const key = toBase64(this.#keys.at(-1)?.id ?? new Uint8Array(0))
    const { patch, state } = await encodeSyncdPatch(create, key, this.state, this.#keyOf)
    this.state = state
    return numbered(proto.SyncdPatch.encode(patch).finish(), state.version)
  }
}

function ignore(): void {
  // of no interest
}

/** One random change of one of few chats, so that entries are written over and taken away. */
function draw(random: RandomSource): Change {
  const chat = `1555000000${String(randomInteger(random, 5))}@s.whatsapp.net`
  const change = pin(chat, randomInteger(random, 2) === 1)
  return randomInteger(random, 4) === 0 ? { ...change, operation: 'remove' } : change
}

describe('app state of a phone', () => {
  it.each([1, 2, 3, 4])('is what Baileys reads and writes, in random turns (seed %i)', async (seed) => {
    const { random, keys, phone } = scene(`turns ${String(seed)}`)
    const baileys = new BaileysCollection(keys)
    const there = new Set<string>()
    for (let turn = 0; turn < 40; turn += 1) {
      const change = draw(random)
      const name = JSON.stringify(change.index)
      // nobody takes away what is not there
      if (change.operation === 'remove' && !there.delete(name)) continue
      if (change.operation === 'set') there.add(name)
      // Baileys keeps in its own list what it has taken away itself, and is wrong from then on: the phone does it
      if (change.operation === 'remove' || randomInteger(random, 2) === 0) {
        const { bytes, commit } = phone.write([change])
        commit()
        expect(await baileys.read(numbered(bytes, phone.version))).toEqual([name])
      } else {
        const operation = proto.SyncdMutation.SyncdOperation.SET
        const syncAction = change.value as proto.ISyncActionValue
        const index = [...change.index] as WAPatchCreate['index']
        const bytes = await baileys.write({ type: NAME, index, syncAction, apiVersion: 5, operation })
        expect(phone.read(bytes)).toEqual([change])
      }
      expect(phone.version).toBe(baileys.state.version)
    }
    expect(phone.version).toBeGreaterThan(20)
  })

  it('writes several changes as one patch, and replaces what was written with another key', async () => {
    const { random, keys, phone } = scene('several')
    const baileys = new BaileysCollection(keys)
    const first = phone.write([pin('1@g.us', true), pin('2@g.us', true)])
    first.commit()
    expect(await baileys.read(numbered(first.bytes, 1))).toHaveLength(2)

    keys.push(makeKey(random, 2))
    const second = phone.write([pin('1@g.us', false)])
    second.commit()
    await baileys.read(numbered(second.bytes, 2))

    const { mutations } = decodeProto(SyncdPatch, second.bytes, 'SyncdPatch')
    expect(mutations.map(({ operation }) => operation)).toEqual([1, 0])
    expect(mutations.map(({ record }) => record?.keyId?.id)).toEqual(keys.map(({ id }) => id))
    expect(Object.keys(baileys.state.indexValueMap)).toHaveLength(2)
  })

  it('changes nothing until the server has taken the patch', () => {
    const { phone } = scene('commit')
    phone.write([pin('1@g.us', true)])
    expect(phone.version).toBe(0)
  })

  it.each(['patchMac', 'snapshotMac', 'value', 'index'] as const)(
    'is not what a patch says whose %s is another in one bit',
    async (what) => {
      const { random, keys, phone } = scene(`bit of ${what}`)
      const other = new PhoneCollection(NAME, { random, keys: () => keys, fetch: () => new Uint8Array(0) })
      const patch = decodeProto(SyncdPatch, other.write([pin('1@g.us', true)]).bytes, 'SyncdPatch')
      const { index, value } = patch.mutations[0]?.record ?? {}
      const places = {
        patchMac: patch.patchMac,
        snapshotMac: patch.snapshotMac,
        value: value?.blob,
        index: index?.blob,
      }
      const bytes = places[what] ?? new Uint8Array(0)
      for (const at of new Set([0, bytes.length >> 1, bytes.length - 1])) {
        bytes[at] = (bytes[at] ?? 0) ^ 1
        const spoilt = numbered(encodeProto(SyncdPatch, patch, 'SyncdPatch'), 1)
        expect(codeOf(() => phone.read(spoilt))).toBe('WATON_PHONE_APP_STATE_MAC')
        expect(phone.version).toBe(0)
        bytes[at] = (bytes[at] ?? 0) ^ 1
      }
      const good = numbered(encodeProto(SyncdPatch, patch, 'SyncdPatch'), 1)
      expect(phone.read(good)).toHaveLength(1)
      expect(await new BaileysCollection(keys).read(good)).toHaveLength(1)
    },
  )

  it('does not jump over a version, passes over one that it has, and names a key that it lacks', () => {
    const { random, keys, phone } = scene('versions')
    const other = new PhoneCollection(NAME, { random, keys: () => keys, fetch: () => new Uint8Array(0) })
    const patches = [1, 2].map((version) => {
      const { bytes, commit } = other.write([pin(`${String(version)}@g.us`, true)])
      commit()
      return numbered(bytes, version)
    })
    const [first = new Uint8Array(0), second = new Uint8Array(0)] = patches

    expect(codeOf(() => phone.read(second))).toBe('WATON_PHONE_APP_STATE_GAP')
    phone.read(first)
    expect(phone.read(first)).toEqual([])
    const [key] = keys.splice(0, 1)
    expect(codeOf(() => phone.read(second))).toBe('WATON_PHONE_APP_STATE_KEY')
    if (key !== undefined) keys.push(key)
    expect(phone.read(second)).toHaveLength(1)
  })

  it('is what a snapshot says, which Baileys believes too; what is not in it is gone', async () => {
    const { random, keys, phone } = scene('snapshot')
    const other = new PhoneCollection(NAME, { random, keys: () => keys, fetch: () => new Uint8Array(0) })
    const log = new CollectionLog()
    const write = (...changes: Change[]): Uint8Array => {
      const { bytes, commit } = other.write(changes)
      expect(log.accept(other.version, bytes)).toBe('accepted')
      commit()
      return numbered(bytes, other.version)
    }
    phone.read(write(pin('1@g.us', true), pin('2@g.us', true)))
    write({ ...pin('1@g.us', true), operation: 'remove' })
    write(pin('3@g.us', false))
    const { bytes = new Uint8Array(0) } = log.snapshot(0) ?? {}

    const changes = phone.readSnapshot(bytes)
    expect(changes.map(({ operation, index }) => `${operation} ${index[1] ?? ''}`)).toEqual([
      'remove 1@g.us',
      'set 2@g.us',
      'set 3@g.us',
    ])
    expect(phone.read(write(pin('2@g.us', false)))).toEqual([pin('2@g.us', false)])
    const baileys = new BaileysCollection(keys)
    expect(await baileys.readSnapshot(bytes)).toHaveLength(2)
  })

  it('is not what a snapshot says that lacks a record, or whose MAC is another', () => {
    const { random, keys, phone } = scene('spoilt snapshot')
    const other = new PhoneCollection(NAME, { random, keys: () => keys, fetch: () => new Uint8Array(0) })
    const log = new CollectionLog()
    log.accept(0, other.write([pin('1@g.us', true), pin('2@g.us', true)]).bytes)
    const { bytes = new Uint8Array(0) } = log.snapshot(0) ?? {}
    for (const spoil of ['record', 'snapshot-mac', 'missing-record']) {
      const spoilt = spoilSnapshot(bytes, (as) => as === spoil)
      expect(codeOf(() => phone.readSnapshot(spoilt))).toBe('WATON_PHONE_APP_STATE_MAC')
      expect(phone.version).toBe(0)
    }
    expect(phone.readSnapshot(bytes)).toHaveLength(2)
  })
})

function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}
