/**
 * The sidecar of a video or sound: one short MAC for each 64 KiB, so that a player can check and play what it has before
 * the rest is there. The windows are cut from iv, ciphertext and MAC as one run of bytes; each reaches 16 bytes into the
 * next, because a block can only be decrypted with the one before it.
 *
 * @source vectors of another implementation in tests/vectors/media/sidecars.json
 */
import { concatBytes } from '../../base/bytes.ts'
import { hmacSha256Stream, type DigestStream } from '../crypto/index.ts'

const WINDOW_BYTES = 65_536
const OVERLAP_BYTES = 16
const MAC_BYTES = 10

/** A sidecar in the making: 10 bytes for each 64 KiB, to which no more than two digests are kept. */
export class SidecarBuilder {
  readonly #macKey: Uint8Array
  readonly #macs: Uint8Array[] = []
  #current: DigestStream
  /** The following window, from the moment when the current one reaches into it. */
  #next: DigestStream | undefined
  /** Bytes since the current window began. */
  #position = 0

  constructor(macKey: Uint8Array) {
    this.#macKey = macKey
    this.#current = hmacSha256Stream(macKey)
  }

  /** Adds bytes of iv, ciphertext or MAC. */
  push(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.length > 0) {
      const isOverlap = this.#position >= WINDOW_BYTES
      const end = isOverlap ? WINDOW_BYTES + OVERLAP_BYTES : WINDOW_BYTES
      const part = rest.subarray(0, end - this.#position)
      this.#current.update(part)
      if (isOverlap) {
        this.#next ??= hmacSha256Stream(this.#macKey)
        this.#next.update(part)
      }
      this.#position += part.length
      rest = rest.subarray(part.length)
      if (this.#position === WINDOW_BYTES + OVERLAP_BYTES) this.#turn()
    }
  }

  /** All MACs, one behind the other. A window begins when the one before it is full: the overlap alone makes none. */
  finish(): Uint8Array {
    if (this.#position > 0) this.#macs.push(shortDigest(this.#current))
    return concatBytes(...this.#macs)
  }

  #turn(): void {
    this.#macs.push(shortDigest(this.#current))
    this.#current = this.#next ?? hmacSha256Stream(this.#macKey)
    this.#next = undefined
    this.#position = OVERLAP_BYTES
  }
}

function shortDigest(stream: DigestStream): Uint8Array {
  return stream.digest().slice(0, MAC_BYTES)
}
