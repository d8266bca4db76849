/**
 * What every handshake does with the server's answer: reads it, and where the answer carries the server's static key
 * (the second message of XX, the first one of XXfallback), checks the server's identity and makes the last message.
 * Which pattern is played, and what came before, is decided in `handshake.ts` and `resume.ts`.
 */
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { CURVE_KEY_BYTES, type KeyPair, sharedSecret } from '../crypto/index.ts'
import { decodeProto, encodeProto } from '../proto/codec.ts'
import { HandshakeMessage } from '../proto/connection.ts'
import { type CertificateChain, checkCertificateChain } from './certificate.ts'
import type { SymmetricState } from './symmetric-state.ts'
import { TransportCipher } from './transport-cipher.ts'

/** Both sides bind the first bytes of the connection (`WA`, 6, 3) to the handshake. */
export const PROLOGUE: readonly number[] = [0x57, 0x41, 0x06, 0x03]

/** Whom a handshake believes. */
export interface HandshakeTrust {
  /** The key that must stand behind the server's certificate. @default WhatsApp's */
  readonly rootKey?: Uint8Array | undefined
  /** The serial number of that key. @default 0, WhatsApp's */
  readonly rootSerial?: number | undefined
  /** The present, seconds since the Unix epoch: certificates have a beginning and an end. */
  readonly nowSeconds: number
}

/** What a handshake ends with. */
export interface HandshakeResult {
  /** The last message, to be sent as a frame. Frames after it are sealed with {@link HandshakeResult.cipher}. */
  readonly finish: Uint8Array
  /** Encrypts what follows. */
  readonly cipher: TransportCipher
  /** The server's static key, 32 bytes; certified. */
  readonly serverStatic: Uint8Array
  /** What the server has shown; verified. */
  readonly certificate: CertificateChain
}

/** The server's answer, taken apart; nothing in it is authenticated yet. */
export interface ServerHello {
  readonly ephemeral: Uint8Array
  /** Sealed. Absent when the server accepts a resumption. */
  readonly static: Uint8Array | undefined
  /** Sealed. */
  readonly payload: Uint8Array
}

/** A server hello that brings the server's static key along. */
export interface FullServerHello extends ServerHello {
  readonly static: Uint8Array
}

/**
 * Reads a server hello.
 *
 * @param bytes - serialised `HandshakeMessage`
 * @throws {ProtocolError} `WATON_NOISE_MALFORMED` when it is no server hello, or one without ephemeral or payload
 */
export function parseServerHello(bytes: Uint8Array): ServerHello {
  let hello: HandshakeMessage.IServerHello | null | undefined
  try {
    hello = decodeProto(HandshakeMessage, bytes, 'HandshakeMessage').serverHello
  } catch (cause) {
    throw malformedError(cause)
  }
  const { ephemeral, static: sealedStatic, payload } = hello ?? {}
  if (ephemeral?.length !== CURVE_KEY_BYTES || payload == null) throw malformedError()
  return { ephemeral, static: sealedStatic ?? undefined, payload }
}

/** @throws {ProtocolError} `WATON_NOISE_MALFORMED` when the server left its static key out */
export function requireStatic(hello: ServerHello): FullServerHello {
  const { static: sealedStatic } = hello
  if (sealedStatic === undefined) throw malformedError()
  return { ...hello, static: sealedStatic }
}

/** What it takes to answer a server hello. */
export interface FinishOptions extends HandshakeTrust {
  /** The key pair behind the ephemeral key of our hello. */
  readonly ephemeral: KeyPair
  readonly noiseKey: KeyPair
  /** Serialised `ClientPayload`. */
  readonly clientPayload: Uint8Array
}

/**
 * Opens `e, ee, s, es` and the certificate chain, checks the chain, and seals `s, se` and the client payload.
 *
 * @param state - everything up to our hello is mixed in
 * @throws {CryptoError} `WATON_NOISE_HANDSHAKE`, `WATON_NOISE_CERTIFICATE_...`
 * @throws {ProtocolError} `WATON_NOISE_CERTIFICATE_MALFORMED`
 */
export function finishHandshake(
  state: SymmetricState,
  server: FullServerHello,
  options: FinishOptions,
): HandshakeResult {
  const { noiseKey, rootKey, rootSerial, nowSeconds } = options
  const { serverStatic, chain } = authenticated(() => openServerHello(state, options.ephemeral, server))
  const certificate = checkCertificateChain(chain, {
    serverStatic,
    nowSeconds,
    ...(rootKey === undefined ? {} : { rootKey }),
    ...(rootSerial === undefined ? {} : { rootSerial }),
  })
  const sealedStatic = state.seal(noiseKey.publicKey)
  state.mixKey(sharedSecret(noiseKey.privateKey, server.ephemeral))
  const sealedPayload = state.seal(options.clientPayload)
  const finish = { clientFinish: { static: sealedStatic, payload: sealedPayload } }
  return {
    finish: encodeProto(HandshakeMessage, finish, 'HandshakeMessage'),
    cipher: new TransportCipher(state.split()),
    serverStatic,
    certificate,
  }
}

function openServerHello(
  state: SymmetricState,
  ephemeral: KeyPair,
  server: FullServerHello,
): { serverStatic: Uint8Array; chain: Uint8Array } {
  state.mixHash(server.ephemeral)
  state.mixKey(sharedSecret(ephemeral.privateKey, server.ephemeral))
  const serverStatic = state.open(server.static)
  state.mixKey(sharedSecret(ephemeral.privateKey, serverStatic))
  return { serverStatic, chain: state.open(server.payload) }
}

/** Whatever fails in here means the same: the other side does not hold the keys it claims, or bytes were altered. */
function authenticated<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    throw new CryptoError(
      'WATON_NOISE_HANDSHAKE',
      'the server hello failed authentication: it was altered on the way, or is not an answer to our hello; reconnect, and check the network if it happens again',
      { cause, retryable: true },
    )
  }
}

function malformedError(cause?: unknown): ProtocolError {
  return new ProtocolError(
    'WATON_NOISE_MALFORMED',
    'the server did not answer the client hello with a complete server hello; check that the address is that of a WhatsApp server',
    { cause, action: 'check-network' },
  )
}
