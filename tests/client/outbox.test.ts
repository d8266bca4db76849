/** The outbox: nothing sent is lost, sent twice, or out of order, and every message has a fate that is told (promise G4). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { OutgoingContent } from 'waton'
import type { OutboxRow } from 'waton/persistence'
import { openSqlite } from 'waton/sqlite'
import { StoreWrapper, faultyStore, writeFault } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import type { Deferred } from '../../src/base/deferred.ts'
import { until } from '../helpers/until.ts'
import { ciphertexts, sendFailures, sentAs } from './sent.ts'
import {
  BOB,
  DEVICE,
  FastClock,
  SlowStore,
  World,
  linkedClient,
  log,
  messageIds,
  newClient,
  settle,
  uncaught,
} from './support.ts'

const NOBODY = '15550000009@s.whatsapp.net'

/** Cuts the connection where the server would acknowledge the first message with this id. */
function cutInsteadOfAck(world: World, id: string): void {
  const stop = world.server.trace.subscribe((entry) => {
    if (!('node' in entry) || entry.node.tag !== 'message' || entry.node.attrs.id !== id) return
    stop()
    world.server.faults.dropAfter(DEVICE, 0)
  })
  onTestFinished(stop)
}

async function sqlitePath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waton-outbox-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'account.db')
}

describe('a send that cannot be', () => {
  test('is refused before anything is written', async () => {
    const world = new World('refused')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const client = newClient(world, { store })
    await expect(client.send(BOB, { text: 'hi' })).rejects.toMatchObject({ code: 'WATON_NOT_LINKED' })
    await expect(client.send(BOB, { text: 'hi' }, { id: 'A1' })).rejects.toMatchObject({
      code: 'WATON_NOT_LINKED',
    })
    client.once('pairing.qr', async ({ qr }) => {
      await alice.linkDevice(qr)
    })
    await client.connect()
    const wrong: [string, OutgoingContent, string, string][] = [
      ['120363000000000000@g.us', { text: 'hi' }, 'A1', 'WATON_SEND_CHAT'],
      [BOB, { text: 'hi' }, 'not an id', 'WATON_SEND_ID'],
      [BOB, { text: 'hi' }, '', 'WATON_SEND_ID'],
      [BOB, {} as OutgoingContent, 'A1', 'WATON_CONTENT_KIND'],
    ]
    for (const [chat, content, id, code] of wrong)
      await expect(client.send(chat, content, { id }), code).rejects.toMatchObject({ code })
    expect(
      await store.listOutbox('default', { states: ['queued', 'encrypted', 'failed'], limit: 10 }),
    ).toEqual([])
    expect(world.sent({ tag: 'message' })).toEqual([])
  })

  test('to a number that is not there fails for good, typed, and blocks nobody', async () => {
    const errors = uncaught()
    const world = new World('nobody')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const lost = await client.send(NOBODY, { text: 'anybody?' })
    const second = await client.send(NOBODY, { text: 'still nobody?' })
    const sent = await client.send(BOB, { text: 'hello' })
    await bob.waitForMessage(({ text }) => text === 'hello')
    await sent.acked
    await expect(lost.acked).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
    await expect(second.delivered).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
    expect(await sendFailures(client)).toMatchObject([
      { id: lost.id, chat: NOBODY, code: 'WATON_SEND_NO_DEVICES' },
      { id: second.id, chat: NOBODY, code: 'WATON_SEND_NO_DEVICES' },
    ])
    expect(errors).toEqual([])
  })

  test('and a store that cannot write it down do not end the process', async () => {
    const errors = uncaught()
    const world = new World('nobody, full disk')
    const { alice } = await world.addPair()
    let isFull = false
    const plan = { commit: () => (isFull ? { error: writeFault() } : undefined) }
    const client = await linkedClient(world, alice, {
      store: faultyStore(new MemoryStore(), plan),
      clock: new FastClock(20),
    })
    // the account's own devices are known then, and the answer about nobody changes nothing by itself
    await (
      await client.send(BOB, { text: 'warm up' })
    ).acked
    await settle()
    const stop = world.server.trace.subscribe((entry) => {
      if ('node' in entry && entry.node.attrs.xmlns === 'usync' && entry.direction === 'client-to-server')
        isFull = true
    })
    onTestFinished(stop)
    const lost = await client.send(NOBODY, { text: 'anybody?' })
    await until('the store to have failed', () => client.state === 'waiting')
    stop()
    isFull = false
    await settle()
    expect(errors).toEqual([])
    await expect(lost.acked).rejects.toMatchObject({ code: 'WATON_SEND_NO_DEVICES' })
  })

  test('because the server says no is told with the server`s number', async () => {
    const world = new World('nack')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    const people = world.server.world
    const resolve = people.resolve.bind(people)
    people.resolve = (jid) => (jid.startsWith('15550000002') ? undefined : resolve(jid))
    const refused = await client.send(BOB, { text: 'no' })
    await expect(refused.acked).rejects.toMatchObject({
      code: 'WATON_SEND_REFUSED',
      details: { id: refused.id, serverCode: 404 },
    })
    people.resolve = resolve
    expect(await sendFailures(client)).toMatchObject([
      { id: refused.id, code: 'WATON_SEND_REFUSED', serverCode: 404 },
    ])
    const sent = await client.send(BOB, { text: 'yes' })
    await sent.acked
    await bob.waitForMessage(({ text }) => text === 'yes')
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'yes'])
    const again = await client.outbox.get(refused.id)
    await expect(again?.acked).rejects.toMatchObject({ code: 'WATON_SEND_REFUSED' })
    await expect(again?.read).rejects.toMatchObject({ code: 'WATON_SEND_REFUSED' })
  })
})

describe('the same id', () => {
  test('is one message, however often and however quickly it is sent', async () => {
    const world = new World('same id')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const options = { id: 'SAME1' }
    const handles = await Promise.all([1, 2, 3].map(() => client.send(BOB, { text: 'once' }, options)))
    await Promise.all(handles.map(({ acked }) => acked))
    const late = await client.send(BOB, { text: 'another text' }, options)
    await late.acked
    await (
      await client.send(BOB, { text: 'behind it' })
    ).delivered
    expect(sentAs(world, 'SAME1')).toHaveLength(1)
    expect(bob.messages.map(({ text }) => text)).toEqual(['once', 'behind it'])
    expect(bob.duplicates).toEqual([])
  })
})

describe('a message that the server did not acknowledge', () => {
  test('is repeated after a restart on SQLite, byte for byte, and shown once', async () => {
    const world = new World('restart')
    const { alice, bob } = await world.addPair()
    const path = await sqlitePath()
    const store = await openSqlite(path)
    const client = await linkedClient(world, alice, { store })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    // a receipt would say as much as the ack
    bob.goOffline()
    cutInsteadOfAck(world, 'ONCE1')
    const sent = await client.send(BOB, { text: 'exactly once' }, { id: 'ONCE1' })
    await until('the loss', () => client.state === 'waiting')
    await client.close()
    await store.close()
    const again = await openSqlite(path)
    onTestFinished(() => again.close())
    const restarted = newClient(world, { store: again })
    const handle = await restarted.outbox.get(sent.id)
    await restarted.connect()
    await handle?.acked
    bob.goOnline()
    const [first, second, ...more] = sentAs(world, sent.id)
    expect(more).toEqual([])
    expect(ciphertexts(first).size).toBeGreaterThan(0)
    expect(ciphertexts(second)).toEqual(ciphertexts(first))
    expect(second).toEqual(first)
    await (
      await restarted.send(BOB, { text: 'behind it' })
    ).delivered
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'exactly once', 'behind it'])
    expect(bob.undecryptable).toEqual([])
  })

  test('is repeated on the next connection of the same run, too', async () => {
    const world = new World('reconnect')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, { clock: new FastClock(20) })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    // a receipt would say as much as the ack
    bob.goOffline()
    cutInsteadOfAck(world, 'ONCE1')
    const sent = await client.send(BOB, { text: 'exactly once' }, { id: 'ONCE1' })
    await sent.acked
    bob.goOnline()
    const [first, second, ...more] = sentAs(world, sent.id)
    expect(more).toEqual([])
    expect(second).toEqual(first)
    await (
      await client.send(BOB, { text: 'behind it' })
    ).delivered
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'exactly once', 'behind it'])
  })
})

describe('sends', () => {
  test('before the client connects are accepted and go out when it does', async () => {
    const world = new World('early')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const first = await linkedClient(world, alice, { store })
    await first.close()
    const client = newClient(world, { store })
    const sent = await client.send(BOB, { text: 'early bird' })
    expect(client.state).toBe('idle')
    expect(sentAs(world, sent.id)).toEqual([])
    await client.connect()
    await sent.acked
    await bob.waitForMessage(({ text }) => text === 'early bird')
  })

  test('to one chat keep their order, also while its other address is learned', async () => {
    const world = new World('order')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, { store: new SlowStore(new MemoryStore()) })
    const texts = Array.from({ length: 40 }, (_, number) => `text ${String(number)}`)
    for (const text of texts) await client.send(BOB, { text })
    await bob.waitForMessage(({ text }) => text === texts.at(-1))
    await until('all of them', () => bob.messages.length === texts.length)
    expect(bob.messages.map(({ text }) => text)).toEqual(texts)
  })

  test('to one person by both addresses keep their order when they turn out to be one as they are read', async () => {
    const world = new World('lanes')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const first = await linkedClient(world, alice, { store })
    await until('the own devices', async () => {
      const lists = await store.listRecords('default', 'device-list', undefined, 9)
      return lists.length > 0
    })
    await first.close()
    const offline = newClient(world, { store })
    await offline.send(bob.lid, { text: 'one, by LID' })
    const last = await offline.send(BOB, { text: 'two, by number' })
    await offline.close()
    const learned: Deferred<void> = deferred()
    const reading: Deferred<void> = deferred()
    class Held extends StoreWrapper {
      #isHeld = true
      override async readRecord(account: string, kind: string, key: string): Promise<Uint8Array | undefined> {
        if (kind === 'pn-by-lid' && bob.lid.startsWith(key) && this.#isHeld) {
          this.#isHeld = false
          reading.resolve()
          await learned.promise
        }
        return super.readRecord(account, kind, key)
      }
    }
    // the first of them has to wait, the second would not
    world.server.faults.spoilDirectory('error')
    const client = newClient(world, { store: new Held(store), clock: new FastClock(20) })
    await client.connect()
    await reading.promise
    const { id } = await bob.send(alice.lid, { text: 'my LID' })
    await until('the message', async () => (await messageIds(client)).includes(id))
    learned.resolve()
    await bob.waitForMessage((message) => message.id === last.id)
    expect(bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)).toEqual([
      ...['one, by LID', 'two, by number'],
    ])
    expect(world.server.trace.notes.filter(({ kind }) => kind === 'fault')).toHaveLength(1)
  })

  test('to one chat keep their order over connections that break', { timeout: 60_000 }, async () => {
    const world = new World('order and loss')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, {
      store: new SlowStore(new MemoryStore()),
      clock: new FastClock(20),
    })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    const texts = ['warm up']
    for (let number = 0; number < 60; number += 1) {
      texts.push(`text ${String(number)}`)
      await client.send(BOB, { text: texts.at(-1) ?? '' })
      if (number % 7 === 3) world.server.faults.disconnect(DEVICE)
    }
    await bob.waitForMessage(({ text }) => text === texts.at(-1), { timeoutMs: 30_000 })
    expect(bob.messages.map(({ text }) => text)).toEqual(texts)
    expect(bob.undecryptable).toEqual([])
  })

  // 1024 wait in their lane, and 1024 in hand
  test(
    'of which there are more than are kept in hand leave all the same, each once and in order',
    { timeout: 120_000 },
    async () => {
      const world = new World('more than in hand')
      const { alice, bob } = await world.addPair()
      const client = await linkedClient(world, alice)
      await (
        await client.send(BOB, { text: 'warm up' })
      ).delivered
      bob.goOffline()
      alice.goOffline()
      const ids = Array.from({ length: 2_500 }, (_, index) => `M${String(index)}`)
      const sent = await Promise.all(ids.map((id) => client.send(BOB, { text: id }, { id })))
      await Promise.all(sent.map(({ acked }) => acked))
      const left = world.sent({ tag: 'message' }).flatMap(({ attrs }) => attrs.id ?? [])
      expect(left.filter((id) => id.startsWith('M'))).toEqual(ids)
    },
  )

  test('are told apart by their fate: acknowledged, delivered, read', async () => {
    const world = new World('fate')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    expect(await client.outbox.get('UNKNOWN')).toBeUndefined()
    const sent = await client.send(BOB, { text: 'hello' })
    await sent.acked
    await sent.delivered
    bob.markRead([sent.id])
    await sent.read
    const again = await client.outbox.get(sent.id)
    await Promise.all([again?.acked, again?.delivered, again?.read])
    const statuses = (await log(client)).flatMap((event) =>
      event.type === 'message.receipt' ? [event.payload.status] : [],
    )
    expect(statuses).toEqual(['delivered', 'read'])
  })

  test('tell their fate also to who asked for them while it was decided', async () => {
    const world = new World('asked meanwhile')
    const { alice } = await world.addPair()
    const disk = new MemoryStore()
    const first = await linkedClient(world, alice, { store: disk })
    await (
      await first.send(BOB, { text: 'warm up' })
    ).delivered
    await first.close()
    const gate = deferred<undefined>()
    let reads = 0
    const store = new (class extends StoreWrapper {
      override async readOutbox(account: string, id: string): Promise<OutboxRow | undefined> {
        const seen = await super.readOutbox(account, id)
        if (id === 'ASKED1' && (reads += 1) === 2) await gate.promise
        return seen
      }
    })(disk)
    const client = newClient(world, { store })
    await client.send(BOB, { text: 'hello' }, { id: 'ASKED1' })
    await client.close()
    const restarted = newClient(world, { store })
    const asking = restarted.outbox.get('ASKED1')
    const connecting = restarted.connect()
    await settle(400)
    gate.resolve(undefined)
    await connecting
    const handle = await asking
    let isAcked = false
    void handle?.acked.then(() => {
      isAcked = true
    })
    await until('its ack', () => isAcked, 5_000)
  })

  test('leave no timer behind when the client is closed, also ones that wait to be tried again', async () => {
    const world = new World('timers')
    const { alice } = await world.addPair()
    const clock = new FastClock()
    const client = await linkedClient(world, alice, { clock })
    // a phone that was never switched on: it is listed and has no keys
    world.server.world.createAccount('15550000007', 'Nobody home')
    await client.send('15550000007@s.whatsapp.net', { text: 'hello?' })
    await until('its keys to be asked for', () => world.sent({ xmlns: 'encrypt', type: 'get' }).length > 1)
    await settle()
    await client.close()
    expect(clock.pending).toBe(0)
  })
})
