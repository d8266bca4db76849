import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { encodeFrame, FrameReader, WA_HEADER } from './frame-reader.ts'

const FRAMES = [Uint8Array.of(1), new Uint8Array(300).fill(2), Uint8Array.of(3, 3)]
const ROUTED = Uint8Array.of(0x45, 0x44, 0, 1, 0, 0, 2, 9, 8)

function readSplit(
  bytes: Uint8Array,
  cuts: readonly number[],
): { frames: Uint8Array[]; reader: FrameReader } {
  const reader = new FrameReader()
  const frames: Uint8Array[] = []
  const borders = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  for (let index = 1; index < borders.length; index += 1) {
    frames.push(...reader.push(bytes.subarray(borders[index - 1], borders[index])))
  }
  return { frames, reader }
}

describe('frame reader', () => {
  it.each([
    ['HTTP', Uint8Array.from([0x47, 0x45, 0x54])],
    ['another protocol version', Uint8Array.of(0x57, 0x41, 5, 3)],
    ['a routing intro of another version', Uint8Array.of(0x45, 0x44, 0, 2)],
    ['a routing intro that is too long', Uint8Array.of(0x45, 0x44, 0, 1, 0xff, 0xff, 0xff)],
  ])('refuses %s', (_name, start) => {
    expect(() => new FrameReader().push(start)).toThrow(ProtocolError)
  })

  it('waits for the rest of a frame', () => {
    const reader = new FrameReader()
    expect(reader.push(concatBytes(WA_HEADER, Uint8Array.of(0, 0, 5, 1, 2)))).toEqual([])
    expect(reader.push(Uint8Array.of(3, 4, 5))).toEqual([Uint8Array.of(1, 2, 3, 4, 5)])
  })

  it('reads the same frames however the bytes are split, with and without routing info', () => {
    const plain = concatBytes(WA_HEADER, ...FRAMES.map(encodeFrame))
    for (const bytes of [plain, concatBytes(ROUTED, plain)]) {
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
          expect(readSplit(bytes, cuts).frames).toEqual(FRAMES)
        }),
        { seed: 1 },
      )
    }
    expect(readSplit(concatBytes(ROUTED, plain), [3]).reader.routingInfo).toEqual(Uint8Array.of(9, 8))
  })
})
