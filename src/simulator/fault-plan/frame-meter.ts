/**
 * Finds where frames begin and end in one direction of one connection, by nothing but their lengths: what is inside is
 * sealed, and none of a broken network's business.
 *
 * ```
 * ["ED" 00 01 <length u24> <routing info>]  "WA" 06 03  { <length u24> <frame> }     the client's bytes
 *                                                       { <length u24> <frame> }     the server's
 * ```
 */
import type { TraceDirection } from '../trace.ts'

/** Where a frame begins or ends in a piece of the stream. */
export interface FrameEdge {
  readonly edge: 'begin' | 'end'
  readonly offset: number
}

/** A part of the stream that belongs to one frame, or to the intro in front of the first. */
export interface FramePiece {
  readonly bytes: Uint8Array
  readonly isBegin: boolean
  readonly isEnd: boolean
}

/** The length in front of each frame. */
const LENGTH_BYTES = 3
/** What stands in front of the first frame: the protocol header, and the routing info in front of that. */
const HEADER_BYTES = 4
const ROUTING_MARK = 0x45

/** See the file comment. One per direction of a connection. */
export class FrameMeter {
  #isFirst: boolean
  #lengthSeen = 0
  #length = 0
  /** Bytes to pass over: of the intro, or of the frame that began. */
  #skip = 0
  #isInFrame = false

  constructor(direction: TraceDirection) {
    this.#isFirst = direction === 'client-to-server'
  }

  /** Takes the next bytes of the stream. @returns the borders of frames in it, in order */
  push(chunk: Uint8Array): readonly FrameEdge[] {
    const edges: FrameEdge[] = []
    if (this.#isFirst) this.#skip = introBytes(chunk)
    this.#isFirst = false
    let offset = 0
    while (offset < chunk.length) {
      if (this.#skip === 0 && !this.#isInFrame) {
        if (this.#lengthSeen === 0) edges.push({ edge: 'begin', offset })
        this.#takeLength(chunk[offset] ?? 0)
        offset += 1
      } else {
        const passed = Math.min(this.#skip, chunk.length - offset)
        this.#skip -= passed
        offset += passed
      }
      if (this.#isInFrame && this.#skip === 0) {
        edges.push({ edge: 'end', offset })
        this.#isInFrame = false
      }
    }
    return edges
  }

  #takeLength(byte: number): void {
    this.#length = this.#length * 256 + byte
    this.#lengthSeen += 1
    if (this.#lengthSeen < LENGTH_BYTES) return
    this.#isInFrame = true
    this.#skip = this.#length
    this.#length = 0
    this.#lengthSeen = 0
  }
}

/** Cuts a chunk at the borders that a meter found in it; together the pieces are the chunk. */
export function splitAtFrames(chunk: Uint8Array, edges: readonly FrameEdge[]): readonly FramePiece[] {
  const borders = [...new Set([0, ...edges.map(({ offset }) => offset), chunk.length])]
  return borders.slice(1).map((end, index) => {
    const start = borders[index] ?? 0
    return {
      bytes: chunk.subarray(start, end),
      isBegin: edges.some(({ edge, offset }) => edge === 'begin' && offset === start),
      isEnd: edges.some(({ edge, offset }) => edge === 'end' && offset === end),
    }
  })
}

/** The client writes its intro and first frame at once. */
function introBytes(chunk: Uint8Array): number {
  if (chunk[0] !== ROUTING_MARK) return HEADER_BYTES
  const routing = ((chunk[4] ?? 0) << 16) | ((chunk[5] ?? 0) << 8) | (chunk[6] ?? 0)
  return HEADER_BYTES + LENGTH_BYTES + routing + HEADER_BYTES
}
