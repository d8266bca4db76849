/**
 * What happens to a message from several sides at once: the same id again, many handles, long lists, a client that is
 * closed, a cancellation while a device asks for the message, patience that ends while the ciphertext is on the wire.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { OutboxEntry } from 'waton'
import { StoreWrapper, VirtualClock } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { outboxRow } from '../../src/client/send/outbox-item.ts'
import type { OutboxItem } from '../../src/client/send/outbox-item.ts'
import type { Change, Claim, CommitResult } from '../../src/persistence/contract/index.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { openLog } from './event-log.ts'
import { BOB, DEVICE, World, linkedClient, newClient, settle, uncaught } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'

/** A store whose commits wait while a gate is closed. */
class GatedStore extends StoreWrapper {
  gate: Promise<unknown> | undefined

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    await this.gate
    return super.commit(claim, changes)
  }
}

function sentAs(world: World, id: string): number {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === id).length
}

describe('an id that is known', () => {
  test('is the message that it was, whatever became of it, and for whomever it is meant now', async () => {
    const world = new World('known ids')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const taken = await client.send(BOB, { text: 'taken' }, { id: 'TAKEN' })
    await taken.delivered
    world.server.faults.refuseMessages(DEVICE, 403)
    const refused = await client.send(BOB, { text: 'refused' }, { id: 'REFUSED' })
    await expect(refused.acked).rejects.toMatchObject({ code: 'WATON_SEND_REFUSED' })

    const again = await client.send(CAROL, { text: 'another text' }, { id: 'TAKEN' })
    expect(again).toMatchObject({ id: 'TAKEN', chat: taken.chat, state: 'delivered' })
    await again.acked
    const failed = await client.send(BOB, { text: 'refused' }, { id: 'REFUSED' })
    expect(failed.state).toBe('failed')
    for (const stage of ['acked', 'delivered', 'read'] as const)
      await expect(failed[stage]).rejects.toMatchObject({ code: 'WATON_SEND_REFUSED' })
    expect(await client.outbox.cancel('REFUSED')).toMatchObject({ state: 'failed' })
    await (
      await client.send(BOB, { text: 'behind them' })
    ).delivered
    expect([sentAs(world, 'TAKEN'), sentAs(world, 'REFUSED')]).toEqual([1, 1])
    expect(bob.messages.map(({ text }) => text)).toEqual(['taken', 'behind them'])
  })
})

describe('handles of one message', () => {
  test('tell the same, wherever they come from', async () => {
    const world = new World('handles')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    bob.goOffline()
    const sent = await client.send(BOB, { text: 'one' }, { id: 'ONE' })
    const found = await client.outbox.get('ONE')
    const listed: OutboxEntry[] = []
    for await (const entry of client.outbox.list()) listed.push(entry)
    const handles = [sent, found, ...listed].filter((handle) => handle !== undefined)
    expect(handles).toHaveLength(3)
    await Promise.all(handles.map(({ acked }) => acked))
    bob.goOnline()
    await Promise.all(handles.map(({ delivered }) => delivered))
    expect(handles.map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered'])
  })

  test('and of a client that is closed stay open, without an error that nobody catches', async () => {
    const errors = uncaught()
    const world = new World('closed')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    bob.goOffline()
    world.server.faults.loseAcks(DEVICE)
    const sent = await client.send(BOB, { text: 'goes on' }, { id: 'ON' })
    await until('it to leave', () => sent.state === 'sent')
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    const waiting = [sent.acked, sent.delivered, (await client.outbox.get('ON'))?.read]
    for (const one of waiting) void one?.then(settled, settled)
    await client.close()
    await settle()
    expect([isSettled, errors]).toEqual([false, []])
    // the message goes on with the next one
    const next = newClient(world, { store })
    const handle = await next.outbox.get('ON')
    await next.connect()
    await handle?.acked
    expect(errors).toEqual([])
  })
})

describe('a list of ten thousand messages', () => {
  test('has each of them once and in order, also when they move on meanwhile', async () => {
    const { state, outbox } = await openLog()
    const ids = Array.from({ length: 10_000 }, (_, index) => `M${String(index)}`)
    for (let start = 0; start < ids.length; start += 500)
      await state.commit(async (unit) => {
        for (const id of ids.slice(start, start + 500))
          await outbox.stage(unit, outbox.prepare(CAROL, { text: id }, { id }))
      })
    const seen: string[] = []
    for await (const { id } of outbox.view.list()) {
      seen.push(id)
      // those behind and those before it
      if (seen.length % 1_000 !== 0) continue
      const moved = [ids[seen.length - 500], ids[seen.length + 250]].filter((one) => one !== undefined)
      await state.commit(async (unit) => {
        for (const one of moved) await outbox.applyAck(unit, { id: one })
      })
    }
    expect(seen).toEqual(ids)
    const acknowledged: string[] = []
    for await (const { id } of outbox.view.list({ states: ['acknowledged'] })) acknowledged.push(id)
    expect(acknowledged).toHaveLength(19)
    const some: string[] = []
    for await (const { id } of outbox.view.list({ states: ['queued'], chat: CAROL, limit: 3 })) some.push(id)
    expect(some).toEqual(['M0', 'M1', 'M2'])
  })
})

describe('a message that is cancelled', () => {
  test('before it has left is not given to a device that asks for it either', async () => {
    const world = new World('cancelled, and asked for')
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
    // somebody knows which ids come next
    expect(world.server.faults.retryStorm({ to: DEVICE, from: [BOB], id: 'NEVER' })).toBe(1)
    await settle(40)
    const cancelling = client.outbox.cancel('NEVER')
    await settle()
    chain.resolve(undefined)
    store.gate = undefined
    expect(await cancelling).toMatchObject({ state: 'cancelled' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_CANCELLED' })
    await (
      await client.send(BOB, { text: 'behind it' })
    ).delivered
    await settle(40)
    expect(sentAs(world, 'NEVER')).toBe(0)
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'behind it'])
  })
})

describe('patience that ends', () => {
  test('gives up no message whose ciphertext another attempt has brought to the wire', async () => {
    const { state, outbox } = await openLog(new MemoryStore(), new VirtualClock(), {
      timing: { sendTimeoutMs: 0 },
    })
    const question = deferred<never>()
    const connection = {
      isOpen: true,
      send: () => undefined,
      nextId: () => '1',
      query: () => question.promise,
      close: () => undefined,
    } as unknown as Connection
    outbox.resume(connection)
    const handle = await outbox.send(CAROL, { text: 'on its way' }, { id: 'P1' })
    await settle()
    // meanwhile it goes out in another lane: its person has got another address
    const enc = node('enc', {}, Uint8Array.of(1))
    const stanza = encodeNode(node('message', { id: 'P1', to: CAROL, type: 'text' }, [enc]))
    await state.commit(async (unit) => {
      const item = await outbox.item(unit, 'P1')
      if (item === undefined) throw new Error('there is no such message')
      const encrypted: OutboxItem = { ...item, state: 'encrypted', body: { ...item.body, stanza } }
      unit.putOutbox(outboxRow(encrypted))
    })
    question.reject(new Error('nobody answers'))
    await settle(40)
    expect(await outbox.view.get('P1')).toMatchObject({ state: 'sent', attempts: 0 })
    await state.commit((unit) => outbox.applyAck(unit, { id: 'P1' }))
    await handle.acked
    outbox.suspend()
  })
})
