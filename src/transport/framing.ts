/**
 * Frames on the byte stream: a 3-byte big-endian length, then that many bytes. The length does not count itself, and
 * frames know nothing of WebSocket messages: one message may hold many frames and one frame may span many messages.
 * In front of the very first frame goes an intro that is not framed. Pure: bytes in, bytes out; what is inside a frame
 * is the business of `protocol/noise`.
 */
import { concatBytes, uint24Bytes } from '../base/bytes.ts'
import { ProtocolError, UsageError } from '../base/errors.ts'

/** Bytes of the length in front of every frame. */
export const FRAME_LENGTH_BYTES = 3

/** The longest frame that 3 length bytes can announce: 16 MiB - 1. */
export const MAX_FRAME_BYTES = 0xff_ff_ff

/** `WA`, then protocol version 6, then the binary token dictionary's version 3. */
const PROTOCOL_HEADER = [0x57, 0x41, 0x06, 0x03] as const

/** `ED`, then version 0.1 of the edge-routing pre-intro. */
const EDGE_ROUTING_MARK = [0x45, 0x44, 0x00, 0x01] as const

/** First allocation for a frame that arrives in pieces; it doubles from there, so an announced length alone costs nothing. */
const FIRST_PIECE_BYTES = 4096

/**
 * The bytes in front of the first frame of a connection. Send them and the first frame as one message.
 *
 * ```
 * [ 45 44 00 01 | length, 3 bytes | routing info ]   only with routing info from an earlier login
 * 57 41 06 03
 * ```
 *
 * @param routingInfo - what the server handed out in `<edge_routing><routing_info>`; none on the first connection
 * @throws {UsageError} `WATON_FRAME_TOO_LARGE` when it does not fit a 3-byte length
 * @source whatsmeow `socket/constants.go` (header); Baileys 7.0.0-rc14 `Utils/noise-handler` (routing)
 */
export function connectionIntro(routingInfo?: Uint8Array): Uint8Array {
  const header = Uint8Array.from(PROTOCOL_HEADER)
  if (routingInfo === undefined || routingInfo.length === 0) return header
  return concatBytes(Uint8Array.from(EDGE_ROUTING_MARK), encodeFrame(routingInfo), header)
}

/**
 * Puts the length in front of a frame body. Needed for the handshake only: the transport cipher writes its own lengths.
 *
 * @throws {UsageError} `WATON_FRAME_TOO_LARGE` when the body is longer than {@link MAX_FRAME_BYTES}
 */
export function encodeFrame(body: Uint8Array): Uint8Array {
  if (body.length > MAX_FRAME_BYTES) {
    throw new UsageError(
      'WATON_FRAME_TOO_LARGE',
      'a frame holds 16 MiB - 1 at most and this is longer; send large content as media',
      { details: { sizeBytes: body.length, maxBytes: MAX_FRAME_BYTES } },
    )
  }
  return concatBytes(uint24Bytes(body.length), body)
}

/**
 * Cuts a byte stream into frames: push what arrived, get the bodies that are complete.
 *
 * Every byte is copied at most twice on average, however small the pieces are; a frame that arrives in one piece is
 * not copied at all. At most one unfinished frame is held.
 */
export class FrameParser {
  readonly #maxFrameBytes: number
  /** Length bytes seen of the unfinished frame, 0 to 3. */
  #lengthBytesSeen = 0
  #bodyBytes = 0
  #body: Uint8Array = new Uint8Array(0)
  #bodyBytesSeen = 0
  #refusal: ProtocolError | undefined

  /** @param maxFrameBytes - longest frame body to accept; lower it while the peer is not authenticated. @default 16 MiB - 1 */
  constructor(maxFrameBytes: number = MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes taken of the frame that is not complete yet, its length included; 0 between two frames. */
  get pendingBytes(): number {
    return this.#lengthBytesSeen + this.#bodyBytesSeen
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns the frame bodies completed by them, in order; views of `chunk` where possible
   * @throws {ProtocolError} `WATON_FRAME_LENGTH` when a frame is longer than allowed; the stream cannot be read any
   *   further then, and every later call throws the same
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#refusal !== undefined) throw this.#refusal
    const frames: Uint8Array[] = []
    let offset = 0
    while (offset < chunk.length) {
      const end = this.#lengthBytesSeen === 0 ? this.#wholeFrameEnd(chunk, offset) : undefined
      if (end === undefined) {
        offset = this.#take(chunk, offset, frames)
      } else {
        frames.push(chunk.subarray(offset + FRAME_LENGTH_BYTES, end))
        offset = end
      }
    }
    return frames
  }

  /** Where the frame that starts at `offset` ends, when all of it is in the chunk. */
  #wholeFrameEnd(chunk: Uint8Array, offset: number): number | undefined {
    if (chunk.length - offset < FRAME_LENGTH_BYTES) return undefined
    const announced =
      ((chunk[offset] ?? 0) << 16) | ((chunk[offset + 1] ?? 0) << 8) | (chunk[offset + 2] ?? 0)
    const bodyBytes = this.#checked(announced)
    const end = offset + FRAME_LENGTH_BYTES + bodyBytes
    return end <= chunk.length ? end : undefined
  }

  /** Adds to the unfinished frame what the chunk has of it; returns the offset behind that. */
  #take(chunk: Uint8Array, start: number, frames: Uint8Array[]): number {
    let offset = start
    while (this.#lengthBytesSeen < FRAME_LENGTH_BYTES) {
      const byte = chunk[offset]
      if (byte === undefined) return offset
      this.#bodyBytes = (this.#bodyBytes << 8) | byte
      this.#lengthBytesSeen++
      offset++
    }
    this.#checked(this.#bodyBytes)
    const piece = chunk.subarray(offset, offset + this.#bodyBytes - this.#bodyBytesSeen)
    this.#append(piece)
    if (this.#bodyBytesSeen === this.#bodyBytes) frames.push(this.#finish())
    return offset + piece.length
  }

  #append(piece: Uint8Array): void {
    const needed = this.#bodyBytesSeen + piece.length
    if (needed > this.#body.length) {
      const doubled = Math.max(needed, this.#body.length * 2, FIRST_PIECE_BYTES)
      const grown = new Uint8Array(Math.min(doubled, this.#bodyBytes))
      grown.set(this.#body.subarray(0, this.#bodyBytesSeen))
      this.#body = grown
    }
    this.#body.set(piece, this.#bodyBytesSeen)
    this.#bodyBytesSeen = needed
  }

  #finish(): Uint8Array {
    const body = this.#body.subarray(0, this.#bodyBytes)
    this.#lengthBytesSeen = 0
    this.#bodyBytes = 0
    this.#body = new Uint8Array(0)
    this.#bodyBytesSeen = 0
    return body
  }

  #checked(bodyBytes: number): number {
    if (bodyBytes <= this.#maxFrameBytes) return bodyBytes
    this.#refusal = new ProtocolError(
      'WATON_FRAME_LENGTH',
      'the server announced a longer frame than is allowed at this point, so the stream cannot be read further; reconnect',
      { details: { sizeBytes: bodyBytes, maxBytes: this.#maxFrameBytes } },
    )
    throw this.#refusal
  }
}
