import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareText } from '../contract/text.ts'
import { textFromColumn, textToColumn } from './text-column.ts'

/** Texts with many of the characters that are escaped, and of those around the surrogates. */
const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\0',
      '\u0001',
      '\u0002',
      '\u0003',
      'a',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
})

describe('texts of columns', () => {
  test('refuses half of a surrogate pair', () => {
    for (const text of ['\ud83d', 'a\udc00', '\udc00\ud83d']) {
      expect(() => textToColumn(text)).toThrow(expect.objectContaining({ code: 'WATON_STORE_TEXT' }))
    }
  })

  test('come back as they were and hold no NUL on the way', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const column = textToColumn(text)
        expect(column).not.toContain('\0')
        expect(textFromColumn(column)).toBe(text)
      }),
    )
  })

  test('sort by the bytes of their columns as the contract sorts them', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(textToColumn(a)), Buffer.from(textToColumn(b)))
        expect(Math.sign(compareText(a, b))).toBe(bytes)
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })
})
