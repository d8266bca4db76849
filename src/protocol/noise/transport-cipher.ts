/**
 * The cipher of an open connection: AES-256-GCM with one key and one counter per direction, no additional data. It
 * seals whole frames, length included, and opens frame bodies; cutting the stream into frames is the transport's
 * business. The counters are implied, never sent: one lost, repeated or altered frame is the end of the connection.
 */
import { ClosedError, CryptoError, UsageError } from '../../base/errors.ts'
import { aesGcmOpen, aesGcmSealInto, GCM_TAG_BYTES } from '../crypto/index.ts'
import { MAX_MESSAGES, NONCE_BYTES, writeNonce } from './nonce.ts'

/** Bytes of the length in front of a frame. */
const LENGTH_BYTES = 3

/** The longest payload of one frame: what 3 length bytes can announce, less the tag. */
export const MAX_PAYLOAD_BYTES: number = 0xff_ff_ff - GCM_TAG_BYTES

/** The keys that a handshake ends with, as one side sees them. */
export interface TransportKeys {
  /** 32 bytes; seals what this side sends. */
  readonly sendKey: Uint8Array
  /** 32 bytes; opens what this side receives. */
  readonly receiveKey: Uint8Array
}

/** Where the counters stand. */
export interface TransportCounters {
  /** Frames sealed so far. @default 0 */
  readonly sent?: number
  /** Frames opened so far. @default 0 */
  readonly received?: number
}

/** Seals and opens the frames of one connection, in order. See the file comment. */
export class TransportCipher {
  readonly #keys: TransportKeys
  #sent: number
  #received: number
  readonly #sendNonce = new Uint8Array(NONCE_BYTES)
  readonly #receiveNonce = new Uint8Array(NONCE_BYTES)
  #isBroken = false

  constructor(keys: TransportKeys, counters: TransportCounters = {}) {
    this.#keys = keys
    this.#sent = counters.sent ?? 0
    this.#received = counters.received ?? 0
  }

  /**
   * Seals the next payload.
   *
   * @returns the frame as it goes on the wire: 3-byte length, ciphertext, 16-byte tag
   * @throws {UsageError} `WATON_NOISE_PAYLOAD_TOO_LARGE` above {@link MAX_PAYLOAD_BYTES}; nothing is counted then
   * @throws {CryptoError} `WATON_NOISE_COUNTER` after 2^32 frames: close the connection and open another
   * @throws {ClosedError} `WATON_NOISE_BROKEN` after an earlier failure
   */
  seal(payload: Uint8Array): Uint8Array {
    this.#refuseBroken()
    if (payload.length > MAX_PAYLOAD_BYTES) throw payloadError(payload.length)
    const frame = new Uint8Array(frameBytes(payload))
    this.#sealInto(frame, 0, payload)
    return frame
  }

  /**
   * Seals payloads into one piece of memory, for one write: the frames of {@link seal}, one behind the other.
   *
   * @throws as {@link seal}; when a payload is too large none is sealed
   */
  sealAll(payloads: readonly Uint8Array[]): Uint8Array {
    this.#refuseBroken()
    let totalBytes = 0
    for (const payload of payloads) {
      if (payload.length > MAX_PAYLOAD_BYTES) throw payloadError(payload.length)
      totalBytes += frameBytes(payload)
    }
    const frames = new Uint8Array(totalBytes)
    let offset = 0
    for (const payload of payloads) {
      this.#sealInto(frames, offset, payload)
      offset += frameBytes(payload)
    }
    return frames
  }

  #sealInto(target: Uint8Array, offset: number, payload: Uint8Array): void {
    this.#refuseExhausted(this.#sent)
    writeNonce(this.#sendNonce, this.#sent++)
    const bodyBytes = payload.length + GCM_TAG_BYTES
    target[offset] = bodyBytes >>> 16
    target[offset + 1] = bodyBytes >>> 8
    target[offset + 2] = bodyBytes
    const sealing = { key: this.#keys.sendKey, iv: this.#sendNonce, plaintext: payload }
    aesGcmSealInto(target, offset + LENGTH_BYTES, sealing)
  }

  /**
   * Opens the body of the next frame (without its length).
   *
   * @throws {CryptoError} `WATON_CRYPTO_TAG` when it is not what the server sealed next. This is fatal: both directions
   *   refuse every later call, because nothing that follows can be trusted to be whole
   * @throws {CryptoError} `WATON_NOISE_COUNTER` after 2^32 frames: close the connection and open another
   * @throws {ClosedError} `WATON_NOISE_BROKEN` after an earlier failure
   */
  open(body: Uint8Array): Uint8Array {
    this.#refuseBroken()
    this.#refuseExhausted(this.#received)
    writeNonce(this.#receiveNonce, this.#received++)
    try {
      return aesGcmOpen(this.#keys.receiveKey, this.#receiveNonce, body)
    } catch (error) {
      this.#isBroken = true
      throw error
    }
  }

  #refuseBroken(): void {
    if (!this.#isBroken) return
    throw new ClosedError(
      'WATON_NOISE_BROKEN',
      'an earlier frame of this connection failed authentication or the counter ran out, so nothing more is sealed or opened; close the connection and open another',
      { retryable: true },
    )
  }

  #refuseExhausted(counter: number): void {
    if (counter < MAX_MESSAGES) return
    this.#isBroken = true
    throw new CryptoError(
      'WATON_NOISE_COUNTER',
      'this connection has used every nonce of its key, and one more frame would repeat the first; close the connection and open another',
      { retryable: true },
    )
  }
}

function frameBytes(payload: Uint8Array): number {
  return LENGTH_BYTES + payload.length + GCM_TAG_BYTES
}

function payloadError(sizeBytes: number): UsageError {
  return new UsageError(
    'WATON_NOISE_PAYLOAD_TOO_LARGE',
    'one frame cannot hold a payload of this size; send large content as media',
    { details: { sizeBytes, maxBytes: MAX_PAYLOAD_BYTES } },
  )
}
