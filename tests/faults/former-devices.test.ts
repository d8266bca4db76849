/**
 * A link in doubt that another one took the place of (decision 0011), although the server had it or took it later: the
 * device that was given up is taken off the account, and no other one ever is.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import { GIVEN_UP_DEVICES, SELF } from '../../src/client/state/records.ts'
import type { GivenUpDevice } from '../../src/client/state/records.ts'
import { childrenOf } from '../../src/protocol/binary/node.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { seededRandom } from '../../src/base/random.ts'
import { FrameMeter } from '../../src/simulator/fault-plan/frame-meter.ts'
import type { ByteSocket, ConnectSocket } from '../../src/transport/byte-socket.ts'
import { until } from '../helpers/until.ts'
import {
  CUTS,
  PHONE_NUMBER,
  expectLinked,
  notesOf,
  reasonsOf,
  startClient,
  startScene,
} from './link-scene.ts'
import type { Scene } from './link-scene.ts'

/** What was asked to be removed. */
function removals({ simulator }: Scene): readonly (string | undefined)[] {
  return simulator.trace
    .stanzas({ direction: 'client-to-server', tag: 'iq' })
    .flatMap(({ node }) => childrenOf(node).filter(({ tag }) => tag === 'remove-companion-device'))
    .map(({ attrs }) => attrs.jid)
}

function logins(scene: Scene): readonly string[] {
  return notesOf(scene, 'login').filter((text) => !text.startsWith('device 0'))
}

async function remembered({ store }: Scene): Promise<readonly GivenUpDevice[]> {
  const row = await store.readRecord('default', GIVEN_UP_DEVICES.kind, SELF)
  return row === undefined ? [] : GIVEN_UP_DEVICES.decode(row).devices
}

/** A text each way. */
async function expectChat({ simulator, phone }: Scene, client: Client): Promise<void> {
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const { acked, id } = await client.send(bob.pn, { text: 'out' })
  await acked
  await bob.waitForMessage((message) => message.id === id)
  const received: string[] = []
  client.on('message', ({ payload }) => {
    received.push(payload.id)
  })
  const reply = await bob.send(phone.pn, { text: 'in' })
  await until('the text that came', () => received.includes(reply.id))
}

/** The human uses the second code although the device is on the list. */
const usesTwo = (shown: number): boolean => shown <= 2

describe('a device that was given up and is on the account', () => {
  test.each(['qr', 'code'] as const)('because the human used two codes (%s) is taken off', async (way) => {
    const scene = await startScene(21, CUTS[way]['word of it'])
    const client = startClient(scene, { way, uses: usesTwo })
    await client.connect()
    expect(client.me?.deviceId).toBe(2)
    await until('one device', () => scene.phone.devices.length === 1)
    expect(removals(scene)).toEqual([`${PHONE_NUMBER}:1@s.whatsapp.net`])
    expect(logins(scene)).toEqual([
      expect.stringContaining('device 2 '),
      expect.stringContaining('device 1 '),
    ])
    await until('nothing to remember', async () => (await remembered(scene)).length === 0)
    expectLinked(scene, client, 2)
    await expectChat(scene, client)
    expect(notesOf(scene, 'refusal')).toEqual([])
    expect(reasonsOf(scene)).toEqual(['link-unconfirmed', 'restart-required'])
  })

  test('because the server took the answer late is taken off', async () => {
    const scene = await startScene(22)
    const late = lateAnswer(scene)
    const client = startClient(scene, { connect: late.connect, uses: usesTwo })
    await client.connect()
    expect([client.me?.deviceId, scene.phone.devices.length]).toEqual([2, 1])
    const [given] = await until('it to be remembered', () => remembered(scene))
    expect(given).toMatchObject({ deviceId: 1, keyIndex: 1, refusals: 0 })
    await until('the list to be asked for', () => asked(scene) > 0)
    late.deliver()
    await until('both devices', () => scene.phone.devices.length === 2)
    await until('one device', () => scene.phone.devices.length === 1)
    expect(removals(scene)).toEqual([`${PHONE_NUMBER}:1@s.whatsapp.net`])
    expectLinked(scene, client, 2)
    await expectChat(scene, client)
    expect(notesOf(scene, 'refusal')).toEqual([])
  })

  test('is taken off by the next process when this one ends first', async () => {
    const scene = await startScene(23, CUTS.qr['word of it'])
    const first = startClient(scene, { uses: usesTwo })
    first.on('pairing.success', () => first.close())
    await first.connect().catch(() => undefined)
    await until('the end', () => first.state === 'closed')
    expect([removals(scene), scene.phone.devices.length]).toEqual([[], 2])
    const second = startClient(scene)
    await second.connect()
    await until('one device', () => scene.phone.devices.length === 1)
    expectLinked(scene, second, 2)
  })
})

describe('a device that was given up and is not on the account', () => {
  test('is forgotten when no answer can come any more, without a login', async () => {
    const scene = await startScene(24, CUTS.qr.answer)
    const client = startClient(scene)
    await client.connect()
    expect(await until('it to be remembered', () => remembered(scene))).toHaveLength(1)
    await until('it to be forgotten', async () => (await remembered(scene)).length === 0)
    expect(asked(scene)).toBe(2)
    expect([removals(scene), logins(scene).length]).toEqual([[], 1])
    expectLinked(scene, client, 1)
  })
})

describe('a record of a device that is not ours', () => {
  const random = seededRandom('foreign')
  const ofAlice = {
    pn: `${PHONE_NUMBER}@s.whatsapp.net`,
    noiseKey: generateKeyPair(random),
    givenUpAtMs: 1,
    refusals: 0,
  }

  test.each([
    ['another device has its number now', { ...ofAlice, deviceId: 1, keyIndex: 7 }, 0],
    ['the server knows it with another key', { ...ofAlice, deviceId: 1, keyIndex: 1 }, 1],
    ['it is this one', { ...ofAlice, deviceId: 2, keyIndex: 2 }, 0],
  ])('(%s) removes nothing', async (_, device, refused) => {
    const scene = await startScene(25)
    const other = new Client({ store: new MemoryStore(), endpoint: scene.simulator.endpoint })
    onTestFinished(() => other.close())
    other.once('pairing.qr', ({ qr }) => scene.phone.linkDevice(qr))
    await other.connect()
    const client = startClient(scene, { uses: (shown) => shown === 1 })
    await client.connect()
    expect([other.me?.deviceId, client.me?.deviceId]).toEqual([1, 2])
    await client.close()
    await remember(scene, device)

    const next = startClient(scene)
    await next.connect()
    if (refused > 0) {
      const isCounted = async (): Promise<boolean> => (await remembered(scene))[0]?.refusals === refused
      await until('the refusal to be remembered', isCounted)
      await next.close()
      await startClient(scene).connect()
    }
    await until('it to be forgotten', async () => (await remembered(scene)).length === 0)
    expect(removals(scene)).toEqual([])
    expect(notesOf(scene, 'refusal')).toHaveLength(refused * 2)
    expect(scene.phone.devices.map(({ deviceId }) => deviceId)).toEqual([1, 2])
    expect(other.state).toBe('open')
  })
})

/** How often the devices of the account were asked for after a link broke off: not what every login asks. */
function asked({ simulator, phone }: Scene): number {
  return simulator.trace.stanzas({ direction: 'client-to-server', tag: 'iq' }).filter(({ node }) => {
    const text = JSON.stringify(node)
    return node.attrs.xmlns === 'usync' && text.includes(phone.pn) && !text.includes('"lid"')
  }).length
}

/** Holds back our answer on the first connection; the client finds that connection cut, the server does not. */
function lateAnswer({ simulator }: Scene): { readonly connect: ConnectSocket; readonly deliver: () => void } {
  const sockets: LateSocket[] = []
  const open: ConnectSocket = simulator.endpoint.connect
  return {
    connect: async (options) => {
      const inner = await open(options)
      if (sockets.length > 0) return inner
      const late = new LateSocket(inner)
      sockets.push(late)
      return late
    },
    deliver: () => {
      sockets[0]?.deliver()
    },
  }
}

/** A socket that breaks for the client with the fourth frame that it sends, which arrives when it is told to. */
class LateSocket implements ByteSocket {
  readonly #inner: ByteSocket
  readonly #meter = new FrameMeter('client-to-server')
  #begun = 0
  #held: Uint8Array | undefined
  onClose: ByteSocket['onClose']

  constructor(inner: ByteSocket) {
    this.#inner = inner
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes
  }

  get onData(): ByteSocket['onData'] {
    return this.#inner.onData
  }

  set onData(listener: ByteSocket['onData']) {
    this.#inner.onData =
      listener === undefined
        ? undefined
        : (bytes) => {
            if (this.#held === undefined) listener(bytes)
          }
  }

  send(bytes: Uint8Array): void {
    this.#begun += this.#meter.push(bytes).filter(({ edge }) => edge === 'begin').length
    if (this.#begun < 4) {
      this.#inner.send(bytes)
      return
    }
    this.#held = bytes
    setImmediate(() => this.onClose?.({ code: 1006 }))
  }

  close(): void {
    // the server must not notice
  }

  deliver(): void {
    if (this.#held !== undefined) this.#inner.send(this.#held)
  }
}

async function remember({ store }: Scene, device: GivenUpDevice): Promise<void> {
  const claim = await store.claim('default', {
    owner: 'a test',
    nowMs: Number.MAX_SAFE_INTEGER / 2,
    leaseMs: 1,
  })
  const value = GIVEN_UP_DEVICES.encode({ devices: [device] })
  await store.commit(claim, [
    { op: 'put-record', row: { kind: GIVEN_UP_DEVICES.kind, key: SELF, value, at: 1 } },
  ])
  await claim.release()
}
