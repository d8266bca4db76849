import { describe, expect, it } from 'vitest'
import { buildPresence } from './presence.ts'

describe('our presence', () => {
  it('tells the name, and whether somebody looks', () => {
    expect(buildPresence({ name: 'Alice' })).toEqual({ tag: 'presence', attrs: { name: 'Alice' } })
    expect(buildPresence({ name: 'Alice', available: true }).attrs).toEqual({
      name: 'Alice',
      type: 'available',
    })
    expect(buildPresence({ name: 'Alice', available: false }).attrs).toEqual({
      name: 'Alice',
      type: 'unavailable',
    })
  })

  it('leaves out what would make the name look like an address', () => {
    expect(buildPresence({ name: 'a@b@c' }).attrs.name).toBe('abc')
  })
})
