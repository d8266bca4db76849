/**
 * App state beside unmodified Baileys and a device of whatsapp-rust-bridge: every way in which a patch or a snapshot can
 * be wrong, and random streams of changes in both directions.
 */
import { proto } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import * as rust from 'whatsapp-rust-bridge'
import {
  BaileysDevice,
  COLLECTION,
  type Change,
  RustDevice,
  type SharedKey,
  WatonDevice,
} from '../../../tests/vectors/app-state/parties.ts'
import { concatBytes, toHex, utf8Bytes } from '../../base/bytes.ts'
import { seededRandom, randomInteger, type RandomSource } from '../../base/random.ts'
import {
  EMPTY_LT_HASH,
  type VerifiedAppState,
  addToLtHash,
  expandAppStateKeys,
  missingKeyIds,
  readAppStateBlob,
  readExternalMutations,
  readSnapshot,
  subtractFromLtHash,
  verifySnapshot,
} from './index.ts'

function sharedKey(random: RandomSource): SharedKey {
  return { id: random.bytes(6), data: random.bytes(32) }
}

interface Scene {
  readonly random: RandomSource
  readonly key: SharedKey
  readonly rust: RustDevice
  readonly waton: WatonDevice
  readonly baileys: BaileysDevice
}

function scene(seed: string): Scene {
  const random = seededRandom(seed)
  const key = sharedKey(random)
  const devices = { rust: new RustDevice(key, random), waton: new WatonDevice(key, random) }
  return { random, key, ...devices, baileys: new BaileysDevice(key) }
}

function pin(chat: number, pinned: boolean = true): Change {
  const jid = `1555000${String(chat).padStart(4, '0')}@s.whatsapp.net`
  return { operation: 'set', index: ['pin_v1', jid], value: { pinAction: { pinned } } }
}

function unpin(chat: number): Change {
  return { ...pin(chat), operation: 'remove' }
}

/** Sets, overwrites and removals of a few chats. */
function randomChange(random: RandomSource): Change {
  const chat = randomInteger(random, 12)
  return randomInteger(random, 4) === 0 ? unpin(chat) : pin(chat, randomInteger(random, 2) === 1)
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
  return 'nothing'
}

function expectSame(one: VerifiedAppState, other: VerifiedAppState): void {
  expect(toHex(one.to.ltHash)).toBe(toHex(other.to.ltHash))
  expect(one.to.version).toBe(other.to.version)
  expect(one.mutations.map(({ data }) => toHex(data))).toEqual(other.mutations.map(({ data }) => toHex(data)))
}

describe('a patch is refused', () => {
  it('when a byte of it is altered, by a code that says which part; or it says the very same', () => {
    const { rust: phone, waton } = scene('flipped patch')
    waton.read(phone.patch([pin(1), pin(2), pin(3)]))
    const bytes = phone.patch([pin(1, false), unpin(2), pin(4)], { isStamped: true })
    const whole = waton.verify(bytes)
    const seen = new Map<string, number>()
    for (let place = 0; place < bytes.length; place++) {
      for (const flip of [0x01, 0x80]) {
        const altered = Uint8Array.from(bytes)
        altered[place] = (altered[place] ?? 0) ^ flip
        const code = codeOf(() => {
          expectSame(waton.verify(altered), whole)
        })
        seen.set(code, (seen.get(code) ?? 0) + 1)
      }
    }
    // harmless: the tag of an operation that is the default anyway becomes an unknown field
    expect(seen.get('nothing') ?? 0).toBeLessThanOrEqual(4)
    seen.delete('nothing')
    expect([...seen.keys()].sort()).toEqual([
      'WATON_APP_STATE_GAP',
      'WATON_APP_STATE_INDEX_MAC',
      'WATON_APP_STATE_KEY_MISSING',
      'WATON_APP_STATE_MALFORMED',
      'WATON_APP_STATE_PATCH_MAC',
      'WATON_APP_STATE_VALUE_MAC',
    ])
    expect(seen.get('WATON_APP_STATE_VALUE_MAC')).toBeGreaterThan(200)
    expect(seen.get('WATON_APP_STATE_INDEX_MAC')).toBe(3 * 32 * 2)
    // its own two MACs and those of three values
    expect(seen.get('WATON_APP_STATE_PATCH_MAC')).toBe(5 * 32 * 2)
  })

  it('when it is for another collection', () => {
    const { rust: phone, waton } = scene('another collection')
    const bytes = phone.patch([pin(1)])
    expect(codeOf(() => waton.verify(bytes, { collection: 'regular' }))).toBe('WATON_APP_STATE_PATCH_MAC')
  })

  it('when one before it is missing, also if it does not say its version', () => {
    const { rust: phone, waton } = scene('gap')
    phone.patch([pin(1)])
    const second = phone.patch([pin(2)])
    const stamped = phone.patch([pin(3)], { isStamped: true })
    expect(codeOf(() => waton.verify(second))).toBe('WATON_APP_STATE_PATCH_MAC')
    expect(codeOf(() => waton.verify(stamped))).toBe('WATON_APP_STATE_GAP')
  })

  it('when it is known already, and that is no fault', () => {
    const { rust: phone, waton } = scene('old')
    const first = phone.patch([pin(1)], { isStamped: true })
    waton.read(first)
    expect(codeOf(() => waton.verify(first))).toBe('WATON_APP_STATE_OLD')
  })

  it('when a value from before is not the one that its author replaced', () => {
    const { rust: phone, waton } = scene('lost value')
    waton.read(phone.patch([pin(1)]))
    const next = phone.patch([pin(1, false)])
    expect(codeOf(() => waton.verify(next, { previousValueMac: () => undefined }))).toBe(
      'WATON_APP_STATE_HASH',
    )
    const removal = scene('lost value').waton
    expect(codeOf(() => removal.verify(next))).not.toBe('nothing')
  })

  it('when keys are missing, all of which are named', () => {
    const { rust: phone, waton, random } = scene('keys')
    const others = [sharedKey(random), sharedKey(random)]
    waton.read(phone.patch([pin(1)]))
    for (const key of others) phone.rotate(key)
    const bytes = phone.patch([pin(2)])
    try {
      waton.verify(bytes)
      expect.unreachable()
    } catch (error) {
      expect(missingKeyIds(error).map(toHex)).toEqual([toHex(others[1]?.id ?? EMPTY_LT_HASH)])
    }
    expect(missingKeyIds(new RangeError())).toEqual([])
    waton.learn(others[1] ?? sharedKey(random))
    expect(waton.read(bytes)).toHaveLength(1)
  })

  it('when it does the same to one value twice', () => {
    const { rust: phone, waton } = scene('twice')
    expect(codeOf(() => waton.verify(phone.patch([pin(1), pin(1, false)])))).toBe('WATON_APP_STATE_MALFORMED')
  })

  it('when a device with the key encrypted what is no value', () => {
    const { rust: phone, waton } = scene('no value')
    const bad = new Uint8Array(32).fill(0xff)
    for (const faults of [{ data: bad, isUnpadded: true }, { data: bad }]) {
      phone.version = 0
      expect(codeOf(() => waton.verify(phone.patch([pin(1)], faults)))).toBe('WATON_APP_STATE_MALFORMED')
    }
  })

  it('when a value stands under the index of another one', () => {
    const { rust: phone, waton } = scene('another index')
    const index = utf8Bytes(JSON.stringify(pin(2).index))
    const data = new Uint8Array(proto.SyncActionData.encode({ index, value: {}, version: 1 }).finish())
    expect(codeOf(() => waton.verify(phone.patch([pin(1)], { data })))).toBe('WATON_APP_STATE_INDEX_MAC')
  })

  it('when its mutations are in a file that was not given along', () => {
    const { rust: phone, waton, random } = scene('external')
    const bytes = phone.patch([pin(1), pin(2)])
    const { mutations, ...rest } = proto.SyncdPatch.decode(bytes)
    const externalMutations = { mediaKey: random.bytes(32), directPath: '/v/1' }
    const short = new Uint8Array(proto.SyncdPatch.encode({ ...rest, externalMutations }).finish())
    expect(codeOf(() => waton.verify(short))).toBe('WATON_APP_STATE_EXTERNAL')
    const file = new Uint8Array(proto.SyncdMutations.encode({ mutations }).finish())
    const told = { mutations: readExternalMutations(file) }
    expectSame(waton.verify(short, told), waton.verify(bytes))
    expect(codeOf(() => waton.verify(short, { mutations: told.mutations.slice(1) }))).toBe(
      'WATON_APP_STATE_PATCH_MAC',
    )
  })
})

describe('a snapshot is refused', () => {
  it('when a byte of it is altered', () => {
    const { rust: phone, waton } = scene('flipped snapshot')
    phone.patch([pin(1), pin(2)])
    const bytes = phone.snapshot()
    const whole = waton.verifySnapshot(bytes)
    const seen = new Set<string>()
    for (let place = 0; place < bytes.length; place++) {
      for (const flip of [0x01, 0x80]) {
        const altered = Uint8Array.from(bytes)
        altered[place] = (altered[place] ?? 0) ^ flip
        seen.add(
          codeOf(() => {
            expectSame(waton.verifySnapshot(altered), whole)
          }),
        )
      }
    }
    expect([...seen].sort()).toEqual([
      'WATON_APP_STATE_HASH',
      'WATON_APP_STATE_INDEX_MAC',
      'WATON_APP_STATE_KEY_MISSING',
      'WATON_APP_STATE_MALFORMED',
      'WATON_APP_STATE_VALUE_MAC',
    ])
  })

  it('when a record was left out, or it is another collection or an older one', () => {
    const { rust: phone, waton } = scene('short snapshot')
    phone.patch([pin(1), pin(2)])
    const bytes = phone.snapshot()
    const { records, ...rest } = proto.SyncdSnapshot.decode(bytes)
    const short = new Uint8Array(proto.SyncdSnapshot.encode({ ...rest, records: records.slice(1) }).finish())
    expect(codeOf(() => waton.verifySnapshot(short))).toBe('WATON_APP_STATE_HASH')
    expect(codeOf(() => waton.verifySnapshot(bytes, { collection: 'regular' }))).toBe('WATON_APP_STATE_HASH')
    expect(codeOf(() => waton.verifySnapshot(bytes, { knownVersion: 2 }))).toBe('WATON_APP_STATE_OLD')
    expect(waton.verifySnapshot(bytes, { knownVersion: 1 }).mutations).toHaveLength(2)
  })
})

describe('a reference to a file', () => {
  it.each([
    ['a key of another length', { mediaKey: new Uint8Array(31), directPath: '/v' }],
    ['no place', { mediaKey: new Uint8Array(32) }],
  ])('is refused with %s', (_what, reference) => {
    const bytes = new Uint8Array(proto.ExternalBlobReference.encode(reference).finish())
    expect(codeOf(() => readAppStateBlob(bytes))).toBe('WATON_APP_STATE_MALFORMED')
  })

  it('says where the file is and what it is', () => {
    const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
    const [mediaKey, sha256, encSha256] = [digest(1), digest(2), digest(3)]
    const reference = {
      mediaKey,
      directPath: '/v',
      fileSizeBytes: 9,
      fileSha256: sha256,
      fileEncSha256: encSha256,
    }
    const bytes = new Uint8Array(proto.ExternalBlobReference.encode(reference).finish())
    expect(readAppStateBlob(bytes)).toEqual({ mediaKey, directPath: '/v', sizeBytes: 9, sha256, encSha256 })
  })
})

describe('keys', () => {
  it.each([0, 31, 33])('of %i bytes are refused', (length) => {
    expect(codeOf(() => expandAppStateKeys(new Uint8Array(length)))).toBe('WATON_APP_STATE_KEY_LENGTH')
  })

  it('are those of Rust', () => {
    const random = seededRandom('keys of rust')
    for (let round = 0; round < 20; round++) {
      const data = random.bytes(32)
      const theirs = rust.expandAppStateKeys(data)
      expect(expandAppStateKeys(data)).toEqual({
        index: theirs.indexKey,
        valueEncryption: theirs.valueEncryptionKey,
        valueMac: theirs.valueMacKey,
        snapshotMac: theirs.snapshotMacKey,
        patchMac: theirs.patchMacKey,
      })
    }
  })
})

describe('the hash of a collection', () => {
  const random = seededRandom('lt hash')
  const macs = Array.from({ length: 40 }, () => random.bytes(32))
  const full = addToLtHash(EMPTY_LT_HASH, macs)

  it('is refused when it has another length', () => {
    expect(codeOf(() => addToLtHash(new Uint8Array(127), []))).toBe('WATON_APP_STATE_MALFORMED')
  })

  it('is the one of Rust for additions and removals in any mixture', () => {
    const theirs = new rust.LTHashAntiTampering()
    let hash = random.bytes(128)
    for (let round = 0; round < 50; round++) {
      const removed = macs.slice(0, randomInteger(random, 5))
      const added = macs.slice(20, 20 + randomInteger(random, 5))
      const own = addToLtHash(subtractFromLtHash(hash, removed), added)
      expect(toHex(own)).toBe(toHex(theirs.subtractThenAdd(hash, removed, added)))
      hash = own
    }
  })

  it('does not depend on the order, forgets what is removed, and leaves what it was given as it is', () => {
    expect(toHex(addToLtHash(EMPTY_LT_HASH, macs.toReversed()))).toBe(toHex(full))
    expect(toHex(subtractFromLtHash(full, macs))).toBe(toHex(EMPTY_LT_HASH))
    const [first = full, ...others] = macs
    const overwritten = addToLtHash(subtractFromLtHash(full, [first]), [first])
    expect(toHex(overwritten)).toBe(toHex(full))
    expect(toHex(subtractFromLtHash(full, [first]))).toBe(toHex(addToLtHash(EMPTY_LT_HASH, others)))
    expect(EMPTY_LT_HASH.every((byte) => byte === 0)).toBe(true)
  })
})

describe('peculiar patches that are whole', () => {
  it('may remove what was never there: waton and Baileys take nothing from the hash', async () => {
    const { rust: phone, waton, baileys } = scene('unknown removal')
    for (const bytes of [phone.patch([pin(1), unpin(2)]), phone.patch([unpin(3)])]) {
      await baileys.read(bytes)
      expect(waton.read(bytes).some(({ operation }) => operation === 'remove')).toBe(true)
      expect(toHex(waton.at.ltHash)).toBe(toHex(baileys.state.hash))
    }
  })

  it.each([true, false])('may set and remove one index: what is set stays (set first: %s)', (isSetFirst) => {
    const { rust: phone, waton } = scene('set and removed')
    waton.read(phone.patch([pin(1)]))
    const both = isSetFirst ? [pin(1, false), unpin(1)] : [unpin(1), pin(1, false)]
    const found = waton.read(phone.patch(both))
    expect(found.map(({ operation, value }) => [operation, value.pinAction?.pinned])).toEqual([
      ['set', false],
    ])
    // and goes on with it
    waton.read(phone.patch([pin(1)]))
    expect(toHex(waton.at.ltHash)).toBe(toHex(phone.hash))
  })

  it.each(['["pin_v1",null]', '{"a":1}', '[]', 'null', '"pin_v1"', '[1]', 'no json', ''])(
    'may have an index that nobody can read: %s counts and says nothing',
    (indexJson) => {
      const { rust: phone, waton } = scene('unreadable index')
      const [mutation] = waton.read(phone.patch([pin(1)], { indexJson }))
      expect(mutation).toMatchObject({ index: [], isReadable: false })
      expect(waton.read(phone.patch([pin(2)]))).toMatchObject([{ isReadable: true }])
      expect(toHex(waton.at.ltHash)).toBe(toHex(phone.hash))
    },
  )

  it('may have values under several keys, as after a change of keys', () => {
    const { rust: phone, waton, random } = scene('several keys')
    const next = sharedKey(random)
    waton.learn(next)
    waton.read(phone.patch([pin(1), pin(2)]))
    phone.rotate(next)
    waton.read(phone.patch([pin(3)]))
    const fresh = scene('several keys').waton
    expect(codeOf(() => fresh.readSnapshot(phone.snapshot()))).toBe('WATON_APP_STATE_KEY_MISSING')
    fresh.learn(next)
    expect(fresh.readSnapshot(phone.snapshot())).toHaveLength(3)
    expect(fresh.at).toEqual(waton.at)
  })

  it('may come as a snapshot with one index twice: the last counts, for Baileys too', async () => {
    const { rust: phone, waton, baileys } = scene('repeated record')
    const first = proto.SyncdPatch.decode(phone.patch([pin(1, false)])).mutations[0]?.record ?? {}
    phone.patch([pin(1), pin(2)])
    const { records, ...rest } = proto.SyncdSnapshot.decode(phone.snapshot())
    const twice = { ...rest, records: [first, ...records] }
    const bytes = new Uint8Array(proto.SyncdSnapshot.encode(twice).finish())
    expect(waton.readSnapshot(bytes).map(({ value }) => value.pinAction?.pinned)).toEqual([true, true])
    await baileys.readSnapshot(bytes)
    expect(toHex(waton.at.ltHash)).toBe(toHex(baileys.state.hash))
  })
})

describe('streams of changes', () => {
  it.each(['stream 1', 'stream 2', 'stream 3'])('of Baileys are read, one by one (%s)', async (seed) => {
    const { random, waton, baileys } = scene(seed)
    for (let count = 0; count < 60; count++) {
      const change = randomChange(random)
      const [mutation] = waton.read(await baileys.write(change))
      expect(mutation?.operation).toBe(change.operation)
      expect(mutation?.index).toEqual(change.index)
      expect(mutation?.value.pinAction?.pinned).toBe(change.value.pinAction?.pinned)
      expect(mutation?.actionVersion).toBe(3)
      expect(toHex(waton.at.ltHash)).toBe(toHex(baileys.state.hash))
    }
  })

  it.each(['own 1', 'own 2'])('of waton are read by Baileys, many changes to a patch (%s)', async (seed) => {
    const { random, waton, baileys } = scene(seed)
    for (let count = 0; count < 40; count++) {
      const changes = distinctChanges(random, 1 + (count % 5))
      const { bytes, mutations } = waton.write(changes)
      const found = await baileys.read(bytes)
      expect(found.map(({ index }) => index)).toEqual(changes.map(({ index }) => index))
      expect(found.map(({ value }) => value?.pinAction?.pinned)).toEqual(
        mutations.map(({ value }) => value.pinAction?.pinned),
      )
      expect(toHex(waton.at.ltHash)).toBe(toHex(baileys.state.hash))
      expect(waton.at.version).toBe(baileys.state.version)
    }
  })

  it.each(['rust 1', 'rust 2'])('of Rust are read, patches and snapshot (%s)', async (seed) => {
    const { random, key, rust: phone, waton, baileys } = scene(seed)
    for (let count = 0; count < 40; count++) {
      const bytes = phone.patch(distinctChanges(random, 5))
      waton.read(bytes)
      await baileys.read(bytes)
      expect(toHex(waton.at.ltHash)).toBe(toHex(phone.hash))
      expect(toHex(baileys.state.hash)).toBe(toHex(phone.hash))
    }
    expect(waton.records.size).toBe(phone.size)
    const fresh = new WatonDevice(key, random)
    expect(fresh.readSnapshot(phone.snapshot())).toHaveLength(phone.size)
    expect(fresh.at).toEqual(waton.at)
    expect(new Set(fresh.records.keys())).toEqual(new Set(waton.records.keys()))
    expect(await new BaileysDevice(key).readSnapshot(phone.snapshot())).toHaveLength(phone.size)
  })

  it('may not change one index twice in a patch of ours', () => {
    const { waton } = scene('repeated change')
    expect(codeOf(() => waton.write([pin(1), unpin(1)]))).toBe('WATON_APP_STATE_REPEATED')
  })
})

describe('a long snapshot', () => {
  it('is verified in short steps, and gives nothing before the last', () => {
    const { rust: phone, waton } = scene('long snapshot')
    phone.patch(Array.from({ length: 1000 }, (_, chat) => pin(chat)))
    const snapshot = readSnapshot(phone.snapshot())
    expect(snapshot.recordCount).toBe(1000)
    const steps = verifySnapshot({ collection: COLLECTION, snapshot, keyOf: waton.keyOf })
    let count = 0
    let last = steps.next()
    for (; last.done !== true; last = steps.next()) {
      expect(last.value).toBeUndefined()
      count += 1
    }
    // 32 values a step
    expect(count).toBe(Math.floor(1000 / 32))
    expect(last.value.mutations).toHaveLength(1000)
  })

  it('with large values makes shorter steps', () => {
    const { rust: phone, waton } = scene('large values')
    const text = 'x'.repeat(40_000)
    const changes = Array.from({ length: 10 }, (_, chat) => ({
      ...pin(chat),
      value: { contactAction: { fullName: text } },
    }))
    phone.patch(changes)
    const snapshot = readSnapshot(phone.snapshot())
    const steps = verifySnapshot({ collection: COLLECTION, snapshot, keyOf: waton.keyOf })
    let count = 0
    while (steps.next().done !== true) count += 1
    expect(count).toBe(5)
    expect(waton.readSnapshot(concatBytes(phone.snapshot()))[0]?.value.contactAction?.fullName).toBe(text)
  })
})

/** Changes to different chats. */
function distinctChanges(random: RandomSource, count: number): readonly Change[] {
  const changes = Array.from({ length: count }, () => randomChange(random))
  return [...new Map(changes.map((change) => [change.index[1], change])).values()]
}
