/**
 * What is old is forgotten, in small commits and never silently (promise G7): the event log by days and bytes, hashes and
 * finished sends after two weeks, records by their rules.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import { StoreWrapper, VirtualClock, failWhile, faultyStore } from 'waton/testing'
import { openSqlite } from 'waton/sqlite'
import { silentLogger } from '../../src/base/logger.ts'
import { sha256 } from '../../src/protocol/crypto/index.ts'
import { utf8Bytes } from '../../src/base/bytes.ts'
import { DEFAULT_RETENTION } from '../../src/client/options.ts'
import type { Retention } from '../../src/client/options.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { Pruner } from '../../src/client/state/pruner.ts'
import type { LostEvents } from '../../src/client/events/ephemeral.ts'
import { CONSUMER, EVENT_LOG_SIZE, RETRY_COUNT, SESSION } from '../../src/client/state/records.ts'
import { temporaryPaths } from '../conformance/support.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const newPath = temporaryPaths()

/** A store that counts, and knows its largest commit. */
class CountingStore extends StoreWrapper {
  largest = 0
  commits = 0

  override commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    this.commits += 1
    this.largest = Math.max(this.largest, changes.length)
    return super.commit(claim, changes)
  }
}

interface Setup {
  readonly store: Store
  readonly clock: VirtualClock
  readonly retention?: Partial<Retention>
}

async function open({ store, clock, retention }: Setup) {
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 1000 })
  const lost: LostEvents[] = []
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger: silentLogger,
    onEvents: () => undefined,
    onFailure: () => undefined,
  })
  const pruner = new Pruner({
    state,
    clock,
    logger: silentLogger,
    retention: { ...DEFAULT_RETENTION, ...retention },
    self: { me: { pn: 'me@s.whatsapp.net', lid: 'me@lid' } },
    hub: { tellLost: (one) => lost.push(one) },
  })
  const close = async (): Promise<void> => {
    await pruner.stop()
    await state.close()
    await claim.release()
  }
  onTestFinished(close)
  return { state, pruner, lost, close }
}

const keyOf = (id: string) => ({ chat: 'bob@lid', sender: 'bob@lid', id })

/** A received message with its event, recorded now. */
async function receive(state: AccountState, id: string, sizeBytes = 100): Promise<void> {
  await state.commit((unit) => {
    const { chat, sender } = keyOf(id)
    const row = { id, chat, sender, at: unit.nowMs, kind: 'text', state: 'received' }
    unit.putMessage({ ...row, value: new Uint8Array(sizeBytes) })
    unit.recognise(sha256(utf8Bytes(id)))
    const payload = {
      id,
      chat,
      sender: { jid: sender },
      fromMe: false,
      origin: 'live',
      sentAtMs: unit.nowMs,
    } as const
    unit.event('message', { ...payload, content: { text: id } }, chat, { message: keyOf(id) })
    return Promise.resolve()
  })
}

async function consumer(
  state: AccountState,
  name: string,
  low: number,
  finished: number[] = [],
): Promise<void> {
  await state.commit((unit) => {
    unit.put(CONSUMER, name, { low, finished })
    return Promise.resolve()
  })
}

async function seqs(store: Store): Promise<number[]> {
  return (await store.readEvents('default', { after: 0, limit: 10_000 })).map(({ seq }) => seq)
}

/** A whole run that begins now: behind one that the clock may have started a while ago. */
async function run(clock: VirtualClock, pruner: Pruner): Promise<void> {
  await clock.runUntil(pruner.run())
  await clock.runUntil(pruner.run())
}

describe.each([
  ['in memory', () => Promise.resolve<Store>(new MemoryStore())],
  ['in SQLite', async () => openSqlite(newPath())],
])('the event log %s', (_where, makeStore) => {
  test('keeps everything that is young, or that a consumer has not seen, or that says where it goes on', async () => {
    const clock = new VirtualClock()
    const store = await makeStore()
    onTestFinished(() => store.close())
    const { state, pruner } = await open({ store, clock })
    for (const id of ['1', '2', '3', '4']) await receive(state, id)
    await consumer(state, 'slow', 2)
    await consumer(state, 'fast', 4)
    await clock.advanceTo(clock.nowMs() + 29 * DAY_MS)
    await run(clock, pruner)
    expect(await seqs(store)).toEqual([1, 2, 3, 4])
    await clock.advanceTo(clock.nowMs() + 2 * DAY_MS)
    await run(clock, pruner)
    expect(await seqs(store)).toEqual([3, 4])
    await consumer(state, 'slow', 4)
    await run(clock, pruner)
    expect(await seqs(store)).toEqual([4])
    const messages = await Promise.all(['1', '3', '4'].map((id) => store.readMessage('default', keyOf(id))))
    expect(messages.map((row) => row?.id)).toEqual([undefined, undefined, '4'])
    await receive(state, '5')
    expect(await seqs(store)).toEqual([4, 5])
  })

  test('beyond its budget loses the oldest, tells the consumers that have not seen them, and remembers it', async () => {
    const clock = new VirtualClock()
    const store = await makeStore()
    onTestFinished(() => store.close())
    const { state, pruner, lost } = await open({ store, clock, retention: { bytes: 70_000 } })
    await consumer(state, 'stalled', 2, [4])
    for (let number = 1; number <= 20; number += 1) await receive(state, String(number), 10_000)
    await consumer(state, 'fast', 20)
    await run(clock, pruner)
    const left = await seqs(store)
    expect(left.at(-1)).toBe(20)
    expect(left.length).toBeGreaterThan(4)
    expect(left.length).toBeLessThan(8)
    const last = (left[0] ?? 0) - 1
    // 3 and 5 up to the last: 4 was finished
    const gone = { from: 3, to: last, count: last - 3 }
    expect(lost).toEqual([{ consumer: 'stalled', ...gone }])
    expect(await state.read(CONSUMER, 'stalled')).toEqual({ low: last, lost: gone })
    expect(await state.read(CONSUMER, 'fast')).toEqual({ low: 20, finished: [] })
    for (let number = 21; number <= 25; number += 1) await receive(state, String(number), 10_000)
    await run(clock, pruner)
    const next = (await seqs(store))[0] ?? 0
    expect(await state.read(CONSUMER, 'stalled')).toMatchObject({
      lost: { from: 3, to: next - 1, count: next - 4 },
    })
  })
})

describe('the budget of the log', () => {
  test('is not used up by what this account sends, nor by messages that are changed again and again', async () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const { state, pruner, lost } = await open({ store, clock, retention: { bytes: 70_000 } })
    await consumer(state, 'stalled', 0)
    for (const id of ['1', '2', '3']) await receive(state, id)
    for (let number = 0; number < 20; number += 1)
      await state.commit((unit) => {
        const row = { at: unit.nowMs, kind: 'text', state: 'sent', value: new Uint8Array(10_000) }
        unit.putMessage({ ...row, chat: 'bob@lid', sender: 'me@lid', id: `sent ${String(number)}` })
        unit.putMessage({ ...row, ...keyOf('2') })
        return Promise.resolve()
      })
    await run(clock, pruner)
    expect(await seqs(store)).toEqual([1, 2, 3])
    expect(lost).toEqual([])
  })
})

describe('forgetting', () => {
  test('goes on after a crash with the size that the log has, counted or not', async () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const first = await open({ store, clock, retention: { bytes: 300_000 } })
    for (let number = 1; number <= 20; number += 1) await receive(first.state, String(number), 10_000)
    await run(clock, first.pruner)
    for (let number = 21; number <= 28; number += 1) await receive(first.state, String(number), 10_000)
    await first.close()
    const second = await open({ store, clock, retention: { bytes: 300_000 } })
    await run(clock, second.pruner)
    expect(await seqs(store)).toHaveLength(28)
    for (let number = 29; number <= 40; number += 1) await receive(second.state, String(number), 10_000)
    await run(clock, second.pruner)
    expect((await seqs(store)).length).toBeLessThan(30)
    expect((await seqs(store)).length).toBeGreaterThan(25)
  })

  test('counts a log of any length, goes on where it was stopped, and keeps the bytes', async () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const count = 300_000
    // 210 bytes each
    const claim = await store.claim('default', { owner: 'before', nowMs: clock.nowMs(), leaseMs: 1000 })
    const rowOf = (seq: number): Change => ({
      op: 'append-event',
      row: {
        seq,
        type: 'send.failed',
        version: 1,
        at: clock.nowMs(),
        chat: 'bob@lid',
        value: new Uint8Array(10),
      },
    })
    for (let from = 1; from <= count; from += 10_000)
      await store.commit(
        claim,
        Array.from({ length: 10_000 }, (_, index) => rowOf(from + index)),
      )
    await claim.release()
    const retention = { bytes: 10_000_000 }
    const first = await open({ store, clock, retention })
    const running = first.pruner.run()
    await clock.advanceAndSettle(60_000)
    await first.close()
    await running
    expect(await store.eventBounds('default')).toMatchObject({ first: 1, last: count })
    const counted = await first.state.read(EVENT_LOG_SIZE, 'self')
    expect(counted?.upTo).toBeGreaterThan(50_000)
    expect(counted?.sizeBytes).toBe(210 * (counted?.upTo ?? 0))
    const second = await open({ store, clock, retention })
    await clock.runUntil(second.pruner.run())
    const bounds = await store.eventBounds('default')
    expect((bounds.last - bounds.first + 1) * 210).toBeLessThanOrEqual(retention.bytes)
    expect((bounds.last - bounds.first + 2) * 210).toBeGreaterThan(retention.bytes)
  })

  test('happens in commits of a bounded size, and waits while the store fails', async () => {
    const clock = new VirtualClock()
    let isFailing = false
    const store = new CountingStore(
      faultyStore(
        new MemoryStore(),
        failWhile(() => isFailing),
      ),
    )
    const { state, pruner } = await open({ store, clock })
    for (let number = 1; number <= 500; number += 1) await receive(state, String(number))
    await clock.advanceTo(clock.nowMs() + 31 * DAY_MS)
    store.largest = 0
    isFailing = true
    await run(clock, pruner)
    expect(await seqs(store)).toHaveLength(500)
    isFailing = false
    await run(clock, pruner)
    expect(await seqs(store)).toEqual([500])
    expect(store.largest).toBeLessThan(200)
    expect(await store.readRecognised('default', [sha256(utf8Bytes('1'))])).toEqual([false])
  })

  test('runs by itself, every hour and when the log grows fast, until it is stopped', async () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const { state, pruner } = await open({ store, clock, retention: { bytes: 100_000 } })
    pruner.start()
    for (let number = 1; number <= 40; number += 1) await receive(state, String(number), 10_000)
    pruner.appended()
    await clock.advanceTo(clock.nowMs() + 10_000)
    expect((await seqs(store)).length).toBeLessThan(12)
    await receive(state, 'old')
    await consumer(state, 'fast', state.lastSeq)
    await clock.advanceTo(clock.nowMs() + 31 * DAY_MS)
    expect(await seqs(store)).toEqual([state.lastSeq])
    await pruner.stop()
    expect(clock.pending).toBe(0)
  })

  test('spares what is not old: hashes of two weeks, unfinished sends, sessions of any age', async () => {
    const clock = new VirtualClock()
    const store = new MemoryStore()
    const { state, pruner } = await open({ store, clock })
    const sent = async (id: string, outboxState: string): Promise<void> => {
      await state.commit((unit) => {
        const at = unit.nowMs
        const value = Uint8Array.of(1)
        unit.putOutbox({
          id,
          chat: 'bob@lid',
          position: at * 1000 + Number(id),
          state: outboxState,
          at,
          value,
        })
        unit.putMessage({ id, chat: 'bob@lid', sender: 'me@lid', at, kind: 'text', state: 'sent', value })
        unit.put(RETRY_COUNT, id, { count: 1 })
        return Promise.resolve()
      })
    }
    await state.commit((unit) => {
      unit.changes.push({
        op: 'put-record',
        row: { kind: SESSION.kind, key: 'bob', at: unit.nowMs, value: Uint8Array.of(1) },
      })
      return Promise.resolve()
    })
    await receive(state, 'old')
    await sent('1', 'delivered')
    await sent('2', 'queued')
    await clock.advanceTo(clock.nowMs() + 31 * DAY_MS)
    await sent('3', 'acknowledged')
    await receive(state, 'recent')
    await clock.advanceTo(clock.nowMs() + 13 * DAY_MS)
    await run(clock, pruner)
    const known = await store.readRecognised(
      'default',
      [utf8Bytes('old'), utf8Bytes('recent')].map((id) => sha256(id)),
    )
    expect(known).toEqual([false, true])
    const outbox = await Promise.all(['1', '2', '3'].map((id) => store.readOutbox('default', id)))
    expect(outbox.map((row) => row?.id)).toEqual([undefined, '2', '3'])
    const ownKey = (id: string) => ({ chat: 'bob@lid', sender: 'me@lid', id })
    const messages = await Promise.all(['1', '2', '3'].map((id) => store.readMessage('default', ownKey(id))))
    expect(messages.map((row) => row?.id)).toEqual([undefined, '2', '3'])
    expect(await state.read(RETRY_COUNT, '1')).toBeUndefined()
    expect(await state.read(RETRY_COUNT, '3')).toEqual({ count: 1 })
    expect(await store.readRecord('default', SESSION.kind, 'bob')).toBeDefined()
  })
})
