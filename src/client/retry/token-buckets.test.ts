import { describe, expect, it } from 'vitest'
import { TokenBuckets } from './token-buckets.ts'

const START_MS = 1_700_000_000_000

function takeAll(buckets: TokenBuckets, names: readonly string[], nowMs: number): number {
  let taken = 0
  while (taken < 1_000 && buckets.take(names, nowMs)) taken += 1
  return taken
}

describe('token buckets', () => {
  it('give twenty at once, and ten more in a minute', () => {
    const buckets = new TokenBuckets()
    expect(takeAll(buckets, ['a'], START_MS)).toBe(20)
    expect(buckets.take(['a'], START_MS + 5_999)).toBe(false)
    expect(takeAll(buckets, ['a'], START_MS + 60_000)).toBe(10)
    expect(takeAll(buckets, ['a'], START_MS + 3_600_000)).toBe(20)
  })

  it('take from all or from none', () => {
    const buckets = new TokenBuckets()
    takeAll(buckets, ['a'], START_MS)
    expect(buckets.take(['b', 'a'], START_MS)).toBe(false)
    expect(takeAll(buckets, ['b'], START_MS)).toBe(20)
  })

  it('go on after a clock that was set back', () => {
    const buckets = new TokenBuckets()
    takeAll(buckets, ['a'], START_MS)
    expect(buckets.take(['a'], START_MS - 3_600_000)).toBe(true)
  })
})
