import { makeNoiseHandler } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import P from 'pino'
import { describe, expect, it, vi } from 'vitest'
import { concatBytes, fromHex, toHex, utf8Bytes } from '../base/bytes.ts'
import { ProtocolError, UsageError } from '../base/errors.ts'
import { connectionIntro, encodeFrame, FrameParser, MAX_FRAME_BYTES } from './framing.ts'

/** The other party: Baileys' frame writer and reader, before any encryption. */
function baileysHandler(routingInfo?: Buffer): ReturnType<typeof makeNoiseHandler> {
  return makeNoiseHandler({
    keyPair: { private: Buffer.alloc(32), public: Buffer.alloc(32) },
    NOISE_HEADER: Uint8Array.of(0x57, 0x41, 0x06, 0x03),
    logger: P({ level: 'silent' }),
    routingInfo,
  })
}

/** Cuts bytes into pieces whose lengths cycle through `lengths`. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let offset = 0
  for (let index = 0; offset < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1
    pieces.push(bytes.subarray(offset, offset + length))
    offset += length
  }
  return pieces
}

/** The independent reading of a whole stream, in one go. */
function framesOf(stream: Uint8Array): Uint8Array[] {
  const view = Buffer.from(stream)
  const frames: Uint8Array[] = []
  for (let offset = 0; offset + 3 <= view.length;) {
    const end = offset + 3 + view.readUIntBE(offset, 3)
    if (end > view.length) break
    frames.push(new Uint8Array(view.subarray(offset + 3, end)))
    offset = end
  }
  return frames
}

describe('writing frames', () => {
  it('refuses a body that 3 length bytes cannot announce', () => {
    expect(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(UsageError)
    expect(() => connectionIntro(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(
      expect.objectContaining({ code: 'WATON_FRAME_TOO_LARGE' }),
    )
  })

  it('writes the longest frame', () => {
    const frame = encodeFrame(new Uint8Array(MAX_FRAME_BYTES))
    expect(toHex(frame.subarray(0, 3))).toBe('ffffff')
    expect(frame.length).toBe(MAX_FRAME_BYTES + 3)
  })

  it.each([undefined, '', '0800', '08'.repeat(70_000)])(
    'begins a connection as Baileys does',
    (routingHex) => {
      const routingInfo = routingHex === undefined ? undefined : fromHex(routingHex)
      const body = utf8Bytes('client hello')
      // Baileys writes an empty pre-intro for empty routing info; nobody has any, so we write none.
      const baileysInfo =
        routingInfo === undefined || routingInfo.length === 0 ? undefined : Buffer.from(routingInfo)
      const expected = baileysHandler(baileysInfo).encodeFrame(body)
      expect(toHex(concatBytes(connectionIntro(routingInfo), encodeFrame(body)))).toBe(toHex(expected))
    },
  )
})

describe('reading frames', () => {
  it('refuses a frame longer than allowed as soon as its length is known, and everything after it', () => {
    const parser = new FrameParser(100)
    expect(parser.push(fromHex('000001aa0000'))).toEqual([Uint8Array.of(0xaa)])
    const refusal: unknown = expect.objectContaining({ code: 'WATON_FRAME_LENGTH' })
    expect(() => parser.push(fromHex('65'))).toThrow(refusal)
    expect(() => parser.push(encodeFrame(Uint8Array.of(1)))).toThrow(refusal)
    const other = new FrameParser(100)
    expect(() => other.push(new Uint8Array([0, 0, 101, 1, 2]))).toThrow(ProtocolError)
    expect(() => other.push(encodeFrame(Uint8Array.of(1)))).toThrow(refusal)
  })

  it('counts what it holds of a frame, not what the length announces', () => {
    const parser = new FrameParser()
    parser.push(fromHex('ffff'))
    expect(parser.pendingBytes).toBe(2)
    parser.push(fromHex('ff'))
    parser.push(new Uint8Array(10))
    expect(parser.pendingBytes).toBe(13)
  })

  it('gives an empty frame for a length of zero, wherever the stream is cut', () => {
    const stream = fromHex('000000000001bb000000')
    for (let length = 1; length <= stream.length; length++) {
      const parser = new FrameParser()
      const frames = cut(stream, [length]).flatMap((piece) => parser.push(piece))
      expect(frames.map(toHex)).toEqual(['', 'bb', ''])
    }
  })

  it('reads the longest frame in pieces', () => {
    const body = new Uint8Array(MAX_FRAME_BYTES).fill(7)
    const parser = new FrameParser()
    const frames = cut(encodeFrame(body), [65_536]).flatMap((piece) => parser.push(piece))
    expect(frames).toHaveLength(1)
    expect(frames[0]?.length).toBe(MAX_FRAME_BYTES)
    expect(frames[0]?.every((byte) => byte === 7)).toBe(true)
  })

  it('copies each byte a bounded number of times, however small the pieces are', () => {
    // Counted, not timed: growing by doubling moves fewer bytes than the frame has, twice over.
    const body = new Uint8Array(300_000)
    const parser = new FrameParser()
    const pieces = cut(encodeFrame(body), [1])
    const copies = vi.spyOn(Uint8Array.prototype, 'set')
    for (const piece of pieces) parser.push(piece)
    const copied = copies.mock.calls.reduce((sum, [source]) => sum + source.length, 0)
    copies.mockRestore()
    expect(copied).toBeGreaterThan(0)
    expect(copied).toBeLessThan(3 * body.length)
  })

  it('does not copy a frame that arrives whole', () => {
    const chunk = concatBytes(encodeFrame(utf8Bytes('one')), encodeFrame(utf8Bytes('two')))
    const frames = new FrameParser().push(chunk)
    expect(frames.map((frame) => frame.buffer === chunk.buffer)).toEqual([true, true])
  })

  it('gives the same frames for every way of cutting a stream', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 })
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(bodies, lengths, fc.uint8Array({ maxLength: 2 }), (sent, pieceLengths, tail) => {
        const stream = concatBytes(...sent.map(encodeFrame), tail)
        const parser = new FrameParser()
        const frames = cut(stream, pieceLengths).flatMap((piece) => parser.push(piece))
        expect(frames.map(toHex)).toEqual(framesOf(stream).map(toHex))
        expect(frames.map(toHex)).toEqual(sent.map(toHex))
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  it('reads random bytes without any other error than its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 64 })),
        fc.integer({ min: 0, max: 5000 }),
        (chunks, max) => {
          const parser = new FrameParser(max)
          try {
            for (const chunk of chunks) parser.push(chunk)
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
          }
        },
      ),
      { seed: 4, numRuns: 300 },
    )
  })

  it('reads what Baileys writes, and Baileys reads what we write', async () => {
    const bodies = [utf8Bytes('a'), new Uint8Array(70_000).fill(3), new Uint8Array(0), utf8Bytes('end')]
    const writer = baileysHandler()
    const fromBaileys = concatBytes(...bodies.map((body) => writer.encodeFrame(body))).subarray(4)
    const parser = new FrameParser()
    expect(
      cut(fromBaileys, [7, 1000, 1])
        .flatMap((piece) => parser.push(piece))
        .map(toHex),
    ).toEqual(bodies.map(toHex))

    const read: string[] = []
    const reader = baileysHandler()
    for (const piece of cut(concatBytes(...bodies.map(encodeFrame)), [5000, 2])) {
      await reader.decodeFrame(piece, (frame) => {
        if (frame instanceof Uint8Array) read.push(toHex(frame))
      })
    }
    expect(read).toEqual(bodies.map(toHex))
  })
})
