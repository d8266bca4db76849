/**
 * The client's side of the handshake with a server whose static key an earlier handshake has certified,
 * `Noise_IK_25519_AESGCM_SHA256`: the client payload goes with the first message, which saves a round trip. A server
 * that cannot open it, because its key has changed, answers as in XX, and the two go on with
 * `Noise_XXfallback_25519_AESGCM_SHA256` and the ephemeral key that was sent already. Steps without input or output, as in
 * `handshake.ts`; whether to resume, and what to do when it fails, is decided above.
 *
 * ```
 * client                                                     server
 *   clientHello { ephemeral, static, payload = ClientPayload }  ->
 *                                                            <-  serverHello { ephemeral, payload }            IK: done
 *                                                            <-  serverHello { ephemeral, static, payload = certificate chain }
 *   clientFinish { static, payload = ClientPayload }  ->                                                       XXfallback
 * ```
 *
 * What IK proves: only the owner of the certified static key can have sealed the answer. What the answer's payload says is
 * not looked at. What IK costs: the client payload is sealed for that static key alone (no forward secrecy), and somebody
 * who records the hello can send it again, though never read the answer. There is nothing in it that must happen once.
 *
 * In Noise's own words XXfallback is initiated by the server, so its keys would be split the other way round. WhatsApp
 * splits them as in XX: the first key is the client's to send with.
 *
 * @source The Noise Protocol Framework, revision 34, sections 7.5 (IK) and 10.2 to 10.4 (fallback); WhatsApp Web module
 *   `WAOpenChatSocket`: the messages, the sign of a fallback (a static key in the answer), and the order of the keys
 */
import { CryptoError } from '../../base/errors.ts'
import { generateKeyPair, sharedSecret } from '../crypto/index.ts'
import { encodeProto } from '../proto/codec.ts'
import { HandshakeMessage } from '../proto/connection.ts'
import { type HandshakeOptions, onceOnly } from './handshake.ts'
import {
  finishHandshake,
  type HandshakeResult,
  parseServerHello,
  PROLOGUE,
  requireStatic,
  type ServerHello,
} from './server-hello.ts'
import { SymmetricState } from './symmetric-state.ts'
import { TransportCipher } from './transport-cipher.ts'

/** What a resumption needs. */
export interface ResumeOptions extends HandshakeOptions {
  /** The server's static key as an earlier handshake certified it, 32 bytes. Never one that was merely received. */
  readonly serverStatic: Uint8Array
  /** Serialised `ClientPayload`; it is sealed for that key. */
  readonly clientPayload: Uint8Array
}

/** The server is the one it was, and the connection is ready: there is no last message. */
export interface ResumedResult {
  /** The resumed handshake succeeded. */
  readonly pattern: 'IK'
  /** Encrypts what follows. */
  readonly cipher: TransportCipher
}

/** The server has another key now; it is certified, as after a handshake without resumption. */
export interface FallbackResult extends HandshakeResult {
  /** The server asks for the full handshake within this connection. */
  readonly pattern: 'XXfallback'
}

/** A resumption whose first message has been made. */
export interface Resumption {
  /** The first message, to be sent as a frame. */
  readonly hello: Uint8Array
  /**
   * Reads the server's answer. It can be called once: after a failure, too, the only way on is a new connection, and
   * there without resumption.
   *
   * @param bytes - body of the first frame received
   * @throws {ProtocolError} `WATON_NOISE_MALFORMED` when the bytes are no complete server hello
   * @throws {CryptoError} `WATON_NOISE_RESUME` when the answer does not come from the owner of the known key;
   *   in a fallback `WATON_NOISE_HANDSHAKE` and `WATON_NOISE_CERTIFICATE_...`, as in `handshake.ts`
   * @throws {UsageError} `WATON_NOISE_HANDSHAKE_USED` on a second call
   */
  readServerHello(bytes: Uint8Array): ResumedResult | FallbackResult
}

/** Starts the handshake of a connection to a server that is known. */
export function resumeHandshake(options: ResumeOptions): Resumption {
  const { noiseKey, serverStatic, clientPayload } = options
  const ephemeral = generateKeyPair(options.random)
  const state = new SymmetricState(options.prologue ?? Uint8Array.from(PROLOGUE), 'IK')
  state.mixHash(serverStatic)
  state.mixHash(ephemeral.publicKey)
  state.mixKey(sharedSecret(ephemeral.privateKey, serverStatic))
  const sealedStatic = state.seal(noiseKey.publicKey)
  state.mixKey(sharedSecret(noiseKey.privateKey, serverStatic))
  const payload = state.seal(clientPayload)
  const clientHello = { ephemeral: ephemeral.publicKey, static: sealedStatic, payload }
  const useOnce = onceOnly()
  return {
    hello: encodeProto(HandshakeMessage, { clientHello }, 'HandshakeMessage'),
    readServerHello(bytes) {
      useOnce()
      const server = parseServerHello(bytes)
      const own = { ...options, ephemeral }
      return server.static === undefined ? resumed(state, server, own) : fallBack(server, own)
    },
  }
}

type OwnKeys = ResumeOptions & { readonly ephemeral: HandshakeOptions['noiseKey'] }

/** The second message of IK: `e, ee, se`, then a payload that says nothing we need. */
function resumed(
  state: SymmetricState,
  server: ServerHello,
  { ephemeral, noiseKey }: OwnKeys,
): ResumedResult {
  try {
    state.mixHash(server.ephemeral)
    state.mixKey(sharedSecret(ephemeral.privateKey, server.ephemeral))
    state.mixKey(sharedSecret(noiseKey.privateKey, server.ephemeral))
    state.open(server.payload)
  } catch (cause) {
    throw new CryptoError(
      'WATON_NOISE_RESUME',
      'the server did not prove that it owns the key it had before: its answer was altered, or comes from somebody else; connect again without the remembered key',
      { cause, retryable: true },
    )
  }
  return { pattern: 'IK', cipher: new TransportCipher(state.split()) }
}

/** XXfallback: our hello counts as its ephemeral key only, and the rest is that of XX. */
function fallBack(server: ServerHello, own: OwnKeys): FallbackResult {
  const state = new SymmetricState(own.prologue ?? Uint8Array.from(PROLOGUE), 'XXfallback')
  state.mixHash(own.ephemeral.publicKey)
  return { pattern: 'XXfallback', ...finishHandshake(state, requireStatic(server), own) }
}
