/**
 * Stanzas over an encrypted socket: turns frames into stanzas and stanzas into frames. It knows nothing of what the
 * stanzas mean; how the socket came to be encrypted is in `secure-socket.ts`.
 */
import { ClosedError, ProtocolError } from '../../base/errors.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { TransportCipher } from '../../protocol/noise/index.ts'
import type { ByteSocket } from '../../transport/byte-socket.ts'
import { FrameParser } from '../../transport/framing.ts'
import type { SecureSocket } from './secure-socket.ts'

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
  /** Called whenever bytes arrive, also those of a stanza that is not whole yet: the peer lives. */
  onBytes: (() => void) | undefined
  #endError: { readonly error?: unknown } | undefined

  /** Takes the socket over. */
  constructor({ socket, cipher, received }: Pick<SecureSocket, 'socket' | 'cipher' | 'received'>) {
    this.#socket = socket
    this.#cipher = cipher
    this.#frames = new FrameParser()
    if (received.length > 0) this.#receive(received)
    if (!this.#ended) this.#listen()
  }

  /** Gets every stanza in arrival order; those that came before it was set are delivered while setting it. */
  set onNode(listener: (stanza: BinaryNode) => void) {
    this.#onNode = listener
    const early = this.#early
    this.#early = []
    try {
      for (const stanza of early) listener(stanza)
    } finally {
      // also when one of them could not be answered, because the connection had ended already
      if (this.#endError !== undefined) this.onEnd?.(this.#endError.error)
    }
  }

  /** Seals and sends stanzas with one write. @throws {ClosedError} `WATON_TRANSPORT_CLOSED` after the end */
  send(...stanzas: readonly BinaryNode[]): void {
    if (this.#ended)
      throw new ClosedError('WATON_TRANSPORT_CLOSED', 'the connection is closed', { retryable: true })
    if (stanzas.length === 0) return
    this.#socket.send(this.#cipher.sealAll(stanzas.map((stanza) => encodeNode(stanza))))
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
    this.#socket.onData = (bytes) => {
      this.#receive(bytes)
    }
    this.#socket.onClose = (reason) => {
      this.#finish(
        reason.error ??
          new ClosedError('WATON_TRANSPORT_CLOSED', 'the server closed the connection', { retryable: true }),
      )
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return
    this.onBytes?.()
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
