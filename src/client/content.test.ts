import { describe, expect, it } from 'vitest'
import { READERS } from '../protocol/message/kinds/index.ts'
import { CONTENT_KINDS, contentKind } from './content.ts'

describe('the public content keys', () => {
  it('have every kind that is read, and are each listed once', () => {
    const kinds: readonly string[] = CONTENT_KINDS
    expect(READERS.map(({ name }) => name).filter((name) => !kinds.includes(name))).toEqual([])
    expect(new Set(kinds).size).toBe(kinds.length)
  })

  it('are found beside options', () => {
    expect(contentKind({ caption: 'x', image: {}, viewOnce: true })).toBe('image')
    expect(contentKind({ unknown: { kind: 'futureMessage' } })).toBe('unknown')
  })
})
