/**
 * Stanzas over an encrypted socket: opens the byte socket, runs the Noise handshake under one deadline, and from then
 * on turns frames into stanzas and stanzas into frames. It knows nothing of what the stanzas mean.
 */
import type { Clock } from '../../base/clock.ts'
import { concatBytes } from '../../base/bytes.ts'
import { ClosedError, ProtocolError, TimeoutError, asError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { startHandshake } from '../../protocol/noise/index.ts'
import type { TransportCipher } from '../../protocol/noise/index.ts'
import type { ByteSocket } from '../../transport/byte-socket.ts'
import { FrameParser, connectionIntro, encodeFrame } from '../../transport/framing.ts'
import { connectWebSocket } from '../../transport/websocket.ts'
import type { Endpoint } from '../options.ts'

/** What it takes to open a stream. */
export interface NodeStreamOptions {
  readonly endpoint: Endpoint
  readonly noiseKey: KeyPair
  /** Serialised `ClientPayload`: who we are, sent inside the handshake. */
  readonly payload: Uint8Array
  readonly routingInfo: Uint8Array | undefined
  readonly clock: Clock
  readonly random: RandomSource
  /** For the socket and the handshake together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** The socket is open and the handshake begins. */
  readonly onSocketOpen: () => void
}

/** Frames longer than this are not accepted before the server has proven who it is. */
const MAX_HANDSHAKE_FRAME_BYTES = 64 * 1024

/** Stanzas kept for a listener that is about to come. */
const MAX_EARLY_STANZAS = 256

/** See the file comment. */
export class NodeStream {
  readonly #socket: ByteSocket
  readonly #cipher: TransportCipher
  readonly #frames: FrameParser
  #ended = false
  #early: BinaryNode[] = []
  #onNode: ((stanza: BinaryNode) => void) | undefined
  /** Called once; the error says why when it was not us. */
  onEnd: ((error?: unknown) => void) | undefined
  #endError: { readonly error?: unknown } | undefined

  private constructor(socket: ByteSocket, cipher: TransportCipher) {
    this.#socket = socket
    this.#cipher = cipher
    this.#frames = new FrameParser()
  }

  /**
   * Connects and proves the server's identity.
   *
   * @throws {TransportError | TimeoutError | CryptoError | ProtocolError | ClosedError} and leaves nothing behind
   */
  static async open(options: NodeStreamOptions): Promise<NodeStream> {
    const { endpoint, clock, timeoutMs, signal } = options
    const connect = endpoint.connect ?? connectWebSocket
    const startedAtMs = clock.nowMs()
    const socket = await connect({ url: endpoint.url, timeoutMs, clock, signal })
    try {
      options.onSocketOpen()
      // one deadline for both: what connecting took is not granted again
      const leftMs = Math.max(1, timeoutMs - (clock.nowMs() - startedAtMs))
      return await NodeStream.#handshake(socket, { ...options, timeoutMs: leftMs })
    } catch (error) {
      socket.close()
      throw error
    }
  }

  static async #handshake(socket: ByteSocket, options: NodeStreamOptions): Promise<NodeStream> {
    const { endpoint, noiseKey, random, clock } = options
    const handshake = startHandshake({
      noiseKey,
      random,
      nowSeconds: Math.floor(clock.nowMs() / 1000),
      ...(endpoint.rootKey === undefined ? {} : { rootKey: endpoint.rootKey }),
      ...(endpoint.rootSerial === undefined ? {} : { rootSerial: endpoint.rootSerial }),
    })
    const frames = new FrameParser(MAX_HANDSHAKE_FRAME_BYTES)
    const reply = firstFrame(socket, frames, options)
    // sending may fail first, and then nobody waits for the reply any more
    reply.catch(() => undefined)
    socket.send(concatBytes(connectionIntro(options.routingInfo), encodeFrame(handshake.hello)))
    const { finish, cipher } = handshake.readServerHello(await reply, options.payload)
    if (frames.pendingBytes > 0) {
      throw new ProtocolError(
        'WATON_NOISE_EARLY_DATA',
        'the server sent data before the handshake was finished',
      )
    }
    const stream = new NodeStream(socket, cipher)
    stream.#listen()
    socket.send(encodeFrame(finish))
    return stream
  }

  /** Gets every stanza in arrival order; those that came before it was set are delivered while setting it. */
  set onNode(listener: (stanza: BinaryNode) => void) {
    this.#onNode = listener
    const early = this.#early
    this.#early = []
    for (const stanza of early) listener(stanza)
    if (this.#endError !== undefined) this.onEnd?.(this.#endError.error)
  }

  /** Seals and sends stanzas with one write. @throws {ClosedError} `WATON_TRANSPORT_CLOSED` after the end */
  send(...stanzas: readonly BinaryNode[]): void {
    if (this.#ended)
      throw new ClosedError('WATON_TRANSPORT_CLOSED', 'the connection is closed', { retryable: true })
    const sealed = stanzas.map((stanza) => this.#cipher.seal(encodeNode(stanza)))
    const [only] = sealed
    if (only !== undefined) this.#socket.send(sealed.length === 1 ? only : concatBytes(...sealed))
  }

  /** Holds the server back until {@link resume}. */
  pause(): void {
    this.#socket.pause?.()
  }

  /** Takes data again. */
  resume(): void {
    this.#socket.resume?.()
  }

  /** Ends the stream; `onEnd` is called once. */
  close(error?: unknown): void {
    this.#finish(error)
    this.#socket.close()
  }

  #listen(): void {
    this.#socket.onClose = (reason) => {
      this.#finish(
        reason.error ??
          new ClosedError('WATON_TRANSPORT_CLOSED', 'the server closed the connection', { retryable: true }),
      )
    }
    this.#socket.onData = (bytes) => {
      this.#receive(bytes)
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return
    try {
      for (const frame of this.#frames.push(bytes)) {
        const stanza = decodeNode(this.#cipher.open(frame))
        if (this.#onNode === undefined) this.#keep(stanza)
        else this.#onNode(stanza)
      }
    } catch (error) {
      // a frame that does not authenticate or parse means that the two sides no longer agree: nothing after it can be believed
      this.close(error)
    }
  }

  #keep(stanza: BinaryNode): void {
    if (this.#early.length >= MAX_EARLY_STANZAS) {
      throw new ProtocolError(
        'WATON_STANZA_EARLY',
        'the server sent more than it may before anybody listened',
      )
    }
    this.#early.push(stanza)
  }

  #finish(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#endError = { error }
    this.onEnd?.(error)
  }
}

/** The first frame of the socket, or the error that came instead. */
function firstFrame(
  socket: ByteSocket,
  frames: FrameParser,
  options: NodeStreamOptions,
): Promise<Uint8Array> {
  const { clock, timeoutMs, signal } = options
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      timer.cancel()
      signal.removeEventListener('abort', aborted)
      settle()
    }
    const aborted = (): void => {
      finish(() => {
        reject(new ClosedError('WATON_TRANSPORT_ABORTED', 'connecting was given up', { action: 'discard' }))
      })
    }
    const timer = clock.schedule(timeoutMs, () => {
      finish(() => {
        reject(
          new TimeoutError('WATON_NOISE_TIMEOUT', 'the server did not answer the handshake in time', {
            details: { timeoutMs },
            retryable: true,
          }),
        )
      })
    })
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
    socket.onClose = (reason) => {
      finish(() => {
        reject(
          new ClosedError('WATON_TRANSPORT_CLOSED', 'the server closed the connection during the handshake', {
            cause: reason.error,
            retryable: true,
          }),
        )
      })
    }
    socket.onData = (bytes) => {
      try {
        const [frame, ...more] = frames.push(bytes)
        if (frame === undefined) return
        if (more.length > 0)
          throw new ProtocolError(
            'WATON_NOISE_EARLY_DATA',
            'the server sent data before the handshake was finished',
          )
        finish(() => {
          resolve(frame.slice())
        })
      } catch (error) {
        finish(() => {
          reject(asError(error))
        })
      }
    }
  })
}
