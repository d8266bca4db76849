/**
 * Texts on their way into and out of SQLite. The drivers end a text at its first U+0000 (two keys `a\0b` and `a\0c`
 * would become one row), so U+0000 and U+0001 are written as two characters that keep the order of the keys.
 */
import { requireText } from '../contract/text.ts'

const ESCAPE = '\u0001'

/** The form in which a text is bound. Order is kept: `a < b` in code points exactly when their forms are. */
export function textToColumn(text: string): string {
  requireText(text)
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text
  return text.replaceAll(ESCAPE, `${ESCAPE}\u0003`).replaceAll('\0', `${ESCAPE}\u0002`)
}

/** The text that {@link textToColumn} wrote. */
export function textFromColumn(column: string): string {
  if (!column.includes(ESCAPE)) return column
  return column.replaceAll(`${ESCAPE}\u0002`, '\0').replaceAll(`${ESCAPE}\u0003`, ESCAPE)
}
