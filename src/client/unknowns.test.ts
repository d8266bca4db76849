import { describe, expect, it } from 'vitest'
import { MAX_UNKNOWN_NAMES, Unknowns } from './unknowns.ts'

describe('what is not known', () => {
  it('is counted under a bounded number of names, each of a bounded length, whatever comes', () => {
    const unknowns = new Unknowns()
    for (let number = 0; number < 5 * MAX_UNKNOWN_NAMES; number += 1)
      unknowns.count('stanza', `${String(number)}-${'x'.repeat(1000)}`)
    const counts = unknowns.counts()
    expect(counts).toHaveLength(MAX_UNKNOWN_NAMES + 1)
    expect(counts[0]).toEqual({ what: 'stanza', name: '(others)', count: 4 * MAX_UNKNOWN_NAMES })
    expect(Math.max(...counts.map(({ name }) => name.length))).toBeLessThanOrEqual(80)
  })

  it('has one name for the rest of each sort, and goes on counting the names that it has', () => {
    const unknowns = new Unknowns()
    for (let number = 0; number < MAX_UNKNOWN_NAMES; number += 1) unknowns.count('field', String(number))
    for (const what of ['stanza', 'attribute', 'notification', 'content', 'protocol', 'field'] as const)
      for (const name of ['new', 'newer']) unknowns.count(what, name)
    unknowns.count('field', '7')
    const counts = unknowns.counts()
    expect(counts).toHaveLength(MAX_UNKNOWN_NAMES + 6)
    expect(counts.filter(({ name }) => name === '(others)').map(({ count }) => count)).toEqual([
      2, 2, 2, 2, 2, 2,
    ])
    expect(counts).toContainEqual({ what: 'field', name: '7', count: 2 })
  })

  it('is told with the largest count first, as a copy', () => {
    const unknowns = new Unknowns()
    for (const name of ['b', 'a', 'c', 'c', '__proto__']) unknowns.count('stanza', name)
    const counts = unknowns.counts()
    expect(counts.map(({ name, count }) => [name, count])).toEqual([
      ['c', 2],
      ['__proto__', 1],
      ['a', 1],
      ['b', 1],
    ])
    ;(counts as unknown[]).length = 0
    for (const entry of unknowns.counts()) Object.assign(entry, { count: 99 })
    expect(unknowns.counts().map(({ count }) => count)).toEqual([2, 1, 1, 1])
  })
})
