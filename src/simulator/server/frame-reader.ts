/**
 * The server's own framing: an optional routing pre-intro, the WhatsApp header, then frames with a 3-byte length. Bytes
 * may arrive in any split; WebSocket message borders mean nothing.
 *
 * ```
 * ["ED" 00 01 <length u24> <routing info>]  "WA" 06 03  { <length u24> <frame> }
 * ```
 */
import { concatBytes, EMPTY_BYTES, uint24Bytes, uintFromBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'

/** What a client sends first: "WA", protocol 6, dictionary 3. It is also the prologue of the Noise handshake. */
export const WA_HEADER: Uint8Array = Uint8Array.of(0x57, 0x41, 6, 3)
const ROUTING_INTRO = Uint8Array.of(0x45, 0x44, 0, 1)
const LENGTH_BYTES = 3
const MAX_ROUTING_BYTES = 4_096

/** See the file comment. */
export class FrameReader {
  #pending: Uint8Array = EMPTY_BYTES
  #hasHeader = false
  #routingInfo: Uint8Array | undefined

  /** The routing info the client presented; known once the first frame was returned. */
  get routingInfo(): Uint8Array | undefined {
    return this.#routingInfo
  }

  /**
   * Takes bytes and returns the frames that are complete.
   *
   * @throws {ProtocolError} `WATON_SIMULATOR_INTRO` when the connection does not start as a WhatsApp client's does
   */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    this.#pending = this.#pending.length === 0 ? bytes : concatBytes(this.#pending, bytes)
    if (!this.#hasHeader && !this.#readIntro()) return []
    const frames: Uint8Array[] = []
    for (;;) {
      if (this.#pending.length < LENGTH_BYTES) return frames
      const end = LENGTH_BYTES + uintFromBytes(this.#pending.subarray(0, LENGTH_BYTES))
      if (this.#pending.length < end) return frames
      frames.push(this.#pending.subarray(LENGTH_BYTES, end))
      this.#pending = this.#pending.subarray(end)
    }
  }

  /** Reads the intro when it is complete. @returns whether frames follow now */
  #readIntro(): boolean {
    const isRouted = startsAs(this.#pending, ROUTING_INTRO)
    if (isRouted && this.#routingInfo === undefined) {
      const start = ROUTING_INTRO.length + LENGTH_BYTES
      if (this.#pending.length < start) return false
      const length = uintFromBytes(this.#pending.subarray(ROUTING_INTRO.length, start))
      if (length > MAX_ROUTING_BYTES) throw wrongIntro('the routing info is too long')
      if (this.#pending.length < start + length) return false
      this.#routingInfo = this.#pending.slice(start, start + length)
      this.#pending = this.#pending.subarray(start + length)
    }
    if (!startsAs(this.#pending, WA_HEADER))
      throw wrongIntro('the bytes are neither "WA" 06 03 nor a routing intro')
    if (this.#pending.length < WA_HEADER.length) return false
    this.#pending = this.#pending.subarray(WA_HEADER.length)
    this.#hasHeader = true
    return true
  }
}

/** A frame with its length in front. */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  return concatBytes(uint24Bytes(frame.length), frame)
}

/** Whether `bytes` is, as far as it goes, the given start. */
function startsAs(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.subarray(0, length).every((byte, index) => byte === start[index])
}

function wrongIntro(what: string): ProtocolError {
  return new ProtocolError(
    'WATON_SIMULATOR_INTRO',
    `a connection does not start as a WhatsApp client does: ${what}`,
  )
}
