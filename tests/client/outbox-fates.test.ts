/**
 * What becomes of messages that wait, are refused or are cancelled: `client.outbox` tells it, and nothing goes out twice or
 * after it was cancelled (promises G3 and G4).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, OutboxEntry, OutboxQuery, SentMessage } from 'waton'
import { StoreWrapper, faultyStore, writeFault } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import type { RepairOutcome } from '../../src/client/send/nack.ts'
import { outboxRow } from '../../src/client/send/outbox-item.ts'
import type { Outbox } from '../../src/client/send/outbox.ts'
import type { AccountState } from '../../src/client/state/account-state.ts'
import type { Change, Claim, CommitResult, Store } from '../../src/persistence/contract/index.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { decodeMessage } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { openLog } from './event-log.ts'
import { ciphertexts, sendFailures, sentAs } from './sent.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  FastClock,
  World,
  linkedClient,
  log,
  newClient,
  settle,
  uncaught,
} from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'

async function entries(client: Client, query?: OutboxQuery): Promise<OutboxEntry[]> {
  const all: OutboxEntry[] = []
  for await (const entry of client.outbox.list(query)) all.push(entry)
  return all
}

/** With a clock that runs fast: nothing ends because the machine is slow. */
const PATIENT = {
  connectTimeoutMs: 1e9,
  queryTimeoutMs: 1e9,
  keepAliveMs: 1e9,
  pongTimeoutMs: 1e9,
  ackTimeoutMs: 1e9,
  leaseMs: 1e9,
}

/** A store whose commits wait while a gate is closed. */
class GatedStore extends StoreWrapper {
  gate: Promise<unknown> | undefined

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    await this.gate
    return super.commit(claim, changes)
  }
}

/** An outbox with a connection that only listens. */
interface Wired {
  readonly state: AccountState
  readonly outbox: Outbox
  readonly connection: Connection
  readonly sent: BinaryNode[]
  readonly end: () => Promise<void>
}

async function wiredOutbox(store: Store = new MemoryStore()): Promise<Wired> {
  const { state, outbox, claim } = await openLog(store)
  const sent: BinaryNode[] = []
  const send = (...stanzas: readonly BinaryNode[]): void => void sent.push(...stanzas)
  const connection = { isOpen: true, send } as unknown as Connection
  outbox.resume(connection)
  const end = async (): Promise<void> => {
    outbox.suspend()
    await state.close()
    await claim.release()
  }
  return { state, outbox, connection, sent, end }
}

/** A message that was encrypted before, and is on the wire. */
async function onTheWire({ outbox, state, connection, sent }: Wired, id: string): Promise<SentMessage> {
  const enc = node('enc', {}, Uint8Array.of(1))
  const stanza = encodeNode(node('message', { id, to: CAROL, type: 'text' }, [enc]))
  outbox.suspend()
  const item = await state.commit(async (unit) => {
    const staged = await outbox.stage(unit, outbox.prepare(CAROL, { text: id }, { id }))
    const encrypted = { ...staged, state: 'encrypted', body: { ...staged.body, stanza } } as const
    unit.putOutbox(outboxRow(encrypted))
    return encrypted
  })
  outbox.resume(connection)
  await until(`${id} to leave`, () => sent.some(({ attrs }) => attrs.id === id))
  return outbox.handle(item)
}

describe('a message that waits', () => {
  test('for a connection says so, and goes out when there is one', async () => {
    const world = new World('queued')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    await (await linkedClient(world, alice, { store })).close()
    const client = newClient(world, { store })
    const sent = await client.send(BOB, { text: 'later' }, { id: 'LATER' })
    expect(sent).toMatchObject({ state: 'queued', waitingFor: 'connection' })
    expect(await entries(client, { states: ['queued'] })).toMatchObject([
      {
        id: 'LATER',
        state: 'queued',
        waitingFor: 'connection',
        attempts: 0,
        at: expect.any(Number) as number,
      },
    ])
    await client.connect()
    await sent.delivered
    expect(sent).toMatchObject({ state: 'delivered', waitingFor: undefined })
    expect(bob.messages.map(({ text }) => text)).toEqual(['later'])
  })

  test('for keys that nobody has says so, holds up its own chat only, and is given up after the agreed time', async () => {
    const world = new World('no keys')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, {
      clock: new FastClock(500),
      timing: { ...PATIENT, sendTimeoutMs: 1_200_000 },
    })
    // a phone that was never switched on: it is listed and has no keys
    world.server.world.createAccount('15550000007', 'Nobody home')
    const chat = '15550000007@s.whatsapp.net'
    const first = await client.send(chat, { text: 'hello?' }, { id: 'KEYS1' })
    const second = await client.send(chat, { text: 'still there?' }, { id: 'KEYS2' })
    await until('it to wait', () => first.waitingFor === 'keys')
    expect(second).toMatchObject({ state: 'queued', waitingFor: 'chat' })
    await (
      await client.send(BOB, { text: 'meanwhile' })
    ).delivered
    await expect(first.acked).rejects.toMatchObject({ code: 'WATON_SEND_GIVEN_UP', action: 'retry' })
    await expect(second.acked).rejects.toMatchObject({ code: 'WATON_SEND_GIVEN_UP' })
    expect(await sendFailures(client)).toMatchObject([
      { id: 'KEYS1', code: 'WATON_SEND_GIVEN_UP', action: 'retry', advice: expect.any(String) as string },
      { id: 'KEYS2', code: 'WATON_SEND_GIVEN_UP' },
    ])
    const [one, two] = await entries(client, { chat })
    // the pauses grow: twenty minutes of five seconds each would be 240 attempts
    expect(one?.attempts).toBeGreaterThan(5)
    expect(two?.failure).toMatchObject({ code: 'WATON_SEND_GIVEN_UP' })
    const asked = world.sent({ xmlns: 'encrypt', type: 'get' }).length
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThan(40)
    expect(bob.messages.map(({ text }) => text)).toEqual(['meanwhile'])
  })

  test('for keys goes out as soon as there are any, before what was sent behind it', async () => {
    const world = new World('keys at last')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice, { clock: new FastClock(100) })
    world.server.world.createAccount('15550000003', 'Carol')
    await client.send(CAROL, { text: 'one' })
    const second = await client.send(CAROL, { text: 'two' })
    await until('it to wait', () => second.waitingFor === 'chat')
    const carol = await world.switchOn('15550000003', 'Carol')
    await second.delivered
    expect(carol.messages.map(({ text }) => text)).toEqual(['one', 'two'])
  })
})

describe('a cancelled message', () => {
  test('that has not left never goes out, also after a restart', async () => {
    const errors = uncaught()
    const world = new World('cancel')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    await (await linkedClient(world, alice, { store })).close()
    const client = newClient(world, { store })
    const kept = await client.send(BOB, { text: 'kept' }, { id: 'KEPT' })
    const sent = await client.send(BOB, { text: 'never mind' }, { id: 'NEVER' })
    expect(await client.outbox.cancel('NEVER')).toMatchObject({ id: 'NEVER', state: 'cancelled' })
    expect(await client.outbox.cancel('NEVER')).toMatchObject({ state: 'cancelled' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_CANCELLED', action: 'discard' })
    await client.connect()
    await kept.delivered
    // the same id is the same message
    const again = await client.send(BOB, { text: 'never mind' }, { id: 'NEVER' })
    await expect(again.read).rejects.toMatchObject({ code: 'WATON_SEND_CANCELLED' })
    await client.close()
    const restarted = newClient(world, { store })
    await restarted.connect()
    await (
      await restarted.send(BOB, { text: 'behind it' })
    ).delivered
    expect(sentAs(world, 'NEVER')).toEqual([])
    expect(bob.messages.map(({ text }) => text)).toEqual(['kept', 'behind it'])
    expect(await restarted.outbox.get('NEVER')).toMatchObject({ state: 'cancelled' })
    expect(await sendFailures(restarted)).toEqual([])
    expect(errors).toEqual([])
  })

  test('and edits another one leaves that as it is, like an edit that is refused', async () => {
    const wired = await wiredOutbox()
    const { state, outbox } = wired
    const quoted = async (): Promise<unknown> => {
      const target = { id: 'E1', chat: CAROL, fromMe: true }
      const { composed } = await outbox.complete(outbox.prepare(CAROL, { text: 'that', quoted: target }))
      const { extendedTextMessage } = decodeMessage(composed?.message ?? new Uint8Array(0))
      return extendedTextMessage?.contextInfo?.quotedMessage?.extendedTextMessage?.text
    }
    const edit = async (id: string): Promise<void> => {
      const content = { edit: { target: { id: 'E1', chat: CAROL, fromMe: true }, content: { text: id } } }
      await outbox.send(CAROL, content, { id })
    }
    await onTheWire(wired, 'E1')
    await state.commit((unit) => outbox.applyAck(unit, { id: 'E1' }))
    outbox.suspend()
    await edit('E2')
    expect(await outbox.view.cancel('E2')).toMatchObject({ state: 'cancelled' })
    expect(await quoted()).toBe('E1')
    await edit('E3')
    await outbox.abandon()
    expect(await outbox.view.get('E3')).toMatchObject({ state: 'failed' })
    expect(await quoted()).toBe('E1')
    await edit('E4')
    await state.commit((unit) => outbox.applyAck(unit, { id: 'E4' }))
    expect(await quoted()).toBe('E4')
  })

  test('and sets a timer for the chat leaves what was set before', async () => {
    const { outbox, end } = await wiredOutbox()
    outbox.suspend()
    const timer = async (): Promise<unknown> => {
      const { id } = await outbox.send(CAROL, { text: 'x' })
      const item = await outbox.find(id)
      return decodeMessage(item?.body.message ?? new Uint8Array(0)).extendedTextMessage?.contextInfo
        ?.expiration
    }
    const set = async (expiresInSeconds: 86_400 | 604_800, id: string): Promise<void> => {
      await outbox.send(CAROL, { disappearing: { expiresInSeconds } }, { id })
    }
    await set(86_400, 'T1')
    expect(await timer()).toBe(86_400)
    await set(604_800, 'T2')
    expect(await timer()).toBe(604_800)
    await outbox.cancel('T2')
    expect(await timer()).toBe(86_400)
    await outbox.abandon()
    expect(await timer()).toBeFalsy()
    await end()
  })

  test('whose ciphertext is being committed stays here; its chain goes on behind it', async () => {
    const world = new World('cancel encrypted')
    const { alice, bob } = await world.addPair()
    const store = new GatedStore(new MemoryStore())
    const client = await linkedClient(world, alice, { store })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    await settle()
    const row = deferred<undefined>()
    const chain = deferred<undefined>()
    store.gate = row.promise
    const sending = client.send(BOB, { text: 'never mind' }, { id: 'NEVER' })
    await settle()
    // the row is durable, and what is written next waits: the ciphertext
    store.gate = chain.promise
    row.resolve(undefined)
    const sent = await sending
    await settle(40)
    expect(sent.state).toBe('queued')
    const cancelling = client.outbox.cancel('NEVER')
    await settle()
    chain.resolve(undefined)
    store.gate = undefined
    expect(await cancelling).toMatchObject({ state: 'cancelled' })
    await expect(sent.delivered).rejects.toMatchObject({ code: 'WATON_SEND_CANCELLED' })
    await (
      await client.send(BOB, { text: 'behind it' })
    ).delivered
    expect(sentAs(world, 'NEVER')).toEqual([])
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'behind it'])
    expect(bob.undecryptable).toEqual([])
  })

  test('is refused when it may have left, and goes on', async () => {
    const world = new World('cancel late')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const sent = await client.send(BOB, { text: 'gone' }, { id: 'GONE' })
    await sent.acked
    await expect(client.outbox.cancel('GONE')).rejects.toMatchObject({ code: 'WATON_OUTBOX_SENT' })
    await expect(client.outbox.cancel('NOBODY')).rejects.toMatchObject({ code: 'WATON_OUTBOX_UNKNOWN' })
    world.server.faults.loseAcks(DEVICE)
    bob.goOffline()
    const silent = await client.send(BOB, { text: 'on the wire' }, { id: 'SILENT' })
    await until('it to leave', () => silent.state === 'sent')
    await expect(client.outbox.cancel('SILENT')).rejects.toMatchObject({
      code: 'WATON_OUTBOX_SENT',
      details: { id: 'SILENT', state: 'sent' },
    })
    world.server.faults.disconnect(DEVICE)
    await silent.acked
    const [first, second] = sentAs(world, 'SILENT')
    expect(second).toEqual(first)
  })

  test('that a handler of an earlier run has encrypted may have left, too', async () => {
    const world = new World('cancel encrypted before')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    world.server.faults.loseAcks(DEVICE)
    bob.goOffline()
    const sent = await client.send(BOB, { text: 'gone' }, { id: 'GONE' })
    await until('it to leave', () => sent.state === 'sent')
    await client.close()
    const restarted = newClient(world, { store })
    expect(await restarted.outbox.get('GONE')).toMatchObject({ state: 'sent', waitingFor: 'connection' })
    expect(await entries(restarted, { states: ['encrypted'] })).toEqual([])
    expect(await entries(restarted, { states: ['sent'] })).toMatchObject([{ id: 'GONE' }])
    await expect(restarted.outbox.cancel('GONE')).rejects.toMatchObject({ code: 'WATON_OUTBOX_SENT' })
  })

  test('whose cancellation could not be written goes out', async () => {
    const world = new World('cancel, full disk')
    const { alice, bob } = await world.addPair()
    const disk = new MemoryStore()
    await (await linkedClient(world, alice, { store: disk })).close()
    let isFull = false
    const plan = { commit: () => (isFull ? { error: writeFault() } : undefined) }
    const client = newClient(world, { store: faultyStore(disk, plan) })
    const sent = await client.send(BOB, { text: 'after all' })
    isFull = true
    await expect(client.outbox.cancel(sent.id)).rejects.toMatchObject({ code: 'WATON_STORE_WRITE' })
    isFull = false
    await client.connect()
    await sent.delivered
    expect(bob.messages.map(({ text }) => text)).toEqual(['after all'])
  })
})

describe('the outbox', () => {
  test('lists by state, chat and position, in sending order', async () => {
    const world = new World('list')
    const { alice } = await world.addPair()
    await world.addPhone('15550000003', 'Carol')
    const client = await linkedClient(world, alice)
    for (let number = 0; number < 5; number += 1) {
      const to = number % 2 === 0 ? BOB : CAROL
      await (
        await client.send(to, { text: 'text' }, { id: `M${String(number)}` })
      ).delivered
    }
    const ids = async (query?: OutboxQuery): Promise<string[]> =>
      (await entries(client, query)).map(({ id }) => id)
    expect(await ids()).toEqual(['M0', 'M1', 'M2', 'M3', 'M4'])
    // by phone number, although the chat is kept under the LID by now
    expect(await ids({ chat: CAROL })).toEqual(['M1', 'M3'])
    const [first, second] = await entries(client, { limit: 2 })
    expect([first?.id, second?.id]).toEqual(['M0', 'M1'])
    expect(await ids({ after: second?.position ?? 0 })).toEqual(['M2', 'M3', 'M4'])
    expect(await ids({ states: ['queued', 'sent', 'failed'] })).toEqual([])
    // what it yields is a handle as well
    await second?.delivered
  })
})

describe('a refusal', () => {
  test.each([479, 406, 493])(
    '%i has the devices asked for again and the message encrypted anew',
    async (code) => {
      const world = new World(`nack ${String(code)}`)
      const { alice, bob } = await world.addPair()
      const client = await linkedClient(world, alice)
      await (
        await client.send(BOB, { text: 'warm up' })
      ).delivered
      const asked = world.sent({ xmlns: 'usync' }).length
      world.server.faults.refuseMessages(DEVICE, code, { id: 'AGAIN' })
      const sent = await client.send(BOB, { text: 'again' }, { id: 'AGAIN' })
      await sent.delivered
      expect(world.sent({ xmlns: 'usync' }).length).toBe(asked + 1)
      const [first, second, ...more] = sentAs(world, 'AGAIN')
      expect(more).toEqual([])
      // another place of the chain: no key was used twice
      const before = [...ciphertexts(first).values()]
      expect([...ciphertexts(second).values()].some((one) => before.includes(one))).toBe(false)
      expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'again'])
      expect(bob.undecryptable).toEqual([])
      expect(await sendFailures(client)).toEqual([])
      expect(await client.outbox.get('AGAIN')).toMatchObject({ attempts: 1, state: 'delivered' })
    },
  )

  test('that comes again after its repair is told, with what to do', async () => {
    const world = new World('nack twice')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.faults.refuseMessages(DEVICE, 479, { times: 3, id: 'VAIN' })
    const sent = await client.send(BOB, { text: 'in vain' }, { id: 'VAIN' })
    await expect(sent.acked).rejects.toMatchObject({
      code: 'WATON_SEND_ADDRESSING',
      action: 'report',
      details: { id: 'VAIN', serverCode: 479 },
    })
    const [first, second, ...repeated] = sentAs(world, 'VAIN')
    expect(second).not.toEqual(first)
    // a refusal of the same moment may be the first one, delivered again: the same bytes tell
    for (const one of repeated) expect(one).toEqual(second)
    expect(repeated.length).toBeLessThanOrEqual(1)
    expect(await sendFailures(client)).toMatchObject([
      { id: 'VAIN', code: 'WATON_SEND_ADDRESSING', serverCode: 479 },
    ])
  })

  test('that is final after a repair does not keep what was sent behind it', async () => {
    const world = new World('nack of a probe')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.faults.refuseMessages(DEVICE, 479, { times: 3, id: 'VAIN' })
    const sent = await client.send(BOB, { text: 'in vain' }, { id: 'VAIN' })
    const behind = await client.send(BOB, { text: 'behind it' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_ADDRESSING' })
    // by the clock of the test no pause ever ends
    await behind.delivered
    expect(bob.messages.map(({ text }) => text)).toEqual(['behind it'])
  })

  test.each([429, 503])('%i has the same ciphertext repeated after a pause', async (code) => {
    const world = new World(`nack ${String(code)}`)
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, { clock: new FastClock(100), timing: PATIENT })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    world.server.faults.refuseMessages(DEVICE, code, { times: 3, id: 'PATIENCE' })
    const sent = await client.send(BOB, { text: 'patience' }, { id: 'PATIENCE' })
    await until('it to wait', () => sent.waitingFor === 'server')
    const behind = await client.send(BOB, { text: 'behind it' })
    await behind.delivered
    const all = sentAs(world, 'PATIENCE')
    expect(all).toHaveLength(4)
    for (const one of all) expect(one).toEqual(all[0])
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'patience', 'behind it'])
  })

  test('for load that comes twice counts once', async () => {
    const wired = await wiredOutbox()
    const { state, outbox } = wired
    const handle = await onTheWire(wired, 'R1')
    for (let time = 0; time < 2; time += 1)
      await state.commit((unit) => outbox.applyAck(unit, { id: 'R1', errorCode: 429 }))
    expect(await outbox.view.get('R1')).toMatchObject({ attempts: 1, state: 'sent' })
    expect(handle.waitingFor).toBe('server')
  })

  test('for load that does not end is told in the end', async () => {
    const world = new World('nack for ever')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice, {
      clock: new FastClock(2_000),
      timing: PATIENT,
    })
    world.server.faults.refuseMessages(DEVICE, 429, { times: 100, id: 'NEVER' })
    const sent = await client.send(BOB, { text: 'never' }, { id: 'NEVER' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_RATE_LIMITED', action: 'wait' })
    expect(sentAs(world, 'NEVER')).toHaveLength(9)
  })

  test.each([
    [400, 'WATON_SEND_REFUSED', 'report'],
    [463, 'WATON_SEND_TOKEN_MISSING', 'wait'],
    [475, 'WATON_SEND_CAPPED', 'wait'],
    [421, 'WATON_SEND_ADDRESSING', 'retry'],
    [499, 'WATON_SEND_REFUSED', 'discard'],
    [777, 'WATON_SEND_REFUSED', 'report'],
  ] as const)('%i is final and is told at once as %s', async (serverCode, code, action) => {
    const world = new World(`nack ${String(serverCode)}`)
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.faults.refuseMessages(DEVICE, serverCode)
    const sent = await client.send(BOB, { text: 'no' }, { id: 'NO' })
    await expect(sent.acked).rejects.toMatchObject({ code, action, details: { serverCode } })
    expect(sentAs(world, 'NO')).toHaveLength(1)
    expect(await sendFailures(client)).toMatchObject([{ id: 'NO', code, action, serverCode }])
    expect(await client.outbox.get('NO')).toMatchObject({
      state: 'failed',
      failure: { code, action, serverCode },
    })
  })
})

describe('a repair that somebody has registered', () => {
  test('is asked for before the message is told to have failed, and repeats it or has it encrypted anew', async () => {
    const wired = await wiredOutbox()
    const { state, outbox, sent } = wired
    const asked: unknown[] = []
    const outcomes: RepairOutcome[] = ['repeat', 'impossible', 'restricted']
    const offline = deferred<undefined>()
    outbox.repairs.set(463, async (refused) => {
      asked.push(refused)
      await offline.promise
      return outcomes.shift() ?? 'impossible'
    })
    const handles = [await onTheWire(wired, 'R1')]
    expect(handles[0]).toMatchObject({ state: 'sent' })
    await state.commit((unit) => outbox.applyAck(unit, { id: 'R1', errorCode: 463 }))
    await until('the repair', () => asked.length === 1)
    expect(asked).toEqual([{ id: 'R1', chat: CAROL, to: CAROL, serverCode: 463 }])
    expect(handles[0]?.waitingFor).toBe('repair')
    // twice the same: nothing new
    await state.commit((unit) => outbox.applyAck(unit, { id: 'R1', errorCode: 463 }))
    offline.resolve(undefined)
    await until('it to be repeated', () => sent.length === 2)
    expect(sent[1]).toEqual(sent[0])
    await state.commit((unit) => outbox.applyAck(unit, { id: 'R1' }))
    await handles[0]?.acked
    for (const [id, code] of [
      ['R2', 'WATON_SEND_TOKEN_MISSING'],
      ['R3', 'WATON_SEND_RESTRICTED'],
    ] as const) {
      const handle = await onTheWire(wired, id)
      await state.commit((unit) => outbox.applyAck(unit, { id, errorCode: 463 }))
      await expect(handle.acked).rejects.toMatchObject({ code, details: { serverCode: 463 } })
    }
    expect(asked).toHaveLength(3)
  })

  test('is not undone by the refusal before it, delivered again', async () => {
    const wired = await wiredOutbox()
    const { state, outbox, sent } = wired
    outbox.repairs.set(463, () => Promise.resolve('repeat'))
    const handle = await onTheWire(wired, 'R1')
    const refusal = { id: 'R1', errorCode: 463, atSeconds: 1_790_000_000 }
    await state.commit((unit) => outbox.applyAck(unit, refusal))
    await until('it to be repeated', () => sent.length === 2)
    await state.commit((unit) => outbox.applyAck(unit, refusal))
    await until('it to be repeated once more', () => sent.length === 3)
    expect(sent[2]).toEqual(sent[0])
    expect(handle.state).toBe('sent')
    await state.commit((unit) => outbox.applyAck(unit, { id: 'R1' }))
    await handle.acked
    expect(sent).toHaveLength(3)
  })

  test('is made up for after a restart, before the message is sent', async () => {
    const store = new MemoryStore()
    const first = await wiredOutbox(store)
    first.outbox.repairs.set(421, () => new Promise(() => undefined))
    await onTheWire(first, 'R1')
    await first.state.commit((unit) => first.outbox.applyAck(unit, { id: 'R1', errorCode: 421 }))
    await first.end()
    const second = await wiredOutbox(store)
    // nobody repairs it any more
    await expect((await second.outbox.view.get('R1'))?.acked).rejects.toMatchObject({
      code: 'WATON_SEND_ADDRESSING',
    })
    expect(second.sent).toEqual([])
  })
})

describe('an answer of the server', () => {
  test('that is lost has the identical ciphertext repeated on the next connection, shown once', async () => {
    const world = new World('lost ack')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, { clock: new FastClock(20) })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    bob.goOffline()
    world.server.faults.loseAcks(DEVICE, 3)
    const handles: SentMessage[] = []
    for (const id of ['L1', 'L2', 'L3']) handles.push(await client.send(BOB, { text: id }, { id }))
    await until('all to leave', () => handles.every(({ state }) => state === 'sent'))
    await settle()
    world.server.faults.disconnect(DEVICE)
    await Promise.all(handles.map(({ acked }) => acked))
    bob.goOnline()
    await Promise.all(handles.map(({ delivered }) => delivered))
    for (const id of ['L1', 'L2', 'L3']) {
      const [first, second, ...more] = sentAs(world, id)
      expect(more).toEqual([])
      expect(second).toEqual(first)
    }
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'L1', 'L2', 'L3'])
    expect(bob.undecryptable).toEqual([])
  })

  test('of an own device says nothing about what the other side has or has read', async () => {
    const world = new World('own devices')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    bob.goOffline()
    const sent = await client.send(BOB, { text: 'to Bob' }, { id: 'OWN' })
    await sent.acked
    await alice.waitForMessage(({ id }) => id === 'OWN')
    for (const type of ['sender', 'read-self', undefined])
      world.inject(node('receipt', { id: 'OWN', from: ALICE, recipient: BOB, type, t: '1790000000' }))
    await until('them to be taken', () => world.answersTo('OWN').length >= 3)
    expect(sent.state).toBe('acknowledged')
    bob.goOnline()
    await sent.delivered
  })

  test('from a chat that a message was not sent to says nothing about it', async () => {
    const world = new World('stranger')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    bob.goOffline()
    const sent = await client.send(BOB, { text: 'to Bob' }, { id: 'PRIVATE' })
    await sent.acked
    for (const type of [undefined, 'read', 'played'])
      world.inject(node('receipt', { id: 'PRIVATE', from: CAROL, type, t: '1790000000' }))
    await until('them to be taken', () => world.answersTo('PRIVATE').length >= 3)
    expect(await client.outbox.get('PRIVATE')).toMatchObject({ state: 'acknowledged' })
    expect((await log(client)).filter(({ type }) => type === 'message.receipt')).toEqual([])
    bob.goOnline()
    await sent.delivered
  })

  test('that comes twice, or a receipt that does, changes nothing', async () => {
    const world = new World('repeated')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.faults.repeatAcks(DEVICE)
    world.server.faults.repeatReceipts(DEVICE)
    const sent = await client.send(BOB, { text: 'once' }, { id: 'ONCE' })
    await sent.delivered
    bob.markRead(['ONCE'])
    await sent.read
    await settle()
    expect(sentAs(world, 'ONCE')).toHaveLength(1)
    expect(await client.outbox.get('ONCE')).toMatchObject({ state: 'read' })
    expect(bob.messages).toHaveLength(1)
  })
})
