/**
 * The alphabets of packed text: digits with `-` and `.`, or upper-case hexadecimal, two characters a byte. This file has
 * the tables and the choice between the two; `writer.ts` and `reader.ts` move the bytes. Packed text starts with its tag
 * and one byte: the number of bytes that follow in 7 bits, and the top bit when the last half byte is padding.
 *
 * @source Baileys 7.0.0-rc14 `WABinary/encode.js` writePackedBytes, `decode.js` readPacked8
 */
import { HEX_8, MAX_PACKED_LENGTH, NIBBLE_8 } from './tags.ts'

/** Set in the length byte when the number of characters is odd. */
export const ODD_BIT = 0x80
/** The half byte that fills up the last byte of an odd number of characters. */
export const PADDING = 15

const HEX_BIT = 1
const NIBBLE_BIT = 2

/** In place of a half byte that has no character. */
const NONE = ' '
/** Half byte to character; 15 reads as the character of code 0, as other clients read it. */
const NIBBLE_ALPHABET = `0123456789-.${NONE}${NONE}${NONE}\0`
const HEX_ALPHABET = '0123456789ABCDEF'

/** For each ASCII code: which kinds of packed text it may stand in. */
const KINDS = new Uint8Array(128)

/** For each ASCII code that can be packed: its half byte. No character has two: the alphabets share only the digits. */
export const HALF_BYTES: Uint8Array = new Uint8Array(128)

function register(alphabet: string, kind: number): void {
  for (let halfByte = 0; halfByte < alphabet.length; halfByte++) {
    const code = alphabet.charCodeAt(halfByte)
    KINDS[code] = (KINDS[code] ?? 0) | kind
    HALF_BYTES[code] = halfByte
  }
}
register(HEX_ALPHABET, HEX_BIT)
register(NIBBLE_ALPHABET.slice(0, 12), NIBBLE_BIT)

/** Marks bytes that are no pair of characters in the tables below. */
export const NO_PAIR = 0xffff

function pairTable(alphabet: string): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    const first = alphabet.charAt(byte >> 4)
    const second = alphabet.charAt(byte & 15)
    return first === NONE || second === NONE ? NO_PAIR : first.charCodeAt(0) | (second.charCodeAt(0) << 8)
  })
}

/** For each byte of nibble text: first character code, plus 256 times the second; or {@link NO_PAIR}. */
export const NIBBLE_PAIRS: Uint16Array = pairTable(NIBBLE_ALPHABET)
/** The same for hexadecimal text, where every byte is a pair. */
export const HEX_PAIRS: Uint16Array = pairTable(HEX_ALPHABET)

/**
 * The tag under which the characters from `start` up to `end` are packed, or 0 when they cannot be. Text that could be
 * both (digits) is nibble text.
 */
export function packedTag(text: string, start: number, end: number): number {
  if (end === start || end - start > MAX_PACKED_LENGTH) return 0
  let kinds = HEX_BIT | NIBBLE_BIT
  for (let index = start; index < end; index++) {
    kinds &= KINDS[text.charCodeAt(index)] ?? 0
    if (kinds === 0) return 0
  }
  return (kinds & NIBBLE_BIT) === 0 ? HEX_8 : NIBBLE_8
}
