/**
 * The client's side of the handshake that opens a connection to a server it does not know yet,
 * `Noise_XX_25519_AESGCM_SHA256`, as steps without input or output: a message to send, then a message read gives a
 * message to send and the cipher. The messages are `HandshakeMessage` protobufs and travel as frames; framing, waiting
 * and what the client payload says are elsewhere, and so is the handshake with a server that is known (`resume.ts`).
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
import { UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { generateKeyPair, type KeyPair } from '../crypto/index.ts'
import { encodeProto } from '../proto/codec.ts'
import { HandshakeMessage } from '../proto/connection.ts'
import {
  finishHandshake,
  type HandshakeResult,
  type HandshakeTrust,
  parseServerHello,
  PROLOGUE,
  requireStatic,
} from './server-hello.ts'
import { SymmetricState } from './symmetric-state.ts'

/** What a handshake needs. */
export interface HandshakeOptions extends HandshakeTrust {
  /** The device's long-lived Noise key pair; the server recognises the device by it. */
  readonly noiseKey: KeyPair
  /** Gives the 32 bytes of the ephemeral key. */
  readonly random: RandomSource
  /** What both sides bind to the handshake; another one is for published vectors. @default WhatsApp's: `WA`, 6, 3 */
  readonly prologue?: Uint8Array | undefined
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

/** Starts the handshake of a new connection. */
export function startHandshake(options: HandshakeOptions): Handshake {
  const ephemeral = generateKeyPair(options.random)
  const state = new SymmetricState(options.prologue ?? Uint8Array.from(PROLOGUE))
  state.mixHash(ephemeral.publicKey)
  const useOnce = onceOnly()
  return {
    hello: encodeProto(
      HandshakeMessage,
      { clientHello: { ephemeral: ephemeral.publicKey } },
      'HandshakeMessage',
    ),
    readServerHello(bytes, clientPayload) {
      useOnce()
      return finishHandshake(state, requireStatic(parseServerHello(bytes)), {
        ...options,
        ephemeral,
        clientPayload,
      })
    },
  }
}

/** A function that refuses to be called twice: a handshake's keys must not be used again. */
export function onceOnly(): () => void {
  let isUsed = false
  return () => {
    if (!isUsed) {
      isUsed = true
      return
    }
    throw new UsageError(
      'WATON_NOISE_HANDSHAKE_USED',
      'a handshake reads one server hello only, because its keys must not be used twice; start a new handshake on a new connection',
    )
  }
}
