/**
 * From an address to an encrypted socket: opens it and plays the Noise handshake, both under one deadline. A server that
 * is known is asked to resume; when that fails for any reason of its own making, a second socket is opened at once and
 * the full handshake played there, so that a key that is not good any more never costs more than one attempt. Which
 * server is known is decided in `known-server.ts`, what a frame says is the business of `node-stream.ts`.
 */
import { concatBytes, uintFromBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { asError, ClosedError, CryptoError, ProtocolError, TimeoutError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { resumeHandshake, startHandshake } from '../../protocol/noise/index.ts'
import type { CertificateChain, HandshakePattern, TransportCipher } from '../../protocol/noise/index.ts'
import type { ByteSocket } from '../../transport/byte-socket.ts'
import { connectionIntro, encodeFrame, FRAME_LENGTH_BYTES, FrameParser } from '../../transport/framing.ts'
import { webSocketConnector } from '../../transport/websocket.ts'
import type { Endpoint } from '../options.ts'

/** What it takes to open one. */
export interface SecureSocketOptions {
  readonly endpoint: Endpoint
  readonly noiseKey: KeyPair
  /** Serialised `ClientPayload`: who we are, sent inside the handshake. */
  readonly payload: Uint8Array
  readonly routingInfo: Uint8Array | undefined
  /** The server's static key as an earlier handshake certified it; with it the handshake resumes. */
  readonly knownServer?: Uint8Array | undefined
  readonly clock: Clock
  readonly random: RandomSource
  /** For the socket and the handshake together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** The socket is open and the handshake begins. */
  readonly onSocketOpen: () => void
  /** The server did not resume and did not fall back: its key must be forgotten. Awaited before anything else is tried. */
  readonly onResumeFailed?: (error: unknown) => Promise<void>
}

/** An encrypted socket whose other end has proven who it is. */
export interface SecureSocket {
  readonly socket: ByteSocket
  readonly cipher: TransportCipher
  readonly pattern: HandshakePattern
  /** The chain that was checked; a resumption has none. */
  readonly certificate?: CertificateChain
  /** What came behind the server's last message: after a resumption the server may speak at once. */
  readonly received: Uint8Array
}

/** Frames longer than this are not accepted before the server has proven who it is. */
const MAX_HANDSHAKE_FRAME_BYTES = 64 * 1024

/**
 * Connects and proves the server's identity.
 *
 * @throws {TransportError | TimeoutError | CryptoError | ProtocolError | ClosedError} and leaves nothing behind
 */
export async function openSecureSocket(options: SecureSocketOptions): Promise<SecureSocket> {
  const { clock, timeoutMs, knownServer } = options
  const startedAtMs = clock.nowMs()
  if (knownServer === undefined) return attempt(options, playFull)
  try {
    return await attempt(options, playResumption)
  } catch (error) {
    const isSilent = error instanceof ClosedError || error instanceof TimeoutError
    const isServersFault = error instanceof CryptoError || error instanceof ProtocolError
    // a server that hangs up on the hello, or lets it lie, may not like what is in it: the next attempt is without
    if (isServersFault || (isSilent && !options.signal.aborted)) await options.onResumeFailed?.(error)
    if (!isServersFault) throw error
  }
  // one deadline for both, and one word about the socket: from outside it is one attempt
  const leftMs = Math.max(1, timeoutMs - (clock.nowMs() - startedAtMs))
  return attempt({ ...options, timeoutMs: leftMs, onSocketOpen: ignore }, playFull)
}

type Play = (socket: ByteSocket, options: SecureSocketOptions) => Promise<SecureSocket>

async function attempt(options: SecureSocketOptions, play: Play): Promise<SecureSocket> {
  const { endpoint, clock, timeoutMs, signal } = options
  const connect = endpoint.connect ?? webSocketConnector(endpoint)
  const startedAtMs = clock.nowMs()
  const socket = await connect({ url: endpoint.url, timeoutMs, clock, signal })
  try {
    options.onSocketOpen()
    // one deadline for both: what connecting took is not granted again
    const leftMs = Math.max(1, timeoutMs - (clock.nowMs() - startedAtMs))
    return await play(socket, { ...options, timeoutMs: leftMs })
  } catch (error) {
    socket.close()
    throw error
  }
}

/** XX: introduces both sides. */
async function playFull(socket: ByteSocket, options: SecureSocketOptions): Promise<SecureSocket> {
  const handshake = startHandshake(handshakeOptions(options))
  const { frame, rest } = await exchange(socket, handshake.hello, options)
  refuseEarlyData(rest)
  const { finish, cipher, certificate } = handshake.readServerHello(frame, options.payload)
  socket.send(encodeFrame(finish))
  return { socket, cipher, certificate, pattern: 'XX', received: rest }
}

/** IK, or XXfallback when the server says so. */
async function playResumption(socket: ByteSocket, options: SecureSocketOptions): Promise<SecureSocket> {
  const { knownServer: serverStatic, payload: clientPayload } = options
  if (serverStatic === undefined) return playFull(socket, options)
  const resumption = resumeHandshake({ ...handshakeOptions(options), serverStatic, clientPayload })
  const { frame, rest } = await exchange(socket, resumption.hello, options)
  const result = resumption.readServerHello(frame)
  const { cipher, pattern } = result
  if (result.pattern === 'IK') return { socket, cipher, pattern, received: rest }
  refuseEarlyData(rest)
  socket.send(encodeFrame(result.finish))
  return { socket, cipher, pattern, certificate: result.certificate, received: rest }
}

function handshakeOptions(options: SecureSocketOptions): Parameters<typeof startHandshake>[0] {
  const { endpoint, noiseKey, random, clock } = options
  const { rootKey, rootSerial } = endpoint
  return { noiseKey, random, nowSeconds: Math.floor(clock.nowMs() / 1000), rootKey, rootSerial }
}

function refuseEarlyData(rest: Uint8Array): void {
  if (rest.length === 0) return
  throw new ProtocolError('WATON_NOISE_EARLY_DATA', 'the server sent data before the handshake was finished')
}

interface Answer {
  readonly frame: Uint8Array
  readonly rest: Uint8Array
}

/** Sends our hello and resolves with the server's answer, and the bytes behind it. */
async function exchange(
  socket: ByteSocket,
  hello: Uint8Array,
  options: SecureSocketOptions,
): Promise<Answer> {
  const answer = firstFrame(socket, options)
  // sending may fail first, and then nobody waits for the answer any more
  answer.catch(ignore)
  socket.send(concatBytes(connectionIntro(options.routingInfo), encodeFrame(hello)))
  return answer
}

/** The first frame of the socket, or the error that came instead. Afterwards the socket keeps what arrives. */
function firstFrame(socket: ByteSocket, options: SecureSocketOptions): Promise<Answer> {
  const { clock, timeoutMs, signal } = options
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', aborted)
      // whoever listens next gets what comes until then, and the end too
      socket.onData = undefined
      socket.onClose = undefined
    }
    const fail = (error: Error): void => {
      finish()
      reject(error)
    }
    const aborted = (): void => {
      fail(new ClosedError('WATON_TRANSPORT_ABORTED', 'connecting was given up', { action: 'discard' }))
    }
    const timer = clock.schedule(timeoutMs, () => {
      fail(timeoutError(timeoutMs))
    })
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) {
      aborted()
      return
    }
    const collector = new FirstFrame()
    // data first: the end does not wait for somebody to listen to it
    socket.onData = (bytes) => {
      try {
        const answer = collector.push(bytes)
        if (answer === undefined) return
        finish()
        resolve(answer)
      } catch (error) {
        fail(asError(error))
      }
    }
    socket.onClose = ({ error }) => {
      fail(closedError(error))
    }
  })
}

/** Cuts the first frame off a byte stream, and leaves what is behind it whole. */
class FirstFrame {
  readonly #frames = new FrameParser(MAX_HANDSHAKE_FRAME_BYTES)
  readonly #length: number[] = []

  /** @throws {ProtocolError} `WATON_FRAME_LENGTH` when it is too long */
  push(bytes: Uint8Array): Answer | undefined {
    const takenBytes = this.#frames.pendingBytes
    for (const byte of bytes.subarray(0, FRAME_LENGTH_BYTES - this.#length.length)) this.#length.push(byte)
    const isLengthKnown = this.#length.length === FRAME_LENGTH_BYTES
    const frameBytes = FRAME_LENGTH_BYTES + uintFromBytes(Uint8Array.from(this.#length))
    const end = isLengthKnown ? Math.min(bytes.length, frameBytes - takenBytes) : bytes.length
    const [frame] = this.#frames.push(bytes.subarray(0, end))
    return frame === undefined ? undefined : { frame: frame.slice(), rest: bytes.slice(end) }
  }
}

function closedError(cause: unknown): ClosedError {
  return new ClosedError('WATON_TRANSPORT_CLOSED', 'the server closed the connection during the handshake', {
    cause,
    retryable: true,
  })
}

function timeoutError(timeoutMs: number): TimeoutError {
  return new TimeoutError('WATON_NOISE_TIMEOUT', 'the server did not answer the handshake in time', {
    details: { timeoutMs },
    retryable: true,
  })
}

function ignore(): void {
  // told already, or told to somebody else
}
