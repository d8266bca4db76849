/** Frame headers as T.81 writes them, with sizes that a file can claim. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSmallJpeg } from './jpeg.ts'

/** The beginning of a JPEG as libjpeg writes it (JFIF header, a quantization table), with a frame header of this size. */
function jpeg(width: number, height: number, marker = 0xc0): Uint8Array {
  const jfif = [0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
  const table = [0xff, 0xdb, 0, 67, ...new Array<number>(65).fill(1)]
  const size = [height >> 8, height & 255, width >> 8, width & 255]
  const frame = [0xff, marker, 0, 17, 8, ...size, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]
  return new Uint8Array([0xff, 0xd8, ...jfif, ...table, ...frame, 0xff, 0xda])
}

describe('a picture', () => {
  it.each<[string, Uint8Array]>([
    ['is larger than it may be', jpeg(2049, 10)],
    ['is higher than it may be', jpeg(10, 65_535)],
    ['has no size', jpeg(0, 10)],
    ['has no frame', jpeg(10, 10, 0xc4)],
    ['ends before its frame', jpeg(10, 10).subarray(0, 90)],
    ['is a PNG', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ['is text', new TextEncoder().encode('<html>')],
    ['is nothing', new Uint8Array()],
    [
      'has a segment that says it has no length',
      new Uint8Array([0xff, 0xd8, ...new Array<number>(100).fill(0xff)]),
    ],
  ])('is not sent when it %s', (_why, bytes) => {
    expect(isSmallJpeg(bytes)).toBe(false)
  })

  it.each([
    [1, 1, 0xc0],
    [2048, 2048, 0xc0],
    [1200, 630, 0xc2],
  ])('of %i by %i pixels is sent', (width, height, marker) => {
    expect(isSmallJpeg(jpeg(width, height, marker))).toBe(true)
  })

  it('is judged whatever bytes it has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        isSmallJpeg(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, ...bytes]))
      }),
    )
  })
})
