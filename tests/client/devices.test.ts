/**
 * To which devices a message goes: lists that are kept, verified, follow what is announced and are never emptied by an
 * answer; sessions that are asked for once and replaced only when a key has changed. Baileys asks the same of the same
 * server in `tests/wire/equality` and `tests/e2e`.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, ClientOptions } from 'waton'
import { DEVICE_LIST, IDENTITY_CHANGE, SESSION } from '../../src/client/state/records.ts'
import type { DeviceList } from '../../src/client/state/records.ts'
import { childOf, childrenOf, node } from '../../src/protocol/binary/node.ts'
import { decodeSessionRecord, sessionInfo } from '../../src/protocol/signal/index.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, DEVICE, FastClock, World, linkedClient, log, settle } from './support.ts'

const NOBODY = '15550009999@s.whatsapp.net'
const AT = 1_700_000_000

/** Alice's client and Bob, whom it has never written to. */
class Scene {
  readonly store = new MemoryStore()
  readonly world: World
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly client: Client
  #notifications = 0

  private constructor(
    world: World,
    alice: SimulatedPhone,
    bob: SimulatedPhone,
    client: Client,
    store: MemoryStore,
  ) {
    this.world = world
    this.alice = alice
    this.bob = bob
    this.client = client
    this.store = store
  }

  static async start(seed: string, options: Partial<ClientOptions> = {}): Promise<Scene> {
    const world = new World(seed)
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store, ...options })
    await until('the own devices', () => world.sent({ tag: 'iq' }).some(isUsync))
    await until(
      'their list',
      async () => (await store.listRecords('default', 'device-list', undefined, 9)).length > 0,
    )
    return new Scene(world, alice, bob, client, store)
  }

  async #record(kind: string, key: string): Promise<Uint8Array | undefined> {
    const rows = await this.store.listRecords('default', kind, undefined, 1000)
    return rows.find((row) => row.key === key)?.value
  }

  async list(jid: string): Promise<DeviceList | undefined> {
    const stored = await this.#record(DEVICE_LIST.kind, jid)
    return stored === undefined ? undefined : DEVICE_LIST.decode(stored)
  }

  async hasMark(jid: string): Promise<boolean> {
    return (await this.#record(IDENTITY_CHANGE.kind, jid)) !== undefined
  }

  /** The base key of the session with one of Bob's devices, as text. */
  async baseKey(device = 0): Promise<string> {
    const lidUser = this.bob.lid.split('@')[0] ?? ''
    const stored = await this.#record(SESSION.kind, `${lidUser}_1.${String(device)}`)
    return stored === undefined ? 'none' : String(sessionInfo(decodeSessionRecord(stored))?.baseKey)
  }

  /** Sends a text and waits until Bob's phone shows it; returns the devices of the copies. */
  async text(words: string, to = BOB): Promise<readonly string[]> {
    const sent = await this.client.send(to, { text: words })
    await sent.acked
    await this.bob.waitForMessage((message) => message.text === words)
    return this.copies(sent.id).map(({ jid }) => jid)
  }

  copies(id: string): readonly { readonly jid: string; readonly type: string | undefined }[] {
    const message = this.world.sent({ tag: 'message' }).find(({ attrs }) => attrs.id === id)
    const participants = message === undefined ? undefined : childOf(message, 'participants')
    return (participants === undefined ? [] : childrenOf(participants)).map((to) => ({
      jid: to.attrs.jid ?? '',
      type: childOf(to, 'enc')?.attrs.type,
    }))
  }

  /** The people that the directory was asked about for sending, in order. */
  asked(): readonly (string | undefined)[] {
    return this.world
      .sent({ tag: 'iq' })
      .filter(isUsync)
      .flatMap((iq) => {
        const list = childOf(childOf(iq, 'usync') ?? iq, 'list')
        return (list === undefined ? [] : childrenOf(list)).map(({ attrs }) => attrs.jid)
      })
  }

  /** The devices whose keys were asked for, with the reason. */
  fetched(): readonly string[] {
    return this.world
      .sent({ tag: 'iq' })
      .flatMap((iq) => (iq.attrs.xmlns === 'encrypt' ? childrenOf(iq, 'key') : []))
      .flatMap((key) => childrenOf(key).map(({ attrs }) => `${attrs.jid ?? ''} ${attrs.reason ?? ''}`.trim()))
  }

  /** The server says something about Bob's devices, and the client has answered. */
  async announce(type: string, ...children: ReturnType<typeof node>[]): Promise<void> {
    this.#notifications += 1
    const id = `announced-${String(this.#notifications)}`
    const attrs = { from: BOB, id, type, t: AT, lid: this.bob.lid }
    this.world.inject(node('notification', attrs, children))
    await until('the answer', () => this.world.answersTo(id).length > 0)
    await settle()
  }

  /** Links one more device to Bob's phone, and waits until Alice's client has heard of it, if the two have met. */
  async linkBob(): Promise<Client> {
    const before = this.world.received({ tag: 'notification' }).length
    const client = await linkedClient(this.world, this.bob)
    const { contactNumbers } = this.world.server.world.accountOf('15550000002') ?? { contactNumbers: [] }
    if (contactNumbers.length === 0) return client
    const isTold = (): boolean => this.world.received({ tag: 'notification' }).length > before
    await until('the announcement', isTold)
    const { id = '' } = this.world.received({ tag: 'notification' }).at(-1)?.attrs ?? {}
    await until('its answer', () => this.world.answersTo(id).length > 0)
    return client
  }
}

function isUsync(iq: { readonly attrs: Readonly<Record<string, string>> }): boolean {
  return iq.attrs.xmlns === 'usync'
}

describe('the list of devices', () => {
  test('of the own account is asked for once, after the login, and not again by the next one', async () => {
    const scene = await Scene.start('own list')
    const { alice, client, world } = scene
    expect(scene.asked()).toEqual([ALICE])
    expect((await scene.list(alice.lid))?.devices).toEqual([{ id: 0 }, { id: 1, keyIndex: 1 }])
    world.server.faults.disconnect(DEVICE)
    await until('the client to be back', () => client.state !== 'open')
    await until('the client to be back', () => client.state === 'open')
    await scene.text('hello')
    expect(scene.asked()).toEqual([ALICE, BOB])
  })

  test('is verified with the key of the phone once that is known, and kept with what it has signed', async () => {
    const scene = await Scene.start('verified')
    await scene.linkBob()
    await scene.text('one')
    const signed = { currentIndex: 1, validIndexes: [1] }
    const devices = [{ id: 0 }, { id: 1, keyIndex: 1 }]
    expect(await scene.list(scene.bob.lid)).toMatchObject({ devices, signed })
    expect(await scene.list(scene.bob.lid)).toHaveProperty('unverified')
    await scene.text('two')
    expect(await scene.list(scene.bob.lid)).toMatchObject({ devices, signed })
    expect(await scene.list(scene.bob.lid)).not.toHaveProperty('unverified')
    expect(scene.client.unknowns()).toEqual([])
  })

  test('follows devices that are linked and unlinked, without a question', async () => {
    const scene = await Scene.start('follows')
    const { bob } = scene
    expect(await scene.text('one')).toEqual([ALICE, BOB])
    const asked = scene.asked().length
    await scene.linkBob()
    await scene.linkBob()
    expect(await scene.text('two')).toEqual([
      ...[ALICE, BOB, '15550000002:1@s.whatsapp.net', '15550000002:2@s.whatsapp.net'],
    ])
    await bob.unlinkDevice(1)
    await until('the list to be shorter', async () => (await scene.list(bob.lid))?.devices.length === 2)
    expect(await scene.text('three')).toEqual([ALICE, BOB, '15550000002:2@s.whatsapp.net'])
    expect(scene.asked()).toHaveLength(asked)
    expect(scene.world.violations).toEqual([])
  })

  test('is asked for again when what was announced does not fit', async () => {
    const scene = await Scene.start('hash')
    await scene.text('one')
    const device = node('device', { jid: '15550000002:7@s.whatsapp.net', 'key-index': 7 })
    await scene.announce('devices', node('add', { device_hash: '2:AAAAAAAA' }, [device]))
    expect(await scene.list(scene.bob.lid)).toMatchObject({ isStale: true })
    const asked = scene.asked().length
    expect(await scene.text('two')).toEqual([ALICE, BOB])
    expect(scene.asked().slice(asked)).toEqual([BOB])
    expect(await scene.list(scene.bob.lid)).not.toHaveProperty('isStale')
  })

  test.each(['empty', 'silence', 'error', 'refusal'] as const)(
    'stays as it was when the server answers with: %s',
    async (as) => {
      const scene = await Scene.start(`keeps ${as}`)
      await scene.linkBob()
      const devices = await scene.text('one')
      expect(devices).toContain('15550000002:1@s.whatsapp.net')
      await scene.announce('devices', node('update', { hash: 'x' }))
      scene.world.server.faults.spoilDirectory(as)
      const asked = scene.asked().length
      expect(await scene.text('two')).toEqual(devices)
      expect(await scene.text('three')).toEqual(devices)
      // a doubtful list is not asked for with every message
      expect(scene.asked()).toHaveLength(asked + 1)
      const isCounted = scene.client.unknowns().some(({ name }) => name.includes('no devices of somebody'))
      expect(isCounted).toBe(as === 'empty')
    },
  )

  test('has no device that the phone does not vouch for', async () => {
    const scene = await Scene.start('ghost')
    const { bob, world } = scene
    await scene.linkBob()
    await bob.unlinkDevice(1)
    await scene.linkBob()
    await scene.text('one')
    const account = world.server.world.accountOf('15550000002')
    if (account === undefined) throw new Error('Bob is gone')
    const own = world.device('15550000002:2@s.whatsapp.net').facts
    // one with the index of a device that was unlinked, one that is newer than what was signed, and has no keys
    world.server.world.addDevice(account, { ...own, id: 5, keyIndex: 1 })
    world.server.world.addDevice(account, { ...own, id: 6, keyIndex: 9 })
    await scene.announce('devices', node('update', { hash: 'x' }))
    expect(await scene.text('two')).toEqual([ALICE, BOB, '15550000002:2@s.whatsapp.net'])
    expect((await scene.list(bob.lid))?.devices.map(({ id }) => id)).toEqual([0, 2, 6])
    const fetched = scene.fetched().filter((jid) => jid.includes(':6@'))
    expect(fetched).toHaveLength(1)
    // what has no keys is left alone for a while, and spoils nothing
    await scene.text('three')
    expect(scene.fetched().filter((jid) => jid.includes(':6@'))).toEqual(fetched)
  })

  test('is not believed when somebody else has signed what it says', async () => {
    const scene = await Scene.start('forged')
    const { bob, world } = scene
    await scene.linkBob()
    await scene.text('one')
    const carol = await world.addPhone('15550000003', 'Carol')
    await linkedClient(world, carol)
    const [bobs, carols] = ['15550000002', '15550000003'].map((number) =>
      world.server.world.accountOf(number),
    )
    if (bobs === undefined || carols?.keyIndexList === undefined) throw new Error('nothing was signed')
    const own = world.device('15550000002:1@s.whatsapp.net').facts
    world.server.world.addDevice(bobs, { ...own, id: 5, keyIndex: 5 })
    bobs.keyIndexList = carols.keyIndexList
    await scene.announce('devices', node('update', { hash: 'x' }))
    // those known before are written to, and nobody else
    expect(await scene.text('two')).toEqual([ALICE, BOB, '15550000002:1@s.whatsapp.net'])
    expect(scene.client.unknowns()).toMatchObject([{ what: 'answer', name: /does not verify/ }])
    expect(await scene.list(bob.lid)).toMatchObject({ isStale: true })
  })

  test('that came before the phone`s key was known is looked at again when it is', async () => {
    const scene = await Scene.start('forged at first')
    const { world } = scene
    await scene.linkBob()
    const carol = await world.addPhone('15550000003', 'Carol')
    await linkedClient(world, carol)
    const [bobs, carols] = ['15550000002', '15550000003'].map((number) =>
      world.server.world.accountOf(number),
    )
    if (bobs === undefined || carols?.keyIndexList === undefined) throw new Error('nothing was signed')
    bobs.keyIndexList = carols.keyIndexList
    expect(await scene.text('one')).toHaveLength(3)
    expect(await scene.text('two')).toEqual([ALICE, BOB])
    expect(scene.client.unknowns()).toMatchObject([{ what: 'answer', count: 2 }])
  })

  test('of somebody without a LID is kept under the number', async () => {
    const scene = await Scene.start('no lid')
    scene.world.server.faults.hideLids()
    expect(await scene.text('one')).toEqual([ALICE, BOB])
    expect((await scene.list(BOB))?.devices).toEqual([{ id: 0 }])
    expect(await scene.list(scene.bob.lid)).toBeUndefined()
  })

  test('is asked for once by messages that want it at the same time', async () => {
    const scene = await Scene.start('flight')
    const { client } = scene
    const chats = [BOB, scene.bob.lid, BOB]
    const sent = await Promise.all(chats.map((chat) => client.send(chat, { text: 'at once' })))
    await Promise.all(sent.map(({ acked }) => acked))
    expect(scene.asked().filter((jid) => jid === BOB)).toHaveLength(1)
    expect(scene.fetched().filter((jid) => jid.startsWith(scene.bob.lid))).toHaveLength(1)
  })

  test('of nobody is not asked for again for a while', async () => {
    const scene = await Scene.start('nobody')
    const failures = ['one', 'two'].map(async (text) => (await scene.client.send(NOBODY, { text })).acked)
    for (const failure of failures)
      await expect(failure).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
    expect(scene.asked().filter((jid) => jid === NOBODY)).toHaveLength(1)
    expect(await scene.client.contacts.lookup([NOBODY])).toMatchObject([{ isOnWhatsApp: false }])
    // by number, once, when the list of devices was empty
    expect(scene.asked().filter((jid) => jid === undefined)).toHaveLength(1)
  })
})

describe('somebody of whom no device is known', () => {
  const CAROL = '15550000003@s.whatsapp.net'

  test.each(['silence', 'empty', 'error'] as const)(
    'is waited for when the server answers with %s, and gets what was written',
    async (as) => {
      const scene = await Scene.start(`not told ${as}`, { clock: new FastClock(20) })
      const { bob, client, world } = scene
      world.server.faults.spoilDirectory(as)
      const sent = await client.send(BOB, { text: 'are you there?' })
      await until('the message to wait', async () => {
        const { attempts = 0 } = (await client.outbox.get(sent.id)) ?? {}
        return attempts > 0
      })
      await bob.waitForMessage(({ id }) => id === sent.id)
      await sent.delivered
      expect((await log(client)).map(({ type }) => type)).not.toContain('send.failed')
      expect(world.violations).toEqual([])
    },
  )

  test('is nobody when the directory of contacts says so, whatever the devices were answered with', async () => {
    const scene = await Scene.start('nobody, in silence')
    scene.world.server.faults.spoilDirectory('silence')
    const sent = await scene.client.send(NOBODY, { text: 'are you there?' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
    expect(scene.asked().slice(1)).toEqual([NOBODY, undefined])
  })

  test('is nobody at a LID without devices, and waited for at a LID that was not spoken of', async () => {
    const scene = await Scene.start('unknown lids')
    const gone = await scene.client.send('999999@lid', { text: 'are you there?' })
    await expect(gone.acked).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
    scene.world.server.faults.spoilDirectory('silence')
    const { id } = await scene.client.send('888888@lid', { text: 'are you there?' })
    await until(
      'the message to wait',
      async () => (await scene.client.outbox.get(id))?.waitingFor === 'devices',
    )
  })

  test('and is looked up in vain gets what is written a moment later', async () => {
    const scene = await Scene.start('lookup in vain')
    for (const as of ['silence', 'error', 'empty', 'refusal'] as const) {
      scene.world.server.faults.spoilDirectory(as)
      const results = await scene.client.contacts.lookup([as === 'empty' ? scene.bob.lid : BOB])
      expect(results).toHaveLength(1)
    }
    expect(await scene.text('there you are')).toEqual([ALICE, BOB])
  })

  test('is somebody again who comes to WhatsApp and writes, a moment after they were nobody', async () => {
    const scene = await Scene.start('newcomer')
    const { client, world } = scene
    expect(await client.contacts.lookup([CAROL])).toMatchObject([{ isOnWhatsApp: false }])
    const carol = await world.addPhone('15550000003', 'Carol')
    await carol.send(ALICE, { text: 'I am new here' })
    await until('the message', async () => (await log(client)).some(({ type }) => type === 'message'))
    const sent = await client.send(CAROL, { text: 'welcome' })
    await carol.waitForMessage(({ id }) => id === sent.id)
  })
})

describe('a session', () => {
  test('that is healthy is never replaced, whatever the directory answers', async () => {
    const scene = await Scene.start('healthy')
    await scene.text('one')
    const baseKey = await scene.baseKey()
    const fetched = scene.fetched()
    for (const words of ['two', 'three']) {
      await scene.announce('devices', node('update', { hash: words }))
      await scene.text(words)
      await scene.text(`${words} to the LID`, scene.bob.lid)
    }
    expect(await scene.baseKey()).toBe(baseKey)
    expect(scene.fetched()).toEqual(fetched)
  })

  test('that the server calls old is kept when the key is the same', async () => {
    const scene = await Scene.start('false alarm')
    await scene.text('one')
    const baseKey = await scene.baseKey()
    await scene.announce('encrypt', node('identity'))
    expect(await scene.hasMark(scene.bob.lid)).toBe(true)
    await scene.text('two')
    expect(scene.fetched().at(-1)).toBe(`${scene.bob.lid} identity`)
    expect(await scene.baseKey()).toBe(baseKey)
    expect(await scene.hasMark(scene.bob.lid)).toBe(false)
  })

  test('with somebody who registered anew is begun anew before the next message, once', async () => {
    const scene = await Scene.start('reinstalled')
    const { bob, client, world } = scene
    await scene.linkBob()
    await scene.text('one')
    const baseKey = await scene.baseKey()
    await bob.reinstall()
    await until('the news', async () => (await log(client)).some(({ type }) => type === 'identity.changed'))
    await until('the devices to be gone', async () => (await scene.list(bob.lid))?.devices.length === 1)
    expect(await scene.text('two')).toEqual([ALICE, BOB])
    await scene.text('three')
    expect(await scene.baseKey()).not.toBe(baseKey)
    expect(scene.fetched().filter((one) => one.endsWith('identity'))).toEqual([`${bob.lid} identity`])
    expect(bob.undecryptable).toEqual([])
    expect(world.violations).toEqual([])
    // the new installation links devices of its own, and vouches for them with its new key
    await scene.linkBob()
    expect(await scene.text('four')).toHaveLength(3)
    expect(client.unknowns()).toEqual([])
  })

  test('that they have begun since is good, and nothing is asked for', async () => {
    const scene = await Scene.start('they wrote first')
    const { bob, client } = scene
    await scene.text('one')
    await bob.reinstall()
    await until('the news', async () => (await log(client)).some(({ type }) => type === 'identity.changed'))
    const { id } = await bob.send(scene.alice.pn, { text: 'my new phone' })
    await until('their message', async () =>
      (await log(client)).some(
        ({ type, payload }) => type === 'message' && 'id' in payload && payload.id === id,
      ),
    )
    await scene.text('two')
    expect(scene.fetched().filter((one) => one.endsWith('identity'))).toEqual([])
    expect(await scene.hasMark(bob.lid)).toBe(false)
  })
})

test('a chat that begins by number and goes on by LID keeps its order and its one session', async () => {
  const scene = await Scene.start('number to LID')
  const { alice, bob, client, store, world } = scene
  world.server.faults.hideLids()
  await scene.text('one')
  await scene.text('two')
  const { id } = await bob.send(alice.pn, { text: 'hello by number' })
  const isLogged = async (wanted: string): Promise<boolean> =>
    (await log(client)).some(({ type, payload }) => type === 'message' && payload.id === wanted)
  await until('the reply', () => isLogged(id))
  const lidUser = bob.lid.split('@')[0] ?? ''
  const sessions = async (): Promise<readonly string[]> =>
    (await store.listRecords('default', SESSION.kind, undefined, 100))
      .map(({ key }) => key)
      .filter((key) => key.startsWith('15550000002') || key.startsWith(lidUser))
  expect(await sessions()).toEqual(['15550000002.0'])
  const before = await scene.list(BOB)

  world.server.faults.hideLids(false)
  const sent = await bob.send(alice.lid, { text: 'hello by LID' })
  await until('the message by LID', () => isLogged(sent.id))
  expect(await sessions()).toEqual([`${lidUser}_1.0`])
  expect([await scene.list(BOB), await scene.list(bob.lid)]).toEqual([undefined, before])
  const words = ['three', 'four', 'five', 'six', 'seven']
  const handles = []
  for (const [index, text] of words.entries())
    handles.push(await client.send(index % 2 === 0 ? BOB : bob.lid, { text }))
  await Promise.all(handles.map(({ delivered }) => delivered))
  const shown = bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
  expect(shown).toEqual(['one', 'two', ...words])
  expect(await sessions()).toEqual([`${lidUser}_1.0`])
  expect([...bob.undecryptable, ...alice.undecryptable]).toEqual([])
  // asked about the account once, about Bob once, and for the keys of each once
  expect(scene.asked()).toEqual([ALICE, BOB])
  expect(new Set(scene.fetched()).size).toBe(scene.fetched().length)
  expect(world.violations).toEqual([])
})
