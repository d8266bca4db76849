/**
 * The bytes of one connection as the server sees them, and the in-memory kind: two ends in one process, each byte array
 * arriving in a later microtask, in order. With it a run has no network and therefore no chance in it.
 */
import { ClosedError } from '../../base/errors.ts'

/** The server's end of a connection. */
export interface Wire {
  send(bytes: Uint8Array): void
  /** Closes after everything sent has left. */
  end(): void
  /** Cuts at once. */
  cut(): void
  /** Bytes that were sent and have not left yet. */
  readonly bufferedBytes: number
  onData: ((bytes: Uint8Array) => void) | undefined
  /** Called once. */
  onClose: (() => void) | undefined
}

/** Why the client's end was closed; empty when it closed itself. */
export interface MemoryCloseReason {
  /** 1000 when the server ended the connection in good order, 1006 when it was cut. */
  readonly code?: number
}

/** The client's end: has the shape of the library's byte socket. */
export interface MemorySocket {
  /** @throws {ClosedError} `WATON_SIMULATOR_SOCKET_CLOSED` after the end */
  send(bytes: Uint8Array): void
  /** Ends the connection. */
  close(): void
  /** Bytes that wait to be taken by the other side. */
  readonly bufferedBytes: number
  /** Gets what the server sends. */
  onData: ((bytes: Uint8Array) => void) | undefined
  /** Called once, when the connection has ended. */
  onClose: ((reason: MemoryCloseReason) => void) | undefined
}

const NORMAL = 1000
const ABNORMAL = 1006
/** Arrays that wait for a client that has not set its listener. */
const MAX_EARLY = 1_000

/** Makes the two ends of an in-memory connection. */
export function createMemoryConnection(): { readonly wire: Wire; readonly socket: MemorySocket } {
  const connection = new MemoryConnection()
  return { wire: connection.wire, socket: connection.socket }
}

class MemoryConnection {
  readonly wire: Wire
  readonly socket: MemorySocket
  readonly #client: ClientEnd
  #isOpen = true

  constructor() {
    const client = new ClientEnd(
      (bytes) => {
        this.#toServer(bytes)
      },
      () => {
        this.#close(undefined)
      },
    )
    this.#client = client
    this.socket = client
    this.wire = {
      send: (bytes) => {
        if (this.#isOpen) client.receive(bytes)
      },
      end: () => {
        this.#close(NORMAL)
      },
      cut: () => {
        this.#close(ABNORMAL)
      },
      bufferedBytes: 0,
      onData: undefined,
      onClose: undefined,
    }
  }

  #toServer(bytes: Uint8Array): void {
    if (!this.#isOpen) {
      throw new ClosedError(
        'WATON_SIMULATOR_SOCKET_CLOSED',
        'the in-memory connection is closed: connect again',
      )
    }
    queueMicrotask(() => {
      if (this.#isOpen) this.wire.onData?.(bytes)
    })
  }

  #close(code: number | undefined): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#client.finish(code === undefined ? {} : { code })
    queueMicrotask(() => {
      this.wire.onClose?.()
    })
  }
}

/** Keeps what arrives until somebody listens. */
class ClientEnd implements MemorySocket {
  readonly bufferedBytes = 0
  readonly send: (bytes: Uint8Array) => void
  readonly #end: () => void
  readonly #early: Uint8Array[] = []
  #onData: ((bytes: Uint8Array) => void) | undefined
  #onClose: ((reason: MemoryCloseReason) => void) | undefined
  #reason: MemoryCloseReason | undefined
  #isClosed = false

  constructor(send: (bytes: Uint8Array) => void, end: () => void) {
    this.send = send
    this.#end = end
  }

  get onData(): ((bytes: Uint8Array) => void) | undefined {
    return this.#onData
  }

  set onData(listener: ((bytes: Uint8Array) => void) | undefined) {
    this.#onData = listener
    if (listener !== undefined) for (const bytes of this.#early.splice(0)) listener(bytes)
  }

  get onClose(): ((reason: MemoryCloseReason) => void) | undefined {
    return this.#onClose
  }

  set onClose(listener: ((reason: MemoryCloseReason) => void) | undefined) {
    this.#onClose = listener
    if (this.#reason !== undefined) listener?.(this.#reason)
  }

  close(): void {
    this.#isClosed = true
    this.#end()
  }

  receive(bytes: Uint8Array): void {
    queueMicrotask(() => {
      if (this.#isClosed) return
      if (this.#onData !== undefined) this.#onData(bytes)
      else if (this.#early.length < MAX_EARLY) this.#early.push(bytes)
      else this.close()
    })
  }

  finish(reason: MemoryCloseReason): void {
    queueMicrotask(() => {
      this.#reason = reason
      this.#onClose?.(reason)
    })
  }
}
