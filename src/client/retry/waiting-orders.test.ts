import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { orderName } from './records.ts'
import { WaitingOrders } from './waiting-orders.ts'
import type { WaitingOrder } from './waiting-orders.ts'

interface Stage {
  readonly clock: VirtualClock
  readonly waiting: WaitingOrders
  readonly through: string[]
  /** Adds orders to the end of the line. Returns their names. */
  readonly add: (device: string, count: number, chat?: string) => readonly string[]
}

function setUp(): Stage {
  const clock = new VirtualClock()
  const through: string[] = []
  const waiting = new WaitingOrders(clock, (name) => through.push(name))
  let last = 0
  const add = (device: string, count: number, chat = 'chat'): readonly string[] =>
    Array.from({ length: count }, () => {
      const name = orderName(`M${String((last += 1))}`, device)
      const order: WaitingOrder = { name, chat, orderedAtMs: waiting.nextPlace(clock.nowMs()) }
      waiting.add(order)
      waiting.lookAt(order)
      return name
    })
  return { clock, waiting, through, add }
}

describe('orders that wait', () => {
  it('are a thousand of a device and four thousand of all at most, until they are done', () => {
    const { waiting, add } = setUp()
    const [first] = add('a', 1_000)
    expect(waiting.hasRoom('a', 0)).toBe(false)
    expect(waiting.hasRoom('b', 0)).toBe(true)
    for (const device of ['b', 'c']) add(device, 1_000)
    add('d', 999)
    expect(waiting.hasRoom('e', 0)).toBe(true)
    expect(waiting.hasRoom('e', 1)).toBe(false)
    add('d', 1)
    expect(waiting.hasRoom('e', 0)).toBe(false)
    waiting.done(first ?? '')
    expect(waiting.hasRoom('a', 0)).toBe(true)
  })

  it('go nowhere without a connection, and start no timer', () => {
    const { clock, waiting, through, add } = setUp()
    add('a', 30)
    expect(clock.pending).toBe(0)
    expect(through).toEqual([])
    waiting.start()
    waiting.stop()
    expect(clock.pending).toBe(0)
    clock.advance(3_600_000)
    expect(through).toHaveLength(20)
  })

  it('share one timer, which ends with them', () => {
    const { clock, waiting, through, add } = setUp()
    waiting.start()
    for (let device = 0; device < 50; device += 1) add(`d${String(device)}`, 30, `c${String(device)}`)
    expect(through).toHaveLength(50 * 20)
    expect(clock.pending).toBe(1)
    clock.advance(60_000)
    expect(through).toHaveLength(50 * 30)
    expect(clock.pending).toBe(0)
  })

  it('of two devices of a chat take turns, the older first', () => {
    const { clock, waiting, through, add } = setUp()
    waiting.start()
    add('a', 20)
    const ours = add('a', 3)
    const theirs = add('b', 3)
    through.length = 0
    clock.advance(12_000)
    expect(through).toEqual(ours.slice(0, 2))
    clock.advance(60_000)
    expect(through).toEqual([...ours, ...theirs])
  })

  it('of a device in one chat do not hold up those in another', () => {
    const { waiting, through, add } = setUp()
    waiting.start()
    add('someone', 20, 'busy')
    add('own', 5, 'busy')
    through.length = 0
    const free = add('own', 5, 'free')
    expect(through).toEqual(free)
  })

  it('keep the token that they have, and are added once', () => {
    const { clock, waiting, through, add } = setUp()
    waiting.start()
    const names = add('a', 20)
    waiting.stop()
    for (const [index, name] of names.entries()) waiting.add({ name, chat: 'chat', orderedAtMs: index })
    waiting.start()
    expect(names.every((name) => waiting.mayGo(name))).toBe(true)
    expect(through).toEqual([...names, ...names])
    expect(clock.pending).toBe(0)
  })

  it('of the process before have their places, and no new burst', () => {
    const { clock, waiting, through, add } = setUp()
    const left = ['x', 'y', 'z'].map((id, index) => ({
      ...{ name: orderName(id, 'a'), chat: 'chat', orderedAtMs: clock.nowMs() + index },
    }))
    const many = Array.from({ length: 20 }, (_, index) => ({
      ...{ name: orderName(String(index), 'a'), chat: 'chat', orderedAtMs: clock.nowMs() + 10 + index },
    }))
    for (const order of [...many, ...left].toReversed()) waiting.add(order, true)
    const [added] = add('a', 1)
    waiting.start()
    expect(through).toEqual([])
    clock.advance(6_000 * 24)
    expect(through).toEqual([...left, ...many].map(({ name }) => name).concat(added ?? ''))
  })
})
