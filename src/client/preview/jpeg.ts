/** Whether bytes are a JPEG that may be sent as it is. The other side's app opens it, so it is told no untruth about its size. */

/** Sides of a preview picture. Those that pages offer have 1,200 pixels; a file of few bytes may claim 65,535. */
const MAX_SIDE = 2048
/** The frame headers: where a JPEG says how large it is. @source ITU-T T.81, table B.1: C0 to CF without C4, C8 and CC */
const NOT_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc])

/** Whether the bytes begin as a JPEG does and show a picture of at most 2,048 pixels each way. */
export function isSmallJpeg(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // segment by segment: a marker, and the length of what belongs to it
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1] ?? 0
    if (marker < 0xc0 || marker > 0xcf || NOT_FRAMES.has(marker)) continue
    return isSide(view.getUint16(at + 5)) && isSide(view.getUint16(at + 7))
  }
  return false
}

function isSide(pixels: number): boolean {
  return pixels > 0 && pixels <= MAX_SIDE
}
