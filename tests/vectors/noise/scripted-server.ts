/**
 * The server's side of the handshake, spelled out with `node:crypto` and Baileys' protobuf classes, for tests. It shares
 * no code with `src/protocol/noise`, so agreement with it means something, and unmodified Baileys must accept it too.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto'
import { Curve, proto } from '@whiskeysockets/baileys'

/** A Curve25519 key pair in Baileys' words. */
export type CurvePair = ReturnType<typeof Curve.generateKeyPair>

/** What a certificate says; overrides make bad ones. */
export interface CertificateDetails {
  serial: number
  issuerSerial: number
  key: Uint8Array
  notBefore: number
  notAfter: number
}

/** The keys behind a chain. */
export interface ServerKeys {
  readonly root: CurvePair
  readonly intermediate: CurvePair
  readonly static: CurvePair
}

/** The time at which {@link issueChain}'s certificates are valid. */
export const CHAIN_NOW_SECONDS = 1_750_000_000

export function newServerKeys(): ServerKeys {
  return {
    root: Curve.generateKeyPair(),
    intermediate: Curve.generateKeyPair(),
    static: Curve.generateKeyPair(),
  }
}

/** What can be wrong with a chain. */
export interface ChainOverrides {
  readonly intermediate?: Partial<CertificateDetails>
  readonly leaf?: Partial<CertificateDetails>
  readonly intermediateSigner?: CurvePair
  readonly leafSigner?: CurvePair
}

/** A chain as the server sends it: root signs intermediate, intermediate signs leaf, leaf names the static key. */
export function issueChain(keys: ServerKeys, overrides: ChainOverrides = {}): Uint8Array {
  const intermediate = details({
    serial: 3,
    issuerSerial: 0,
    key: keys.intermediate.public,
    notBefore: CHAIN_NOW_SECONDS - 1000,
    notAfter: CHAIN_NOW_SECONDS + 1000,
    ...overrides.intermediate,
  })
  const leaf = details({
    serial: 329,
    issuerSerial: 3,
    key: keys.static.public,
    notBefore: CHAIN_NOW_SECONDS - 100,
    notAfter: CHAIN_NOW_SECONDS + 100,
    ...overrides.leaf,
  })
  const sign = (signer: CurvePair, message: Uint8Array): Uint8Array => Curve.sign(signer.private, message)
  return proto.CertChain.encode({
    intermediate: {
      details: intermediate,
      signature: sign(overrides.intermediateSigner ?? keys.root, intermediate),
    },
    leaf: { details: leaf, signature: sign(overrides.leafSigner ?? keys.intermediate, leaf) },
  }).finish()
}

function details(values: CertificateDetails): Uint8Array {
  return proto.CertChain.NoiseCertificate.Details.encode(values).finish()
}

/** What the server knows after the last message. */
export interface ServerResult {
  readonly clientStatic: Uint8Array
  readonly clientPayload: Uint8Array
  /** Opens what the client sends. */
  readonly clientToServerKey: Uint8Array
  /** Seals what the server sends. */
  readonly serverToClientKey: Uint8Array
}

/** One handshake: the answer to a client hello, then what the client finish says. */
export class ScriptedServer {
  #hash: Buffer = Buffer.alloc(0)
  #chainingKey: Buffer = Buffer.alloc(0)
  #key: Buffer = Buffer.alloc(32)
  #counter = 0
  readonly #ephemeral = Curve.generateKeyPair()
  readonly #keys: ServerKeys
  readonly #chain: Uint8Array

  constructor(keys: ServerKeys, chain: Uint8Array = issueChain(keys)) {
    this.#keys = keys
    this.#chain = chain
  }

  /** XX: the client does not know us. */
  answer(clientHello: Uint8Array): Uint8Array {
    return this.#answerInFull(clientHello, Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0', 'latin1'))
  }

  /** XXfallback: the client knew another key of ours, or we would rather not resume. */
  answerFallback(clientHello: Uint8Array): Uint8Array {
    const name = createHash('sha256').update('Noise_XXfallback_25519_AESGCM_SHA256').digest()
    return this.#answerInFull(clientHello, name)
  }

  /** IK: the client knows us, and has said everything in its hello. */
  resume(clientHello: Uint8Array, payload: Uint8Array): { answer: Uint8Array; result: ServerResult } {
    const hello = proto.HandshakeMessage.decode(clientHello).clientHello
    if (hello?.ephemeral == null || hello.static == null || hello.payload == null) {
      throw new TypeError('no client hello that resumes')
    }
    this.#begin(Buffer.from('Noise_IK_25519_AESGCM_SHA256\0\0\0\0', 'latin1'))
    this.#mixHash(this.#keys.static.public)
    this.#mixHash(hello.ephemeral)
    this.#mixKey(agree(this.#keys.static, hello.ephemeral))
    const clientStatic = this.#open(hello.static)
    this.#mixKey(agree(this.#keys.static, clientStatic))
    const clientPayload = this.#open(hello.payload)
    this.#mixHash(this.#ephemeral.public)
    this.#mixKey(agree(this.#ephemeral, hello.ephemeral))
    this.#mixKey(agree(this.#ephemeral, clientStatic))
    const serverHello = { ephemeral: this.#ephemeral.public, payload: this.#seal(payload) }
    const [clientToServerKey, serverToClientKey] = this.#derive(Buffer.alloc(0))
    return {
      answer: proto.HandshakeMessage.encode({ serverHello }).finish(),
      result: { clientStatic, clientPayload, clientToServerKey, serverToClientKey },
    }
  }

  #answerInFull(clientHello: Uint8Array, name: Buffer): Uint8Array {
    const clientEphemeral = proto.HandshakeMessage.decode(clientHello).clientHello?.ephemeral
    if (clientEphemeral == null) throw new TypeError('no client hello')
    this.#begin(name)
    this.#mixHash(clientEphemeral)
    this.#mixHash(this.#ephemeral.public)
    this.#mixKey(agree(this.#ephemeral, clientEphemeral))
    const sealedStatic = this.#seal(this.#keys.static.public)
    this.#mixKey(agree(this.#keys.static, clientEphemeral))
    const payload = this.#seal(this.#chain)
    return proto.HandshakeMessage.encode({
      serverHello: { ephemeral: this.#ephemeral.public, static: sealedStatic, payload },
    }).finish()
  }

  finish(clientFinish: Uint8Array): ServerResult {
    const finish = proto.HandshakeMessage.decode(clientFinish).clientFinish
    if (finish?.static == null || finish.payload == null) throw new TypeError('no client finish')
    const clientStatic = this.#open(finish.static)
    this.#mixKey(agree(this.#ephemeral, clientStatic))
    const clientPayload = this.#open(finish.payload)
    const [clientToServerKey, serverToClientKey] = this.#derive(Buffer.alloc(0))
    return { clientStatic, clientPayload, clientToServerKey, serverToClientKey }
  }

  #begin(name: Buffer): void {
    this.#hash = name
    this.#chainingKey = name
    this.#mixHash(Buffer.from('57410603', 'hex'))
  }

  #mixHash(bytes: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(bytes).digest()
  }

  #derive(input: Uint8Array): [Buffer, Buffer] {
    const output = Buffer.from(hkdfSync('sha256', input, this.#chainingKey, '', 64))
    return [output.subarray(0, 32), output.subarray(32)]
  }

  #mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret)
    this.#chainingKey = chainingKey
    this.#key = key
    this.#counter = 0
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(12)
    nonce.writeBigUInt64BE(BigInt(this.#counter++), 4)
    return nonce
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce()).setAAD(this.#hash)
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    this.#mixHash(sealed)
    return sealed
  }

  #open(sealed: Uint8Array): Uint8Array {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce()).setAAD(this.#hash)
    decipher.setAuthTag(sealed.subarray(-16))
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
    this.#mixHash(sealed)
    return plaintext
  }
}

const PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PUBLIC_DER = Buffer.from('302a300506032b656e032100', 'hex')

function agree(own: CurvePair, theirs: Uint8Array): Buffer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PRIVATE_DER, own.private]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, theirs]),
    format: 'der',
    type: 'spki',
  })
  return diffieHellman({ privateKey, publicKey })
}
