import { describe, expect, test } from 'vitest'
import { sleep } from '../base/clock.ts'
import { ManualClock } from './manual-clock.ts'

describe('ManualClock', () => {
  test('refuses to go back', () => {
    expect(() => {
      new ManualClock().advance(-1)
    }).toThrow(expect.objectContaining({ code: 'WATON_CLOCK_BACKWARDS' }))
  })

  test('runs timers in the order in which they are due, each at its own instant', () => {
    const clock = new ManualClock(1000)
    const seen: [string, number][] = []
    const note = (name: string) => () => seen.push([name, clock.nowMs()])
    clock.schedule(30, note('c'))
    clock.schedule(10, note('a'))
    clock.schedule(10, note('b'))
    clock.schedule(31, note('d'))
    clock.advance(30)
    expect(seen).toEqual([
      ['a', 1010],
      ['b', 1010],
      ['c', 1030],
    ])
    expect([clock.nowMs(), clock.pending, clock.nextDueMs]).toEqual([1030, 1, 1031])
  })

  test('runs timers that timers start, when they are due in time', () => {
    const clock = new ManualClock(0)
    const ticks: number[] = []
    const tick = (): void => {
      ticks.push(clock.nowMs())
      clock.schedule(10, tick)
    }
    clock.schedule(10, tick)
    clock.advance(35)
    expect(ticks).toEqual([10, 20, 30])
  })

  test('does not run a cancelled timer, and cancelling twice is harmless', () => {
    const clock = new ManualClock()
    const timer = clock.schedule(1, () => expect.unreachable())
    timer.cancel()
    timer.cancel()
    clock.advance(10)
    expect(clock.pending).toBe(0)
  })

  test('lets promises go on between timers when asked to', async () => {
    const clock = new ManualClock(0)
    const seen: number[] = []
    const loop = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await sleep(clock, 100)
        seen.push(clock.nowMs())
      }
    }
    const done = loop()
    await clock.advanceAndSettle(1000)
    await done
    expect(seen).toEqual([100, 200, 300])
    expect(clock.nowMs()).toBe(1000)
  })
})
