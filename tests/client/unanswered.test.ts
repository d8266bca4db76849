/** How long an answer may take, by a clock that the test moves. */
import { describe, expect, test } from 'vitest'
import { VirtualClock, seededRandom } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { Unanswered } from '../../src/client/send/unanswered.ts'

const TIMEOUT_MS = 1_000

interface SetUp {
  readonly clock: VirtualClock
  readonly unanswered: Unanswered
  readonly late: (readonly string[])[]
  readonly closed: unknown[]
  readonly connection: () => Connection
}

function setUp(): SetUp {
  const clock = new VirtualClock()
  const late: (readonly string[])[] = []
  const closed: unknown[] = []
  const timing = { ackTimeoutMs: TIMEOUT_MS }
  const random = seededRandom('unanswered')
  const unanswered = new Unanswered({ clock, random, logger: silentLogger, timing }, (keys) =>
    late.push(keys),
  )
  const connection = (): Connection =>
    ({ close: (error: unknown) => closed.push(error) }) as unknown as Connection
  return { clock, unanswered, late, closed, connection }
}

describe('what has no answer', () => {
  test('is late after the time that was agreed and at most a quarter more, and then no more', () => {
    const { clock, unanswered, late, connection } = setUp()
    unanswered.begin(connection())
    unanswered.add('A')
    clock.advance(TIMEOUT_MS - 1)
    expect(late).toEqual([])
    expect(unanswered.has('A')).toBe(true)
    clock.advance(TIMEOUT_MS / 4 + 1)
    expect(late).toEqual([['A']])
    expect(unanswered.has('A')).toBe(false)
    clock.advance(1e9)
    expect(late).toHaveLength(1)
  })

  test('is not late when it was answered in time, however much else is written', () => {
    const { clock, unanswered, late, closed, connection } = setUp()
    unanswered.begin(connection())
    for (let index = 0; index < 100; index += 1) {
      unanswered.add(`A${String(index)}`)
      clock.advance(TIMEOUT_MS / 2)
      unanswered.answered(`A${String(index)}`)
      // one timer at most, which is not begun anew with each
      expect(clock.pending).toBeLessThanOrEqual(1)
    }
    expect([late, closed]).toEqual([[], []])
  })

  test('a second time ends the connection, and on the next ones is given twice the time each', () => {
    const { clock, unanswered, late, closed, connection } = setUp()
    unanswered.begin(connection())
    unanswered.add('A')
    clock.advance(TIMEOUT_MS * 1.25)
    for (const [index, factor] of [2, 4, 8].entries()) {
      if (index > 0) unanswered.begin(connection())
      unanswered.add('A')
      clock.advance(factor * TIMEOUT_MS - 1)
      expect(closed).toHaveLength(index)
      clock.advance(TIMEOUT_MS / 4 + 1)
      expect(closed).toHaveLength(index + 1)
    }
    expect(closed[0]).toMatchObject({ code: 'WATON_ACK_TIMEOUT', retryable: true })
    expect(late).toEqual([['A']])
    // an answer makes up for all of it
    unanswered.begin(connection())
    unanswered.add('A')
    unanswered.answered('A')
    unanswered.add('A')
    clock.advance(TIMEOUT_MS * 1.25)
    expect(late).toHaveLength(2)
  })

  test('stays so over a pause of the connection, which does not count, and is forgotten with another one', () => {
    const { clock, unanswered, late, connection } = setUp()
    const first = connection()
    unanswered.begin(first)
    unanswered.add('A')
    clock.advance(TIMEOUT_MS - 1)
    unanswered.stop()
    clock.advance(1e6)
    expect(clock.pending).toBe(0)
    unanswered.begin(first)
    expect(unanswered.has('A')).toBe(true)
    clock.advance(TIMEOUT_MS - 1)
    expect(late).toEqual([])
    unanswered.begin(connection())
    expect(unanswered.has('A')).toBe(false)
    clock.advance(1e6)
    expect(late).toEqual([])
  })
})
