/** The keepalive by a clock that the test moves: when it asks, when it does not, and when it gives up. */
import { describe, expect, test } from 'vitest'
import { VirtualClock } from 'waton/testing'
import type { Clock } from '../../src/base/clock.ts'
import { deferred } from '../../src/base/deferred.ts'
import type { Deferred } from '../../src/base/deferred.ts'
import { QueryError, TimeoutError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { KeepAlive } from '../../src/client/connection/keep-alive.ts'
import { DEFAULT_TIMING } from '../../src/client/options.ts'
import { node } from '../../src/protocol/binary/node.ts'

const { keepAliveMs, pongTimeoutMs } = DEFAULT_TIMING
const SHORTEST_MS = (keepAliveMs * 2) / 3

interface SetUp {
  readonly clock: VirtualClock
  readonly keepAlive: KeepAlive
  readonly pings: { readonly timeoutMs: number; readonly answer: Deferred<void> }[]
  readonly dead: unknown[]
}

function setUp(wrap: (clock: VirtualClock) => Clock = (clock) => clock, seed: string = 'keep-alive'): SetUp {
  const clock = new VirtualClock()
  const pings: SetUp['pings'] = []
  const dead: unknown[] = []
  const keepAlive = new KeepAlive({
    clock: wrap(clock),
    random: seededRandom(seed),
    timing: DEFAULT_TIMING,
    ping: (_query, timeoutMs) => {
      const answer = deferred<undefined>() as unknown as Deferred<void>
      pings.push({ timeoutMs, answer })
      return answer.promise
    },
    onDead: (error) => dead.push(error),
  })
  keepAlive.start()
  return { clock, keepAlive, pings, dead }
}

function timedOut(): TimeoutError {
  return new TimeoutError('WATON_QUERY_TIMEOUT', 'no answer')
}

describe('the keepalive', () => {
  test('asks after a silence of two thirds of its time at the earliest and all of it at the latest', async () => {
    const { clock, pings } = setUp()
    await clock.advanceAndSettle(SHORTEST_MS - 1)
    expect(pings).toHaveLength(0)
    await clock.advanceAndSettle(keepAliveMs - SHORTEST_MS + 1)
    expect(pings).toMatchObject([{ timeoutMs: pongTimeoutMs }])
  })

  test('does not ask at the same moment on every connection: clients that came back together would', async () => {
    const moments = new Set<number>()
    for (let number = 0; number < 12; number += 1) {
      const { clock, pings, keepAlive } = setUp(undefined, `connection ${String(number)}`)
      const startedAtMs = clock.nowMs()
      while (pings.length === 0) await clock.advanceAndSettle(100)
      moments.add(clock.nowMs() - startedAtMs)
      keepAlive.stop()
    }
    expect(moments.size).toBeGreaterThan(6)
    expect(Math.min(...moments)).toBeGreaterThanOrEqual(SHORTEST_MS)
    expect(Math.max(...moments)).toBeLessThanOrEqual(keepAliveMs)
  })

  test('does not ask while data flows', async () => {
    const { clock, keepAlive, pings } = setUp()
    for (let second = 0; second < 300; second += 1) {
      await clock.advanceAndSettle(1000)
      keepAlive.heard()
    }
    expect(pings).toHaveLength(0)
  })

  test('gives a peer up that leaves a ping unanswered, once', async () => {
    const { clock, pings, dead } = setUp()
    await clock.advanceAndSettle(keepAliveMs)
    pings[0]?.answer.reject(timedOut())
    await clock.advanceAndSettle(10 * keepAliveMs)
    expect(dead).toMatchObject([{ code: 'WATON_QUERY_TIMEOUT' }])
    expect(pings).toHaveLength(1)
  })

  test('takes a refused ping for the sign of life that it is', async () => {
    const { clock, pings, dead } = setUp()
    await clock.advanceAndSettle(keepAliveMs)
    pings[0]?.answer.reject(new QueryError('WATON_QUERY_REFUSED', 'no'))
    await clock.advanceAndSettle(keepAliveMs)
    expect(dead).toEqual([])
    expect(pings).toHaveLength(2)
  })

  test('goes on after an answer', async () => {
    const { clock, pings, dead } = setUp()
    for (let round = 1; round <= 5; round += 1) {
      await clock.advanceAndSettle(keepAliveMs)
      expect(pings).toHaveLength(round)
      pings.at(-1)?.answer.resolve()
      await clock.advanceAndSettle(0)
    }
    expect(dead).toEqual([])
  })

  test('still notices a dead peer when the clock was set back', async () => {
    let shiftMs = 0
    const { clock, pings } = setUp((manual) => ({
      nowMs: () => manual.nowMs() + shiftMs,
      schedule: (delayMs, callback) => manual.schedule(delayMs, callback),
    }))
    shiftMs = -3_600_000
    await clock.advanceAndSettle(2 * keepAliveMs)
    expect(pings).toHaveLength(1)
  })

  test('leaves no timer behind when it is stopped, also while a ping is under way', async () => {
    const idle = setUp()
    idle.keepAlive.stop()
    expect(idle.clock.pending).toBe(0)
    const asking = setUp()
    await asking.clock.advanceAndSettle(keepAliveMs)
    asking.keepAlive.stop()
    asking.pings[0]?.answer.reject(timedOut())
    await asking.clock.advanceAndSettle(keepAliveMs)
    expect(asking.clock.pending).toBe(0)
    expect(asking.dead).toEqual([])
  })
})

describe('a peer that is dead', () => {
  const LONGEST_IDLE_MS = keepAliveMs + pongTimeoutMs
  const message = node('message', { id: '1' })

  /** Pings that nobody answers, as a query table gives them up. */
  function unansweredPings({ clock, pings }: SetUp): (ms: number) => Promise<void> {
    let timed = 0
    return async (ms) => {
      for (let second = 0; second < ms / 1000; second += 1) {
        await clock.advanceAndSettle(1000)
        for (; timed < pings.length; timed += 1) {
          const { answer, timeoutMs } = pings[timed] ?? { answer: deferred(), timeoutMs: 0 }
          clock.schedule(timeoutMs, () => {
            answer.reject(timedOut())
          })
        }
      }
    }
  }

  test.each([message, node('receipt', {}), node('iq', { type: 'get' })])(
    'is given up within 25 s of the first stanza that it leaves unanswered: %j',
    async (stanza) => {
      const up = setUp()
      const pass = unansweredPings(up)
      up.keepAlive.heard()
      up.keepAlive.sent(stanza)
      await pass(3000)
      // a later one does not put it off
      up.keepAlive.sent(stanza)
      await pass(1000)
      expect(up.pings).toHaveLength(0)
      await pass(1000)
      expect(up.pings).toHaveLength(1)
      await pass(19_000)
      expect(up.dead).toHaveLength(0)
      await pass(2000)
      expect(up.dead).toMatchObject([{ code: 'WATON_QUERY_TIMEOUT' }])
      expect(up.clock.pending).toBe(0)
    },
  )

  test('is given up as fast when it dies just after an answer, with stanzas under way', async () => {
    const up = setUp()
    const pass = unansweredPings(up)
    for (let round = 0; round < 7; round += 1) {
      up.keepAlive.sent(message)
      await up.clock.advanceAndSettle(700)
      up.keepAlive.heard()
    }
    up.keepAlive.sent(message)
    await pass(26_000)
    expect(up.dead).toHaveLength(1)
  })

  test('is given up at most 50 s after its last sign of life, whenever that was', async () => {
    for (let lateMs = 0; lateMs < 2 * keepAliveMs; lateMs += 1500) {
      const up = setUp()
      for (let elapsedMs = 0; elapsedMs < lateMs; elapsedMs += 500) {
        await up.clock.advanceAndSettle(500)
        up.keepAlive.heard()
      }
      await unansweredPings(up)(LONGEST_IDLE_MS + 1000)
      expect(up.dead, `last heard after ${String(lateMs)} ms`).toHaveLength(1)
    }
  })

  test('is not taken for dead because stanzas that nobody answers are not answered', async () => {
    const { clock, keepAlive, pings } = setUp()
    keepAlive.sent(node('ack', { id: '1' }))
    keepAlive.sent(node('iq', { type: 'result' }))
    keepAlive.sent(node('presence', {}))
    await clock.advanceAndSettle(SHORTEST_MS - 1)
    expect(pings).toHaveLength(0)
  })

  test('is not asked when it has answered in time, nor twice at once', async () => {
    const { clock, keepAlive, pings } = setUp()
    keepAlive.sent(message)
    await clock.advanceAndSettle(4999)
    keepAlive.heard()
    await clock.advanceAndSettle(10_000)
    expect(pings).toHaveLength(0)
    keepAlive.sent(message)
    await clock.advanceAndSettle(5000)
    keepAlive.sent(message)
    await clock.advanceAndSettle(keepAliveMs)
    expect(pings).toHaveLength(1)
  })

  test('is not taken for dead while we hold it back, and is asked when we do not any more', async () => {
    const up = setUp()
    up.keepAlive.sent(message)
    up.keepAlive.hold()
    const pass = unansweredPings(up)
    await pass(120_000)
    expect([up.pings, up.dead]).toEqual([[], []])
    up.keepAlive.release()
    await pass(LONGEST_IDLE_MS + 1000)
    expect(up.dead).toHaveLength(1)
  })

  test('is not given up when half a stanza came instead of the pong', async () => {
    const up = setUp()
    const pass = unansweredPings(up)
    up.keepAlive.sent(message)
    await pass(10_000)
    up.keepAlive.heard()
    await pass(16_000)
    expect(up.pings.length).toBeGreaterThan(0)
    expect(up.dead).toHaveLength(0)
  })
})
