/**
 * The simulator's own certificate chain: root, intermediate, leaf, signed the way WhatsApp's is. Clients trust it by
 * being given the root key with the endpoint.
 *
 * @source whatsmeow `handshake.go` verifyServerCert: each certificate is protobuf details plus an XEdDSA signature by
 *   the issuer over those bytes; the intermediate names issuer serial 0 (the root), the leaf the intermediate's serial;
 *   the leaf's key is the server's Noise static key
 */
import type { Clock } from '../../base/clock.ts'
import type { RandomSource } from '../../base/random.ts'
import { generateKeyPair, sign } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import { CertChain } from '../../protocol/proto/connection.ts'

/** Serial of the root, as the intermediate names its issuer. */
export const ROOT_SERIAL = 0
const INTERMEDIATE_SERIAL = 1
const LEAF_SERIAL = 2
const DAY_SECONDS = 86_400
const VALID_DAYS_BEFORE = 1
const VALID_DAYS_AFTER = 30

interface CertificateDetails {
  readonly serial: number
  readonly issuerSerial: number
  readonly key: Uint8Array
}

/** See the file comment. */
export class CertificateAuthority {
  #serverKey: KeyPair
  readonly #root: KeyPair
  readonly #intermediate: KeyPair
  readonly #clock: Clock
  readonly #random: RandomSource

  constructor(clock: Clock, random: RandomSource) {
    this.#clock = clock
    this.#random = random
    this.#root = generateKeyPair(random)
    this.#intermediate = generateKeyPair(random)
    this.#serverKey = generateKeyPair(random)
  }

  /** The server's Noise static key: the key of the leaf. */
  get serverKey(): KeyPair {
    return this.#serverKey
  }

  /** Gives the server a new static key; whoever resumes with the old one cannot be understood. */
  rotate(): void {
    this.#serverKey = generateKeyPair(this.#random)
  }

  /** The key that clients must trust, 32 bytes. */
  get rootKey(): Uint8Array {
    return this.#root.publicKey
  }

  /** Serialised `CertChain`, valid from a day ago for a month. */
  issueChain(): Uint8Array {
    const intermediate = {
      serial: INTERMEDIATE_SERIAL,
      issuerSerial: ROOT_SERIAL,
      key: this.#intermediate.publicKey,
    }
    const leaf = { serial: LEAF_SERIAL, issuerSerial: INTERMEDIATE_SERIAL, key: this.serverKey.publicKey }
    const chain = {
      leaf: this.#issue(leaf, this.#intermediate),
      intermediate: this.#issue(intermediate, this.#root),
    }
    return encodeProto(CertChain, chain, 'CertChain')
  }

  #issue(facts: CertificateDetails, issuer: KeyPair): { details: Uint8Array; signature: Uint8Array } {
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1000)
    const validity = {
      notBefore: nowSeconds - VALID_DAYS_BEFORE * DAY_SECONDS,
      notAfter: nowSeconds + VALID_DAYS_AFTER * DAY_SECONDS,
    }
    const details = encodeProto(
      CertChain.NoiseCertificate.Details,
      { ...facts, ...validity },
      'CertChain details',
    )
    return { details, signature: sign(issuer.privateKey, details, this.#random) }
  }
}
