/**
 * A QR code as terminal text. The renderer is loaded when the first code is drawn, because a linked device never needs
 * it again.
 */

import { utf8Bytes } from '../base/bytes.ts'
import { checkArgument } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'

/** Bytes that the largest code holds with the weakest error correction. @source ISO/IEC 18004, version 40-L */
const MAX_QR_BYTES = 2953

const QR_TEXT: Expectation = {
  expected: `text of at most ${String(MAX_QR_BYTES)} bytes that is valid Unicode`,
  accepts: (text) =>
    typeof text === 'string' && !/\p{Surrogate}/u.test(text) && utf8Bytes(text).length <= MAX_QR_BYTES,
}

/**
 * Draws a QR code with half-block characters: one line of text is two rows of the code. A pairing code takes about
 * 60 columns and 30 lines.
 *
 * The light modules are the ones that are drawn, which is what a dark terminal needs; phones read the inverse too.
 *
 * @param text - what the code says, e.g. `qr` of a `pairing.qr` event
 * @returns lines without a line break at the end
 */
export async function renderQr(text: string): Promise<string> {
  checkArgument('the text in renderQr(text)', text, QR_TEXT)
  const { renderUnicodeCompact } = await import('uqr')
  return renderUnicodeCompact(text, { ecc: 'L', border: 1 })
}
