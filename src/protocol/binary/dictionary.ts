/**
 * The word tables of the format in the shapes that reading and writing need, made from the generated `tokens.ts` on
 * first use, so that importing the codec costs nothing.
 */
import { DICTIONARY_WORDS, SINGLE_BYTE_WORDS } from './tokens.ts'

let singles: readonly string[] | undefined
let dictionaries: readonly (readonly string[])[] | undefined
let codes: ReadonlyMap<string, number> | undefined

function split(words: string): string[] {
  return words.trim().split(/\s+/)
}

/** Words of one byte, by byte value; index 0 is the empty text (the byte 0 is no word). */
export function singleByteWords(): readonly string[] {
  return (singles ??= ['', ...split(SINGLE_BYTE_WORDS)])
}

/** Words of two bytes: first index the dictionary (0..3), second the byte that follows. */
export function dictionaryWords(): readonly (readonly string[])[] {
  return (dictionaries ??= DICTIONARY_WORDS.map(split))
}

/**
 * The way back: word to code. Codes below 256 are the one byte; others are `0x100 + (dictionary << 8) + index`.
 */
export function wordCodes(): ReadonlyMap<string, number> {
  if (codes !== undefined) return codes
  const map = new Map<string, number>()
  singleByteWords().forEach((word, code) => {
    if (code > 0) map.set(word, code)
  })
  dictionaryWords().forEach((words, dictionary) => {
    words.forEach((word, index) => map.set(word, 0x100 + (dictionary << 8) + index))
  })
  codes = map
  return map
}

/** Length in characters of the longest word: longer text needs no look-up. */
export const LONGEST_WORD = 48
/** Length in characters of the longest word that could also be packed (`0-9A-F.-`): longer such text needs no look-up. */
export const LONGEST_PACKABLE_WORD = 4
