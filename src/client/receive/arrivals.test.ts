import { describe, expect, test } from 'vitest'
import { node } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'
import { Arrivals } from './arrivals.ts'

const LIMITS = {
  highWater: 4,
  lowWater: 2,
  highWaterBytes: 4000,
  lowWaterBytes: 2000,
  maxCount: 6,
  maxBytes: 8000,
}

/** A connection that counts what it is told. */
function connection(): { readonly it: Connection; readonly calls: string[]; end(): void } {
  const calls: string[] = []
  const it = { isOpen: true, pause: () => calls.push('pause'), resume: () => calls.push('resume') }
  const end = (): void => {
    it.isOpen = false
  }
  return { it: it as unknown as Connection, calls, end }
}

const small = (id: string) => node('message', { id })
const large = (id: string) => node('message', { id }, new Uint8Array(3000))

function idsOf(arrivals: Arrivals): (string | undefined)[] {
  const ids = []
  for (let next = arrivals.take(); next !== undefined; next = arrivals.take()) ids.push(next.stanza.attrs.id)
  return ids
}

describe('arrivals', () => {
  test('take in no more than their number, whatever the socket does about being held back', () => {
    const { it } = connection()
    const arrivals = new Arrivals(LIMITS)
    const added = Array.from({ length: 8 }, (_, number) => arrivals.add(it, small(String(number))))
    expect(added).toEqual([true, true, true, true, true, true, false, false])
  })

  test('count those whose commit is under way, in bytes, too', () => {
    const { it } = connection()
    const arrivals = new Arrivals(LIMITS)
    expect([arrivals.add(it, large('1')), arrivals.add(it, large('2'))]).toEqual([true, true])
    const first = arrivals.take()
    expect(arrivals.add(it, large('3'))).toBe(false)
    if (first !== undefined) arrivals.settle(first)
    expect(arrivals.add(it, large('3'))).toBe(true)
  })

  test('take in a single stanza of any size', () => {
    expect(new Arrivals(LIMITS).add(connection().it, node('message', {}, new Uint8Array(9000)))).toBe(true)
  })

  test('hold the server back by number, and let it go on when there is room again', () => {
    const { it, calls } = connection()
    const arrivals = new Arrivals(LIMITS)
    for (const id of ['1', '2', '3']) arrivals.add(it, small(id))
    expect(calls).toEqual([])
    arrivals.add(it, small('4'))
    expect(calls).toEqual(['pause'])
    arrivals.take()
    expect(calls).toEqual(['pause'])
    arrivals.take()
    expect(calls).toEqual(['pause', 'resume'])
  })

  test('hold the server back by bytes until they are durable', () => {
    const { it, calls } = connection()
    const arrivals = new Arrivals(LIMITS)
    arrivals.add(it, large('1'))
    arrivals.add(it, large('2'))
    expect(calls).toEqual(['pause'])
    const taken = [arrivals.take(), arrivals.take()]
    expect(calls).toEqual(['pause'])
    for (const one of taken) if (one !== undefined) arrivals.settle(one)
    expect(calls).toEqual(['pause', 'resume'])
  })

  test('give what is not durable again, before what waits, and not what is', () => {
    const { it } = connection()
    const arrivals = new Arrivals(LIMITS)
    for (const id of ['1', '2', '3', '4']) arrivals.add(it, small(id))
    const first = arrivals.take()
    arrivals.take()
    const third = arrivals.take()
    if (first !== undefined) arrivals.settle(first)
    if (third !== undefined) arrivals.putBack(third)
    arrivals.restart()
    expect(idsOf(arrivals)).toEqual(['2', '3', '4'])
  })

  test('forget what a connection that is gone has delivered, and keep its bytes for others', () => {
    const gone = connection()
    const present = connection()
    const arrivals = new Arrivals(LIMITS)
    arrivals.add(gone.it, large('1'))
    arrivals.add(gone.it, large('2'))
    arrivals.take()
    gone.end()
    arrivals.forget(gone.it)
    arrivals.restart()
    expect([arrivals.add(present.it, large('3')), arrivals.add(present.it, large('4'))]).toEqual([true, true])
    expect(idsOf(arrivals)).toEqual(['3', '4'])
  })
})
