/**
 * The client's side of the handshake that opens every connection, `Noise_XX_25519_AESGCM_SHA256`, as steps without
 * input or output: a message to send, then a message read gives a message to send and the cipher. The messages are
 * `HandshakeMessage` protobufs and travel as frames; framing, waiting and what the client payload says are elsewhere.
 *
 * ```
 * client                                         server
 *   clientHello  { ephemeral }              ->
 *                                           <-   serverHello { ephemeral, static, payload = certificate chain }
 *   clientFinish { static, payload = ClientPayload }  ->
 * ```
 *
 * One deviation from Noise, revision 34: where a message has no payload and no key exists yet (the client hello),
 * WhatsApp leaves the empty payload out of the hash.
 *
 * @source whatsmeow `handshake.go`; a handshake with the real server is in tests/vectors/noise/whatsapp-xx.json
 */
import { CryptoError, ProtocolError, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { CURVE_KEY_BYTES, generateKeyPair, type KeyPair, sharedSecret } from '../crypto/index.ts'
import { decodeProto, encodeProto } from '../proto/codec.ts'
import { HandshakeMessage } from '../proto/connection.ts'
import { type CertificateChain, checkCertificateChain } from './certificate.ts'
import { SymmetricState } from './symmetric-state.ts'
import { TransportCipher } from './transport-cipher.ts'

/** Both sides bind the first bytes of the connection (`WA`, 6, 3) to the handshake. */
const PROLOGUE = [0x57, 0x41, 0x06, 0x03] as const

/** What a handshake needs. */
export interface HandshakeOptions {
  /** The device's long-lived Noise key pair; the server recognises the device by it. */
  readonly noiseKey: KeyPair
  /** Gives the 32 bytes of the ephemeral key. */
  readonly random: RandomSource
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
  readonly cipher: TransportCipher
  /** The server's static key, 32 bytes; certified. */
  readonly serverStatic: Uint8Array
  readonly certificate: CertificateChain
}

/** A handshake whose first message has been made. */
export interface Handshake {
  /** The first message, to be sent as a frame. */
  readonly hello: Uint8Array
  /**
   * Reads the server's answer, checks the server's identity, and makes the last message. It can be called once: after a
   * failure, too, the only way on is a new connection.
   *
   * @param bytes - body of the first frame received
   * @param clientPayload - serialised `ClientPayload`; it is sealed for the checked server
   * @throws {ProtocolError} `WATON_NOISE_MALFORMED` when the bytes are no complete server hello
   * @throws {CryptoError} `WATON_NOISE_HANDSHAKE` when the server cannot have the keys it claims;
   *   `WATON_NOISE_CERTIFICATE_...` when it is not the expected server (see `certificate.ts`)
   * @throws {UsageError} `WATON_NOISE_HANDSHAKE_USED` on a second call
   */
  readServerHello(bytes: Uint8Array, clientPayload: Uint8Array): HandshakeResult
}

interface ServerHello {
  readonly ephemeral: Uint8Array
  /** Sealed. */
  readonly static: Uint8Array
  /** Sealed. */
  readonly payload: Uint8Array
}

/** Starts the handshake of a new connection. */
export function startHandshake(options: HandshakeOptions): Handshake {
  const ephemeral = generateKeyPair(options.random)
  const state = new SymmetricState(Uint8Array.from(PROLOGUE))
  state.mixHash(ephemeral.publicKey)
  let isUsed = false
  return {
    hello: encodeProto(
      HandshakeMessage,
      { clientHello: { ephemeral: ephemeral.publicKey } },
      'HandshakeMessage',
    ),
    readServerHello(bytes, clientPayload) {
      if (isUsed) throw usedError()
      isUsed = true
      return finishHandshake(state, ephemeral, parseServerHello(bytes), { ...options, clientPayload })
    },
  }
}

function finishHandshake(
  state: SymmetricState,
  ephemeral: KeyPair,
  server: ServerHello,
  options: HandshakeOptions & { readonly clientPayload: Uint8Array },
): HandshakeResult {
  const { serverStatic, chain } = authenticated(() => openServerHello(state, ephemeral, server))
  const certificate = checkCertificateChain(chain, {
    serverStatic,
    nowSeconds: options.nowSeconds,
    ...(options.rootKey === undefined ? {} : { rootKey: options.rootKey }),
    ...(options.rootSerial === undefined ? {} : { rootSerial: options.rootSerial }),
  })
  const sealedStatic = state.seal(options.noiseKey.publicKey)
  state.mixKey(sharedSecret(options.noiseKey.privateKey, server.ephemeral))
  const sealedPayload = state.seal(options.clientPayload)
  const finish = { clientFinish: { static: sealedStatic, payload: sealedPayload } }
  return {
    finish: encodeProto(HandshakeMessage, finish, 'HandshakeMessage'),
    cipher: new TransportCipher(state.split()),
    serverStatic,
    certificate,
  }
}

/** The second message of XX: `e, ee, s, es`, then the payload. */
function openServerHello(
  state: SymmetricState,
  ephemeral: KeyPair,
  server: ServerHello,
): { serverStatic: Uint8Array; chain: Uint8Array } {
  state.mixHash(server.ephemeral)
  state.mixKey(sharedSecret(ephemeral.privateKey, server.ephemeral))
  const serverStatic = state.open(server.static)
  state.mixKey(sharedSecret(ephemeral.privateKey, serverStatic))
  return { serverStatic, chain: state.open(server.payload) }
}

function parseServerHello(bytes: Uint8Array): ServerHello {
  let hello: HandshakeMessage.IServerHello | null | undefined
  try {
    hello = decodeProto(HandshakeMessage, bytes, 'HandshakeMessage').serverHello
  } catch (cause) {
    throw malformedError(cause)
  }
  const { ephemeral, static: sealedStatic, payload } = hello ?? {}
  if (ephemeral?.length !== CURVE_KEY_BYTES || sealedStatic == null || payload == null) throw malformedError()
  return { ephemeral, static: sealedStatic, payload }
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

function usedError(): UsageError {
  return new UsageError(
    'WATON_NOISE_HANDSHAKE_USED',
    'a handshake reads one server hello only, because its keys must not be used twice; start a new handshake on a new connection',
  )
}
