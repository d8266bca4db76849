import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { Pauses } from './pauses.ts'

function scene(): { clock: VirtualClock; pauses: Pauses; due: number[] } {
  const clock = new VirtualClock()
  const due: number[] = []
  const began = clock.nowMs()
  const pauses = new Pauses(clock, seededRandom('pauses'), () => {
    due.push(clock.nowMs() - began)
  })
  return { clock, pauses, due }
}

const ONE = { id: 'A', chat: 'a', reason: 'keys' } as const

describe('pauses', () => {
  test('grow with each failure of a chat up to ten minutes, and are never short', () => {
    const { clock, pauses } = scene()
    const lengths: number[] = []
    for (let count = 0; count < 12; count += 1) lengths.push(pauses.wait('a', ONE).dueAtMs - clock.nowMs())
    for (const [index, length] of lengths.entries()) {
      const full = Math.min(600_000, 5_000 * 2 ** index)
      expect(length).toBeLessThanOrEqual(full)
      expect(length).toBeGreaterThan(full * 0.75 - 1)
    }
    pauses.stop()
  })

  test('leave no timer behind when an attempt fails after the connection', () => {
    const { clock, pauses, due } = scene()
    pauses.stop()
    pauses.wait('a', ONE)
    clock.advance(60_000)
    expect(due).toEqual([])
    pauses.forgive()
    expect(pauses.held()).toEqual([])
    pauses.wait('a', ONE)
    clock.advance(60_000)
    expect(due).toHaveLength(1)
    pauses.stop()
  })

  test('of several chats end one by one, each at its time', () => {
    const { clock, pauses, due } = scene()
    pauses.wait('a', ONE)
    pauses.wait('b', { id: 'B', chat: 'b', reason: 'devices' })
    const later = pauses.wait('b', { id: 'B', chat: 'b', reason: 'devices' })
    expect(pauses.held()).toEqual(['a', 'b'])
    clock.advance(5_001)
    expect(due).toHaveLength(1)
    expect(pauses.held()).toEqual(['b'])
    clock.advance(10_000)
    expect(due).toHaveLength(2)
    expect(pauses.held()).toEqual([])
    expect(later.attempts).toBe(2)
  })

  test('go on under another lane when the other address of a chat was learned', () => {
    const { pauses } = scene()
    pauses.wait('a@s.whatsapp.net', ONE)
    const next = pauses.wait('1@lid', ONE)
    expect(next.attempts).toBe(2)
    expect(pauses.held()).toEqual(['1@lid'])
    expect(pauses.of('a')).toBe(next)
    pauses.stop()
  })

  test('are over when the message that they are for is with the server, or a new connection begins', () => {
    const { pauses } = scene()
    pauses.wait('a', ONE)
    expect(pauses.forget('B')).toBe(false)
    expect(pauses.forget('A')).toBe(true)
    expect(pauses.isEmpty).toBe(true)
    pauses.wait('a', ONE)
    pauses.forgive()
    expect(pauses.held()).toEqual([])
    // what was learned of how long to wait stays
    expect(pauses.wait('a', ONE).attempts).toBe(2)
    pauses.stop()
  })

  test('of more chats than are remembered cost the oldest only', () => {
    const { pauses } = scene()
    for (let number = 0; number < 1_030; number += 1)
      pauses.wait(String(number), { id: String(number), chat: String(number), reason: 'keys' })
    expect(pauses.held()).toHaveLength(1_024)
    expect(pauses.of('5')).toBeUndefined()
    expect(pauses.of('1029')).toBeDefined()
    pauses.stop()
  })
})
