/**
 * Retention as users meet it: a whole client that keeps its log for some days, or within some bytes, and tells the consumer
 * that lost something by it (promise G7). What is forgotten in which order is in `pruning.test.ts`.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, Clock, EphemeralEvents } from 'waton'
import { VirtualClock } from 'waton/testing'
import { until } from '../helpers/until.ts'
import {
  ALICE,
  World,
  linkedClient,
  log,
  messageIds,
  newClient,
  untilLogged,
  untilSettledIn,
} from './support.ts'

type Lost = EphemeralEvents['events.lost']

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const LONG = 'x'.repeat(10_000)

function lostBy(client: Client): Lost[] {
  const lost: Lost[] = []
  client.on('events.lost', (one) => {
    lost.push(one)
  })
  return lost
}

/** Consumes until the test is over; `handle` may hold an event up for ever. */
function consume(client: Client, name: string, handle: (seq: number) => Promise<void> | void): void {
  const ending = new AbortController()
  onTestFinished(() => {
    ending.abort()
  })
  client
    .consume(name, (event) => handle(event.seq), { signal: ending.signal, timeoutMs: DAY_MS })
    .catch(() => undefined)
}

const firstSeq = async (client: Client): Promise<number> => (await log(client))[0]?.seq ?? 0

describe('a log that outgrows its bytes', () => {
  test('loses its oldest events, tells whoever has not seen them, and tells it again after a restart', async () => {
    const clock = new VirtualClock()
    const world = new World('bytes', clock)
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const options = { store, clock, retention: { bytes: 70_000 } }
    const client = await clock.runUntil(linkedClient(world, alice, options))
    await clock.runUntil(untilSettledIn(world))
    const lost = lostBy(client)
    const [stalled, quick] = [new Array<number>(), new Array<number>()]
    consume(client, 'stalled', (seq) => {
      stalled.push(seq)
      return new Promise(() => undefined)
    })
    consume(client, 'quick', (seq) => {
      quick.push(seq)
    })
    const ids: string[] = []
    for (let number = 0; number < 20; number += 1) {
      const { id } = await clock.runUntil(bob.send(ALICE, { text: `${String(number)} ${LONG}` }))
      ids.push(id)
      await clock.runUntil(untilLogged(client, id))
    }
    await clock.runUntil(until('the quick consumer', () => quick.length === ids.length))
    // the log is looked at as it grows, and every hour
    await clock.advanceTo(clock.nowMs() + 2 * HOUR_MS)
    const kept = await messageIds(client)
    expect(kept.length).toBeLessThan(12)
    expect(kept).toEqual(ids.slice(-kept.length))
    const first = await firstSeq(client)
    // each loss goes on where the one before ended
    expect(lost.map(({ consumer }) => consumer)).toEqual(lost.map(() => 'stalled'))
    expect([lost[0]?.from, lost.at(-1)?.to]).toEqual([stalled[0], first - 1])
    expect(lost.reduce((sum, { count }) => sum + count, 0)).toBe(first - (stalled[0] ?? 0))
    expect(quick).toHaveLength(20)
    await clock.runUntil(client.close())

    const again = newClient(world, options)
    const lostAgain = lostBy(again)
    const seen: number[] = []
    consume(again, 'stalled', (seq) => {
      seen.push(seq)
    })
    await clock.runUntil(again.connect())
    await clock.runUntil(until('what is left', () => seen.length === kept.length))
    expect(seen[0]).toBe(first)
    expect(lostAgain).toEqual([
      { consumer: 'stalled', from: stalled[0], to: first - 1, count: first - (stalled[0] ?? 0) },
    ])
    await clock.runUntil(again.close())
  })
})

describe('a machine whose clock is set a year ahead', () => {
  test('forgets nothing for its age: what the server calls young is young', async () => {
    const clock = new VirtualClock()
    const world = new World('ahead', clock)
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    let aheadMs = 0
    const wrong: Clock = {
      nowMs: () => clock.nowMs() + aheadMs,
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    }
    const client = await clock.runUntil(linkedClient(world, alice, { store, clock: wrong }))
    const ids: string[] = []
    for (const text of ['one', 'two', 'three']) ids.push((await clock.runUntil(bob.send(ALICE, { text }))).id)
    await clock.runUntil(untilLogged(client, ids[2] ?? ''))
    aheadMs = 365 * DAY_MS
    await clock.advanceTo(clock.nowMs() + 3 * HOUR_MS)
    expect(await messageIds(client)).toEqual(ids)
    await clock.runUntil(client.close())
  })
})

describe('a log that is older than its days', () => {
  test('loses what every consumer has seen, keeps what one has not, and tells nobody of a loss', async () => {
    const clock = new VirtualClock()
    const world = new World('days', clock)
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const options = { store, clock, retention: { days: 2 } }
    const client = await clock.runUntil(linkedClient(world, alice, options))
    const seen: number[] = []
    consume(client, 'worker', (seq) => {
      seen.push(seq)
      // the third of four is where it stays
      return seen.length === 3 ? new Promise(() => undefined) : undefined
    })
    const ids: string[] = []
    for (const text of ['one', 'two', 'three', 'four'])
      ids.push((await clock.runUntil(bob.send(ALICE, { text }))).id)
    await clock.runUntil(untilLogged(client, ids[3] ?? ''))
    await clock.runUntil(until('the worker', () => seen.length >= 3))
    await clock.runUntil(client.close())

    await clock.advanceTo(clock.nowMs() + 3 * DAY_MS)
    const later = newClient(world, options)
    const lost = lostBy(later)
    await clock.runUntil(later.connect())
    expect(await messageIds(later)).toEqual(ids)
    // the first look at the log comes some minutes after the start
    await clock.advanceTo(clock.nowMs() + 10 * MINUTE_MS)
    expect(await messageIds(later)).toEqual(ids.slice(2))
    expect(lost).toEqual([])
    await clock.runUntil(later.close())
  })
})
