/**
 * The server's side of Noise_XX_25519_AESGCM_SHA256 and the cipher that follows it. Written from the Noise
 * specification, not shared with the client's side in `protocol/noise`.
 *
 * ```
 * client: e          server: e, ee, s, es + certificate chain          client: s, se + ClientPayload
 * ```
 *
 * @source Noise Protocol Framework revision 34, sections 5 and 7.5; HandshakeMessage of the WhatsApp schema
 */
import { concatBytes, EMPTY_BYTES, utf8Bytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  aesGcmOpen,
  aesGcmSeal,
  generateKeyPair,
  hkdfSha256,
  sha256,
  sharedSecret,
} from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import { HandshakeMessage } from '../../protocol/proto/connection.ts'

/** Exactly 32 bytes with its padding, so it is the first hash as it is. */
const PROTOCOL_NAME = utf8Bytes('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
const KEY_BYTES = 32
const NONCE_BYTES = 12
const MAX_NONCE = 0xffffffff

/** One direction after the handshake. */
export class TransportKey {
  readonly #key: Uint8Array
  #counter = 0

  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(plaintext: Uint8Array): Uint8Array {
    return aesGcmSeal(this.#key, nonce(this.#counter++), plaintext, EMPTY_BYTES)
  }

  /** @throws {CryptoError} when the frame was altered, repeated or lost its order */
  open(sealed: Uint8Array): Uint8Array {
    return aesGcmOpen(this.#key, nonce(this.#counter++), sealed, EMPTY_BYTES)
  }
}

/** What the handshake leaves behind. */
export interface HandshakeResult {
  /** The client's Noise public key, 32 bytes. */
  readonly clientKey: Uint8Array
  /** Serialised `ClientPayload`. */
  readonly payload: Uint8Array
  readonly toClient: TransportKey
  readonly fromClient: TransportKey
}

/** See the file comment. */
export class NoiseResponder {
  readonly #staticKey: KeyPair
  readonly #ephemeral: KeyPair
  #hash: Uint8Array
  #chainingKey: Uint8Array
  #key: Uint8Array = EMPTY_BYTES
  #counter = 0

  /** @param prologue - the header bytes that both sides saw before the first message */
  constructor(staticKey: KeyPair, prologue: Uint8Array, random: RandomSource) {
    this.#staticKey = staticKey
    this.#ephemeral = generateKeyPair(random)
    this.#hash = PROTOCOL_NAME
    this.#chainingKey = PROTOCOL_NAME
    this.#mixHash(prologue)
  }

  /**
   * Answers the client's hello.
   *
   * @throws {ProtocolError} `WATON_SIMULATOR_HANDSHAKE` when it is not a plain XX hello
   */
  answerHello(frame: Uint8Array, certificateChain: Uint8Array): Uint8Array {
    const { clientHello } = decodeProto(HandshakeMessage, frame, 'HandshakeMessage')
    const clientEphemeral = clientHello?.ephemeral
    if (clientEphemeral?.length !== KEY_BYTES)
      throw wrongHandshake('the client hello carries no 32-byte ephemeral key')
    if (clientHello?.static != null)
      throw wrongHandshake('the client hello resumes (IK), which is not simulated')
    this.#mixHash(clientEphemeral)
    this.#mixHash(this.#ephemeral.publicKey)
    this.#mixKey(sharedSecret(this.#ephemeral.privateKey, clientEphemeral))
    const sealedStatic = this.#seal(this.#staticKey.publicKey)
    this.#mixKey(sharedSecret(this.#staticKey.privateKey, clientEphemeral))
    const payload = this.#seal(certificateChain)
    const serverHello = { ephemeral: this.#ephemeral.publicKey, static: sealedStatic, payload }
    return encodeProto(HandshakeMessage, { serverHello }, 'HandshakeMessage')
  }

  /**
   * Reads the client's finish.
   *
   * @throws {ProtocolError} `WATON_SIMULATOR_HANDSHAKE` when it is incomplete
   * @throws {CryptoError} when it does not open
   */
  readFinish(frame: Uint8Array): HandshakeResult {
    const { clientFinish } = decodeProto(HandshakeMessage, frame, 'HandshakeMessage')
    if (clientFinish?.static == null || clientFinish.payload == null) {
      throw wrongHandshake('the client finish lacks its static key or its payload')
    }
    const clientKey = this.#open(clientFinish.static)
    if (clientKey.length !== KEY_BYTES) throw wrongHandshake('the client static key is not 32 bytes')
    this.#mixKey(sharedSecret(this.#ephemeral.privateKey, clientKey))
    const payload = this.#open(clientFinish.payload)
    const split = hkdfSha256(EMPTY_BYTES, 2 * KEY_BYTES, { salt: this.#chainingKey })
    return {
      clientKey,
      payload,
      fromClient: new TransportKey(split.slice(0, KEY_BYTES)),
      toClient: new TransportKey(split.slice(KEY_BYTES)),
    }
  }

  #mixHash(bytes: Uint8Array): void {
    this.#hash = sha256(concatBytes(this.#hash, bytes))
  }

  #mixKey(input: Uint8Array): void {
    const output = hkdfSha256(input, 2 * KEY_BYTES, { salt: this.#chainingKey })
    this.#chainingKey = output.slice(0, KEY_BYTES)
    this.#key = output.slice(KEY_BYTES)
    this.#counter = 0
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const sealed = aesGcmSeal(this.#key, nonce(this.#counter++), plaintext, this.#hash)
    this.#mixHash(sealed)
    return sealed
  }

  #open(sealed: Uint8Array): Uint8Array {
    const plaintext = aesGcmOpen(this.#key, nonce(this.#counter++), sealed, this.#hash)
    this.#mixHash(sealed)
    return plaintext
  }
}

/** Eight zero bytes, then the counter. WhatsApp puts 32 bits at the end of the 12 bytes. */
function nonce(counter: number): Uint8Array {
  if (counter > MAX_NONCE) throw wrongHandshake('the frame counter is exhausted')
  const bytes = new Uint8Array(NONCE_BYTES)
  new DataView(bytes.buffer).setUint32(NONCE_BYTES - 4, counter)
  return bytes
}

function wrongHandshake(what: string): ProtocolError {
  return new ProtocolError('WATON_SIMULATOR_HANDSHAKE', `the handshake with a client failed: ${what}`)
}
