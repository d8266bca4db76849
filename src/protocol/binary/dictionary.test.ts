/** The generated word tables against those of Baileys and against the decoder that they were read from. */
import { DOUBLE_BYTE_TOKENS, SINGLE_BYTE_TOKENS } from '@whiskeysockets/baileys/lib/WABinary/constants.js'
import { decodeNode as rustDecode } from 'whatsapp-rust-bridge'
import { describe, expect, test } from 'vitest'
import {
  dictionaryWords,
  LONGEST_PACKABLE_WORD,
  LONGEST_WORD,
  singleByteWords,
  wordCodes,
} from './dictionary.ts'
import { packedTag } from './packed.ts'

const words = [...singleByteWords().slice(1), ...dictionaryWords().flat()]

describe('the word tables', () => {
  test('are those of Baileys', () => {
    expect(singleByteWords()).toEqual(SINGLE_BYTE_TOKENS)
    expect(dictionaryWords()).toEqual(DOUBLE_BYTE_TOKENS)
  })

  test('are those of the Rust codec', () => {
    singleByteWords().forEach((word, code) => {
      if (code > 0) expect(rustDecode(Uint8Array.of(0, 248, 1, code)).tag).toBe(word)
    })
    dictionaryWords().forEach((table, dictionary) => {
      table.forEach((word, index) => {
        expect(rustDecode(Uint8Array.of(0, 248, 1, 236 + dictionary, index)).tag).toBe(word)
      })
    })
  })

  test('hold no word twice, and each has its way back', () => {
    expect(new Set(words).size).toBe(words.length)
    expect(wordCodes().size).toBe(words.length)
    expect(wordCodes().get('s.whatsapp.net')).toBe(3)
    expect(wordCodes().get('screen_height')).toBe(235)
    expect(wordCodes().get('read-self')).toBe(0x100)
    expect(wordCodes().get('__proto__')).toBeUndefined()
  })

  test('keep to what the encoder relies on to skip the look-up', () => {
    expect(Math.max(...words.map((word) => word.length))).toBe(LONGEST_WORD)
    const packable = words.filter((word) => packedTag(word, 0, word.length) !== 0)
    expect(Math.max(...packable.map((word) => word.length))).toBe(LONGEST_PACKABLE_WORD)
    expect(words.filter((word) => word.includes('@'))).toEqual([])
  })
})
