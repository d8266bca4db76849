/**
 * A QR code as terminal text. The renderer is loaded when the first code is drawn, because a linked device never needs
 * it again.
 */

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
  const { renderUnicodeCompact } = await import('uqr')
  return renderUnicodeCompact(text, { ecc: 'L', border: 1 })
}
