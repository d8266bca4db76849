/**
 * The directory of devices by itself, before answers that no server in a whole run gives: lists that are old, people who are
 * only mentioned beside, a refusal of one protocol, and a signed list that comes after a newer one.
 */
import { Curve, proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { VirtualClock } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { answeredList } from '../../src/client/identity/device-list.ts'
import { DeviceDirectory } from '../../src/client/send/devices.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { DEVICE_LIST } from '../../src/client/state/records.ts'
import { Unknowns } from '../../src/client/unknowns.ts'
import type { UsyncRequest } from '../../src/protocol/stanza/iq/usync/index.ts'

const BOB = '100000000002@lid'
const CAROL = '100000000003@lid'
const HOUR_MS = 60 * 60 * 1000

/** An answer about one person. */
const listing = (jid: string, ...ids: readonly number[]): object => ({
  jid,
  values: { devices: { list: ids.map((id) => ({ id, keyIndex: id, isHosted: false })) } },
})

class Scene {
  readonly state: AccountState
  readonly clock: VirtualClock
  readonly directory: DeviceDirectory
  readonly asked: (readonly string[])[] = []
  answer: object = {}
  readonly #connection: Connection

  constructor(parts: Pick<Scene, 'state' | 'clock' | 'directory'>) {
    this.state = parts.state
    this.clock = parts.clock
    this.directory = parts.directory
    const query = (_query: unknown, request: UsyncRequest): Promise<object> => {
      this.asked.push(request.users.map(({ jid, phone }) => jid ?? phone ?? ''))
      return Promise.resolve({ users: [], side: [], errors: {}, unknown: [], ...this.answer })
    }
    this.#connection = { query, nextId: () => 'S1', isOpen: true } as unknown as Connection
  }

  static async open(): Promise<Scene> {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
    const options = { clock, logger: silentLogger, random: seededRandom('directory') }
    const ignore = (): void => undefined
    const state = await AccountState.open({ ...options, store, claim, onEvents: ignore, onFailure: ignore })
    const self = await loadSelf(state, options.random, 'none')
    const directory = new DeviceDirectory({ ...options, state, self, unknowns: new Unknowns() })
    return new Scene({ state, clock, directory })
  }

  async devices(user: string): Promise<readonly string[] | undefined> {
    return (await this.directory.devicesOf(this.#connection, [user])).get(user)
  }
}

describe('the directory', () => {
  test('asks again about a list that is a day old, and not before', async () => {
    const scene = await Scene.open()
    scene.answer = { users: [listing(BOB, 0, 3)] }
    expect(await scene.devices(BOB)).toEqual([BOB, '100000000002:3@lid'])
    scene.clock.advance(24 * HOUR_MS)
    await scene.devices(BOB)
    expect(scene.asked).toEqual([[BOB]])
    scene.answer = { users: [listing(BOB, 0, 4)] }
    scene.clock.advance(1)
    expect(await scene.devices(BOB)).toEqual([BOB, '100000000002:4@lid'])
    expect(scene.asked).toEqual([[BOB], [BOB]])
  })

  test('records what is said of others besides, and asks about them no more', async () => {
    const scene = await Scene.open()
    scene.answer = { users: [listing(BOB, 0)], side: [listing(CAROL, 0, 5)] }
    await scene.devices(BOB)
    expect(await scene.devices(CAROL)).toEqual([CAROL, '100000000003:5@lid'])
    expect(scene.asked).toEqual([[BOB]])
  })

  test('takes no list from an answer that refuses lists, and says so where it knows none', async () => {
    const scene = await Scene.open()
    const errors = { devices: { code: 429, text: 'rate-overlimit', backoffSeconds: 60 } }
    scene.answer = { users: [listing(BOB, 0, 3)], errors }
    await expect(scene.devices(BOB)).rejects.toMatchObject({
      code: 'WATON_USYNC_REFUSED',
      details: { serverCode: 429, backoffSeconds: 60 },
    })
    expect(await scene.state.read(DEVICE_LIST, BOB)).toBeUndefined()
    // nor does it say that there is nobody
    expect(scene.directory.isNobody(BOB)).toBe(false)
  })
})

describe('what a phone has signed', () => {
  test('earlier than what is known brings no device back', () => {
    const account = Curve.generateKeyPair()
    const { E2EE } = proto.ADVEncryptionType
    const signed = (timestamp: number, validIndexes: number[]): Uint8Array => {
      const list = { rawId: 7, timestamp, currentIndex: 3, validIndexes, accountType: E2EE }
      const details = proto.ADVKeyIndexList.encode(list).finish()
      const accountSignature = Curve.sign(account.private, Buffer.concat([Buffer.from([6, 2]), details]))
      return new Uint8Array(proto.ADVSignedKeyIndexList.encode({ details, accountSignature }).finish())
    }
    const facts = { accountKey: new Uint8Array(account.public), nowMs: 5 }
    const list = [0, 1, 2].map((id) => ({ id, keyIndex: id, isHosted: false }))
    const answer = (timestamp: number, indexes: number[]): Parameters<typeof answeredList>[0] => ({
      list,
      keyIndex: { timestampSeconds: timestamp, signedList: signed(timestamp, indexes) },
    })
    const idsOf = (next: ReturnType<typeof answeredList>): unknown => next?.list.devices.map(({ id }) => id)
    const first = answeredList(answer(100, [1, 2]), undefined, facts)
    expect(idsOf(first)).toEqual([0, 1, 2])
    // device 2 is unlinked
    const second = answeredList(answer(200, [1]), first?.list, facts)
    expect(idsOf(second)).toEqual([0, 1])
    const replayed = answeredList(answer(100, [1, 2]), second?.list, facts)
    expect(replayed?.refusal).toBeUndefined()
    expect(idsOf(replayed)).toEqual([0, 1])
  })
})
