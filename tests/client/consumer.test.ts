/** Durable consumers on the event log of a real account state: at least once, in order per chat, whatever fails. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { EventHandler } from 'waton'
import { faultyStore, writeFault } from 'waton/testing'
import type { StoreFaultPlan } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { StorageError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { Pruner } from '../../src/client/state/pruner.ts'
import { CONSUMER } from '../../src/client/state/records.ts'
import { deadLetters, idOf, openLog } from './event-log.ts'
import { settle, uncaught } from './support.ts'

describe('a handler that fails', () => {
  test('gets the event again, later each time, and holds up its own chat only', async () => {
    const { append, clock, consume } = await openLog()
    await append('a1', 'b1', 'a2', 'b2')
    const seen: string[] = []
    let failures = 2
    consume(
      (event) => {
        seen.push(idOf(event))
        if (idOf(event) === 'a1' && (failures -= 1) >= 0) throw new Error('not yet')
      },
      { from: 'start' },
    )
    await settle()
    expect(seen).toEqual(['a1', 'b1', 'b2'])
    await clock.advanceAndSettle(200)
    expect(seen).toEqual(['a1', 'b1', 'b2', 'a1'])
    await clock.advanceAndSettle(399)
    expect(seen).toHaveLength(4)
    await clock.advanceAndSettle(1)
    await settle()
    expect(seen).toEqual(['a1', 'b1', 'b2', 'a1', 'a1', 'a2'])
  })

  test('for good makes the event a dead letter, in one commit with the progress, and the chat goes on', async () => {
    const log = await openLog()
    const { append, clock, consume, state } = log
    await append('a1', 'a2')
    const seen: string[] = []
    consume(
      (event) => {
        seen.push(idOf(event))
        if (idOf(event) === 'a1') return Promise.reject(new Error('poison'))
        return undefined
      },
      { from: 'start', maxAttempts: 3 },
    )
    await clock.advanceAndSettle(10_000)
    await settle()
    expect(seen).toEqual(['a1', 'a1', 'a1', 'a2'])
    const letter = { consumer: 'test', seq: 1, reason: 'poison', attempts: 3, isRetrying: false }
    expect(await deadLetters(log)).toMatchObject([{ ...letter, event: { payload: { id: 'a1' } } }])
    expect(log.dead).toMatchObject([
      { consumer: 'test', seq: 1, type: 'send.failed', chat: 'a@lid', attempts: 3 },
    ])
    expect(await state.read(CONSUMER, 'test')).toEqual({ low: 2 })
  })

  test('while the store fails too ends neither the process nor the consumer', async () => {
    const errors = uncaught()
    let isFailing = false
    const plan: StoreFaultPlan = { commit: () => (isFailing ? { error: writeFault() } : undefined) }
    const { append, clock, consume } = await openLog(faultyStore(new MemoryStore(), plan))
    await append('a1', 'a2', 'b1')
    const seen: string[] = []
    consume(
      (event) => {
        seen.push(idOf(event))
        if (idOf(event) === 'a1') throw new Error('poison')
      },
      { from: 'start', maxAttempts: 2 },
    )
    await settle(1)
    isFailing = true
    await clock.advanceAndSettle(1_000)
    await settle()
    expect(seen).toEqual(['a1', 'b1', 'a1'])
    isFailing = false
    await append('a3')
    await clock.advanceAndSettle(1_000)
    await settle()
    expect(errors).toEqual([])
    expect(seen).toEqual(['a1', 'b1', 'a1', 'a2', 'a3'])
  })

  test('after the client was closed ends nothing else', async () => {
    const errors = uncaught()
    const { append, consume, state } = await openLog()
    await append('a1')
    const late = deferred<undefined>()
    const { stop } = consume(() => late.promise, { from: 'start', maxAttempts: 1 })
    await settle()
    const stopping = stop()
    await state.close()
    late.reject(new Error('too late'))
    await stopping
    expect(errors).toEqual([])
  })
})

describe('a consumer', () => {
  test('ends with the error of a store that cannot be read any more', async () => {
    const error = new StorageError('WATON_STORE_CLOSED', 'closed')
    let isFailing = false
    const { append, consume } = await openLog(
      faultyStore(new MemoryStore(), { read: () => (isFailing ? { error } : undefined) }),
    )
    const { ended } = consume(() => undefined)
    await settle()
    isFailing = true
    await append('a1')
    await expect(ended).rejects.toBe(error)
  })

  test('survives a store that cannot be read for a moment', async () => {
    let isFailing = false
    const { append, clock, consume } = await openLog(
      faultyStore(new MemoryStore(), { read: () => (isFailing ? { error: writeFault() } : undefined) }),
    )
    const seen: string[] = []
    consume((event) => {
      seen.push(idOf(event))
    })
    await settle()
    isFailing = true
    await append('a1').catch(() => undefined)
    await settle()
    expect(seen).toEqual([])
    isFailing = false
    await clock.advanceAndSettle(1_000)
    await settle()
    expect(seen).toEqual(['a1'])
  })

  test('begins at the end, or at the start when asked to, and its first choice stays', async () => {
    const { append, consume } = await openLog()
    await append('a1')
    const seen: string[] = []
    const first = consume((event) => {
      seen.push(idOf(event))
    })
    await settle()
    await append('a2')
    await settle()
    await first.stop()
    const second = consume(
      (event) => {
        seen.push(idOf(event))
      },
      { from: 'start' },
    )
    await append('a3')
    await settle()
    await second.stop()
    expect(seen).toEqual(['a2', 'a3'])
  })

  test('goes on where it stopped, also with events that finished out of order', async () => {
    const store = new MemoryStore()
    const before = await openLog(store)
    await before.append('a1', 'b1', 'a2', 'b2', 'c1')
    const stuck = deferred<undefined>()
    const seen: string[] = []
    const first = before.consume(
      (event) => {
        seen.push(idOf(event))
        return idOf(event) === 'a1' ? stuck.promise : undefined
      },
      { from: 'start' },
    )
    await settle()
    expect(seen).toEqual(['a1', 'b1', 'c1', 'b2'])
    await before.state.flush()
    // as after kill -9: the handler of a1 has not finished, and nobody says so
    await before.claim.release()
    const after = await openLog(store)
    const again: string[] = []
    const second = after.consume((event) => {
      again.push(idOf(event))
    })
    await settle()
    expect(again).toEqual(['a1', 'a2'])
    await second.stop()
    stuck.resolve(undefined)
    await first.stop()
  })

  test('handles an event again when its progress could not be written', async () => {
    const disk = new MemoryStore()
    let isFailing = false
    const before = await openLog(
      faultyStore(disk, { commit: () => (isFailing ? { error: writeFault() } : undefined) }),
    )
    const seen: string[] = []
    const handler: EventHandler = (event) => {
      seen.push(idOf(event))
    }
    const first = before.consume(handler)
    await settle()
    await before.append('a1')
    isFailing = true
    await settle()
    await first.stop()
    await before.claim.release()
    const after = await openLog(disk)
    after.consume(handler)
    await settle()
    expect(seen).toEqual(['a1', 'a1'])
  })

  test('is given one event of a chat at a time, in order, and other chats at the same time', async () => {
    const { append, consume } = await openLog()
    const gates = new Map<string, () => void>()
    const started: string[] = []
    consume((event) => {
      started.push(idOf(event))
      return new Promise<void>((resolve) => gates.set(idOf(event), resolve))
    })
    await settle()
    await append('a1', 'a2', 'b1', 'a3', 'b2')
    await settle()
    expect(started).toEqual(['a1', 'b1'])
    gates.get('b1')?.()
    await settle()
    expect(started).toEqual(['a1', 'b1', 'b2'])
    for (const id of ['a1', 'a2', 'a3', 'b2']) {
      gates.get(id)?.()
      await settle()
    }
    expect(started).toEqual(['a1', 'b1', 'b2', 'a2', 'a3'])
  })

  test('misses nothing that is logged while it reads, over many pages', async () => {
    const { append, consume } = await openLog()
    const seen: string[] = []
    consume(
      async (event) => {
        await Promise.resolve()
        seen.push(idOf(event))
      },
      { from: 'start' },
    )
    const expected: string[] = []
    for (let batch = 0; batch < 40; batch += 1) {
      const ids = Array.from(
        { length: 25 },
        (_, index) => `${'abcde'[index % 5] ?? 'a'}${String(batch * 25 + index)}`,
      )
      expected.push(...ids)
      await append(...ids)
    }
    await settle(200)
    expect([...seen].sort()).toEqual([...expected].sort())
    for (const chat of 'abcde') {
      const ofChat = (ids: string[]): string[] => ids.filter((id) => id.startsWith(chat))
      expect(ofChat(seen)).toEqual(ofChat(expected))
    }
  })

  test('does not run ahead of a stuck chat without bound', async () => {
    const { append, consume, consumers } = await openLog()
    const stuck = deferred<undefined>()
    const seen: string[] = []
    consume(
      (event) => {
        seen.push(idOf(event))
        return idOf(event) === 'a0' ? stuck.promise : undefined
      },
      { from: 'start', maxAhead: 1000 },
    )
    await append('a0')
    for (let batch = 0; batch < 40; batch += 1)
      await append(...Array.from({ length: 100 }, (_, index) => `b${String(index)}`))
    await settle(400)
    expect(consumers.status).toMatchObject([{ name: 'test', low: 0, lag: 4001, inFlight: 1 }])
    expect(seen.length).toBeGreaterThan(999)
    expect(seen.length).toBeLessThan(1200)
    stuck.resolve(undefined)
    await settle(400)
    expect(seen).toHaveLength(4001)
    expect(consumers.status).toMatchObject([{ low: 4001, lag: 0, inFlight: 0, waiting: 0, stuckChats: [] }])
  })

  test('goes on when retention has passed the event that had kept it from reading ahead', async () => {
    const { append, clock, consume, consumers, state } = await openLog()
    const stuck = deferred<undefined>()
    const seen: string[] = []
    consume(
      (event) => {
        seen.push(idOf(event))
        return idOf(event) === 'a0' ? stuck.promise : undefined
      },
      { from: 'start', maxAhead: 200 },
    )
    await append('a0', ...Array.from({ length: 600 }, (_, index) => `b${String(index)}`))
    await settle(200)
    expect(seen.length).toBeLessThan(400)
    const retention = { days: 1, bytes: 65_536 }
    const hub = { tellLost: () => undefined }
    const pruner = new Pruner({ state, clock, logger: silentLogger, retention, self: {}, hub })
    await clock.runUntil(pruner.run())
    await append('c0')
    await settle(200)
    await pruner.stop()
    expect(seen.slice(-2)).toEqual(['b599', 'c0'])
    expect(consumers.status).toMatchObject([{ low: 602, lag: 0, inFlight: 1 }])
    stuck.resolve(undefined)
  })

  test('ends at its signal, even one that came before it began', async () => {
    const { append, consume } = await openLog()
    const stop = new AbortController()
    stop.abort()
    await append('a1')
    const seen: string[] = []
    await consume(
      (event) => {
        seen.push(idOf(event))
      },
      { from: 'start', signal: stop.signal },
    ).ended
    expect(seen).toEqual([])
  })
})
