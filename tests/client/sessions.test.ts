/**
 * Sessions are begun with the keys that were asked for and with no others, whatever else the server answers. The keys, and what
 * accounts sign, are made with Baileys' curve and schema.
 */
import { Curve, proto, signedKeyPair } from '@whiskeysockets/baileys'
import type { KeyPair } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { VirtualClock } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { QueryError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { SessionDirectory } from '../../src/client/send/sessions.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { DEVICE_LIST, IDENTITY_CHANGE, SESSION } from '../../src/client/state/records.ts'
import { Unknowns } from '../../src/client/unknowns.ts'
import { signalAddress, withDevice } from '../../src/protocol/jid.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { sessionInfo, startSession } from '../../src/protocol/signal/index.ts'
import type { PreKeyAnswer, PreKeyRequest } from '../../src/protocol/stanza/iq/pre-keys.ts'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000002@lid'
const CAROL = '100000000003@lid'

const bytes = (of: Uint8Array): Uint8Array => new Uint8Array(of)

/** A device of somebody, or their phone. */
class Party {
  readonly identity: KeyPair = Curve.generateKeyPair()

  /** What it publishes; everything is new but the identity. */
  keys(jid: string, deviceIdentity?: Uint8Array): PreKeyAnswer {
    const { keyPair, keyId, signature } = signedKeyPair(this.identity, 1)
    const signedPreKey = { id: keyId, publicKey: bytes(keyPair.public), signature: bytes(signature) }
    const identityKey = bytes(this.identity.public)
    const bundle = { registrationId: 7, identityKey, signedPreKey }
    return { jid, bundle, ...(deviceIdentity === undefined ? {} : { deviceIdentity }) }
  }

  /** Vouches for a device as its phone. The server hands this out without the key of the account. */
  vouchesFor({ identity }: Party): Uint8Array {
    const { E2EE } = proto.ADVEncryptionType
    const details = proto.ADVDeviceIdentity.encode({ rawId: 7, timestamp: 1, keyIndex: 3, deviceType: E2EE })
    const vouched = Buffer.concat([details.finish(), identity.public])
    const signed = {
      details: details.finish(),
      accountSignature: Curve.sign(this.identity.private, Buffer.concat([Buffer.from([6, 0]), vouched])),
      deviceSignature: Curve.sign(
        identity.private,
        Buffer.concat([Buffer.from([6, 1]), vouched, this.identity.public]),
      ),
    }
    return bytes(proto.ADVSignedDeviceIdentity.encode(signed).finish())
  }
}

type Answer = (request: PreKeyRequest) => Promise<readonly PreKeyAnswer[]> | readonly PreKeyAnswer[]

class Scene {
  readonly state: AccountState
  readonly clock: VirtualClock
  readonly sessions: SessionDirectory
  readonly unknowns: Unknowns
  readonly asked: (readonly string[])[] = []
  answer: Answer = () => []
  readonly #connection: Connection

  constructor(parts: Pick<Scene, 'state' | 'clock' | 'sessions' | 'unknowns'>) {
    this.state = parts.state
    this.clock = parts.clock
    this.sessions = parts.sessions
    this.unknowns = parts.unknowns
    const query = async (_query: unknown, request: PreKeyRequest): Promise<readonly PreKeyAnswer[]> => {
      this.asked.push(request.devices)
      return this.answer(request)
    }
    this.#connection = { query, isOpen: true } as unknown as Connection
  }

  static async open(): Promise<Scene> {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
    const options = { clock, logger: silentLogger, random: seededRandom('sessions') }
    const ignore = (): void => undefined
    const state = await AccountState.open({ ...options, store, claim, onEvents: ignore, onFailure: ignore })
    const self = await loadSelf(state, options.random, 'none')
    const unknowns = new Unknowns()
    const sessions = new SessionDirectory({ ...options, state, self, unknowns })
    return new Scene({ state, clock, sessions, unknowns })
  }

  ensure(...devices: readonly string[]): Promise<void> {
    return this.sessions.ensure(this.#connection, devices)
  }

  /** The identity key that a session is with. */
  async keyOf(device: string): Promise<Uint8Array | undefined> {
    const record = await this.state.read(SESSION, signalAddress(device))
    return record === undefined ? undefined : sessionInfo(record)?.remoteIdentityKey
  }
}

const keyOf = ({ identity }: Party): Uint8Array => bytes(identity.public)

describe('keys that the server gives', () => {
  test('of a device that was not asked about begin no session, and replace none', async () => {
    const scene = await Scene.open()
    const [bob, carol, mallory] = [new Party(), new Party(), new Party()]
    scene.answer = () => [carol.keys(CAROL)]
    await scene.ensure(CAROL)
    await scene.state.commit((unit) => {
      unit.put(IDENTITY_CHANGE, BOB_LID, { atMs: 1 })
      return Promise.resolve()
    })
    scene.answer = () => [bob.keys(BOB_LID)]
    await scene.ensure(BOB_LID)
    // they have registered anew: the answer to this question replaces sessions
    await scene.state.commit((unit) => {
      unit.put(IDENTITY_CHANGE, BOB_LID, { atMs: 2, formerKey: keyOf(bob) })
      return Promise.resolve()
    })
    const device = withDevice(CAROL, 3)
    scene.answer = () => [mallory.keys(CAROL), mallory.keys(device), bob.keys(BOB_LID)]
    await scene.ensure(BOB_LID)
    expect(await scene.keyOf(CAROL)).toEqual(keyOf(carol))
    expect(await scene.keyOf(device)).toBeUndefined()
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(bob))
    expect(scene.unknowns.counts()).toMatchObject([{ what: 'answer', count: 2 }])
  })

  test('come twice for a device: the first count, also in place of a session', async () => {
    const scene = await Scene.open()
    const [bob, again, other] = [new Party(), new Party(), new Party()]
    scene.answer = () => [bob.keys(BOB_LID), other.keys(BOB_LID)]
    await scene.ensure(BOB_LID)
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(bob))
    await scene.state.commit((unit) => {
      unit.put(IDENTITY_CHANGE, BOB_LID, { atMs: 2, formerKey: keyOf(bob) })
      return Promise.resolve()
    })
    scene.answer = () => [again.keys(BOB_LID), other.keys(BOB_LID)]
    await scene.ensure(BOB_LID)
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(again))
  })

  test('are answered under the other address of a device: they are its keys all the same', async () => {
    const scene = await Scene.open()
    const bob = new Party()
    const release = deferred<undefined>()
    scene.answer = async () => {
      await release.promise
      return [bob.keys(BOB)]
    }
    const ensured = scene.ensure(BOB)
    await scene.state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    release.resolve(undefined)
    await ensured
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(bob))
    expect(await scene.keyOf(BOB)).toBeUndefined()
  })

  test('come behind a first message of the device, which has begun a session: that one is kept', async () => {
    const scene = await Scene.open()
    // they have registered anew since the server wrote its answer
    const [bob, anew] = [new Party(), new Party()]
    let begun: Uint8Array | undefined
    scene.answer = async () => {
      const { bundle } = anew.keys(BOB_LID) as Extract<PreKeyAnswer, { bundle: unknown }>
      const local = { registrationId: 1, identityKey: generateKeyPair(seededRandom('a first message')) }
      const record = startSession({ bundle, local, random: seededRandom('a session'), nowMs: 1 })
      begun = sessionInfo(record)?.baseKey
      await scene.state.commit((unit) => {
        unit.put(SESSION, signalAddress(BOB_LID), record)
        return Promise.resolve()
      })
      return [bob.keys(BOB_LID)]
    }
    await scene.ensure(BOB_LID)
    const record = await scene.state.read(SESSION, signalAddress(BOB_LID))
    expect(begun).toHaveLength(32)
    expect(record && sessionInfo(record)?.baseKey).toEqual(begun)
  })

  test.each([
    [404, true],
    [406, true],
    [500, undefined],
  ])('are refused with %i: the list that names the device is in doubt: %s', async (errorCode, isStale) => {
    const scene = await Scene.open()
    const device = withDevice(BOB_LID, 3)
    const list = { devices: [{ id: 0 }, { id: 3, keyIndex: 3 }], fetchedAtMs: 1 }
    await scene.state.commit((unit) => {
      unit.put(DEVICE_LIST, BOB_LID, list)
      return Promise.resolve()
    })
    scene.answer = () => [{ jid: device, errorCode }]
    await scene.ensure(device)
    expect((await scene.state.read(DEVICE_LIST, BOB_LID))?.isStale).toBe(isStale)
  })

  test('are missing for a linked device: it is left alone for a while, and its phone never', async () => {
    const scene = await Scene.open()
    const device = withDevice(BOB_LID, 3)
    await scene.ensure(BOB_LID, device)
    await scene.ensure(BOB_LID, device)
    expect(scene.asked).toEqual([[BOB_LID, device], [BOB_LID]])
    scene.clock.advance(6 * 60_000)
    await scene.ensure(BOB_LID, device)
    expect(scene.asked.at(-1)).toEqual([BOB_LID, device])
  })

  test('come for some only, because one of several questions fails: what came stays', async () => {
    const scene = await Scene.open()
    const parties = new Map<string, Party>(
      Array.from({ length: 150 }, (_, index) => [`${String(2_000 + index)}@lid`, new Party()] as const),
    )
    const all = [...parties.keys()]
    scene.answer = ({ devices }) => {
      if (devices.includes(all[120] ?? '')) throw new QueryError('WATON_QUERY_REFUSED', 'no')
      return devices.map((jid) => (parties.get(jid) ?? new Party()).keys(jid))
    }
    await expect(scene.ensure(...all)).rejects.toMatchObject({ code: 'WATON_QUERY_REFUSED' })
    scene.answer = ({ devices }) => devices.map((jid) => (parties.get(jid) ?? new Party()).keys(jid))
    await scene.ensure(...all)
    for (const [jid, party] of parties) expect(await scene.keyOf(jid)).toEqual(keyOf(party))
    // only those of the question that failed are asked about again
    expect(scene.asked.map(({ length }) => length)).toEqual([100, 50, 50])
  })

  test('are asked for once by whoever wants them at the same time, by number and by LID', async () => {
    const scene = await Scene.open()
    const bob = new Party()
    await scene.state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    scene.answer = ({ devices }) => devices.map((jid) => bob.keys(jid))
    await Promise.all([scene.ensure(BOB), scene.ensure(BOB_LID), scene.ensure(BOB, BOB_LID)])
    expect(scene.asked).toEqual([[BOB_LID]])
  })
})

describe('keys of a linked device', () => {
  const device = withDevice(BOB_LID, 3)

  test.each<[string, (bob: Party, theirs: Party) => Uint8Array | undefined]>([
    ['nothing that their account has signed', () => undefined],
    ['what another account has signed', (_bob, theirs) => new Party().vouchesFor(theirs)],
    ['what their account has signed for another device', (bob) => bob.vouchesFor(new Party())],
  ])('that come with %s begin no session, and those of the phone do', async (_what, signed) => {
    const scene = await Scene.open()
    const [bob, theirs] = [new Party(), new Party()]
    scene.answer = () => [theirs.keys(device, signed(bob, theirs)), bob.keys(BOB_LID)]
    await scene.ensure(BOB_LID, device)
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(bob))
    expect(await scene.keyOf(device)).toBeUndefined()
    // it is left alone for a while
    await scene.ensure(device)
    expect(scene.asked.flat().filter((jid) => jid === device)).toHaveLength(1)
  })

  test('that nobody vouches for are counted', async () => {
    const scene = await Scene.open()
    scene.answer = () => [new Party().keys(BOB_LID), new Party().keys(device)]
    await scene.ensure(BOB_LID, device)
    expect(scene.unknowns.counts()).toMatchObject([{ name: /nobody vouches for/, count: 1 }])
  })

  test('begin no session while the key of their account is not known, and one when it is', async () => {
    const scene = await Scene.open()
    const [bob, theirs] = [new Party(), new Party()]
    scene.answer = () => [{ jid: BOB_LID, errorCode: 500 }, theirs.keys(device, bob.vouchesFor(theirs))]
    await scene.ensure(BOB_LID, device)
    expect(await scene.keyOf(device)).toBeUndefined()
    scene.clock.advance(6 * 60_000)
    scene.answer = () => [theirs.keys(device, bob.vouchesFor(theirs)), bob.keys(BOB_LID)]
    await scene.ensure(BOB_LID, device)
    expect(await scene.keyOf(device)).toEqual(keyOf(theirs))
  })

  test('that somebody has linked after they registered anew are checked with their new key', async () => {
    const scene = await Scene.open()
    const [bob, anew, theirs] = [new Party(), new Party(), new Party()]
    scene.answer = () => [bob.keys(BOB_LID)]
    await scene.ensure(BOB_LID)
    await scene.state.commit((unit) => {
      unit.put(IDENTITY_CHANGE, BOB_LID, { atMs: 2, formerKey: keyOf(bob) })
      return Promise.resolve()
    })
    scene.answer = ({ devices }) =>
      devices.map((jid) => (jid === device ? theirs.keys(jid, anew.vouchesFor(theirs)) : anew.keys(jid)))
    await scene.ensure(device, BOB_LID)
    expect(await scene.keyOf(BOB_LID)).toEqual(keyOf(anew))
    expect(await scene.keyOf(device)).toEqual(keyOf(theirs))
  })
})
