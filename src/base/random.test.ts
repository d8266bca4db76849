import { describe, expect, it } from 'vitest'
import { toHex } from './bytes.ts'
import { systemRandom } from './random.ts'

describe('systemRandom', () => {
  it('never gives the same bytes twice, also across refills of its pool', () => {
    const seen = new Set<string>()
    for (let count = 0; count < 2000; count++) seen.add(toHex(systemRandom.bytes(16)))
    expect(seen.size).toBe(2000)
  })

  it('gives bytes that the caller owns: writing to them changes nothing that comes later', () => {
    const first = systemRandom.bytes(8)
    first.fill(0xff)
    expect(first.buffer.byteLength).toBe(8)
    expect(toHex(systemRandom.bytes(8))).not.toBe('ffffffffffffffff')
  })

  it.each([0, 1, 63, 64, 65, 5000])('gives %i bytes', (length) => {
    expect(systemRandom.bytes(length)).toHaveLength(length)
  })

  it('uses every value of a byte', () => {
    const values = new Set<number>()
    for (let count = 0; count < 8000; count++) values.add(systemRandom.bytes(1)[0] ?? -1)
    expect(values.size).toBe(256)
  })
})
