/** Events that a consumer gave up on: seen, tried again, discarded; and what a consumer is asked to pass over. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { DurableEvent } from 'waton'
import { deferred } from '../../src/base/deferred.ts'
import { utf8Bytes } from '../../src/base/bytes.ts'
import { CONSUMER } from '../../src/client/state/records.ts'
import { withVersion } from '../../src/client/state/record-kind.ts'
import { deadLetters, idOf, openLog, outboxRows } from './event-log.ts'
import { settle } from './support.ts'
import { until } from '../helpers/until.ts'

const BOB = '15550000002@s.whatsapp.net'

test('a dead letter that nobody has, or whose event is gone, is refused in words', async () => {
  const log = await openLog()
  await log.append('a1')
  for (const call of [log.consumers.retry('test', 1), log.consumers.discard('test', 1)])
    await expect(call).rejects.toMatchObject({ code: 'WATON_DEAD_LETTER_UNKNOWN', action: 'fix-call' })
})

test('a dead letter is tried again by the consumer that runs, sends once, and is gone when it succeeds', async () => {
  const store = new MemoryStore()
  const log = await openLog(store)
  await log.append('a1', 'a2')
  let isBroken = true
  const seen: string[] = []
  log.consume(
    async (event, context) => {
      seen.push(`${idOf(event)} ${String(context.attempt)}`)
      await context.send(BOB, { text: idOf(event) })
      if (idOf(event) === 'a1' && isBroken) throw new TypeError('broken')
    },
    { from: 'start', maxAttempts: 2 },
  )
  await log.clock.advanceAndSettle(1_000)
  expect(await deadLetters(log, 'test')).toMatchObject([{ seq: 1, attempts: 2, isRetrying: false }])
  await log.consumers.retry('test', 1)
  expect(await deadLetters(log)).toMatchObject([{ seq: 1, isRetrying: true }])
  await log.clock.advanceAndSettle(1_000)
  expect(await deadLetters(log)).toMatchObject([{ seq: 1, attempts: 4, isRetrying: false }])
  isBroken = false
  await log.consumers.retry('test', 1)
  await settle()
  expect(await deadLetters(log)).toEqual([])
  expect(seen).toEqual(['a1 1', 'a1 2', 'a2 1', 'a1 1', 'a1 2', 'a1 1'])
  expect(await outboxRows(store)).toHaveLength(2)
})

test('a round that was asked for while the consumer did not run comes when it runs, also after a restart', async () => {
  const store = new MemoryStore()
  const before = await openLog(store)
  await before.append('a1', 'b1')
  const first = before.consume(
    (event) => {
      throw new TypeError(`no ${idOf(event)}`)
    },
    { from: 'start', maxAttempts: 1 },
  )
  await settle()
  await first.stop()
  await before.consumers.retry('test', 1)
  await before.consumers.discard('test', 2)
  await before.claim.release()
  const after = await openLog(store)
  expect(await deadLetters(after)).toMatchObject([{ seq: 1, reason: 'no a1', isRetrying: true }])
  const seen: string[] = []
  after.consume((event) => {
    seen.push(idOf(event))
  })
  await settle()
  expect(seen).toEqual(['a1'])
  expect(await deadLetters(after)).toEqual([])
})

test('of what a handler throws a letter keeps a text, however long that is and whatever was thrown', async () => {
  const log = await openLog()
  await log.append('a1', 'b1', 'c1')
  const thrown: Record<string, unknown> = {
    a1: new Error('x'.repeat(1_000_000)),
    b1: undefined,
    c1: Object.create(null),
  }
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handlers throw anything
  log.consume((event) => Promise.reject(thrown[idOf(event)]), { from: 'start', maxAttempts: 1 })
  await settle()
  const reasons = (await deadLetters(log)).map(({ reason }) => reason)
  expect(reasons).toEqual(['x'.repeat(1_000), 'undefined', 'a value without a text was thrown'])
})

test('letters are listed in the order of the log, and a chat has them again in that order', async () => {
  const log = await openLog()
  const ids = Array.from({ length: 12 }, (_, index) => `a${String(index + 1)}`)
  await log.append(...ids)
  const { stop } = log.consume(
    () => {
      throw new TypeError('not yet')
    },
    { from: 'start', maxAttempts: 1 },
  )
  await settle(50)
  await stop()
  expect((await deadLetters(log)).map(({ seq }) => seq)).toEqual(ids.map((_, index) => index + 1))
  for (const { seq } of await deadLetters(log)) await log.consumers.retry('test', seq)
  const seen: string[] = []
  log.consume((event) => {
    seen.push(idOf(event))
  })
  await settle(50)
  expect(seen).toEqual(ids)
})

test('letters of consumers whose names begin alike are told apart', async () => {
  const log = await openLog()
  await log.append('a1')
  for (const name of ['a', 'a:1', 'a:1:2'])
    void log.consumers.run(
      name,
      () => {
        throw new TypeError(name)
      },
      { from: 'start', maxAttempts: 1 },
    )
  await settle()
  expect((await deadLetters(log)).map(({ consumer }) => consumer).sort()).toEqual(['a', 'a:1', 'a:1:2'])
  for (const name of ['a', 'a:1', 'a:1:2'])
    expect(await deadLetters(log, name)).toMatchObject([{ consumer: name, seq: 1, reason: name }])
})

test('a hundred poisoned chats hold up nobody else, and are told as stuck', async () => {
  const { append, clock, consume, consumers } = await openLog()
  const chats = Array.from({ length: 100 }, (_, index) => String.fromCodePoint(0x4e00 + index))
  await append(...chats.map((chat) => `${chat}1`))
  await append('a1', 'a2', 'b1')
  const good: string[] = []
  consume(
    (event) => {
      if (!/^[ab]/.test(idOf(event))) throw new TypeError('poison')
      good.push(idOf(event))
    },
    { from: 'start', maxAttempts: Infinity },
  )
  await settle()
  expect(good).toEqual(['a1', 'b1', 'a2'])
  await clock.advanceAndSettle(60_000)
  await append('a3')
  await settle()
  expect(good).toEqual(['a1', 'b1', 'a2', 'a3'])
  const [status] = consumers.status
  expect(status).toMatchObject({ low: 0, lag: 104, inFlight: 0, waiting: 100 })
  expect(status?.stuckChats).toHaveLength(100)
  expect(status?.stuckChats[0]).toMatchObject({ chat: `${chats[0] ?? ''}@lid`, seq: 1, isRunning: false })
})

test('a handler that never returns shows after half a minute, and holds up its chat only', async () => {
  const { append, clock, consume, consumers } = await openLog()
  await append('a1', 'a2', 'b1')
  const seen: string[] = []
  const never = deferred<undefined>()
  consume(
    (event) => {
      seen.push(idOf(event))
      return idOf(event) === 'a1' ? never.promise : undefined
    },
    { from: 'start' },
  )
  await settle()
  expect(consumers.status).toMatchObject([{ inFlight: 1, stuckChats: [] }])
  await clock.advanceAndSettle(30_000)
  const stuck = { chat: 'a@lid', seq: 1, failures: 0, isRunning: true, sinceMs: clock.nowMs() - 30_000 }
  expect(consumers.status).toMatchObject([{ low: 0, lag: 3, inFlight: 1, stuckChats: [stuck] }])
  expect(seen).toEqual(['a1', 'b1'])
  never.resolve(undefined)
})

test('a consumer is told to stop by the signal of its handler, and what the handler then finishes counts', async () => {
  const store = new MemoryStore()
  const log = await openLog(store)
  await log.append('a1')
  const { stop } = log.consume(
    async (_event, { signal, send }) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
      await send(BOB, { text: 'stopped in time' })
    },
    { from: 'start' },
  )
  await settle()
  await stop()
  expect(await outboxRows(store)).toHaveLength(1)
  expect(await log.state.read(CONSUMER, 'test')).toEqual({ low: 1 })
})

test('types and age decide what the handler sees; the rest is passed over and not kept', async () => {
  const { append, clock, consume, consumers, state } = await openLog()
  await append('a1', 'a2')
  await clock.advanceAndSettle(60_000)
  await append('a3')
  await state.commit((unit) => {
    const payload = { ids: ['x'], chat: 'a@lid', from: { jid: 'a@lid' }, status: 'read', atMs: 1 } as const
    unit.event('message.receipt', payload, 'a@lid')
    return Promise.resolve()
  })
  const seen: number[] = []
  consume(
    ({ seq }) => {
      seen.push(seq)
    },
    { from: 'start', types: ['send.failed'], maxAgeMs: 30_000 },
  )
  await settle()
  expect(seen).toEqual([3])
  expect(consumers.status).toMatchObject([{ low: 4, lag: 0 }])
})

test('a consumer begins at the event that it is told', async () => {
  const { append, consume } = await openLog()
  await append('a1', 'a2', 'a3')
  const seen: string[] = []
  consume(
    (event) => {
      seen.push(idOf(event))
    },
    { from: { seq: 2 } },
  )
  await settle()
  expect(seen).toEqual(['a2', 'a3'])
})

test('a consumer goes on where a version that kept a list of numbers stopped', async () => {
  const store = new MemoryStore()
  const { append, consume, state, claim } = await openLog(store)
  await append('a1', 'b1', 'a2', 'b2', 'b3')
  const value = withVersion(1, utf8Bytes(JSON.stringify({ low: 1, finished: [2, 4] })))
  const row = { kind: 'consumer', key: 'test', value, at: 1 }
  await store.commit(claim, [{ op: 'put-record', row }])
  const seen: string[] = []
  consume((event) => {
    seen.push(idOf(event))
  })
  await settle()
  expect(seen).toEqual(['a2', 'b3'])
  expect(await state.read(CONSUMER, 'test')).toEqual({ low: 5 })
})

/** A log with so many events of four chats, all of them given up by a consumer that has ended. */
async function givenUp(count: number): Promise<Awaited<ReturnType<typeof openLog>>> {
  const log = await openLog()
  await log.append(
    ...Array.from({ length: count }, (_, index) => `${'abcd'.charAt(index % 4)}${String(index)}`),
  )
  const { stop } = log.consume(
    () => {
      throw new TypeError('not yet')
    },
    { from: 'start', maxAttempts: 1 },
  )
  await until('all to be given up', async () => (await deadLetters(log)).length === count)
  await stop()
  return log
}

test('of many letters that are to be tried again few are in memory at a time, and each is handled once, in order', async () => {
  const count = 3_000
  const log = await givenUp(count)
  await Promise.all(Array.from({ length: count }, (_, index) => log.consumers.retry('test', index + 1)))
  const seen: DurableEvent[] = []
  let most = 0
  log.consume((event) => {
    seen.push(event)
    most = Math.max(most, log.consumers.status[0]?.waiting ?? 0)
  })
  await until('all of them', () => seen.length >= count)
  await settle()
  expect(seen).toHaveLength(count)
  expect(most).toBeLessThanOrEqual(1_024)
  for (const chat of 'abcd') {
    const ids = seen.map(idOf).filter((id) => id.startsWith(chat))
    expect(ids).toEqual(ids.toSorted((one, other) => Number(one.slice(1)) - Number(other.slice(1))))
  }
  expect(new Set(seen.map(({ seq }) => seq)).size).toBe(count)
  expect(await deadLetters(log)).toEqual([])
})

test('asked for while the consumer is busy, they wait in the store, too, and none is forgotten', async () => {
  const count = 3_000
  const log = await givenUp(count)
  const hold = deferred<undefined>()
  const seen: number[] = []
  log.consume(async ({ seq }) => {
    await hold.promise
    seen.push(seq)
  })
  await settle()
  // the last ones first: the page that is read next begins before what was read
  for (let seq = count; seq >= 1; seq -= 1) await log.consumers.retry('test', seq)
  await settle()
  expect(log.consumers.status[0]?.waiting).toBeLessThanOrEqual(1_024)
  hold.resolve(undefined)
  await until('all of them', () => seen.length >= count)
  await settle()
  expect(seen).toHaveLength(count)
  expect(new Set(seen).size).toBe(count)
  expect(await deadLetters(log)).toEqual([])
})
