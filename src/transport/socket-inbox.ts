/**
 * The listener rules of a `ByteSocket`, written once for every transport: data is kept in order until somebody listens
 * (to a bound), the end is told exactly once, and a data listener that throws ends the connection instead of the
 * process. It does no input or output itself.
 */
import { TransportError } from '../base/errors.ts'
import type { ByteSocket, CloseReason } from './byte-socket.ts'

/** Bytes kept at most while nobody listens. The listener is normally set in the turn in which connecting resolved. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024
/** Pieces kept at most while nobody listens, so that empty or tiny ones cannot fill the memory either. */
const MAX_KEPT_PIECES = 16_384

/** See the file comment. */
export class SocketInbox {
  readonly #fail: (error: unknown) => void
  #onData: ByteSocket['onData']
  #onClose: ByteSocket['onClose']
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #isFlushing = false
  #isShut = false
  #closeReason: CloseReason | undefined
  #isCloseTold = false

  /** @param fail - must end the connection with the error as its reason; called when a listener threw or kept data hit its bound */
  constructor(fail: (error: unknown) => void) {
    this.#fail = fail
  }

  get onData(): ByteSocket['onData'] {
    return this.#onData
  }

  set onData(listener: ByteSocket['onData']) {
    this.#onData = listener
    this.#flush()
  }

  get onClose(): ByteSocket['onClose'] {
    return this.#onClose
  }

  set onClose(listener: ByteSocket['onClose']) {
    this.#onClose = listener
    this.#tellClose()
  }

  /** Hands received bytes to the listener, or keeps them. */
  deliverData(bytes: Uint8Array): void {
    if (this.#isShut) return
    // While kept data is being delivered it is still in the list, so nothing can overtake it.
    if (this.#onData !== undefined && this.#kept.length === 0) {
      this.#call(this.#onData, bytes)
      return
    }
    if (this.#keptBytes + bytes.length > MAX_KEPT_BYTES || this.#kept.length >= MAX_KEPT_PIECES) {
      this.#fail(backlogError(this.#keptBytes))
      return
    }
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
  }

  /** Tells the end, once; later calls change nothing. */
  deliverClose(reason: CloseReason): void {
    this.#closeReason ??= reason
    this.#tellClose()
  }

  /** Drops what is kept and ignores what still arrives: our side has closed the connection. */
  shut(): void {
    this.#isShut = true
    this.#kept = []
    this.#keptBytes = 0
  }

  #flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    let next = 0
    while (this.#onData !== undefined && next < this.#kept.length) {
      const bytes = this.#kept[next++]
      if (bytes !== undefined) this.#call(this.#onData, bytes)
    }
    this.#isFlushing = false
    this.#kept.splice(0, next)
    this.#keptBytes = this.#kept.reduce((sum, bytes) => sum + bytes.length, 0)
    this.#tellClose()
  }

  #call(listener: NonNullable<ByteSocket['onData']>, bytes: Uint8Array): void {
    try {
      listener(bytes)
    } catch (error) {
      this.#fail(error)
    }
  }

  #tellClose(): void {
    const reason = this.#closeReason
    const listener = this.#onClose
    if (this.#isCloseTold || this.#isFlushing || reason === undefined || listener === undefined) return
    this.#isCloseTold = true
    listener(reason)
  }
}

function backlogError(keptBytes: number): TransportError {
  return new TransportError(
    'WATON_TRANSPORT_BACKLOG',
    'the server sent more than can be kept while nobody listens, so the connection was closed; set onData as soon as the socket is open',
    { details: { keptBytes } },
  )
}
