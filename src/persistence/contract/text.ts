/**
 * How texts of a row compare and which are allowed. Keys sort by code point, which is the byte order of UTF-8 and so
 * what SQLite and PostgreSQL (collation "C") do without help; JavaScript's own `<` sorts by UTF-16 code unit and
 * differs where emoji meet the block behind the surrogates.
 */
import { textFailure } from './failures.ts'

/** Orders two texts by code point: negative, zero or positive. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** Moves the surrogates behind the rest of the plane, where the code points that they spell belong. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

// Node 20 has the method; the ES2023 library does not declare it yet.
interface WellFormedText {
  isWellFormed(): boolean
}

/**
 * Returns `text`, which must be well-formed.
 *
 * @throws {StorageError} `WATON_STORE_TEXT` when it holds a lone surrogate: UTF-8 would turn it into U+FFFD and let
 *   two keys become one
 */
export function requireText(text: string): string {
  if (!(text as unknown as WellFormedText).isWellFormed()) throw textFailure()
  return text
}
