import { describe, expect, it } from 'vitest'
import { BoundedMap } from './bounded-map.ts'
import { randomInteger, seededRandom } from './random.ts'

const SEED = 'bounded map'

describe('BoundedMap', () => {
  it.each([1, 2, 3, 8, 100])('never holds more than its bound of %i', (bound) => {
    const map = new BoundedMap<number, string>(bound)
    for (let key = 0; key < 1000; key++) {
      map.set(key, String(key))
      expect(map.size).toBeLessThanOrEqual(bound)
    }
    expect(map.size).toBeLessThan(1000)
  })

  it('keeps the half of its bound that was used last', () => {
    const map = new BoundedMap<number, string>(100)
    for (let key = 0; key < 1000; key++) map.set(key, String(key))
    for (let key = 951; key < 1000; key++) expect(map.get(key)).toBe(String(key))
  })

  it('keeps an entry that is read again and again, however many come after it', () => {
    const map = new BoundedMap<string, number>(16)
    map.set('kept', 7)
    for (let key = 0; key < 1000; key++) {
      map.set(`passing ${String(key)}`, key)
      expect(map.get('kept')).toBe(7)
    }
  })

  it('agrees with a plain map as long as there is room', () => {
    const random = seededRandom(SEED)
    const map = new BoundedMap<number, number>(200)
    const model = new Map<number, number>()
    for (let step = 0; step < 20_000; step++) {
      const key = randomInteger(random, 60)
      const action = randomInteger(random, 200)
      if (action === 0) {
        map.clear()
        model.clear()
      } else if (action < 60) {
        expect(map.delete(key), SEED).toBe(model.delete(key))
      } else if (action < 120) {
        map.set(key, step)
        model.set(key, step)
      }
      expect(map.get(key), SEED).toBe(model.get(key))
      expect(map.has(key), SEED).toBe(model.has(key))
      expect(map.size, SEED).toBe(model.size)
    }
  })
})
