/**
 * What both sides of a Noise handshake compute as they go: a hash of everything said so far, and a key that every
 * shared secret is mixed into. It knows the order of nothing: `handshake.ts` says what is mixed when.
 *
 * @source The Noise Protocol Framework, revision 34, section 5.2; the names in it are kept in the comments
 */
import { EMPTY_BYTES, utf8Bytes } from '../../base/bytes.ts'
import { aesGcmOpen, aesGcmSeal, hkdfSha256, sha256 } from '../crypto/index.ts'
import { nonceBytes } from './nonce.ts'
import type { TransportKeys } from './transport-cipher.ts'

/** Length of the hash, of the chaining key and of every cipher key. */
const HASH_BYTES = 32

/** The patterns that WhatsApp speaks, by their names. */
export const PROTOCOL_NAMES = {
  XX: 'Noise_XX_25519_AESGCM_SHA256',
  IK: 'Noise_IK_25519_AESGCM_SHA256',
  XXfallback: 'Noise_XXfallback_25519_AESGCM_SHA256',
} as const

/** Which handshake it was. */
export type HandshakePattern = keyof typeof PROTOCOL_NAMES

/** One side's handshake state. Used for one handshake and thrown away. */
export class SymmetricState {
  /** "h" */
  #hash: Uint8Array
  /** "ck" */
  #chainingKey: Uint8Array
  /** "k"; nothing is encrypted before the first secret was mixed in. */
  #key: Uint8Array | undefined
  /** "n" */
  #counter = 0

  /**
   * @param prologue - bytes that both sides must have seen alike although they are no part of a handshake message
   * @param pattern - whose name the hash begins with. @default 'XX'
   */
  constructor(prologue: Uint8Array, pattern: HandshakePattern = 'XX') {
    this.#hash = firstHash(PROTOCOL_NAMES[pattern])
    this.#chainingKey = this.#hash
    this.mixHash(prologue)
  }

  /** The hash of everything mixed in so far; at the end it names the connection. */
  get handshakeHash(): Uint8Array {
    return this.#hash
  }

  /** Binds public bytes to everything that follows ("MixHash"). */
  mixHash(bytes: Uint8Array): void {
    this.#hash = sha256(this.#hash, bytes)
  }

  /** Binds a shared secret to everything that follows and starts a fresh cipher key ("MixKey"). */
  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret)
    this.#chainingKey = chainingKey
    this.#key = key
    this.#counter = 0
  }

  /** Seals a part of an outgoing message ("EncryptAndHash"); as long as there is no key it stays readable. */
  seal(plaintext: Uint8Array): Uint8Array {
    const sealed =
      this.#key === undefined
        ? plaintext
        : aesGcmSeal(this.#key, nonceBytes(this.#counter++), plaintext, this.#hash)
    this.mixHash(sealed)
    return sealed
  }

  /**
   * Opens a part of an incoming message ("DecryptAndHash").
   *
   * @throws {CryptoError} `WATON_CRYPTO_TAG` when it was not sealed by somebody who saw and knows the same; the
   *   handshake is over then
   */
  open(sealed: Uint8Array): Uint8Array {
    const plaintext =
      this.#key === undefined
        ? sealed
        : aesGcmOpen(this.#key, nonceBytes(this.#counter++), sealed, this.#hash)
    this.mixHash(sealed)
    return plaintext
  }

  /** The keys of the side that spoke first, for after the handshake ("Split"). */
  split(): TransportKeys {
    const [sendKey, receiveKey] = this.#derive(EMPTY_BYTES)
    return { sendKey, receiveKey }
  }

  /** "HKDF(ck, input, 2)" */
  #derive(input: Uint8Array): [Uint8Array, Uint8Array] {
    const output = hkdfSha256(input, 2 * HASH_BYTES, { salt: this.#chainingKey })
    return [output.slice(0, HASH_BYTES), output.slice(HASH_BYTES)]
  }
}

/** "InitializeSymmetric": a name that fits the hash is padded with zeros, a longer one is hashed. */
function firstHash(protocolName: string): Uint8Array {
  const name = utf8Bytes(protocolName)
  if (name.length > HASH_BYTES) return sha256(name)
  const padded = new Uint8Array(HASH_BYTES)
  padded.set(name)
  return padded
}
