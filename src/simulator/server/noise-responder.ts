/**
 * The server's side of the three handshakes and the cipher that follows them. Written from the Noise specification, not
 * shared with the client's side in `protocol/noise`.
 *
 * ```
 * XX          client: e                                 server: e, ee, s, es + chain    client: s, se + ClientPayload
 * IK          client: e, es, s, ss + ClientPayload      server: e, ee, se + chain
 * XXfallback  client: e of a failed IK                  server: e, ee, s, es + chain    client: s, se + ClientPayload
 * ```
 *
 * @source Noise Protocol Framework revision 34, sections 5, 7.5 and 10; HandshakeMessage of the WhatsApp schema
 */
import { concatBytes, EMPTY_BYTES, utf8Bytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
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

/** The handshakes that the server speaks. */
export type NoisePattern = 'XX' | 'IK' | 'XXfallback'

/** The first hash of each pattern: a name of 32 bytes with its padding as it is, a longer one hashed. */
const FIRST_HASH: Readonly<Record<NoisePattern, Uint8Array>> = {
  XX: utf8Bytes('Noise_XX_25519_AESGCM_SHA256\0\0\0\0'),
  IK: utf8Bytes('Noise_IK_25519_AESGCM_SHA256\0\0\0\0'),
  XXfallback: sha256(utf8Bytes('Noise_XXfallback_25519_AESGCM_SHA256')),
}
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

/** How the client's hello is answered. */
export interface HelloAnswer {
  readonly pattern: NoisePattern
  /** The server hello, to be sent as a frame. */
  readonly frame: Uint8Array
  /** Everything, when the hello resumed; otherwise the client's finish follows. */
  readonly result?: HandshakeResult
}

interface ResumingHello {
  readonly ephemeral: Uint8Array
  readonly static: Uint8Array
  readonly payload: Uint8Array
}

/** See the file comment. */
export class NoiseResponder {
  readonly #staticKey: KeyPair
  readonly #ephemeral: KeyPair
  readonly #prologue: Uint8Array
  #hash: Uint8Array = EMPTY_BYTES
  #chainingKey: Uint8Array = EMPTY_BYTES
  #key: Uint8Array = EMPTY_BYTES
  #counter = 0

  /** @param prologue - the header bytes that both sides saw before the first message */
  constructor(staticKey: KeyPair, prologue: Uint8Array, random: RandomSource) {
    this.#staticKey = staticKey
    this.#ephemeral = generateKeyPair(random)
    this.#prologue = prologue
  }

  /**
   * Answers the client's hello. One that resumes and was sealed for another key than ours is answered with a fallback.
   *
   * @param isResumable - whether to take a hello that resumes. @default true
   * @throws {ProtocolError} `WATON_SIMULATOR_HANDSHAKE` when it is incomplete
   */
  answerHello(frame: Uint8Array, certificateChain: Uint8Array, isResumable: boolean = true): HelloAnswer {
    const { clientHello } = decodeProto(HandshakeMessage, frame, 'HandshakeMessage')
    const { ephemeral, static: sealedStatic, payload } = clientHello ?? {}
    if (ephemeral?.length !== KEY_BYTES)
      throw wrongHandshake('the client hello carries no 32-byte ephemeral key')
    if (sealedStatic == null && payload == null) return this.#introduce('XX', ephemeral, certificateChain)
    if (sealedStatic == null || payload == null)
      throw wrongHandshake('the client hello has only one of static key and payload')
    const result = isResumable ? this.#resume({ ephemeral, static: sealedStatic, payload }) : undefined
    if (result === undefined) return this.#introduce('XXfallback', ephemeral, certificateChain)
    return { pattern: 'IK', ...result(certificateChain) }
  }

  /** Reads a hello that resumes, and says how to answer it; `undefined` when it was sealed for another key. */
  #resume(hello: ResumingHello): ((chain: Uint8Array) => Omit<HelloAnswer, 'pattern'>) | undefined {
    this.#begin('IK')
    this.#mixHash(this.#staticKey.publicKey)
    this.#mixHash(hello.ephemeral)
    try {
      this.#mixKey(sharedSecret(this.#staticKey.privateKey, hello.ephemeral))
      const clientKey = this.#open(hello.static)
      this.#mixKey(sharedSecret(this.#staticKey.privateKey, clientKey))
      const payload = this.#open(hello.payload)
      return (chain) => {
        this.#mixHash(this.#ephemeral.publicKey)
        this.#mixKey(sharedSecret(this.#ephemeral.privateKey, hello.ephemeral))
        this.#mixKey(sharedSecret(this.#ephemeral.privateKey, clientKey))
        const serverHello = { ephemeral: this.#ephemeral.publicKey, payload: this.#seal(chain) }
        const frame = encodeProto(HandshakeMessage, { serverHello }, 'HandshakeMessage')
        return { frame, result: this.#split(clientKey, payload) }
      }
    } catch (error) {
      if (error instanceof CryptoError) return undefined
      throw error
    }
  }

  #introduce(pattern: 'XX' | 'XXfallback', clientEphemeral: Uint8Array, chain: Uint8Array): HelloAnswer {
    this.#begin(pattern)
    this.#mixHash(clientEphemeral)
    this.#mixHash(this.#ephemeral.publicKey)
    this.#mixKey(sharedSecret(this.#ephemeral.privateKey, clientEphemeral))
    const sealedStatic = this.#seal(this.#staticKey.publicKey)
    this.#mixKey(sharedSecret(this.#staticKey.privateKey, clientEphemeral))
    const payload = this.#seal(chain)
    const serverHello = { ephemeral: this.#ephemeral.publicKey, static: sealedStatic, payload }
    return { pattern, frame: encodeProto(HandshakeMessage, { serverHello }, 'HandshakeMessage') }
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
    return this.#split(clientKey, this.#open(clientFinish.payload))
  }

  #split(clientKey: Uint8Array, payload: Uint8Array): HandshakeResult {
    const split = hkdfSha256(EMPTY_BYTES, 2 * KEY_BYTES, { salt: this.#chainingKey })
    return {
      clientKey,
      payload,
      fromClient: new TransportKey(split.slice(0, KEY_BYTES)),
      toClient: new TransportKey(split.slice(KEY_BYTES)),
    }
  }

  #begin(pattern: NoisePattern): void {
    this.#hash = FIRST_HASH[pattern]
    this.#chainingKey = FIRST_HASH[pattern]
    this.#key = EMPTY_BYTES
    this.#counter = 0
    this.#mixHash(this.#prologue)
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

/** Whether a client hello asks to resume. An unreadable one does not. */
export function isResuming(frame: Uint8Array): boolean {
  try {
    return decodeProto(HandshakeMessage, frame, 'HandshakeMessage').clientHello?.static != null
  } catch {
    return false
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
