/**
 * Sessions are begun with the keys that were asked for and with no others, whatever else the server answers. The keys are made
 * with Baileys' curve.
 */
import { Curve, signedKeyPair } from '@whiskeysockets/baileys'
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
import { IDENTITY_CHANGE, SESSION } from '../../src/client/state/records.ts'
import { Unknowns } from '../../src/client/unknowns.ts'
import { signalAddress, withDevice } from '../../src/protocol/jid.ts'
import { sessionInfo } from '../../src/protocol/signal/index.ts'
import type { PreKeyAnswer, PreKeyRequest } from '../../src/protocol/stanza/iq/pre-keys.ts'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000002@lid'
const CAROL = '100000000003@lid'

const bytes = (of: Uint8Array): Uint8Array => new Uint8Array(of)

/** A device of somebody, or their phone. */
class Party {
  readonly identity: KeyPair = Curve.generateKeyPair()

  /** What it publishes; everything is new but the identity. */
  keys(jid: string): PreKeyAnswer {
    const { keyPair, keyId, signature } = signedKeyPair(this.identity, 1)
    const signedPreKey = { id: keyId, publicKey: bytes(keyPair.public), signature: bytes(signature) }
    const identityKey = bytes(this.identity.public)
    const bundle = { registrationId: 7, identityKey, signedPreKey }
    return { jid, bundle }
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
