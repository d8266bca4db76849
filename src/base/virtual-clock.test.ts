import { describe, expect, test } from 'vitest'
import { sleep, systemClock } from './clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('VirtualClock', () => {
  test('refuses to go back', () => {
    expect(() => {
      new VirtualClock().advance(-1)
    }).toThrow(expect.objectContaining({ code: 'WATON_CLOCK_BACKWARDS' }))
  })

  test('refuses to be moved by two at once', async () => {
    const clock = new VirtualClock()
    const first = clock.advanceAndSettle(1)
    await expect(clock.advanceAndSettle(1)).rejects.toMatchObject({ code: 'WATON_CLOCK_MOVING' })
    await first
  })

  test('gives up when what is waited for lies behind the limit, or nothing can bring it about', async () => {
    const clock = new VirtualClock(0)
    const late = sleep(clock, 2_000)
    await expect(clock.runUntil(late, { limitMs: 1_999 })).rejects.toMatchObject({
      code: 'WATON_CLOCK_LIMIT',
    })
    await clock.runUntil(late)
    await expect(clock.runUntil(new Promise(() => undefined), { patienceMs: 5 })).rejects.toThrow(
      /no timer is left/,
    )
    expect(clock.nowMs()).toBe(2_000)
  })

  test('gives up a timer that starts itself again without a delay', () => {
    const clock = new VirtualClock()
    const again = (): void => {
      clock.schedule(0, again)
    }
    again()
    expect(() => {
      clock.advance(1)
    }).toThrow(expect.objectContaining({ code: 'WATON_CLOCK_ENDLESS' }))
  })

  test('runs timers in the order in which they are due, each at its own instant', () => {
    const clock = new VirtualClock(1000)
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
    const clock = new VirtualClock(0)
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
    const clock = new VirtualClock()
    const timer = clock.schedule(1, () => expect.unreachable())
    timer.cancel()
    timer.cancel()
    clock.advance(10)
    expect(clock.pending).toBe(0)
  })

  test('lets promises go on between timers when asked to', async () => {
    const clock = new VirtualClock(0)
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

  test('jumps from timer to timer until a promise settles, and no further', async () => {
    const clock = new VirtualClock(0)
    const day = 24 * 60 * 60 * 1000
    clock.schedule(3 * day, () => expect.unreachable())
    const reminder = async (): Promise<string> => {
      await sleep(clock, day)
      await sleep(clock, day)
      return 'done'
    }
    expect(await clock.runUntil(reminder(), { limitMs: 5 * day })).toBe('done')
    expect(clock.nowMs()).toBe(2 * day)
  })

  test('waits for what is done elsewhere when no timer is left', async () => {
    const clock = new VirtualClock(0)
    await clock.runUntil(sleep(systemClock, 20))
    expect(clock.nowMs()).toBe(0)
  })

  test('rejects with what the promise rejects with', async () => {
    const clock = new VirtualClock()
    const failing = sleep(clock, 10).then(() => {
      throw new RangeError('no')
    })
    await expect(clock.runUntil(failing)).rejects.toThrow(RangeError)
  })

  test('runs until nothing is due, and says how long that took', async () => {
    const clock = new VirtualClock(0)
    void sleep(clock, 100).then(() => sleep(clock, 200))
    expect(await clock.runUntilIdle()).toBe(300)
    expect([clock.pending, await clock.runUntilIdle()]).toEqual([0, 0])
  })
})
